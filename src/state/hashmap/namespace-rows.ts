import {RowList} from '../row-list.ts';

const NO_ROWS = new RowList(1);

/** The rows of each namespace, in the order in which they came. */
export class NamespaceRows {
  readonly #rows = new Map<number, RowList>();
  #last = NaN;
  #lastRows = NO_ROWS;

  add(namespace: number, row: number): void {
    if (namespace !== this.#last) {
      let rows = this.#rows.get(namespace);
      if (rows === undefined) {
        rows = new RowList();
        this.#rows.set(namespace, rows);
      }
      this.#last = namespace;
      this.#lastRows = rows;
    }
    this.#lastRows.push(row);
  }

  namespaces(): readonly number[] {
    return [...this.#rows.keys()];
  }

  /** Not to be changed; good until the next call. */
  rowsOf(namespace: number): RowList {
    return this.#rows.get(namespace) ?? NO_ROWS;
  }

  take(namespace: number): RowList {
    const rows = this.rowsOf(namespace);
    this.#rows.delete(namespace);
    if (namespace === this.#last) this.#last = NaN;
    return rows;
  }
}
