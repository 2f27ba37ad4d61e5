const MIN_CAPACITY = 4096;

/**
 * Bytes that grow at the end. Hot code reserves, writes `bytes` from `length` on by itself, and sets
 * `length`; `reserve` replaces `bytes` and `view`, so both are read again after it.
 */
export class ByteBuffer {
  bytes: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacity = MIN_CAPACITY) {
    this.bytes = new Uint8Array(Math.max(MIN_CAPACITY, capacity));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` further bytes; keeps what is there. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** What was written; valid until the next `reserve`, `append` or `clear`. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Forgets the content and keeps the memory. */
  clear(): void {
    this.length = 0;
  }
}
