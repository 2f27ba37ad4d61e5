// Where an expression puts the strings that it makes. A string is (bytes, start, end); the arena's array
// may be replaced by a larger one while a string in it is still in use, which does no harm: the array
// that was replaced stays as it is, and its content stands at the same offsets in the larger one.

import {MAX_ARENA_BYTES, MAX_STRING_BYTES} from './limits.ts';
import {RecordFailure} from './record-failure.ts';

const EXACT_FROM_BYTES = 64 * 1024;

export class ByteArena {
  bytes = new Uint8Array(4_096);
  used = 0;
  /** The last helper's string: in `result` from `start` to `end`. */
  result: Uint8Array = this.bytes;
  start = 0;
  end = 0;
  #zeros = new Uint8Array(0);
  #view: Buffer = Buffer.alloc(0);
  #viewed: Uint8Array = this.#view;

  /** What was made for the batch before is gone. */
  reset(): void {
    this.used = 0;
    this.result = this.bytes;
  }

  /** Room for `length` more bytes at `used`, of a string that begins at `from`. */
  reserve(length: number, from = this.used): void {
    if (this.used - from + length > MAX_STRING_BYTES) {
      throw new RecordFailure(`a string longer than ${MAX_STRING_BYTES} bytes`);
    }
    const needed = this.used + length;
    if (needed <= this.bytes.length) return;
    if (needed > MAX_ARENA_BYTES) {
      throw new RecordFailure(
        `the strings made for one batch take more than ${MAX_ARENA_BYTES} bytes`,
      );
    }
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, needed));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }

  /** Copies to the end. Needs `reserve`. */
  put(bytes: Uint8Array, start: number, end: number): void {
    const target = this.bytes;
    let at = this.used;
    if (end - start < 32) for (let i = start; i < end; i += 1) target[at++] = bytes[i]!;
    else target.set(bytes.subarray(start, end), at);
    this.used += end - start;
  }

  /** Copies, to a string that begins at `from`; returns where the copy begins. It ends at `used`. */
  append(bytes: Uint8Array, start: number, end: number, from = this.used): number {
    const at = this.used;
    this.reserve(end - start, from);
    this.put(bytes, start, end);
    return at;
  }

  /** The result is what was put since `from`. */
  finish(from: number): void {
    this.result = this.bytes;
    this.start = from;
    this.end = this.used;
  }

  /** The result is part of another string. */
  share(bytes: Uint8Array, start: number, end: number): void {
    this.result = bytes;
    this.start = start;
    this.end = end;
  }

  /** The result is `text`. */
  write(text: string): void {
    const from = this.used;
    // Three bytes for each UTF-16 unit are always enough; the exact length is slower to find.
    const most = text.length * 3;
    this.reserve(most <= EXACT_FROM_BYTES ? most : Buffer.byteLength(text));
    this.used += this.#bufferOf(this.bytes).write(text, from, 'utf8');
    this.finish(from);
  }

  text(bytes: Uint8Array, start: number, end: number): string {
    return this.#bufferOf(bytes).toString('utf8', start, end);
  }

  /** NULL flags of a column that has none. */
  zeros(length: number): Uint8Array {
    if (this.#zeros.length < length) this.#zeros = new Uint8Array(length * 2);
    return this.#zeros;
  }

  #bufferOf(bytes: Uint8Array): Buffer {
    if (this.#viewed !== bytes) {
      this.#viewed = bytes;
      this.#view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }
}
