import {must} from '../../base/assert.ts';

/** Window starts, given out in ascending order: how a watermark finds what is due. Their rows are the table's. */
export class OpenWindows {
  readonly #starts = new Set<number>();
  /** A heap: each start is not above those at 2i + 1 and 2i + 2. */
  readonly #heap: number[] = [];
  #lastStart = NaN;

  /** The earliest start; +Infinity when there is no window. */
  get first(): number {
    return this.#heap[0] ?? Infinity;
  }

  /** Does nothing when it is there. */
  add(start: number): void {
    if (start === this.#lastStart || this.#starts.has(start)) return;
    this.#lastStart = start;
    this.#starts.add(start);
    this.#raise(start);
  }

  /** Takes the window with the earliest start out. */
  takeFirst(): number {
    const start = must(this.#heap[0], 'open window');
    this.#starts.delete(start);
    if (start === this.#lastStart) this.#lastStart = NaN;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    return start;
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
