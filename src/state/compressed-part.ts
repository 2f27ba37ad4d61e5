// Rows that are compressed together. One whose two lengths are equal is stored as it is: it would not shrink, or it is larger
// than what a reader expands.

import {compress, decompress, type Codec} from '../base/compression.ts';

/** A part takes no further rows behind so many bytes. */
export const PART_TARGET_BYTES = 256 * 1024;
/** What a reader expands at once: what a few bytes can make it allocate. */
export const EXPANDED_BYTES_MAX = 64 * 1024 * 1024;

export interface PartLengths {
  /** Bytes, expanded. */
  readonly length: number;
  /** Bytes in the file. */
  readonly storedLength: number;
}

/** What is stored of `plain`: itself, where it must be. */
export function compressPart(codec: Codec, plain: Uint8Array): Uint8Array {
  if (plain.length > EXPANDED_BYTES_MAX) return plain;
  const small = compress(codec, plain);
  return small.length < plain.length ? small : plain;
}

/** Expands a part to exactly its length; else what is wrong with it, as a sentence without a stop. */
export function expandPart(
  codec: Codec,
  {length, storedLength}: PartLengths,
  bytes: Uint8Array,
): Uint8Array | string {
  return length === storedLength ? bytes : decompress(codec, bytes, length);
}
