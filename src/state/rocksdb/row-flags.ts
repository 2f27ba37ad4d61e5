// What the cache knows of a row in memory: one byte each, by row number.

import {RowList} from '../row-list.ts';

/** The store has not its newest values. */
export const DIRTY = 1;
/** Since the clock came by. */
export const USED = 2;
/** The store has a row of this key. */
export const STORED = 4;
/** Noted as changed. */
export const CHANGED = 8;
/** Chosen by the eviction at hand. */
export const LEAVING = 16;

export class RowFlags {
  readonly #list = new RowList();
  #flags = new Uint8Array(1024);

  get length(): number {
    return this.#flags.length;
  }

  /** Row numbers are below `rowCount` from here on. */
  reserve(rowCount: number): void {
    if (rowCount <= this.#flags.length) return;
    const grown = new Uint8Array(rowCount * 2);
    grown.set(this.#flags);
    this.#flags = grown;
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

  /** The row is gone. */
  reset(row: number): void {
    this.#flags[row] = 0;
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
}
