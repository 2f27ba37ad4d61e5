// Opens a database of a checkpoint with RocksDB, as a restore does.

import type {OpenedStored} from '../state/restore-rows.ts';
import {openOnce} from '../state/rocksdb/open-stored.ts';
import type {OpenStore} from '../state/rocksdb/row-store.ts';
import type {StoredDatabase} from '../state/rocksdb/stored-database.ts';
import {removeTree} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';

/** Where a restore is tried, and a database of a checkpoint is put together to be opened. */
export interface RestorePlace {
  readonly openStore: OpenStore;
  /** A new directory, absolute, for each restore and each database. Removing it is the caller's. */
  readonly makeDirectory: () => Promise<string>;
}

/** Of the checkpoint in `directory`, in a directory of its own, which `close` removes. Its bytes were verified. */
export async function openDatabase(
  stored: StoredDatabase,
  operator: string,
  {
    files,
    directory,
    place,
  }: {readonly files: FileSystem; readonly directory: string; readonly place: RestorePlace},
): Promise<OpenedStored> {
  const target = await place.makeDirectory();
  try {
    const {openStore} = place;
    const from = {files, openStore, source: directory, uid: operator};
    const store = await openOnce(stored, target, from);
    return {
      store,
      close: async () => {
        await store.close();
        await removeTree(files, target);
      },
    };
  } catch (error) {
    await removeTree(files, target);
    throw error;
  }
}
