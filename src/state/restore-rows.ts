// Fills a table of either backend from what a checkpoint holds of it, in whichever form: files of the hashmap
// backend, a canonical file, a database of RocksDB. Only rows of the table's own key groups are taken.

import {isCanonical, specOfSchema} from './canonical/canonical-format.ts';
import {restoreCanonical} from './canonical/canonical-reader.ts';
import {HashTable} from './hashmap/hash-table.ts';
import {moveRows} from './move-rows.ts';
import {refuseOtherSchema} from './refuse-other-schema.ts';
import type {RowStore} from './rocksdb/row-store.ts';
import {isRocksdbFile, storedDatabaseOf, type StoredDatabase} from './rocksdb/stored-database.ts';
import {readStoredRows} from './rocksdb/stored-rows.ts';
import {slicesOf} from './slices.ts';
import {plainLengthOf, snapshotSchema} from './snapshot-format.ts';
import {restoreTable, storedChain} from './snapshot-reader.ts';
import type {KeyedTable} from './state-backend.ts';
import {assert, must} from '../base/assert.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileState, SubtaskMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {checkpointFiles} from '../storage/open-below.ts';
import {stateFileAt} from '../storage/paths.ts';
import {chainsOf, isKeyedFile, requireWhole} from '../storage/state-chain.ts';

/** Rows of a database that are in memory at once, beside the table's own. */
const STORED_ROWS = 64 * 1024;
/** Of hashmap files that is in memory at once, beside the table's own. */
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
    const files = subtask.states.filter(isKeyedFile).filter((state) => !isRocksdbFile(state));
    for (const found of chainsOf(files.filter(({name}) => name === table.spec.name))) {
      assert(restoredDirectory !== null, `${uid} is restored from no directory`);
      const chain = requireWhole(found, restoredDirectory);
      const groups = must(chain.files[0], 'a state file').keyGroups;
      if (groups !== null && !overlap(groups, keyGroups)) continue;
      await restoreChain(table, chain.files, restoredDirectory, request);
    }
  }
  if (table instanceof HashTable) table.listNamespaces();
}

async function restoreChain(
  table: KeyedTable,
  states: readonly FileState[],
  directory: string,
  {files, keyGroups, maxParallelism}: RowsToRestore,
): Promise<void> {
  const opener = checkpointFiles(files, directory);
  const base = must(states[0], 'a state file');
  const path = stateFileAt(directory, base.path);
  if (isCanonical(base)) {
    await restoreCanonical(opener, path, table, keyGroups, maxParallelism);
    return;
  }
  const chain = storedChain(states, directory);
  if (table instanceof HashTable) {
    await restoreTable(opener, chain, table, keyGroups, maxParallelism);
    return;
  }
  const bytes = states.reduce((sum, state) => sum + plainLengthOf(state), 0);
  for (const slice of slicesOf(keyGroups, Math.ceil(bytes / SLICE_BYTES))) {
    const part = new HashTable({...table.spec, byNamespace: undefined}, maxParallelism, path);
    await restoreTable(opener, chain, part, slice, maxParallelism);
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
