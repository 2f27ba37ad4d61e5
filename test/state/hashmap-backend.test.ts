// Promise: the hashmap backend keeps the contract of every backend; snapshots are written by the same
// code as in the writer thread, here on the test's own.
import {FREEZES_MAX} from '#src/state/hashmap/page-guard.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import {sharedPath, stateFileAt} from '#src/storage/paths.js';
import {MemoryFiles} from './support/memory-files.ts';
import {noDatabase} from './support/no-database.ts';
import {MAX_PARALLELISM, stateBackendSuite} from './support/state-backend-suite.ts';

for (const compression of ['none', 'gzip', 'brotli'] as const) {
  stateBackendSuite(
    `HashmapBackend, compression ${compression}`,
    ({files, keyGroups, restored}) =>
      new HashmapBackend({
        uid: 'test',
        subtask: 0,
        maxParallelism: MAX_PARALLELISM,
        keyGroups,
        restored: restored.length === 0 ? [] : [{index: 0, states: restored, watermark: null}],
        restoredDirectory: restored.length === 0 ? null : '/restored',
        files,
        writer: new InProcessWriter(files),
        openStored: noDatabase,
        compression,
        incremental: null,
      }),
    () => new MemoryFiles(),
    {atOnce: FREEZES_MAX},
  );
}

// The same from files that several checkpoints share: they lie beside the checkpoint's directory, wherever that is.
stateBackendSuite(
  'HashmapBackend, restored from shared files of another directory',
  ({files, keyGroups, restored}) => {
    const shared = restored.map((state) => ({...state, path: sharedPath(state.sha256)}));
    for (const [index, {path}] of restored.entries()) {
      const content = files.content.get(`/restored/${path}`)!;
      files.content.set(stateFileAt('/elsewhere/job/chk-7', shared[index]!.path), content);
    }
    return new HashmapBackend({
      uid: 'test',
      subtask: 0,
      maxParallelism: MAX_PARALLELISM,
      keyGroups,
      restored: shared.length === 0 ? [] : [{index: 0, states: shared, watermark: null}],
      restoredDirectory: shared.length === 0 ? null : '/elsewhere/job/chk-7',
      files,
      writer: new InProcessWriter(files),
      openStored: noDatabase,
      compression: 'none',
      incremental: null,
    });
  },
  () => new MemoryFiles(),
  {atOnce: FREEZES_MAX},
);
