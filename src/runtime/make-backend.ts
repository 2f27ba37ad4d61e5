import type {KeyGroupRange} from '../base/key-groups.ts';
import {must} from '../base/assert.ts';
import type {SubtaskMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {HashmapBackend} from '../state/hashmap/hashmap-backend.ts';
import {openStoredAlone} from '../state/rocksdb/open-stored.ts';
import {RocksdbBackend} from '../state/rocksdb/rocksdb-backend.ts';
import type {OpenStore} from '../state/rocksdb/row-store.ts';
import type {SnapshotWriter} from '../state/snapshot-request.ts';
import type {StateBackend} from '../state/state-backend.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {jobDirectoryOf} from '../storage/paths.ts';
import type {Deployment} from './task-messages.ts';

export interface BackendEnvironment {
  readonly files: FileSystem;
  readonly snapshotWriter: SnapshotWriter;
  /** Opens a database of the rocksdb backend. */
  readonly openStore: OpenStore;
}

interface BackendContext {
  readonly uid: string;
  readonly subtask: number;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly restored: readonly SubtaskMetadata[];
  readonly restoredDirectory: string | null;
}

/** The state backend that the job asks for, of one operator and subtask. */
export function makeBackend(
  context: BackendContext,
  {job, generation, restored}: Deployment,
  {files, snapshotWriter, openStore}: BackendEnvironment,
): StateBackend {
  const {uid, subtask, restoredDirectory} = context;
  const {rocksdb, backend} = job.state;
  const {snapshotCompression, incremental, maxChain} = job.checkpointing;
  const store = rocksdb;
  const place = {
    jobDirectory: jobDirectoryOf(job.checkpointing.directory, job.name),
    directories: rocksdb.localDirectories,
    ...{generation, uid, subtask},
  };
  const options = {...context, files, writer: snapshotWriter};
  switch (backend) {
    case 'hashmap':
      return new HashmapBackend({
        ...options,
        compression: snapshotCompression,
        incremental: incremental ? {deltasMax: maxChain} : null,
        openStored: async (stored) =>
          openStoredAlone(stored, place, {
            ...{files, openStore, store, uid, threads: rocksdb.transferThreads},
            source: must(restoredDirectory, 'restored directory'),
          }),
      });
    case 'rocksdb':
      return new RocksdbBackend({
        ...options,
        ...{openStore, place, incremental},
        ownsRestored: restored?.isOwn === true,
        settings: {
          store,
          cacheBytes: rocksdb.cacheSize,
          transferThreads: rocksdb.transferThreads,
        },
      });
  }
}
