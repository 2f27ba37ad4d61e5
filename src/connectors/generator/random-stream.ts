// Random numbers as a function of (seed, column, row): any row can be made without those before it, so a
// position is nothing but a row count, and it does not matter which subtask makes which row. Two rounds
// of a 32-bit mixer, with a key of the stream before each.

/** The keys of one stream. */
export interface RandomStream {
  readonly before: number;
  readonly between: number;
  /** A second word, for numbers of 53 bits. */
  readonly lowBefore: number;
  readonly lowBetween: number;
}

export function randomStream(seed: number, column: number): RandomStream {
  const low = seed >>> 0;
  const high = Math.floor(seed / 4294967296) >>> 0;
  const key = (index: number): number =>
    mix(mix(low, 0x9e3779b9 ^ index, column), high, 0x85ebca6b + index);
  return {before: key(1), between: key(2), lowBefore: key(3), lowBetween: key(4)};
}

/** 53 random bits for row `row`: uniform in [0, 1). */
export function uniformAt(stream: RandomStream, row: number): number {
  const rowHigh = Math.imul(Math.floor(row / 4294967296), 0x85ebca6b);
  const high = mix(row, stream.before, stream.between ^ rowHigh);
  const low = mix(row, stream.lowBefore, stream.lowBetween ^ rowHigh);
  return ((high >>> 5) * 67108864 + (low >>> 6)) / 9007199254740992;
}

function mix(value: number, before: number, between: number): number {
  let mixed = ((value >>> 0) + before) | 0;
  mixed ^= mixed >>> 16;
  mixed = Math.imul(mixed, 0x21f0aaad);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed ^ between, 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
