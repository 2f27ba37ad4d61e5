import {systemRandom} from '../base/random.ts';
import type {RestorePlace} from '../inspection/open-database.ts';
import {makeScratchDirectory} from '../storage/scratch-directory.ts';
import {tmpdir} from 'node:os';

/** A restore is tried in directories of its own below the system's temporary one. */
export function restorePlace(): RestorePlace {
  return {
    async openStore(request) {
      // Only now: what opens a database is most of the engine.
      const {openStoreInThread} = await import('../engine.ts');
      return openStoreInThread(request);
    },
    makeDirectory: async () => makeScratchDirectory(tmpdir(), systemRandom.hex(8)),
  };
}
