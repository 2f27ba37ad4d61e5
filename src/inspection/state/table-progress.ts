// How far a table was read, as bytes of its files: of each row its part of them, so that they are told of once, whatever is read
// again, and in the end all of them are.

import type {StateRows} from './read-states.ts';
import {filesOf, type StateTable} from './state-tables.ts';

export class TableProgress {
  readonly #table: StateTable;
  readonly #bytes: number;
  readonly #onBytes: (bytes: number) => void;
  /** In its files; a chain has rows that later ones replace. Null: they do not say it, and have their rows by key group. */
  readonly #rowCountMax: number | null;
  #rowCount = 0;
  #told = 0;

  /** `bytes`: that are told of. */
  constructor(table: StateTable, bytes: number, onBytes: (bytes: number) => void) {
    this.#table = table;
    this.#bytes = bytes;
    this.#onBytes = onBytes;
    this.#rowCountMax = rowCountOf(table);
  }

  /** In the order of the reader. */
  add({rowCount, keyGroups}: StateRows): void {
    this.#rowCount += rowCount;
    if (this.#rowCountMax !== null) {
      this.#tell(this.#rowCount / Math.max(1, this.#rowCountMax));
      return;
    }
    const {start, end} = this.#table.keyGroups;
    this.#tell(((keyGroups[rowCount - 1] ?? start) - start) / (end - start + 1));
  }

  end(): void {
    this.#tell(1);
  }

  #tell(share: number): void {
    const bytes = Math.floor(this.#bytes * Math.min(1, share));
    if (bytes <= this.#told) return;
    this.#onBytes(bytes - this.#told);
    this.#told = bytes;
  }
}

function rowCountOf(table: StateTable): number | null {
  let sum = 0;
  for (const {description} of filesOf(table)) {
    const {rows} = (description ?? {}) as {rows?: unknown};
    if (typeof rows !== 'number') return null;
    sum += rows;
  }
  return sum;
}

/** Of each table its part of the files, which tables of one database share. */
export function bytesByTable(tables: readonly StateTable[]): ReadonlyMap<StateTable, number> {
  const users = new Map<string, number>();
  for (const {path} of tables.flatMap(filesOf)) users.set(path, (users.get(path) ?? 0) + 1);
  return new Map(
    tables.map((table) => [
      table,
      filesOf(table).reduce((sum, {path, length}) => sum + length / (users.get(path) ?? 1), 0),
    ]),
  );
}
