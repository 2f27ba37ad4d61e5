import {systemRandom} from '../base/random.ts';
import type {DatabasePlace} from '../inspection/state/read-states.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** Databases of RocksDB are put together in a directory of their own below the system's temporary one. */
export function databasePlace(): DatabasePlace {
  return {
    async openStore(request) {
      // Only now: what opens a database is most of the engine.
      const {openStoreInThread} = await import('../engine.ts');
      return openStoreInThread(request);
    },
    async makeDirectory() {
      const path = join(tmpdir(), `tidemark-state-${systemRandom.hex(8)}`);
      try {
        await files.makeDirectory(path);
      } catch (error) {
        throw storageFailed('making the scratch directory', path, error);
      }
      return path;
    },
  };
}
