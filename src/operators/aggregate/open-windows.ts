import {must} from '../../base/assert.ts';
import {RowList} from '../../state/row-list.ts';

/**
 * Window starts with the rows of each, given out in ascending order: how a watermark finds what is due
 * without looking at every row.
 */
export class OpenWindows {
  readonly #rows = new Map<number, RowList>();
  /** A heap: each start is not above those at 2i + 1 and 2i + 2. */
  readonly #heap: number[] = [];
  #lastStart = NaN;
  #lastRows = new RowList();

  /** The earliest start; +Infinity when there is no window. */
  get first(): number {
    return this.#heap[0] ?? Infinity;
  }

  add(start: number, row: number): void {
    if (start !== this.#lastStart) {
      this.#lastRows = this.#rowsOf(start);
      this.#lastStart = start;
    }
    this.#lastRows.push(row);
  }

  /** Takes the window with the earliest start out. */
  takeFirst(): {readonly start: number; readonly rows: RowList} {
    const start = must(this.#heap[0], 'open window');
    const rows = must(this.#rows.get(start), 'rows of a window');
    this.#rows.delete(start);
    if (start === this.#lastStart) this.#lastStart = NaN;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    return {start, rows};
  }

  #rowsOf(start: number): RowList {
    let rows = this.#rows.get(start);
    if (rows === undefined) {
      rows = new RowList();
      this.#rows.set(start, rows);
      this.#raise(start);
    }
    return rows;
  }

  #raise(start: number): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(start);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (heap[parent]! <= start) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = start;
  }

  /** Puts `start` at the top, then down to its place. */
  #sink(start: number): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
      if (heap[child]! >= start) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = start;
  }
}
