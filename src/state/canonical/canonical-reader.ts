// Fills a table of any backend from a canonical state file.

import {BLOCK_ROWS, CanonicalRows, type CanonicalBlock} from './canonical-rows.ts';
import {specOfSchema} from './canonical-format.ts';
import {decodeValues, storedSlots, type StoredSlot} from './value-codec.ts';
import {systemErrorCode} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {compileKeyGroups, type KeyGroups} from '../../keys/key-groups-kernel.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import {refuseOtherSchema} from '../refuse-other-schema.ts';
import {damaged, snapshotSchema} from '../snapshot-format.ts';
import type {KeyedTable, TableSpec} from '../state-backend.ts';

/** Adds what the file at `path` holds of `range` to `table`; none of it may be there yet. */
export async function restoreCanonical(
  files: Pick<FileSystem, 'openForRead'>,
  path: string,
  table: KeyedTable,
  range: KeyGroupRange,
  maxParallelism: number,
): Promise<void> {
  try {
    const handle = await files.openForRead(path);
    try {
      const {size} = await handle.status();
      const rows = new CanonicalRows(handle, path, size);
      const schema = await rows.readSchema();
      refuseOtherSchema(schema, snapshotSchema(table.spec, maxParallelism), path);
      const filler = new CanonicalFiller(table, specOfSchema(schema, path), maxParallelism, path);
      for await (const block of rows.read(schema, range)) filler.add(block);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('reading the state from', path, error);
  }
}

class CanonicalFiller {
  readonly #table: KeyedTable;
  readonly #slots: readonly StoredSlot[];
  readonly #keyGroupColumns: number;
  readonly #keyGroups: KeyGroups;
  readonly #path: string;
  readonly #rows = new Int32Array(BLOCK_ROWS);
  readonly #groups = new Uint16Array(BLOCK_ROWS);

  constructor(table: KeyedTable, stored: TableSpec, maxParallelism: number, path: string) {
    this.#table = table;
    this.#slots = storedSlots(stored.values, table.shape);
    const {key, keyGroupColumns} = stored;
    this.#keyGroupColumns = keyGroupColumns;
    this.#keyGroups = compileKeyGroups(key.slice(0, keyGroupColumns), maxParallelism);
    this.#path = path;
  }

  add({group, rowsAt, rowCount, key, values}: CanonicalBlock): void {
    this.#keyGroups(key.slice(0, this.#keyGroupColumns), null, rowCount, this.#groups);
    const strange = this.#groups.subarray(0, rowCount).findIndex((own) => own !== group);
    if (strange >= 0) {
      throw damaged(this.#path, rowsAt, `a row of another key group than ${group}`);
    }
    this.#table.resolve(key, null, 0, rowCount, this.#rows);
    if (this.#table.added.count !== rowCount) {
      throw damaged(this.#path, rowsAt, 'a key is there twice');
    }
    for (const [index, bytes] of values.entries()) {
      if (decodeValues(this.#table, this.#rows[index]!, this.#slots, bytes)) continue;
      throw damaged(this.#path, rowsAt, 'values of other kinds than the schema says');
    }
  }
}
