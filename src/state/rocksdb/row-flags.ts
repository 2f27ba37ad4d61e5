// What the cache knows of a row in memory, by row number: a byte of flags, and in which of the groups of leaving-rows.ts it is.

import {RowList} from '../row-list.ts';

/** The store has not its newest values, nor were they handed over. */
export const DIRTY = 1;
/** Since the clock came by. */
export const USED = 2;
/** The store has a row of this key, or it was handed over. */
export const STORED = 4;
/** Noted as changed. */
export const CHANGED = 8;

/** DIRTY of four rows. */
const DIRTY_4 = 0x01010101;
const STORED_SHIFT = 2;

export class RowFlags {
  readonly #list = new RowList();
  #flags = new Uint8Array(1024);
  /** The same, of four rows each. */
  #quads = new Int32Array(this.#flags.buffer);
  #groups = new Uint8Array(1024);

  get length(): number {
    return this.#flags.length;
  }

  /** Row numbers are below `rowCount` from here on. */
  reserve(rowCount: number): void {
    if (rowCount <= this.#flags.length) return;
    const length = (rowCount * 2 + 3) & -4;
    const flags = new Uint8Array(length);
    flags.set(this.#flags);
    const groups = new Uint8Array(length);
    groups.set(this.#groups);
    this.#flags = flags;
    this.#quads = new Int32Array(flags.buffer);
    this.#groups = groups;
  }

  has(row: number, flag: number): boolean {
    return (this.#flags[row]! & flag) !== 0;
  }

  set(row: number, flag: number): void {
    this.#flags[row]! |= flag;
  }

  setAll(rows: Int32Array, from: number, to: number, flag: number): void {
    const flags = this.#flags;
    for (let at = from; at < to; at += 1) flags[rows[at]!]! |= flag;
  }

  clear(row: number, flag: number): void {
    this.#flags[row]! &= ~flag;
  }

  /** 0: it stays. */
  groupOf(row: number): number {
    return this.#groups[row]!;
  }

  setGroup(row: number, group: number): void {
    this.#groups[row] = group;
  }

  /** The row is gone. */
  reset(row: number): void {
    this.#flags[row] = 0;
    this.#groups[row] = 0;
  }

  /** The rows that have `flag`, which they lose. Good until it is called again. */
  takeAll(flag: number, rowCount: number): RowList {
    const flags = this.#flags;
    const end = Math.min(rowCount, flags.length);
    this.#list.clear();
    for (let row = 0; row < end; row += 1) {
      if ((flags[row]! & flag) === 0) continue;
      flags[row]! &= ~flag;
      this.#list.push(row);
    }
    return this.#list;
  }

  /** All flags as they are; what is DIRTY becomes STORED and clean. Some millions of rows in a millisecond. */
  freeze(rowCount: number): Uint8Array {
    const frozen = this.#flags.slice(0, Math.min(rowCount, this.#flags.length));
    const quads = this.#quads;
    const end = (frozen.length + 3) >>> 2;
    for (let at = 0; at < end; at += 1) {
      const quad = quads[at]!;
      quads[at] = (quad & ~DIRTY_4) | ((quad & DIRTY_4) << STORED_SHIFT);
    }
    return frozen;
  }
}
