// How a task keeps keyed state. An operator sees tables of rows; a row has a key, and accumulators
// that the operator's kernels update in place. Rows are numbers, memory is typed arrays.
//
// One backend per operator and subtask. All calls come from the task's thread.

import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {Column} from '../records/column.ts';
import type {Field} from '../records/schema.ts';

/** One table: key columns (hashed and compared), and slots that kernels update in place. */
export interface TableSpec {
  /** Its snapshot's file is `<subtask>.<name>`. */
  readonly name: string;
  /** At most 16. May be empty: one row for all. */
  readonly key: readonly Field[];
  /** The first `keyGroupColumns` of them decide the key group; the rest (a window's start) are namespace. */
  readonly keyGroupColumns: number;
  readonly values: readonly ValueSlot[];
  /** Its rows can be asked for by namespace: the last key column, a timestamp, which no key group depends on. */
  readonly byNamespace?: true | undefined;
}

/**
 * One accumulator. A restore finds it by name, so a name says what the value means (`worst.max`). A row
 * begins with every slot zero and not set.
 *
 *   float64   a double
 *   int64     an exact 64-bit integer: a double while |v| ≤ 2^53 - 1, else (`wide` flag) a BigInt64
 *   bytes     a string, in the table's byte arena: `readBytes`, `writeBytes`
 *   flag      one bit and no word
 *
 * Each has a `set` bit that is the operator's to use.
 */
export interface ValueSlot {
  readonly name: string;
  readonly kind: 'float64' | 'int64' | 'bytes' | 'flag';
}

/** Where a slot is: `floats[row * rowWords + word]`, flags in `ints[row * rowInts + flagInt]`. */
export interface SlotLayout extends ValueSlot {
  /** 8-byte word within the row; -1 for a flag. */
  readonly word: number;
  readonly flagInt: number;
  readonly setMask: number;
  /** Of int64; 0 otherwise. */
  readonly wideMask: number;
}

/** The rows of a table: three views of one memory. Valid until the next `resolve`. */
export interface RowMemory {
  readonly ints: Int32Array;
  readonly floats: Float64Array;
  readonly wides: BigInt64Array;
}

export interface RowShape {
  /** Size of a row in 4-byte and in 8-byte words. */
  readonly rowInts: number;
  readonly rowWords: number;
  /** In the order of the spec. */
  readonly slots: readonly SlotLayout[];
}

/** Rows that `resolve` had to make. */
export interface AddedRows {
  readonly count: number;
  /** Row numbers, and the position (as of `resolve`) of the record that made each. */
  readonly rows: Int32Array;
  readonly positions: Int32Array;
}

/**
 * Some rows, each once: their numbers are `rows[0, count)`. They are good until it returns, and as long no `resolve` is
 * allowed; `prepareWrite` before one is written.
 */
export type VisitRows = (rows: Int32Array, count: number) => void;

/**
 * A row number is good until the next `resolve`, visit or deletion: the table may hold only some of its rows in memory. What
 * must be found again later is asked of the table, which visits it in steps of bounded size.
 */
export interface KeyedTable {
  readonly spec: TableSpec;
  readonly shape: RowShape;
  /** Every row number is below it. */
  readonly rowCount: number;
  /** It has no row at all. */
  isEmpty(): boolean;
  /** Row number `row` is that of a row in memory; the table may hold others. */
  isLive(row: number): boolean;
  memory(): RowMemory;

  /**
   * `rows[p]` becomes the row of the record at live position p (row `selection[p]` of the columns), for
   * from ≤ p < to; a key that is not there gets a row. NULL equals NULL, -0 equals 0, NaN equals NaN.
   * All these rows may be written until the next `resolve` or snapshot. `added` is overwritten.
   */
  resolve(
    key: readonly Column[],
    selection: Int32Array | null,
    from: number,
    to: number,
    rows: Int32Array,
  ): void;
  readonly added: AddedRows;

  /** Before rows that `resolve` did not just return are written. */
  prepareWrite(rows: Int32Array, from: number, to: number): void;
  /** Their numbers are given to later keys. Not of a table `byNamespace`. */
  deleteRows(rows: Int32Array, from: number, to: number): void;

  /** All rows, in no particular order. */
  visitRows(visit: VisitRows): void;
  /**
   * Looks at so many places of rows at most, going on where it ended the last time, round and round; rows in them are
   * visited, and may be deleted meanwhile. The rows of the last `resolve` are no longer in use.
   */
  visitSome(places: number, visit: VisitRows): void;

  /** Notes rows of the last `resolve` as changed; a group once, however often it is noted. */
  markChanged(rows: Int32Array, from: number, to: number): void;
  /** All rows noted since it was last called; must be called before a snapshot: notes are not part of one. */
  visitChanged(visit: VisitRows): void;

  /** Of a table `byNamespace`: the namespaces that have rows, in no particular order. */
  namespaces(): readonly number[];
  visitNamespace(namespace: number, visit: VisitRows): void;
  deleteNamespace(namespace: number): void;

  /** Key column `index` of the rows, as a new column of `to - from` rows. */
  readKey(index: number, rows: Int32Array, from: number, to: number): Column;

  /** The bytes of a set `bytes` slot: `arena()[start, end)`. Valid until the next write to the table. */
  bytesStart(row: number, slot: SlotLayout): number;
  bytesLength(row: number, slot: SlotLayout): number;
  arena(): Uint8Array;
  /** Copies, and sets the slot. The row must be writable. */
  writeBytes(row: number, slot: SlotLayout, bytes: Uint8Array, start: number, end: number): void;
}

/** Where the files of a snapshot go. */
export interface BackendSnapshotTarget {
  readonly checkpointId: number;
  /** The attempt's directory, absolute; exists. Files go to `<uid>/` below it, or are set apart to be shared. */
  readonly directory: string;
  /** All state is written, whatever earlier checkpoints hold. */
  readonly full?: boolean | undefined;
}

export interface StateBackend {
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  /**
   * A table with what the restored checkpoint holds of it in this subtask's key groups. Each name once,
   * before the first snapshot. INCOMPATIBLE when the stored key or slots do not fit the spec.
   */
  openTable(spec: TableSpec): Promise<KeyedTable>;
  /**
   * All tables as they are now: the freeze is done when it returns; writing goes on aside and the
   * promise resolves when the files are durable. Rejects with `snapshotOngoing` when so many earlier ones are still
   * being written that it may not begin.
   */
  snapshot(target: BackendSnapshotTarget): Promise<readonly FileState[]>;
  /** Checkpoint `checkpointId` will not be published: stops writing it soon; its `snapshot` rejects. */
  abortSnapshot(checkpointId: number): void;
  /** Checkpoint `checkpointId` is published: later snapshots may refer to its files. */
  checkpointCompleted(checkpointId: number): void;
  /** Checkpoint `checkpointId` will never be: what it had stored is stored again. Repeating it is fine. */
  checkpointAborted(checkpointId: number): void;
  /** Bytes held by all tables. */
  sizeBytes(): number;
  close(): Promise<void>;
}
