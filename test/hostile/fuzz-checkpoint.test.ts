// "Done when" 1 of issue 7: whatever is done to a checkpoint, its readers answer: they never crash, never ask for more than they
// are bound to, never look outside; whatever is covered by a checksum is found by `verify --level checksum`; and what verifies
// has its rows, or was changed by somebody who computed the sums again.
//
// 100,000 and more: `npm run proof -- --minutes N --only test/hostile/fuzz-checkpoint.test.ts`, each seed others; or
// TIDEMARK_FUZZ=COUNT [TIDEMARK_FUZZ_FROM=N] runs so many from number N on, and prints what came of them.

import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, test} from 'vitest';

import {AllocationGuard} from './fuzz/allocation-guard.ts';
import {readCorpus, runMutation, type Corpus} from './fuzz/run-mutation.ts';
import {proofSeed, whole} from './support/sample.ts';

const asked = process.env['TIDEMARK_FUZZ'];
const COUNT = Number(asked ?? (whole ? 1500 : 200));
const FROM = Number(process.env['TIDEMARK_FUZZ_FROM'] ?? (whole ? proofSeed * COUNT : 0));
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
