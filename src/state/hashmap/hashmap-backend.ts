import {HashTable} from './hash-table.ts';
import type {Compression} from '../snapshot-format.ts';
import {givenUp, type SnapshotRequest, type SnapshotWriter} from '../snapshot-request.ts';
import {restoreRows, type RowsToRestore} from '../restore-rows.ts';
import {snapshotOngoing} from '../snapshot-ongoing.ts';
import {TableChain} from './table-chain.ts';
import type {BackendSnapshotTarget, KeyedTable, StateBackend, TableSpec} from '../state-backend.ts';
import {assert} from '../../base/assert.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../../storage/file-system.ts';

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
  readonly compression: Compression;
  /** Null: each checkpoint has all rows, in files of its own. */
  readonly incremental: {
    /** At most so many deltas follow a file with all rows. */
    readonly deltasMax: number;
  } | null;
  /** Not closed by the backend: others may use it too. */
  readonly writer: SnapshotWriter;
  /** For a restore from a checkpoint of the rocksdb backend. */
  readonly openStored: RowsToRestore['openStored'];
}

interface OngoingSnapshot {
  readonly checkpointId: number;
  readonly control: SharedArrayBuffer;
}

interface OpenTable {
  readonly table: HashTable;
  /** Null: every snapshot has all rows, in files of its own. */
  readonly chain: TableChain | null;
}

/** The hashmap backend of one operator and subtask: all rows in memory. */
export class HashmapBackend implements StateBackend {
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly #options: HashmapBackendOptions;
  readonly #tables = new Map<string, OpenTable>();
  #ongoing: OngoingSnapshot | null = null;

  constructor(options: HashmapBackendOptions) {
    this.maxParallelism = options.maxParallelism;
    this.keyGroups = options.keyGroups;
    this.#options = options;
  }

  async openTable(spec: TableSpec): Promise<KeyedTable> {
    const {uid, incremental, maxParallelism} = this.#options;
    assert(!this.#tables.has(spec.name), `table ${uid}.${spec.name} is open already`);
    const table = new HashTable(spec, maxParallelism, uid);
    const chain = incremental === null ? null : new TableChain(spec, incremental.deltasMax);
    this.#tables.set(spec.name, {table, chain});
    await restoreRows(table, this.#options);
    // What was restored belongs to another run: the first snapshot has all rows.
    if (chain !== null) table.trackChanges();
    return table;
  }

  async snapshot(target: BackendSnapshotTarget): Promise<readonly FileState[]> {
    const {uid} = this.#options;
    const {checkpointId} = target;
    if (this.#ongoing !== null) {
      throw snapshotOngoing(uid, checkpointId, this.#ongoing.checkpointId);
    }
    const control = new SharedArrayBuffer(4);
    this.#ongoing = {checkpointId, control};
    const writes = [...this.#tables.values()].map(async (open) =>
      this.#write(open, target, control),
    );
    try {
      const written = await allOrFirstError(writes);
      // Given up when it was all but written: nobody will say once more that it is.
      if (isGivenUp(control)) throw givenUp(uid, checkpointId);
      return written.flat();
    } catch (error) {
      this.checkpointAborted(checkpointId);
      throw error;
    } finally {
      this.#ongoing = null;
    }
  }

  async #write(
    {table, chain}: OpenTable,
    {checkpointId, directory, full = false}: BackendSnapshotTarget,
    control: SharedArrayBuffer,
  ): Promise<readonly FileState[]> {
    const {uid, subtask, writer, compression} = this.#options;
    const before = chain?.completed ?? [];
    const next = full ? null : (chain?.next() ?? null);
    const changes = table.changes?.freeze(checkpointId, next === null) ?? null;
    const request: SnapshotRequest = {
      checkpointId,
      directory,
      uid,
      subtask,
      spec: table.spec,
      keyGroups: this.keyGroups,
      maxParallelism: this.maxParallelism,
      table: table.freeze(),
      compression,
      delta: next === null || changes === null ? null : {...next, changes},
      shared: chain !== null,
      control,
    };
    let file: FileState;
    try {
      file = await writer.call(request);
    } finally {
      table.release();
    }
    return chain?.written(checkpointId, before, file) ?? [file];
  }

  abortSnapshot(checkpointId: number): void {
    if (this.#ongoing?.checkpointId !== checkpointId) return;
    Atomics.store(new Int32Array(this.#ongoing.control), 0, 1);
  }

  checkpointCompleted(checkpointId: number): void {
    for (const {table, chain} of this.#tables.values()) {
      chain?.complete(checkpointId);
      table.changes?.completed(checkpointId);
    }
  }

  checkpointAborted(checkpointId: number): void {
    this.abortSnapshot(checkpointId);
    for (const {table, chain} of this.#tables.values()) {
      chain?.abort(checkpointId);
      table.changes?.aborted(checkpointId);
    }
  }

  sizeBytes(): number {
    return [...this.#tables.values()].reduce((sum, {table}) => sum + table.sizeBytes, 0);
  }

  async close(): Promise<void> {
    if (this.#ongoing !== null) this.abortSnapshot(this.#ongoing.checkpointId);
    this.#tables.clear();
    return Promise.resolve();
  }
}

function isGivenUp(control: SharedArrayBuffer): boolean {
  return Atomics.load(new Int32Array(control), 0) !== 0;
}

/** Waits for all: nothing may still be reading a table when its snapshot is over. */
async function allOrFirstError<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === 'fulfilled') return result.value;
    throw result.reason as Error;
  });
}
