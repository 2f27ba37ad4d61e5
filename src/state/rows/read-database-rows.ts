// The rows of one table of a stored database, which is opened, as columns: ascending by key group and key, some at a time.

import type {RowColumns} from './row-block.ts';
import {rowsOfTable} from './read-snapshot-rows.ts';
import type {StateShape} from './state-shape.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {RowStore} from '../rocksdb/row-store.ts';
import type {StoredDatabase} from '../rocksdb/stored-database.ts';
import {readStoredRows} from '../rocksdb/stored-rows.ts';

const ROWS_MAX = 32 * 1024;

export function* readDatabaseRows(
  store: RowStore,
  stored: StoredDatabase,
  shape: StateShape,
  range: KeyGroupRange,
): Generator<RowColumns> {
  const {spec, maxParallelism} = shape;
  const {path} = stored;
  const family = stored.families.indexOf(spec.name);
  const rows = {store, family, spec, maxParallelism, path};
  for (const table of readStoredRows(rows, range, ROWS_MAX)) yield* rowsOfTable(table, shape, path);
}
