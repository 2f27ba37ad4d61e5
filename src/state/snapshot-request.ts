// What a task hands to the snapshot writer: plain data and shared memory, so that it crosses threads.

import type {Compression} from './snapshot-format.ts';
import type {TableSpec} from './state-backend.ts';
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
  /** Int 0 becomes 1 when the snapshot is given up: the writer then stops soon. */
  readonly control: SharedArrayBuffer;
}

/** Takes one request at a time from each table; `snapshot-writer.ts` behind it, usually in a thread. */
export type SnapshotWriter = WorkerClient<SnapshotRequest, FileState>;
