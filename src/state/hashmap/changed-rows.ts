// The writer's side of what a ChangeTracker hands over.

/** The bits of a table of `rowCount` rows. */
export class ChangedRows {
  readonly #bits: Int32Array;
  readonly #rowCount: number;

  constructor(bits: SharedArrayBuffer, rowCount: number) {
    this.#bits = new Int32Array(bits, 0, Math.ceil(rowCount / 32));
    this.#rowCount = rowCount;
  }

  /** How many rows have changed; those that are gone since count too. */
  count(): number {
    let count = 0;
    for (const word of this.#bits) {
      let rest = word - ((word >>> 1) & 0x55555555);
      rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
      count += (((rest + (rest >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
    }
    return count;
  }

  /** One of rows [first, first + count) has changed. */
  any(first: number, count: number): boolean {
    const end = Math.min(this.#rowCount, first + count);
    for (let row = first; row < end;) {
      const word = this.#bits[row >>> 5]!;
      if (word === 0) row = (row | 31) + 1;
      else if ((word & (1 << row)) !== 0) return true;
      else row += 1;
    }
    return false;
  }

  /**
   * Moves those of `count` rows that have changed together: the rows begin at `base` of `ints`, the first one is row
   * `first` of the table. Returns how many ints they take.
   */
  keep(ints: Int32Array, base: number, first: number, count: number, rowInts: number): number {
    let to = base;
    for (let index = 0; index < count; index += 1) {
      const row = first + index;
      if ((this.#bits[row >>> 5]! & (1 << row)) === 0) continue;
      const from = base + index * rowInts;
      if (to !== from)
        for (let int = 0; int < rowInts; int += 1) ints[to + int] = ints[from + int]!;
      to += rowInts;
    }
    return to - base;
  }
}
