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

/** A snapshot that is frozen and not yet over. */
class OngoingSnapshot {
  readonly checkpointId: number;
  /** For the writer: int 0 is 1 when it is given up. */
  readonly control = new SharedArrayBuffer(4);
  /** Resolves when it is given up. */
  readonly abandoned: Promise<void>;
  #abandon: () => void = () => undefined;

  constructor(checkpointId: number) {
    this.checkpointId = checkpointId;
    this.abandoned = new Promise((resolve) => {
      this.#abandon = resolve;
    });
  }

  get isGivenUp(): boolean {
    return Atomics.load(new Int32Array(this.control), 0) !== 0;
  }

  giveUp(): void {
    Atomics.store(new Int32Array(this.control), 0, 1);
    this.#abandon();
  }
}

/** A table at the freeze of a snapshot, and what its file builds on. */
interface FrozenState {
  readonly open: OpenTable;
  readonly before: readonly FileState[];
  readonly request: SnapshotRequest;
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
  /** By checkpoint, oldest first. */
  readonly #ongoing = new Map<number, OngoingSnapshot>();
  /** Resolves when all snapshots that were begun are over. */
  #idle: Promise<unknown> = Promise.resolve();

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
    this.#requireRoom(target.checkpointId);
    const before = this.#idle;
    const snapshot = this.#take(target, before);
    this.#idle = Promise.allSettled([before, snapshot]);
    return snapshot;
  }

  #requireRoom(checkpointId: number): void {
    for (const {table} of this.#tables.values()) {
      const limit = table.refusesFreeze();
      if (limit === null) continue;
      throw snapshotOngoing(this.#options.uid, checkpointId, [...this.#ongoing.keys()], limit);
    }
  }

  /** Freezes at once, and writes when the snapshots before it are over: older ones go first, and pages are read in turn. */
  async #take(
    target: BackendSnapshotTarget,
    before: Promise<unknown>,
  ): Promise<readonly FileState[]> {
    const {checkpointId} = target;
    const ongoing = new OngoingSnapshot(checkpointId);
    this.#ongoing.set(checkpointId, ongoing);
    const frozen: FrozenState[] = [];
    try {
      for (const open of this.#tables.values()) {
        frozen.push(this.#freeze(open, target, ongoing.control));
      }
      await Promise.race([before, ongoing.abandoned]);
      this.#requireWanted(ongoing);
      const written = await allOrFirstError(
        frozen.splice(0).map(async (state) => this.#write(state)),
      );
      // Given up when it was all but written: nobody will say once more that it is.
      this.#requireWanted(ongoing);
      return written.flat();
    } catch (error) {
      this.#takeBack(checkpointId);
      throw error;
    } finally {
      for (const {open, request} of frozen) open.table.release(request.table);
      this.#ongoing.delete(checkpointId);
    }
  }

  #requireWanted({isGivenUp, checkpointId}: OngoingSnapshot): void {
    if (isGivenUp) throw givenUp(this.#options.uid, checkpointId);
  }

  #freeze(
    open: OpenTable,
    {checkpointId, directory, full = false}: BackendSnapshotTarget,
    control: SharedArrayBuffer,
  ): FrozenState {
    const {uid, subtask, compression} = this.#options;
    const {table, chain} = open;
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
    return {open, before, request};
  }

  async #write({open, before, request}: FrozenState): Promise<readonly FileState[]> {
    let file: FileState;
    try {
      file = await this.#options.writer.call(request);
    } finally {
      open.table.release(request.table);
    }
    return open.chain?.written(request.checkpointId, before, file) ?? [file];
  }

  abortSnapshot(checkpointId: number): void {
    this.#ongoing.get(checkpointId)?.giveUp();
  }

  checkpointCompleted(checkpointId: number): void {
    for (const {table, chain} of this.#tables.values()) {
      chain?.complete(checkpointId);
      table.changes?.completed(checkpointId);
    }
  }

  checkpointAborted(checkpointId: number): void {
    const ongoing = this.#ongoing.get(checkpointId);
    // The writer may still read what the snapshot has: it gives that back itself, when it is over.
    if (ongoing !== undefined) ongoing.giveUp();
    else this.#takeBack(checkpointId);
  }

  /** What the checkpoint had stored is stored again. */
  #takeBack(checkpointId: number): void {
    for (const {table, chain} of this.#tables.values()) {
      chain?.abort(checkpointId);
      table.changes?.aborted(checkpointId);
    }
  }

  sizeBytes(): number {
    return [...this.#tables.values()].reduce((sum, {table}) => sum + table.sizeBytes, 0);
  }

  async close(): Promise<void> {
    for (const ongoing of this.#ongoing.values()) ongoing.giveUp();
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
