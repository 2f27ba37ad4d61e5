import {systemRandom} from '../base/random.ts';
import type {DatabasePlace} from '../inspection/state/read-states.ts';
import {makeScratchDirectory} from '../storage/scratch-directory.ts';
import {tmpdir} from 'node:os';

/** Databases of RocksDB are put together in a directory of their own below the system's temporary one. */
export function databasePlace(): DatabasePlace {
  return {
    async openStore(request) {
      // Only now: what opens a database is most of the engine.
      const {openStoreInThread} = await import('../engine.ts');
      return openStoreInThread(request);
    },
    makeDirectory: async () => makeScratchDirectory(tmpdir(), systemRandom.hex(8)),
  };
}
