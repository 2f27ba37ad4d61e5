// Fills a table of either backend from what a checkpoint holds of it, in whichever form: a file of the hashmap backend, a
// canonical file, a database of RocksDB. Only rows of the table's own key groups are taken.

import {isCanonical, specOfSchema} from './canonical/canonical-format.ts';
import {restoreCanonical} from './canonical/canonical-reader.ts';
import {HashTable} from './hashmap/hash-table.ts';
import {moveRows} from './move-rows.ts';
import {refuseOtherSchema} from './refuse-other-schema.ts';
import type {RowStore} from './rocksdb/row-store.ts';
import {isRocksdbFile, storedDatabaseOf, type StoredDatabase} from './rocksdb/stored-database.ts';
import {readStoredRows} from './rocksdb/stored-rows.ts';
import {slicesOf} from './slices.ts';
import {snapshotSchema} from './snapshot-format.ts';
import {restoreTable} from './snapshot-reader.ts';
import type {KeyedTable} from './state-backend.ts';
import {assert} from '../base/assert.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileState, SubtaskMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../storage/file-system.ts';

/** Rows of a database that are in memory at once, beside the table's own. */
const STORED_ROWS = 64 * 1024;
/** Of a hashmap file that is in memory at once, beside the table's own. */
const SLICE_BYTES = 8 * 1024 * 1024;

/** A stored database, opened for reading. */
export interface OpenedStored {
  readonly store: RowStore;
  readonly close: () => Promise<void>;
}

export interface RowsToRestore {
  readonly uid: string;
  readonly restored: readonly SubtaskMetadata[];
  /** Its bytes are verified. Null when fresh. */
  readonly restoredDirectory: string | null;
  readonly files: FileSystem;
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  readonly openStored: (stored: StoredDatabase) => Promise<OpenedStored>;
}

export async function restoreRows(table: KeyedTable, request: RowsToRestore): Promise<void> {
  const {restored, restoredDirectory, keyGroups, uid} = request;
  for (const subtask of restored) {
    const stored = storedDatabaseOf(subtask);
    if (stored !== null && overlap(stored.keyGroups, keyGroups)) {
      await restoreStored(table, stored, request);
    }
    for (const state of subtask.states) {
      if (state.location !== 'file' || state.kind !== 'keyed') continue;
      if (isRocksdbFile(state) || state.name !== table.spec.name) continue;
      if (state.keyGroups !== null && !overlap(state.keyGroups, keyGroups)) continue;
      assert(restoredDirectory !== null, `${uid} is restored from no directory`);
      await restoreFile(table, state, `${restoredDirectory}/${state.path}`, request);
    }
  }
}

async function restoreFile(
  table: KeyedTable,
  state: FileState,
  path: string,
  {files, keyGroups, maxParallelism}: RowsToRestore,
): Promise<void> {
  if (isCanonical(state)) {
    await restoreCanonical(files, path, table, keyGroups, maxParallelism);
    return;
  }
  if (table instanceof HashTable) {
    await restoreTable(files, path, table, keyGroups, maxParallelism);
    return;
  }
  for (const slice of slicesOf(keyGroups, Math.ceil(state.length / SLICE_BYTES))) {
    const part = new HashTable({...table.spec, byNamespace: undefined}, maxParallelism, path);
    await restoreTable(files, path, part, slice, maxParallelism);
    moveRows(part, table);
  }
}

async function restoreStored(
  table: KeyedTable,
  stored: StoredDatabase,
  {keyGroups, maxParallelism, openStored}: RowsToRestore,
): Promise<void> {
  const schema = stored.schemas.find(({table: name}) => name === table.spec.name);
  if (schema === undefined) return;
  refuseOtherSchema(schema, snapshotSchema(table.spec, maxParallelism), stored.path);
  const spec = specOfSchema(schema, stored.path);
  const {store, close} = await openStored(stored);
  try {
    const family = stored.families.indexOf(table.spec.name);
    const rows = {store, family, spec, maxParallelism, path: stored.path};
    for (const part of readStoredRows(rows, keyGroups, STORED_ROWS)) moveRows(part, table);
  } finally {
    await close();
  }
}

function overlap(left: KeyGroupRange, right: KeyGroupRange): boolean {
  return left.start <= right.end && right.start <= left.end;
}
