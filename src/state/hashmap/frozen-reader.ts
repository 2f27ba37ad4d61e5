// The writer's side of copy-on-write (the protocol: page-guard.ts).

import {PAGE_ASIDE, PAGE_FREE, PAGE_FROZEN} from './page-guard.ts';
import type {FrozenTable} from '../snapshot-request.ts';

export class FrozenReader {
  readonly #rows: Int32Array;
  readonly #states: Uint8Array;
  readonly #copies: Int32Array;
  readonly #asideBuffer: SharedArrayBuffer;
  readonly #pageInts: number;
  #aside: Int32Array;

  constructor({rows, pages}: FrozenTable) {
    this.#rows = viewInts(rows);
    this.#states = new Uint8Array(pages.states, 0, pages.count);
    this.#copies = new Int32Array(pages.copies, 0, pages.count);
    this.#asideBuffer = pages.aside;
    this.#aside = viewInts(pages.aside);
    this.#pageInts = pages.pageInts;
  }

  /** Copies `page` as it was at the freeze into `target` at `offset`; each page once. */
  take(page: number, target: Int32Array, offset: number): void {
    const size = this.#pageInts;
    if (Atomics.load(this.#states, page) === PAGE_FROZEN) {
      target.set(this.#rows.subarray(page * size, (page + 1) * size), offset);
      const before = Atomics.compareExchange(this.#states, page, PAGE_FROZEN, PAGE_FREE);
      if (before === PAGE_FROZEN) return;
    }
    const copy = Atomics.load(this.#copies, page);
    if ((copy + 1) * size > this.#aside.length) this.#aside = viewInts(this.#asideBuffer);
    target.set(this.#aside.subarray(copy * size, (copy + 1) * size), offset);
    Atomics.compareExchange(this.#states, page, PAGE_ASIDE, PAGE_FREE);
  }

  /** Nobody reads `page`. */
  skip(page: number): void {
    Atomics.store(this.#states, page, PAGE_FREE);
  }
}

function viewInts(buffer: SharedArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
}
