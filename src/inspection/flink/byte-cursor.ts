// Reads what Java's DataOutputStream wrote, big-endian, out of bytes that nobody vouches for: Flink's `_metadata` has no
// checksum, no total length and no end marker. Each read is checked against what is left, each count against the bytes that
// so many entries need at least, all entries together against a limit, and nesting too: what is built is never more
// than a small multiple of what was read.

import {modifiedUtf8} from './modified-utf8.ts';

/** The bytes are not what they should be at `offset`. Caught by the decoder, which makes a finding of it. */
export class FlinkFormatError extends Error {
  override readonly name = 'FlinkFormatError';
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  /** The place in the structure, outermost first; empty: the file as a whole. */
  readonly place: readonly string[];

  constructor(offset: number, expected: string, found: string, place: readonly string[]) {
    super(`${place.join(', ')}: expected ${expected}, found ${found}`);
    this.offset = offset;
    this.expected = expected;
    this.found = found;
    this.place = place;
  }
}

export interface CursorLimits {
  /** List entries and handles in one file, all together. */
  readonly entriesMax: number;
  /** Handles within handles. */
  readonly depthMax: number;
}

/** A job of 20 operators in 500 subtasks with 100 files each has a million. */
export const FLINK_LIMITS: CursorLimits = {entriesMax: 2_000_000, depthMax: 8};

export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: CursorLimits;
  /** Where reading ends: of the file, or of a block of known length in it. */
  #end: number;
  #offset = 0;
  #entries = 0;
  #depth = 0;
  readonly #place: string[] = [];

  constructor(bytes: Uint8Array, limits: CursorLimits = FLINK_LIMITS) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
    this.#end = bytes.length;
  }

  /** Of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** List entries and handles so far; at most `entriesMax`. */
  get entries(): number {
    return this.#entries;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** Errors of `read` say that they are in `label`. */
  in<T>(label: string, read: () => T): T {
    this.#place.push(label);
    const value = read();
    this.#place.pop();
    return value;
  }

  /** As `in`, for what may hold its own kind. */
  nested<T>(label: string, read: () => T): T {
    this.#countEntries(1, this.#offset);
    if (this.#depth >= this.#limits.depthMax) {
      throw this.wrong(
        this.#offset,
        `at most ${this.#limits.depthMax} handles in one another`,
        'one more',
      );
    }
    this.#depth += 1;
    const value = this.in(label, read);
    this.#depth -= 1;
    return value;
  }

  unsignedByte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  unsignedShort(): number {
    return this.#view.getUint16(this.#take(2));
  }

  int(): number {
    return this.#view.getInt32(this.#take(4));
  }

  unsignedInt(): number {
    return this.#view.getUint32(this.#take(4));
  }

  long(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  intBetween(what: string, min: number, max: number): number {
    const offset = this.#offset;
    const value = this.int();
    if (value >= min && value <= max) return value;
    throw this.wrong(offset, `${what} from ${min} to ${max}`, String(value));
  }

  /** A length or a position in a file; -1 only where `min` lets it through. */
  size(what: string, min: 0 | -1 = 0): number {
    const offset = this.#offset;
    const value = this.long();
    if (value >= BigInt(min) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.wrong(offset, `${what} of ${min} to 2^53`, String(value));
  }

  /** One byte: 0 or 1. */
  flag(what: string): boolean {
    return this.#isSet(what, this.#offset, this.unsignedByte());
  }

  /** The same in four bytes. */
  wideFlag(what: string): boolean {
    return this.#isSet(what, this.#offset, this.int());
  }

  /** How many entries follow, each of at least `bytesMin` bytes. */
  count(what: string, bytesMin: number): number {
    const offset = this.#offset;
    const count = this.int();
    const max = Math.floor(this.remaining / bytesMin);
    if (count < 0 || count > max) {
      throw this.wrong(
        offset,
        `0 to ${max} ${what}, as ${this.remaining} bytes are left`,
        String(count),
      );
    }
    this.#countEntries(count, offset);
    return count;
  }

  /** Signed 64-bit integers, `count` of them; a copy. */
  longs(what: string, count: number): BigInt64Array {
    if (count > this.remaining / 8) {
      throw this.wrong(this.#offset, `${count} ${what} of 8 bytes`, `${this.remaining} bytes`);
    }
    const start = this.#take(count * 8);
    const copied = new BigInt64Array(count);
    for (let index = 0; index < count; index += 1) {
      copied[index] = this.#view.getBigInt64(start + index * 8);
    }
    return copied;
  }

  /** A view of the next bytes, not a copy. */
  take(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Bytes after their length in four bytes; a view. */
  block(what: string): Uint8Array {
    return this.take(this.#length(what, 0));
  }

  /** As `block`; `read` sees nothing beyond it and must read all of it. */
  inBlock<T>(what: string, read: () => T): T {
    const length = this.#length(what, 1);
    const outer = this.#end;
    this.#end = this.#offset + length;
    const value = read();
    this.finish(`the end of ${what}`);
    this.#end = outer;
    return value;
  }

  /** Java's modified UTF-8 after its length in two bytes. */
  text(): string {
    const offset = this.#offset;
    const length = this.unsignedShort();
    if (length > this.remaining) {
      throw this.wrong(offset, `a text of at most ${this.remaining} bytes`, `${length} bytes`);
    }
    const start = this.#take(length);
    const decoded = modifiedUtf8(this.bytes, start, start + length);
    if (typeof decoded === 'string') return decoded;
    throw this.wrong(
      decoded.offset,
      'a character in modified UTF-8',
      hexByte(this.bytes[decoded.offset]!),
    );
  }

  /** The bytes end here. */
  finish(what = 'the end of the file'): void {
    if (this.remaining > 0) throw this.wrong(this.#offset, what, `${this.remaining} further bytes`);
  }

  wrong(offset: number, expected: string, found: string): FlinkFormatError {
    return new FlinkFormatError(offset, expected, found, [...this.#place]);
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#end - start) {
      throw this.wrong(start, `${length} bytes`, `the end after ${this.#end - start}`);
    }
    this.#offset = start + length;
    return start;
  }

  #length(what: string, min: number): number {
    const offset = this.#offset;
    const length = this.int();
    if (length >= min && length <= this.remaining) return length;
    throw this.wrong(offset, `${what} of ${min} to ${this.remaining} bytes`, `${length} bytes`);
  }

  #isSet(what: string, offset: number, value: number): boolean {
    if (value === 0 || value === 1) return value === 1;
    throw this.wrong(offset, `${what}, 0 or 1`, String(value));
  }

  #countEntries(count: number, offset: number): void {
    this.#entries += count;
    if (this.#entries <= this.#limits.entriesMax) return;
    this.#entries -= count;
    throw this.wrong(offset, `at most ${this.#limits.entriesMax} entries in all`, `${count} more`);
  }
}

export function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
