import {RowList} from '../row-list.ts';
import type {VisitRows} from '../state-backend.ts';

/** Rows that were noted, each once. */
export class NotedRows {
  readonly #list = new RowList();
  /** By row: 1 when it is noted. */
  #marks = new Uint8Array(0);

  /** Row numbers are below `rowCount`. */
  mark(rows: Int32Array, from: number, to: number, rowCount: number): void {
    if (rowCount > this.#marks.length) {
      const grown = new Uint8Array(rowCount * 2);
      grown.set(this.#marks);
      this.#marks = grown;
    }
    const marks = this.#marks;
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      if (marks[row] === 1) continue;
      marks[row] = 1;
      this.#list.push(row);
    }
  }

  isMarked(row: number): boolean {
    return this.#marks[row] === 1;
  }

  /** They are deleted. */
  forget(rows: Int32Array, from: number, to: number): void {
    if (this.#list.count === 0) return;
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      if (row < this.#marks.length) this.#marks[row] = 0;
    }
  }

  /** A number that was deleted and given to another row may stand twice in the list. */
  take(visit: VisitRows): void {
    const {values, count} = this.#list;
    let kept = 0;
    for (let at = 0; at < count; at += 1) {
      const row = values[at]!;
      if (this.#marks[row] === 0) continue;
      this.#marks[row] = 0;
      values[kept++] = row;
    }
    this.#list.clear();
    if (kept > 0) visit(values, kept);
  }
}
