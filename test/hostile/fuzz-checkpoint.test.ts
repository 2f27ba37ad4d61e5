// "Done when" 1 of issue 7: whatever is done to a checkpoint, its readers answer: they never crash, never ask for more than they
// are bound to, never look outside; whatever is covered by a checksum is found by `verify --level checksum`; and what verifies
// has its rows, or was changed by somebody who computed the sums again.
//
// 100,000 and more: `npm run proof -- --minutes N --only test/hostile/fuzz-checkpoint.test.ts`, each seed others; or
// TIDEMARK_FUZZ=COUNT [TIDEMARK_FUZZ_FROM=N] runs so many from number N on, and prints what came of them.

import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, test} from 'vitest';

import {SeededRandom} from '#src/base/random.js';
import {AllocationGuard} from './fuzz/allocation-guard.ts';
import type {Entry} from './fuzz/fuzz-disk.ts';
import {judge} from './fuzz/judge.ts';
import {keptTrees, type Kept} from './fuzz/kept-trees.ts';
import {MUTATIONS} from './fuzz/mutations.ts';
import {proofSeed, whole} from './support/sample.ts';

const asked = process.env['TIDEMARK_FUZZ'];
const COUNT = Number(asked ?? (whole ? 1500 : 200));
const FROM = Number(process.env['TIDEMARK_FUZZ_FROM'] ?? (whole ? proofSeed * COUNT : 0));
/** Bytes that a reader asks for at once: the kept checkpoints are smaller than a chunk. */
const ALLOCATION_MAX = 64 * 1024 * 1024;
const FAILURES_MAX = asked === undefined ? 1 : 500;
const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));

const corpus: Kept[] = [];
const counts = new Map<string, number>();
let guard: AllocationGuard;
let largest = 0;

beforeAll(async () => {
  corpus.push(...(await keptTrees(KEPT)));
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
  const random = new SeededRandom(number);
  const kept = corpus[number % corpus.length]!;
  const kinds = Object.entries(MUTATIONS);
  // Half of them by somebody who computes sums: behind those lie the most guards.
  const sealing = kinds.filter(([, {sealed}]) => sealed);
  const from = random.next() < 0.5 ? sealing : kinds;
  const [kind, mutation] = from[Math.floor(random.next() * from.length)]!;
  const tree = new Map(kept.tree);
  const level = random.next() < 0.5 ? 'decode' : 'restore';
  const lists = random.next() < 0.5;
  guard.reset();
  try {
    mutation.apply({...kept, tree}, random);
    if (isSame(tree, kept.tree)) {
      count(kind, 'unchanged');
      return null;
    }
    count(kind, await judge(tree, kept, {sealed: mutation.sealed, level, lists}));
    return null;
  } catch (error) {
    const {cause} = error as {cause?: unknown};
    return `${kept.name}, number ${number}, ${kind}: ${(error as Error).stack}\n${(cause as Error | undefined)?.stack ?? ''}`;
  } finally {
    largest = Math.max(largest, guard.largest);
  }
}

function count(kind: string, outcome: string): void {
  const what = `${kind}: ${outcome}`;
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function isSame(left: ReadonlyMap<string, Entry>, right: ReadonlyMap<string, Entry>): boolean {
  if (left.size !== right.size) return false;
  return [...left].every(([path, entry]) => {
    const other = right.get(path);
    if (entry.kind !== 'file' || other?.kind !== 'file') return entry === other;
    return Buffer.compare(entry.data, other.data) === 0;
  });
}
