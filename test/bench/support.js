// The interleaved runner: every round runs each contestant once, in turn, so that a slow machine or a
// noisy neighbour hits all of them; only ratios within a round count.

import {cpus, totalmem} from 'node:os';

/** Median, minimum and maximum of numbers. */
export function spread(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return {median, minimum: sorted[0], maximum: sorted[sorted.length - 1]};
}

/**
 * Runs `contestants` ({name, run: async () => {records, millis}}) for `rounds` rounds.
 * Returns, per name, the rates in records/s, one per round.
 */
export async function interleave(contestants, rounds) {
  const rates = new Map(contestants.map(({name}) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const {name, run} of contestants) {
      globalThis.gc?.();
      const {records, millis} = await run();
      rates.get(name).push((records / millis) * 1000);
    }
  }
  return rates;
}

/** Prints one goal: the ratio of two contestants, round by round. */
export function reportRatio(goal, what, candidate, base, wanted) {
  const ratios = spread(candidate.map((rate, round) => rate / base[round]));
  const rate = spread(candidate);
  const met = ratios.median >= wanted ? 'met' : 'MISSED';
  console.log(
    `${goal.padEnd(4)} ${what}: ${ratios.median.toFixed(2)} × (min ${ratios.minimum.toFixed(2)}, max ${ratios.maximum.toFixed(2)}); ` +
      `${million(rate.median)}/s; goal ≥ ${wanted} ×: ${met}`,
  );
  return ratios.median;
}

export function million(rate) {
  return `${(rate / 1e6).toFixed(2)} M`;
}

export function printMachine() {
  const [first] = cpus();
  console.log(
    `machine: ${cpus().length} × ${first?.model ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, node ${process.version}`,
  );
}

export async function timed(action) {
  const start = performance.now();
  const result = await action();
  return {result, millis: performance.now() - start};
}
