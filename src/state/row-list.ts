/** A growing list of row numbers; `values` may be longer than `count`. */
export class RowList {
  values: Int32Array;
  count = 0;

  constructor(capacity = 16) {
    this.values = new Int32Array(capacity);
  }

  push(row: number): void {
    if (this.count === this.values.length) {
      const grown = new Int32Array(this.count * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.count] = row;
    this.count += 1;
  }

  /** The last one; the list must not be empty. */
  pop(): number {
    this.count -= 1;
    return this.values[this.count]!;
  }

  clear(): void {
    this.count = 0;
  }
}
