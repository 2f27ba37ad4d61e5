import type {RecordBatch} from '../records/record-batch.ts';

/**
 * Which live rows of a batch go to which of the targets (the channels of one output, in the order of the
 * subtasks that read them). Used by one thread.
 */
export interface Partitioner {
  readonly targetCount: number;
  /**
   * What goes where. The result belongs to the partitioner and is valid until the next call; a selection
   * may share memory with the batch's.
   */
  split(batch: RecordBatch): PartitionedRows;
}

/** Per target: the first `counts[target]` of `selections[target]`, ascending; null: the rows from 0 on. */
export interface PartitionedRows {
  readonly selections: readonly (Int32Array | null)[];
  readonly counts: Int32Array;
}
