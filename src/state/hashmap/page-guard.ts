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
// Several snapshots may be frozen at once; each has states of its own. They are written in turn: the writer begins
// with one when the older ones are released. So a page that is FROZEN in an older one has not changed since, and is
// FROZEN in the newest one as well: the states of the newest are all that is looked at for a record, and one copy
// serves every snapshot in which the page is FROZEN.
//
// Space for copies is used again as soon as no snapshot needs it, and kept for the next one. A snapshot needs at most
// one copy of each page that the table had at its freeze, and there are at most FREEZES_MAX of them.

import {SharedRegion} from './shared-region.ts';
import {assert} from '../../base/assert.ts';
import type {FrozenPages} from '../snapshot-request.ts';

/** States of a page. FREE: not part of a snapshot, or taken by the writer. */
export const PAGE_FREE = 0;
export const PAGE_FROZEN = 1;
export const PAGE_ASIDE = 2;

/** Snapshots of a table that are frozen at once: in the worst case each has a copy of the whole table. */
export const FREEZES_MAX = 4;

/** A page is at least half of PAGE_BYTES, a region at most 4 GiB. */
const PAGES_MAX = 2 ** 21;
/** Slots looked at for one that is free again, before a further one is taken. */
const RECLAIM_TRIES = 8;

const NO_STATES = new Uint8Array(0);

export class PageGuard {
  readonly #what: string;
  readonly #pageShift: number;
  /** Ints of a page. */
  readonly #pageInts: number;
  readonly #asideRegion: SharedRegion;
  /** Oldest first. */
  readonly #frozen: PageStates[] = [];
  /** Of snapshots that are over. */
  readonly #spare: PageStates[] = [];
  /** Of the newest snapshot. */
  #states: Uint8Array = NO_STATES;
  #frozenCount = 0;
  #aside: Int32Array = new Int32Array(0);
  /** Per copy: its page. */
  #pageOf = new Int32Array(64);
  #copyCount = 0;
  #cursor = 0;
  #rows: Int32Array = new Int32Array(0);

  constructor(what: string, rowInts: number, pageShift: number) {
    this.#what = what;
    this.#pageShift = pageShift;
    this.#pageInts = rowInts << pageShift;
    this.#asideRegion = new SharedRegion(`copied pages of ${what}`);
  }

  get active(): boolean {
    return this.#frozen.length > 0;
  }

  get sizeBytes(): number {
    return this.#copyCount * this.#pageInts * 4;
  }

  /** Why `rowCount` rows cannot be frozen yet; null: they can. */
  refuses(rowCount: number): string | null {
    if (this.#frozen.length === 0) return null;
    if (this.#frozen.length >= FREEZES_MAX) return `at most ${FREEZES_MAX} are written at once`;
    const before = this.#frozen.reduce((sum, {count}) => sum + count, 0);
    const bytes = (before + this.#pageCount(rowCount)) * this.#pageInts * 4;
    if (bytes <= this.#asideRegion.buffer.maxByteLength) return null;
    return `copies of the pages of ${this.#what} for one more may not fit in memory`;
  }

  /** Freezes the pages that hold the first `rowCount` rows, no fewer than before. Not when it `refuses`. */
  freeze(rowCount: number): FrozenPages {
    assert(this.#frozen.length < FREEZES_MAX, `${this.#what} is frozen ${FREEZES_MAX} times`);
    const count = this.#pageCount(rowCount);
    assert(count >= this.#frozenCount, `${this.#what} has fewer rows than at the last freeze`);
    const states = this.#spare.pop() ?? new PageStates(this.#what);
    states.freeze(count);
    this.#frozen.push(states);
    this.#lookAtNewest();
    return {
      count,
      pageInts: this.#pageInts,
      states: states.stateBuffer,
      copies: states.copyBuffer,
      aside: this.#asideRegion.buffer,
    };
  }

  /** That snapshot is written, or given up, and nobody reads its pages. */
  release(pages: FrozenPages): void {
    const at = this.#frozen.findIndex(({stateBuffer}) => stateBuffer === pages.states);
    assert(at >= 0, `pages of ${this.#what} are released twice`);
    const [over] = this.#frozen.splice(at, 1);
    this.#spare.push(over!);
    this.#lookAtNewest();
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

  #pageCount(rowCount: number): number {
    return Math.ceil(rowCount / 2 ** this.#pageShift);
  }

  #lookAtNewest(): void {
    const newest = this.#frozen.at(-1);
    this.#states = newest?.states ?? NO_STATES;
    this.#frozenCount = newest?.count ?? 0;
  }

  /** For all snapshots that have it FROZEN. */
  #copyAside(page: number): void {
    const copy = this.#freeCopy();
    const size = this.#pageInts;
    this.#aside.set(this.#rows.subarray(page * size, (page + 1) * size), copy * size);
    this.#pageOf[copy] = page;
    for (const states of this.#frozen) states.moveAside(page, copy);
  }

  /** A place for a copy: one that no snapshot needs any more, or a further one. */
  #freeCopy(): number {
    for (let tries = 0; tries < RECLAIM_TRIES && tries < this.#copyCount; tries += 1) {
      this.#cursor = this.#cursor + 1 < this.#copyCount ? this.#cursor + 1 : 0;
      if (!this.#isNeeded(this.#cursor)) return this.#cursor;
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

  #isNeeded(copy: number): boolean {
    const page = this.#pageOf[copy]!;
    for (const states of this.#frozen) if (states.isAside(page, copy)) return true;
    return false;
  }
}

/** The pages of one snapshot, in shared memory: the state of each, and the place of its copy. */
class PageStates {
  states: Uint8Array = NO_STATES;
  count = 0;
  readonly #stateRegion: SharedRegion;
  readonly #copyRegion: SharedRegion;
  #copies: Int32Array = new Int32Array(0);

  constructor(what: string) {
    this.#stateRegion = new SharedRegion(`page states of ${what}`, PAGES_MAX);
    this.#copyRegion = new SharedRegion(`page states of ${what}`, PAGES_MAX * 4);
  }

  get stateBuffer(): SharedArrayBuffer {
    return this.#stateRegion.buffer;
  }

  get copyBuffer(): SharedArrayBuffer {
    return this.#copyRegion.buffer;
  }

  freeze(count: number): void {
    if (this.#stateRegion.ensure(count)) {
      this.states = new Uint8Array(this.stateBuffer, 0, this.stateBuffer.byteLength);
    }
    if (this.#copyRegion.ensure(count * 4)) {
      this.#copies = new Int32Array(this.copyBuffer, 0, this.copyBuffer.byteLength / 4);
    }
    this.states.fill(PAGE_FROZEN, 0, count);
    this.count = count;
  }

  moveAside(page: number, copy: number): void {
    if (page >= this.count || this.states[page] !== PAGE_FROZEN) return;
    Atomics.store(this.#copies, page, copy);
    Atomics.compareExchange(this.states, page, PAGE_FROZEN, PAGE_ASIDE);
  }

  isAside(page: number, copy: number): boolean {
    if (page >= this.count) return false;
    return Atomics.load(this.states, page) === PAGE_ASIDE && this.#copies[page] === copy;
  }
}
