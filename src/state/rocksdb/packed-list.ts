/** Byte strings one behind the other, used again after `clear`: what a batch of keys or values is between threads. */
export class PackedList {
  bytes: Uint8Array;
  /** Where item i ends; it begins where the one before it ends. */
  ends: Int32Array;
  count = 0;
  /** Bytes in use, also of the item that has not been ended. */
  length = 0;
  #view: DataView;

  constructor(byteCapacity = 4096, countCapacity = 64) {
    this.bytes = new Uint8Array(byteCapacity);
    this.ends = new Int32Array(countCapacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.count = 0;
    this.length = 0;
  }

  /** Its items, which it forgets; the memory is the caller's. */
  take(): {readonly bytes: Uint8Array; readonly ends: Int32Array} {
    const taken = {bytes: this.bytes.slice(0, this.length), ends: this.ends.slice(0, this.count)};
    this.clear();
    return taken;
  }

  startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!;
  }

  /** A view, valid until the next write. */
  item(index: number): Uint8Array {
    return this.bytes.subarray(this.startOf(index), this.ends[index]);
  }

  /** What was appended since the last item is an item. */
  endItem(): void {
    if (this.count === this.ends.length) {
      const grown = new Int32Array(this.count * 2);
      grown.set(this.ends);
      this.ends = grown;
    }
    this.ends[this.count] = this.length;
    this.count += 1;
  }

  add(source: Uint8Array, start = 0, end = source.length): void {
    this.append(source, start, end);
    this.endItem();
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length] = value;
    this.length += 1;
  }

  uint16BigEndian(value: number): void {
    this.reserve(2);
    this.#view.setUint16(this.length, value);
    this.length += 2;
  }

  int32BigEndian(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.length, value);
    this.length += 4;
  }

  int32(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.length, value, true);
    this.length += 4;
  }

  append(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    const target = this.bytes;
    if (end - start > 64) target.set(source.subarray(start, end), this.length);
    else for (let from = start, to = this.length; from < end;) target[to++] = source[from++]!;
    this.length += end - start;
  }

  /** Makes room for `count` further bytes; those that are written in `bytes` are counted by `length`. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
