// One block of an SST file: entries, ascending by key, and where some of them begin, which a reader of all does not need.
//
//   entry     varint bytes of the key that are those of the key before it, varint further bytes of the key, varint bytes of the
//             value; the further bytes; the value. In an index the second length may be missing: the value ends by itself
//   behind    uint32 places of entries, and how many; then one byte, how the block is compressed, and its checksum

import type {TableProblem} from './table-problem.ts';

/** Behind each block: compression and checksum. */
export const TRAILER_BYTES = 5;
const RESTARTS_MAX = 2 ** 28 - 1;
/** Of all keys of a block that is read whole, put together: they may be much longer than what is stored of them. */
const KEY_BYTES_MAX = 64 * 1024 * 1024;

/** Where the entries of a block end, as an offset in `bytes`; `start`, `end`: of the block there. `at`: for messages. */
export function entriesEnd(
  bytes: Uint8Array,
  start: number,
  end: number,
  {problem, at}: {readonly problem: TableProblem; readonly at: number},
): number {
  if (end - start < 4) throw problem.damaged(at, `there is a block of ${end - start} bytes`);
  const restarts = uint32At(bytes, end - 4);
  if (restarts > RESTARTS_MAX) throw problem.unknown('a block with other parts');
  const entries = end - 4 - restarts * 4;
  if (entries < start) throw problem.damaged(at, 'a block has more parts than bytes');
  return entries;
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** Numbers and entries of a block that is read from its first byte to its last, as those of `index` and of properties are. */
export class BlockReader {
  readonly bytes: Uint8Array;
  readonly #problem: TableProblem;
  /** Of the block in its file. */
  readonly #offset: number;
  readonly #end: number;
  #at = 0;
  #key: Uint8Array = new Uint8Array(0);
  #keyBytes = 0;

  /** `bytes`: the block without what is behind it. */
  constructor(bytes: Uint8Array, offset: number, problem: TableProblem) {
    this.bytes = bytes;
    this.#offset = offset;
    this.#problem = problem;
    this.#end = entriesEnd(bytes, 0, bytes.length, {problem, at: offset});
  }

  get ended(): boolean {
    return this.#at >= this.#end;
  }

  /** The key of the next entry, the caller's, and how much of it is the one's before. The value follows. */
  key(hasValueLength: boolean): {
    readonly key: Uint8Array;
    readonly shared: number;
    valueBytes: number;
  } {
    const shared = this.varint();
    const further = this.varint();
    const valueBytes = hasValueLength ? this.varint() : 0;
    if (shared > this.#key.length || this.#at + further + valueBytes > this.#end) {
      throw this.damaged('a key is longer than its block');
    }
    this.#keyBytes += shared + further;
    if (this.#keyBytes > KEY_BYTES_MAX) throw this.damaged('the keys are too long');
    const key = new Uint8Array(shared + further);
    key.set(this.#key.subarray(0, shared));
    key.set(this.bytes.subarray(this.#at, this.#at + further), shared);
    this.#at += further;
    this.#key = key;
    return {key, shared, valueBytes};
  }

  value(length: number): Uint8Array {
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  /** Below 2^53. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 53; factor *= 128) {
      if (this.#at >= this.#end) throw this.damaged('a number does not end');
      const byte = this.bytes[this.#at]!;
      this.#at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    throw this.damaged('a number is too large');
  }

  /** As varint, of numbers near zero of either sign. */
  signedVarint(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  damaged(what: string): Error {
    return this.#problem.damaged(this.#offset + this.#at, what);
  }
}
