// Finds a key that a table has twice, whatever the order of its rows, in bounded memory: the rows are read several times.
//
//   1. in each of `passes` passes, the hashes of the keys in one part of all hashes are kept, and those that come a second
//      time are suspects: a repeated key, or another key with the same hash
//   2. where there are suspects, the rows are read once more, and the keys with those hashes are compared themselves
//
// Four bytes a key of one part are kept, at half of the room that they have; a second pass begins at KEYS_AT_ONCE keys.

import {ByteSink} from '../canonical/byte-sink.ts';
import {encodeKey} from '../canonical/key-codec.ts';
import {compileKeyHashes, type KeyHashes} from '../../keys/key-hashes-kernel.ts';
import type {WrongRow} from './check-rows.ts';
import type {RowColumns} from './row-block.ts';
import type {StateShape} from './state-shape.ts';

export const KEYS_AT_ONCE = 4 * 1024 * 1024;
/** Of different keys so many have one hash only when somebody chose them for it. */
const SUSPECTS_MAX = 1_000_000;
const FREE = 0;

export class RepeatedKeys {
  readonly passes: number;
  readonly #shape: StateShape;
  readonly #hashesOf: KeyHashes;
  readonly #slots: Uint32Array;
  readonly #suspects = new Set<number>();
  readonly #compared = new Set<string>();
  readonly #sink = new ByteSink();
  #hashes = new Int32Array(0);
  #kept = 0;
  #pass = 0;
  #isOverfull = false;

  /** `rowCountMax`: rows that the table has at most. */
  constructor(shape: StateShape, rowCountMax: number, keysAtOnce = KEYS_AT_ONCE) {
    this.#shape = shape;
    this.#hashesOf = compileKeyHashes(shape.spec.key);
    this.passes = Math.max(1, Math.ceil(rowCountMax / keysAtOnce));
    // The parts are of about one size: a quarter more is never reached by chance.
    const part = Math.ceil((rowCountMax / this.passes) * 1.25) + 64;
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(part * 1.5)));
  }

  /** Hashes came twice: `confirm` is to be asked. */
  get suspicious(): boolean {
    return this.#suspects.size > 0;
  }

  /** Rows of the first pass were more than was said. */
  get overfull(): boolean {
    return this.#isOverfull;
  }

  /** More rows than there can be, or more keys of one hash than chance makes: what is repeated is not known. */
  get undecided(): boolean {
    return this.#isOverfull || this.#suspects.size + this.#compared.size > SUSPECTS_MAX;
  }

  /** Before the first row of each pass but the first. */
  nextPass(): void {
    this.#pass += 1;
    this.#kept = 0;
    this.#slots.fill(FREE);
  }

  /** Rows of this pass; each pass is given all of them. */
  note(rows: RowColumns): void {
    const hashes = this.#hash(rows);
    for (let row = 0; row < rows.rowCount; row += 1) {
      const hash = hashes[row]! >>> 0;
      // The low bits choose the slot, the high ones the pass.
      if (this.passes > 1 && Math.floor((hash / 2 ** 32) * this.passes) !== this.#pass) continue;
      this.#keep(hash === FREE ? 1 : hash);
    }
  }

  /** After the last pass, of all rows once more: the first whose key came before; null: none of them. */
  confirm(rows: RowColumns): WrongRow | null {
    const hashes = this.#hash(rows);
    for (let row = 0; row < rows.rowCount; row += 1) {
      const hash = hashes[row]! >>> 0;
      if (!this.#suspects.has(hash === FREE ? 1 : hash)) continue;
      const key = this.#textOf(rows, row);
      if (this.#compared.has(key)) {
        return {
          row,
          message: 'a key is there twice',
          expected: 'each key once',
          found: 'one twice',
        };
      }
      if (!this.undecided) this.#compared.add(key);
    }
    return null;
  }

  #hash({rowCount, key}: RowColumns): Int32Array {
    if (this.#hashes.length < rowCount) this.#hashes = new Int32Array(rowCount);
    this.#hashesOf(key, rowCount, this.#hashes);
    return this.#hashes;
  }

  #keep(hash: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = hash & mask;
    while (slots[at] !== FREE) {
      if (slots[at] === hash) {
        if (!this.undecided) this.#suspects.add(hash);
        return;
      }
      at = (at + 1) & mask;
    }
    if (this.#kept >= slots.length * 0.75) {
      this.#isOverfull = true;
      return;
    }
    slots[at] = hash;
    this.#kept += 1;
  }

  #textOf({key}: RowColumns, row: number): string {
    this.#sink.clear();
    encodeKey(this.#shape.spec.key, key, row, this.#sink);
    const {buffer, byteOffset, byteLength} = this.#sink.written;
    return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
  }
}
