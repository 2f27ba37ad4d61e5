// What found each mutant the last time, a test or a seed: it is shown to that first, and to the others only when it passes
// there. So this decides how long the table takes, never what it says; a mutant without an entry is shown to all in their order.
// `TIDEMARK_FINDERS=1 npm run proof -- --only test/mutants` writes it anew, with the mutants that take longer than a start.

import {readFileSync, writeFileSync} from 'node:fs';

const FILE = new URL('finders.json', import.meta.url);

/** By the name of the mutant. */
export type Finders = Readonly<Record<string, string>>;

export function readFinders(): Finders {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Finders;
}

export function writeFinders(finders: Finders): void {
  writeFileSync(FILE, `${JSON.stringify(finders, null, 2)}\n`);
}
