// "Done when" 1 of issue 7: whatever is done to a checkpoint, its readers answer: they never crash, never ask for more than they
// are bound to, never look outside; whatever is covered by a checksum is found by `verify --level checksum`; and what verifies
// has its rows, or was changed by somebody who computed the sums again.
//
// Of 100,000 mutations, by number, `npm test` runs the first 200 and the proof one part of `--parts`, another one with each
// seed: `npm run proof -- --parts 1` all of them. One in as many as there are kinds is done to a directory that Flink wrote. TIDEMARK_FUZZ=COUNT
// [TIDEMARK_FUZZ_FROM=N] runs so many from number N on, also beyond them, and prints what came of them.

import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, test} from 'vitest';

import {AllocationGuard} from './fuzz/allocation-guard.ts';
import {readCorpus, runMutation, type Corpus} from './fuzz/run-mutation.ts';
import {part, PARTS, proofSeed, whole} from './support/sample.ts';

const asked = process.env['TIDEMARK_FUZZ'];
const TOTAL = 100_000;
const SAMPLE = 200;
/** A run of numbers for each part: one in so many would be of some kinds only. */
const PART = part(TOTAL);
const FROM = Number(process.env['TIDEMARK_FUZZ_FROM'] ?? (whole ? (proofSeed % PARTS) * PART : 0));
const COUNT = Number(asked ?? (whole ? Math.min(PART, TOTAL - FROM) : SAMPLE));
/** Bytes that a reader asks for at once: the kept checkpoints are smaller than a chunk. */
const ALLOCATION_MAX = 64 * 1024 * 1024;
/** Of Flink's directories nothing is read but `_metadata`, and what is copied: some at a time. */
const FLINK_ALLOCATION_MAX = 1024 * 1024;
const FAILURES_MAX = asked === undefined ? 1 : 500;
const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));

let corpus: Corpus;
const counts = new Map<string, number>();
let guard: AllocationGuard;
let largest = 0;

beforeAll(async () => {
  corpus = await readCorpus(KEPT);
  guard = new AllocationGuard(ALLOCATION_MAX);
});

afterAll(() => {
  guard.stop();
  if (asked === undefined) return;
  const lines = [...counts].sort().map(([what, count]) => `${what}: ${count}\n`);
  process.stdout.write(`${lines.join('')}the largest allocation: ${largest} bytes\n`);
});

test('whatever is done to a checkpoint, its readers answer', async () => {
  const failures: string[] = [];
  for (let number = FROM; number < FROM + COUNT && failures.length < FAILURES_MAX; number += 1) {
    const failure = await run(number);
    if (failure === null) continue;
    const command = `TIDEMARK_FUZZ=1 TIDEMARK_FUZZ_FROM=${number} npx vitest run test/hostile/fuzz-checkpoint.test.ts`;
    failures.push(`${failure}\nrepeat with: ${command}`);
  }
  expect(failures.join('\n\n')).toBe('');
}, 3_600_000);

/** Null: as it must be. */
async function run(number: number): Promise<string | null> {
  guard.reset();
  const {kept, kind, outcome, failure} = await runMutation(number, corpus);
  largest = Math.max(largest, guard.largest);
  const isTooMuch = kept.startsWith('flink') && guard.largest > FLINK_ALLOCATION_MAX;
  if (isTooMuch) return `${kept}, number ${number}, ${kind}: asks for ${guard.largest} bytes`;
  if (failure === null) {
    count(kind, outcome);
    return null;
  }
  const {stack, cause} = failure as Error;
  return `${kept}, number ${number}, ${kind}: ${stack}\n${(cause as Error | undefined)?.stack ?? ''}`;
}

function count(kind: string, outcome: string): void {
  const what = `${kind}: ${outcome}`;
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
