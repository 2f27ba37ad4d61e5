/** One memory under its four widths; offsets are bytes from its start, so `doubles[at >> 3]`. */
export interface ByteViews {
  readonly bytes: Uint8Array;
  readonly ints: Int32Array;
  readonly doubles: Float64Array;
  readonly longs: BigInt64Array;
}

/** `buffer` has a length divisible by 8. */
export function viewBytes(buffer: ArrayBufferLike): ByteViews {
  return {
    bytes: new Uint8Array(buffer),
    ints: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
    longs: new BigInt64Array(buffer),
  };
}

/** `size` rounded up to whole 8-byte words. */
export function padded(size: number): number {
  return (size + 7) & ~7;
}
