import {HashTable} from './hash-table.ts';
import type {SnapshotRequest, SnapshotWriter} from '../snapshot-request.ts';
import {isCanonical} from '../canonical/canonical-format.ts';
import {restoreCanonical} from '../canonical/canonical-reader.ts';
import {restoreTable} from '../snapshot-reader.ts';
import type {BackendSnapshotTarget, KeyedTable, StateBackend, TableSpec} from '../state-backend.ts';
import {assert} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {stateFileAt} from '../../storage/paths.ts';

export interface HashmapBackendOptions {
  readonly uid: string;
  readonly subtask: number;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  /** This operator's subtasks in the restored checkpoint; empty when fresh. */
  readonly restored: readonly SubtaskMetadata[];
  /** The restored checkpoint's directory; its bytes are verified. Null when fresh. */
  readonly restoredDirectory: string | null;
  readonly files: FileSystem;
  /** Not closed by the backend: others may use it too. */
  readonly writer: SnapshotWriter;
}

interface OngoingSnapshot {
  readonly checkpointId: number;
  readonly control: SharedArrayBuffer;
}

/** The hashmap backend of one operator and subtask: all rows in memory. */
export class HashmapBackend implements StateBackend {
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly #options: HashmapBackendOptions;
  readonly #tables = new Map<string, HashTable>();
  #ongoing: OngoingSnapshot | null = null;

  constructor(options: HashmapBackendOptions) {
    this.maxParallelism = options.maxParallelism;
    this.keyGroups = options.keyGroups;
    this.#options = options;
  }

  async openTable(spec: TableSpec): Promise<KeyedTable> {
    const {uid, restored, restoredDirectory, files, maxParallelism} = this.#options;
    assert(!this.#tables.has(spec.name), `table ${uid}.${spec.name} is open already`);
    const table = new HashTable(spec, maxParallelism, uid);
    this.#tables.set(spec.name, table);
    for (const state of restored.flatMap((subtask) => subtask.states)) {
      if (state.location !== 'file' || state.kind !== 'keyed' || state.name !== spec.name) continue;
      if (state.keyGroups !== null && !overlap(state.keyGroups, this.keyGroups)) continue;
      assert(restoredDirectory !== null, `${uid} is restored from no directory`);
      const path = stateFileAt(restoredDirectory, state.path);
      const restore = isCanonical(state) ? restoreCanonical : restoreTable;
      await restore(files, path, table, this.keyGroups, maxParallelism);
    }
    return table;
  }

  async snapshot(target: BackendSnapshotTarget): Promise<readonly FileState[]> {
    const {uid, subtask, writer} = this.#options;
    if (this.#ongoing !== null) {
      throw new EngineError(
        'JOB_FAILED',
        `checkpoint ${target.checkpointId} cannot begin: the state of ${uid} for checkpoint ` +
          `${this.#ongoing.checkpointId} is still being written`,
        {
          hint: 'Raise checkpointing.interval or min-pause, or use a faster disk.',
          facts: {snapshot: 'ongoing'},
        },
      );
    }
    const control = new SharedArrayBuffer(4);
    this.#ongoing = {checkpointId: target.checkpointId, control};
    const writes = [...this.#tables.values()].map(async (table) => {
      const request: SnapshotRequest = {
        checkpointId: target.checkpointId,
        directory: target.directory,
        uid,
        subtask,
        spec: table.spec,
        keyGroups: this.keyGroups,
        maxParallelism: this.maxParallelism,
        table: table.freeze(),
        control,
      };
      try {
        return await writer.call(request);
      } finally {
        table.release();
      }
    });
    try {
      return await allOrFirstError(writes);
    } finally {
      this.#ongoing = null;
    }
  }

  abortSnapshot(checkpointId: number): void {
    if (this.#ongoing?.checkpointId !== checkpointId) return;
    Atomics.store(new Int32Array(this.#ongoing.control), 0, 1);
  }

  sizeBytes(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.sizeBytes, 0);
  }

  async close(): Promise<void> {
    if (this.#ongoing !== null) this.abortSnapshot(this.#ongoing.checkpointId);
    this.#tables.clear();
    return Promise.resolve();
  }
}

/** Waits for all: nothing may still be reading a table when its snapshot is over. */
async function allOrFirstError<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === 'fulfilled') return result.value;
    throw result.reason as Error;
  });
}

function overlap(left: KeyGroupRange, right: KeyGroupRange): boolean {
  return left.start <= right.end && right.start <= left.end;
}
