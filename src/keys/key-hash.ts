// The hash of a key: MurmurHash3 (32 bits) over the words of its columns, one column after the other.
//
//   boolean, int, date                   the value
//   bigint, decimal, double, timestamp   low and high half of the 64 bits; -0 as 0, every NaN as one
//   string, bytes                        length, bytes 0–3, bytes 4–7, then the rest: one word when
//                                        there are at most 12 bytes, else as many as it takes
//   NULL                                 NULL_WORD
//
// It decides the key group, and it is stored with each row of a keyed table: changing it needs a new
// version of the state file.

export const HASH_SEED = 0x71de3a2b;
/** Mixed in for a NULL. */
export const NULL_WORD = 0x6e756c6c;
/** A string of at most so many bytes is three words. */
export const SHORT_BYTES = 12;

export function mixWord(hash: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  const next = hash ^ Math.imul(mixed, 0x1b873593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

/** Mixes what of a string lies behind its first 8 bytes, when it has more than `SHORT_BYTES`. */
export function mixTail(hash: number, view: DataView, start: number, end: number): number {
  let mixed = hash;
  let at = start + 8;
  for (; at + 4 <= end; at += 4) mixed = mixWord(mixed, view.getInt32(at, true));
  return at < end ? mixWord(mixed, wordAt(view, at, end)) : mixed;
}

/** Up to four bytes from `at`, as a little-endian word; what lies at or behind `end` counts as zero. */
export function wordAt(view: DataView, at: number, end: number): number {
  if (at + 4 <= end) return view.getInt32(at, true);
  let word = 0;
  for (let byte = at, shift = 0; byte < end; byte += 1, shift += 8) {
    word |= view.getUint8(byte) << shift;
  }
  return word;
}

export function finishHash(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
