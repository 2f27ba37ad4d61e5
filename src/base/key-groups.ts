// Key groups as in Flink: the smallest unit in which keyed state moves between subtasks.
//   keyGroup(key) = murmur(hashOfKey) mod maxParallelism
//   subtask(keyGroup) = keyGroup * parallelism / maxParallelism (integer division)

/** Inclusive at both ends, as in Flink. */
export interface KeyGroupRange {
  readonly start: number;
  readonly end: number;
}

export const DEFAULT_MAX_PARALLELISM = 128;
/** 2^15, as in Flink. */
export const MAX_PARALLELISM_LIMIT = 32_768;

/** Flink's murmur finaliser over one 32-bit hash; the result is not negative. */
export function murmurHash(hash: number): number {
  let mixed = Math.imul(hash, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  mixed = Math.imul(mixed, 0x1b873593);
  mixed = (mixed << 13) | (mixed >>> 19);
  mixed = (Math.imul(mixed, 5) + 0xe6546b64) | 0;
  mixed ^= 4;
  mixed ^= mixed >>> 16;
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  // The absolute value, and 0 for -2^31, without a branch: the sign is random, so that every other one
  // would be predicted wrong.
  const sign = mixed >> 31;
  return ((mixed ^ sign) - sign) & 0x7fffffff;
}

/** The key group of a key whose 32-bit hash is `hash`. */
export function keyGroupOf(hash: number, maxParallelism: number): number {
  return murmurHash(hash) % maxParallelism;
}

/** The key groups that subtask `index` of `parallelism` owns. */
export function keyGroupRangeOf(
  index: number,
  parallelism: number,
  maxParallelism: number,
): KeyGroupRange {
  const start = Math.floor((index * maxParallelism + parallelism - 1) / parallelism);
  const end = Math.floor(((index + 1) * maxParallelism - 1) / parallelism);
  return {start, end};
}
