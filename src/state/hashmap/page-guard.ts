// The task's side of copy-on-write.
//
// A snapshot freezes the pages of a table: each gets the state FROZEN, which takes microseconds. The
// writer, in another thread, reads them one after the other; the task copies a frozen page aside before
// it changes a row of it. Nobody waits for the other:
//
//   writer  page FROZEN: copies it to a buffer of its own, then compare-and-swap FROZEN → FREE.
//           Swapped: the task had not changed it before, so the copy is whole. Otherwise it is ASIDE.
//           page ASIDE: reads the copy that the task made, then stores FREE.
//   task    page FROZEN: copies it aside, stores where, then compare-and-swap FROZEN → ASIDE.
//           Not swapped: the writer has its own copy, and this one is thrown away. Then it writes.
//
// Space for copies is used again as soon as the writer is done with it, and kept for the next snapshot.

import {SharedRegion} from './shared-region.ts';
import type {FrozenPages} from '../snapshot-request.ts';

/** States of a page. FREE: not part of a snapshot, or taken by the writer. */
export const PAGE_FREE = 0;
export const PAGE_FROZEN = 1;
export const PAGE_ASIDE = 2;

/** A page is at least half of PAGE_BYTES, a region at most 4 GiB. */
const PAGES_MAX = 2 ** 21;
/** Slots looked at for one that is free again, before a further one is taken. */
const RECLAIM_TRIES = 8;

export class PageGuard {
  readonly #pageShift: number;
  /** Ints of a page. */
  readonly #pageInts: number;
  readonly #stateRegion: SharedRegion;
  readonly #slotRegion: SharedRegion;
  readonly #asideRegion: SharedRegion;
  #states: Uint8Array = new Uint8Array(0);
  /** Per page: the place of its copy. */
  #copies: Int32Array = new Int32Array(0);
  #aside: Int32Array = new Int32Array(0);
  /** Per copy: its page. */
  #pageOf = new Int32Array(64);
  #copyCount = 0;
  #cursor = 0;
  #frozenCount = 0;
  #rows: Int32Array = new Int32Array(0);

  constructor(what: string, rowInts: number, pageShift: number) {
    this.#pageShift = pageShift;
    this.#pageInts = rowInts << pageShift;
    this.#stateRegion = new SharedRegion(`page states of ${what}`, PAGES_MAX);
    this.#slotRegion = new SharedRegion(`page states of ${what}`, PAGES_MAX * 4);
    this.#asideRegion = new SharedRegion(`copied pages of ${what}`);
  }

  get active(): boolean {
    return this.#frozenCount > 0;
  }

  get sizeBytes(): number {
    return this.#copyCount * this.#pageInts * 4;
  }

  /** Freezes the pages that hold the first `rowCount` rows. At most one snapshot at a time. */
  freeze(rowCount: number): FrozenPages {
    const count = Math.ceil(rowCount / 2 ** this.#pageShift);
    if (this.#stateRegion.ensure(count)) {
      this.#states = new Uint8Array(
        this.#stateRegion.buffer,
        0,
        this.#stateRegion.buffer.byteLength,
      );
    }
    if (this.#slotRegion.ensure(count * 4)) {
      this.#copies = new Int32Array(
        this.#slotRegion.buffer,
        0,
        this.#slotRegion.buffer.byteLength / 4,
      );
    }
    this.#states.fill(PAGE_FROZEN, 0, count);
    this.#frozenCount = count;
    return {
      count,
      pageInts: this.#pageInts,
      states: this.#stateRegion.buffer,
      copies: this.#slotRegion.buffer,
      aside: this.#asideRegion.buffer,
    };
  }

  /** The snapshot is written, or given up. */
  release(): void {
    this.#states.fill(PAGE_FREE, 0, this.#frozenCount);
    this.#frozenCount = 0;
  }

  /** The table's rows as ints; again whenever they have grown. */
  setRows(rows: Int32Array): void {
    this.#rows = rows;
  }

  /** Makes rows[from, to) writable. */
  protectAll(rows: Int32Array, from: number, to: number): void {
    const frozen = this.#frozenCount;
    if (frozen === 0) return;
    const states = this.#states;
    const shift = this.#pageShift;
    for (let at = from; at < to; at += 1) {
      const page = rows[at]! >>> shift;
      if (page < frozen && states[page] === PAGE_FROZEN) this.#copyAside(page);
    }
  }

  protect(row: number): void {
    const page = row >>> this.#pageShift;
    if (page < this.#frozenCount && this.#states[page] === PAGE_FROZEN) this.#copyAside(page);
  }

  #copyAside(page: number): void {
    const copy = this.#freeCopy();
    const size = this.#pageInts;
    this.#aside.set(this.#rows.subarray(page * size, (page + 1) * size), copy * size);
    this.#pageOf[copy] = page;
    Atomics.store(this.#copies, page, copy);
    Atomics.compareExchange(this.#states, page, PAGE_FROZEN, PAGE_ASIDE);
  }

  /** A place for a copy: one whose page is no longer ASIDE, or a further one. */
  #freeCopy(): number {
    for (let tries = 0; tries < RECLAIM_TRIES && tries < this.#copyCount; tries += 1) {
      this.#cursor = this.#cursor + 1 < this.#copyCount ? this.#cursor + 1 : 0;
      if (Atomics.load(this.#states, this.#pageOf[this.#cursor]!) !== PAGE_ASIDE)
        return this.#cursor;
    }
    const copy = this.#copyCount;
    this.#copyCount += 1;
    if (this.#asideRegion.ensure(this.#copyCount * this.#pageInts * 4)) {
      const buffer = this.#asideRegion.buffer;
      this.#aside = new Int32Array(buffer, 0, buffer.byteLength / 4);
    }
    if (copy >= this.#pageOf.length) {
      const grown = new Int32Array(copy * 2);
      grown.set(this.#pageOf);
      this.#pageOf = grown;
    }
    return copy;
  }
}
