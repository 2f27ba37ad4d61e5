// Whose turn it is: the rows of several splits in the order of their numbers. The splits that have rows
// left stand in a ring, ascending by their next row; taking the first split's row and putting the split
// back is one step at the end of the ring, unless a split lags behind the others (after a restore from
// another parallelism) and moves less far.

export class RowOrder {
  readonly #splitCount: number;
  readonly #rowCount: number;
  /** Next row of each split, by split; NaN: not ours. */
  readonly #next: Float64Array;
  #ring = new Int32Array(0);
  #head = 0;
  #size = 0;

  /** `rowCount` over all splits; Infinity: endless. */
  constructor(splitCount: number, rowCount: number) {
    this.#splitCount = splitCount;
    this.#rowCount = rowCount;
    this.#next = new Float64Array(splitCount).fill(NaN);
  }

  /** Before the first `take`. */
  add(split: number, rowsMade: number): void {
    this.#next[split] = split + rowsMade * this.#splitCount;
    const unfinished: number[] = [];
    this.#next.forEach((row, other) => {
      if (row < this.#rowCount) unfinished.push(other);
    });
    unfinished.sort((left, right) => this.#next[left]! - this.#next[right]!);
    this.#ring = Int32Array.from(unfinished);
    this.#size = unfinished.length;
  }

  /** Up to `maxRows` row numbers into `rows` and their splits into `splits`; returns how many. */
  take(rows: Float64Array, splits: Int32Array, maxRows: number): number {
    const ring = this.#ring;
    const next = this.#next;
    const capacity = ring.length;
    let head = this.#head;
    let size = this.#size;
    let count = 0;
    while (count < maxRows && size > 0) {
      const split = ring[head]!;
      const row = next[split]!;
      rows[count] = row;
      splits[count] = split;
      count += 1;
      head = head + 1 === capacity ? 0 : head + 1;
      const following = row + this.#splitCount;
      next[split] = following;
      if (following >= this.#rowCount) {
        size -= 1;
        continue;
      }
      let place = head + size - 1;
      if (place >= capacity) place -= capacity;
      for (let left = size - 1; left > 0; left -= 1) {
        const before = place === 0 ? capacity - 1 : place - 1;
        if (next[ring[before]!]! < following) break;
        ring[place] = ring[before]!;
        place = before;
      }
      ring[place] = split;
    }
    this.#head = head;
    this.#size = size;
    return count;
  }

  rowsMade(split: number): number {
    return (this.#next[split]! - split) / this.#splitCount;
  }
}
