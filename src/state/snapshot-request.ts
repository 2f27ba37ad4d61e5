// What a task hands to the snapshot writer: plain data and shared memory, so that it crosses threads.

import type {Compression, DeltaPlace} from './snapshot-format.ts';
import type {TableSpec} from './state-backend.ts';
import {EngineError} from '../base/errors.ts';
import type {WorkerClient} from '../base/worker-pool.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';

/** Frozen pages of a table, as page-guard.ts describes. */
export interface FrozenPages {
  readonly count: number;
  /** Ints of a page. */
  readonly pageInts: number;
  /** A byte per page: its state. */
  readonly states: SharedArrayBuffer;
  /** An int per page: the place of its copy in `aside`. */
  readonly copies: SharedArrayBuffer;
  readonly aside: SharedArrayBuffer;
}

/** A table at one moment. The memory stays as it is until the reply. */
export interface FrozenTable {
  readonly pages: FrozenPages;
  readonly rows: SharedArrayBuffer;
  /** Row numbers of the snapshot are below it. */
  readonly rowCount: number;
  readonly arena: SharedArrayBuffer;
}

/** Keys of deleted rows: rows of `keyLayout`, the strings of which are in `arena`. */
export interface FrozenTombstones {
  readonly count: number;
  readonly rows: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
}

/** What is different from the files of a chain. */
export interface FrozenChanges {
  /** A bit for each row of the table, 32 in each int. */
  readonly bits: SharedArrayBuffer;
  readonly tombstones: FrozenTombstones;
}

/** The snapshot may be a delta. */
export interface DeltaRequest {
  readonly place: DeltaPlace;
  readonly changes: FrozenChanges;
  /** Rows and keys of more bytes, their strings aside, are not written as a delta: all rows are, instead. */
  readonly bytesMax: number;
}

export interface SnapshotRequest {
  readonly checkpointId: number;
  /** Absolute; exists. */
  readonly directory: string;
  readonly uid: string;
  readonly subtask: number;
  readonly spec: TableSpec;
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  readonly table: FrozenTable;
  readonly compression: Compression;
  /** Null: all rows are written. */
  readonly delta: DeltaRequest | null;
  /** Later checkpoints may refer to the file: it goes to `shared/`. */
  readonly shared: boolean;
  /** Int 0 becomes 1 when the snapshot is given up: the writer then stops soon. */
  readonly control: SharedArrayBuffer;
}

/** A file that belongs to a snapshot as it is; `copy-state-file.ts` carries it out. */
export interface CopyRequest {
  readonly checkpointId: number;
  /** Absolute; nobody changes it. */
  readonly source: string;
  /** As in `SnapshotRequest`. */
  readonly directory: string;
  readonly uid: string;
  /** What the handle says beside length and checksums. */
  readonly state: Omit<FileState, 'length' | 'sha256' | 'chunkCrcs'>;
  /** As in `SnapshotRequest`. */
  readonly shared: boolean;
  readonly control: SharedArrayBuffer;
}

/** Takes one request at a time from each table; `snapshot-writer.ts` behind it, usually in a thread. */
export type SnapshotWriter = WorkerClient<SnapshotRequest | CopyRequest, FileState>;

/** What the snapshot rejects with whose checkpoint was aborted. */
export function givenUp(uid: string, checkpointId: number): EngineError {
  return new EngineError(
    'JOB_FAILED',
    `checkpoint ${checkpointId} was aborted while the state of ${uid} was written`,
  );
}
