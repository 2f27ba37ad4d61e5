// Databases of RocksDB that are opened for real, each in a directory of its own.

import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';

import type {RestorePlace} from '#src/inspection/open-database.js';
import {storeThreads} from '#src/runtime/store-thread.js';
import {MailboxStore} from '#src/state/rocksdb/mailbox-store.js';

const startStore = storeThreads(new URL(import.meta.resolve('#src/store-entry.js')));

/** Directories `work-1`, `work-2`, … in `scratch`. */
export function realDatabases(scratch: string): RestorePlace {
  let made = 0;
  return {
    openStore: async (request) => MailboxStore.open(request, startStore),
    async makeDirectory() {
      made += 1;
      const path = join(scratch, `work-${made}`);
      await mkdir(path);
      return path;
    },
  };
}
