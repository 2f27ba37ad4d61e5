// The contract of an operator: one node of the stream graph, one instance per subtask. All calls come
// from the task's thread, one at a time, in this order:
//   open → (process | advanceWatermark | beforeBarrier, snapshot | notifyComplete)* → [endInput, …] → close

import type {OperatorSnapshot, SubtaskMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {Clock} from '../base/clock.ts';
import type {OperatorUid} from '../base/ids.ts';
import type {JobMetrics} from '../metrics/job-metrics.ts';
import type {OptionValues} from '../job/job-spec.ts';
import type {OperatorSpec} from '../job/operator-spec.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';
import type {StateBackend} from '../state/state-backend.ts';

/** Where an operator's results go. The batch is lent for the call. */
export interface Output {
  emit(batch: RecordBatch): void;
  /** To the side output of that name (`late-to`); only names that the operator's spec declared. */
  emitTo(sideOutput: string, batch: RecordBatch): void;
}

export interface OperatorContext {
  readonly uid: OperatorUid;
  readonly subtask: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** The key groups that this subtask owns. */
  readonly keyGroups: KeyGroupRange;
  readonly output: Output;
  /** This operator's own; the runtime closes it after `close`. */
  readonly state: StateBackend;
  readonly metrics: JobMetrics;
  readonly clock: Clock;
  /**
   * This operator's subtasks in the restored checkpoint; empty when fresh. Keyed state is not read from
   * here: `state.openTable` does that.
   */
  readonly restored: readonly SubtaskMetadata[];
  /** The restored checkpoint's directory; its bytes are verified. Null when fresh. */
  readonly restoredDirectory: string | null;
}

/** What an instance is made from, besides its context. */
export interface OperatorRequest {
  readonly context: OperatorContext;
  /** The plan's options. */
  readonly options: OptionValues;
  /** Schemas of the inputs, in the order of the file. */
  readonly inputs: readonly Schema[];
  /** The plan's schema. */
  readonly schema: Schema;
}

/** What the catalog lists: one for each step type. */
export interface OperatorType {
  readonly spec: OperatorSpec;
  create(request: OperatorRequest): Operator;
}

/** Where the files of one checkpoint attempt go. */
export interface SnapshotTarget {
  readonly checkpointId: number;
  /** Absolute; `<uid>/` below it is made by whoever writes the first file there. */
  readonly directory: string;
  /** The snapshot at the end of input or before a stop: nothing follows it. */
  readonly last: boolean;
  /** All state is written, whatever earlier checkpoints hold. */
  readonly full: boolean;
}

export interface Operator {
  /** Restores and prepares; the first record comes after it resolved. */
  open(): Promise<void>;
  /** One batch, synchronously. Throws EngineError RECORD_FAILED naming the record. */
  process(batch: RecordBatch, input: number): void;
  /** Event time has reached `time` (ms; +Infinity at the end). Never goes back. After the rows that made it. */
  advanceWatermark(time: number): void;
  /** Right before the snapshot, on both sides of it in order: emits what belongs before the barrier (`on-checkpoint`). */
  beforeBarrier(): void;
  /**
   * The synchronous part runs before it returns (freeze pages, take positions); the promise resolves
   * when the state is durable in `target`. Records go on meanwhile.
   */
  snapshot(target: SnapshotTarget): Promise<OperatorSnapshot>;
  /** All inputs have ended and the watermark is +Infinity; emit what remains (`at-end`). Not called on a stop. */
  endInput(): void;
  /** Checkpoint `checkpointId` is published; earlier ones may have been skipped. */
  notifyComplete(checkpointId: number): Promise<void>;
  /** Checkpoint `checkpointId` will never be published. */
  notifyAborted(checkpointId: number): Promise<void>;
  /** Frees threads and files; also after a failure. */
  close(): Promise<void>;
}
