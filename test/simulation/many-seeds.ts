// What a run of many seeds must show.

import {expect} from 'vitest';

import {isTimeOver} from '../hostile/support/deadline.ts';
import {simulate} from './simulation.ts';
import {Tally} from './tally.ts';

export const PROOF = process.env['TIDEMARK_PROOF'] === '1';
/** Half of 2,000: a file each, because files run side by side. */
export const HALF = 1000;
/** Other seeds for each further round of `npm run proof -- --minutes N`. */
const FIRST_ROUND = 20261120;
const ROUND = PROOF ? Number(process.env['TIDEMARK_SEED'] ?? FIRST_ROUND) - FIRST_ROUND : 0;
export const FIRST_SEED = 1 + ROUND * 2 * HALF;
/** One seed in so many runs twice. */
const REPEATED = PROOF ? 100 : 23;
/** Of what runs do, and of the kinds of fault, a small sample may lack so many. */
const MISSED_MAX = {counts: 5, faults: 3};
/** Of jobs beside, in one seed of twenty: what the rest counts is rare, and printed. */
const BESIDE_SEEN = [
  ...(['claimsAsked', 'usesAsked', 'refusedAlive', 'claimedAsleep', 'wokenAfterClaim'] as const),
  ...(['claimedRemoved', 'markedAlive', 'markedAsleep'] as const),
];
export const MAX_MILLIS = 900_000;

/** Seeds [first, first + count) break no promise. What was run is printed, and in a proof every kind of fault has come. */
export async function expectNoBrokenPromise(first: number, count: number): Promise<void> {
  const tally = new Tally();
  let seed = first;
  for (; seed < first + count && !isTimeOver(); seed += 1) {
    const report = await simulate(seed);
    tally.add(report);
    if (seed % REPEATED !== 0) continue;
    const again = await simulate(seed);
    expect(again.hash, `seed ${seed} is another one the second time`).toBe(report.hash);
  }
  process.stdout.write(`${tally.toString()}\n`);
  const left = first + count - seed;
  if (left > 0) process.stdout.write(`the time was over: ${left} seeds were left out\n`);
  expect(seed, 'no seed was run').toBeGreaterThan(first);
  const never = (counts: ReadonlyMap<string, number>): string[] =>
    [...counts].filter(([, times]) => times === 0).map(([what]) => what);
  // What a seed draws changes with every call of the disk that the code makes: a small sample may lack some, which is printed.
  const isWhole = PROOF && left === 0;
  for (const [what, max] of Object.entries(MISSED_MAX)) {
    const missed = never(what === 'counts' ? tally.counts : tally.fired);
    expect(missed.length, missed.join(', ')).toBeLessThanOrEqual(isWhole ? 0 : max);
  }
  const seen = (what: string): number => tally.beside.get(what) ?? 0;
  if (isWhole) expect(BESIDE_SEEN.filter((what) => seen(what) === 0)).toEqual([]);
  // A small sample has three of them.
  else if (left === 0) expect(seen('claimsAsked') + seen('usesAsked')).toBeGreaterThan(0);
  for (const reached of [tally.sinks, tally.modes, tally.parallelisms])
    expect(reached.size).toBe(4);
}
