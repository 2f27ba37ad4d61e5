// Which of the many `npm test` runs, and which only the proof. What `npm test` has run the proof does not run again, where it
// takes a while.

import {test} from 'vitest';

/** TIDEMARK_PROOF=1: all of it. */
export const whole = process.env['TIDEMARK_PROOF'] === '1';

/** For a test that is the same in both. */
export const sampleTest: ReturnType<typeof test.skipIf> = test.skipIf(whole);

/** Some of them in `npm test`, the others in the proof. */
export function sample<T>(some: readonly T[], others: readonly T[]): readonly T[] {
  return whole ? others : some;
}

/**
 * One proof runs one part in so many of what starts processes; as many proofs in a row, with a seed each, run all of it.
 * `npm test`, which is to take five minutes, runs half as much.
 */
export const PARTS = Number(process.env['TIDEMARK_PARTS'] ?? (whole ? 6 : 12));
export const proofSeed = Number(process.env['TIDEMARK_SEED'] ?? 20261120);

/** The part of `all` that this proof runs. */
export function inTurn<T>(all: readonly T[]): readonly T[] {
  return all.filter((_, index) => index % PARTS === proofSeed % PARTS);
}

/** Does this run have the thing with this number? Without TIDEMARK_PROOF too one in so many. */
export function isInTurn(number: number): boolean {
  return number % PARTS === proofSeed % PARTS;
}

/** How many of `count` rounds this proof runs. */
export function part(count: number): number {
  return Math.ceil(count / PARTS);
}
