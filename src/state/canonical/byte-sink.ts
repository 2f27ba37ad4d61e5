/** Bytes that grow at their end; used again after `clear`. */
export class ByteSink {
  #bytes: Uint8Array;
  #view: DataView;
  length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A view, valid until the next call. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  byte(value: number): void {
    const at = this.#take(1);
    this.#bytes[at] = value;
  }

  uint32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  uint32BigEndian(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value);
  }

  float64(value: number): void {
    const at = this.#take(8);
    this.#view.setFloat64(at, value, true);
  }

  int64(value: bigint): void {
    const at = this.#take(8);
    this.#view.setBigInt64(at, value, true);
  }

  uint64(value: number): void {
    this.int64(BigInt(value));
  }

  uint64BigEndian(value: bigint): void {
    const at = this.#take(8);
    this.#view.setBigUint64(at, value);
  }

  bytes(source: Uint8Array, start: number, end: number): void {
    const at = this.#take(end - start);
    this.#bytes.set(source.subarray(start, end), at);
  }

  #take(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
