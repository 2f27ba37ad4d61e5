// Opens a stored database for reading its rows, beside the live one or without one.

import {LocalDirectory, type LocalPlace} from './local-directory.ts';
import {placeDatabase} from './place-database.ts';
import type {OpenStore, RowStore, StoreOptions} from './row-store.ts';
import type {StoredDatabase} from './stored-database.ts';
import type {OpenedStored} from '../restore-rows.ts';
import type {FileSystem} from '../../storage/file-system.ts';

export interface OpenStoredOptions {
  readonly files: FileSystem;
  readonly openStore: OpenStore;
  readonly store: StoreOptions;
  /** The checkpoint's directory, whose bytes are verified. */
  readonly source: string;
  readonly threads: number;
  readonly uid: string;
}

/** Files that are placed at once. */
const PLACING_THREADS = 4;

/** What is enough to read a database once. */
const READING: StoreOptions = {
  writeBufferSize: 1024 * 1024,
  writeBufferCount: 2,
  backgroundThreads: 2,
  openFiles: -1,
  blockSize: 8192,
  bloomBitsPerKey: 10,
};

/** In `directory`, which is empty: to be read once, without the options of a job. Closing and removing it is the caller's. */
export async function openOnce(
  stored: StoredDatabase,
  directory: string,
  {
    files,
    openStore,
    source,
    uid,
  }: Pick<OpenStoredOptions, 'files' | 'openStore' | 'source' | 'uid'>,
): Promise<RowStore> {
  await placeDatabase(files, {stored, source, target: directory, threads: PLACING_THREADS});
  const {families} = stored;
  return openStore({directory, families, options: READING, what: `the state of ${uid}`});
}

/** In the directory `name` of `local`, which is removed when it is closed. */
export async function openStored(
  stored: StoredDatabase,
  local: LocalDirectory,
  name: string,
  options: OpenStoredOptions,
): Promise<OpenedStored> {
  const {files, openStore, source, threads, uid} = options;
  const directory = await local.child(name);
  await placeDatabase(files, {stored, source, target: directory, threads});
  const store = await openStore({
    directory,
    families: stored.families,
    options: options.store,
    what: `the restored state of ${uid}`,
  });
  return {
    store,
    close: async () => {
      await store.close();
      await local.removeChild(name);
    },
  };
}

/** For a backend that has no local directory of its own. */
export async function openStoredAlone(
  stored: StoredDatabase,
  place: LocalPlace,
  options: OpenStoredOptions,
): Promise<OpenedStored> {
  const local = await LocalDirectory.make(place, options.files);
  try {
    const {store, close} = await openStored(stored, local, 'source', options);
    return {
      store,
      close: async () => {
        await close();
        await local.remove();
      },
    };
  } catch (error) {
    await local.remove();
    throw error;
  }
}
