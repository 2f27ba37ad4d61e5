// Opens a stored database for reading its rows, beside the live one or without one.

import {LocalDirectory, type LocalPlace} from './local-directory.ts';
import {placeDatabase} from './place-database.ts';
import type {OpenStore, StoreOptions} from './row-store.ts';
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
