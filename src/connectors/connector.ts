// Contracts of sources and sinks; one instance per subtask, all calls from the task's thread.
//
//   source: open → (poll, then watermark/idle/takeDeadLetters | available | snapshot)* → close
//   sink:   open → (write, then flow | prepare | commit | abort)* → close
//
// An error that any call throws or rejects with is final for the instance: it only takes `close` after
// it, and what it had not handed over as committed is made again from the last checkpoint.

import type {SubtaskMetadata, StateHandle} from '../checkpoint/checkpoint-metadata.ts';
import type {Clock, Timers} from '../base/clock.ts';
import type {JsonValue} from '../base/json.ts';
import type {SinkSpec, SourceSpec} from '../job/job-spec.ts';
import type {ConnectorSpec} from '../job/operator-spec.ts';
import type {JobMetrics} from '../metrics/job-metrics.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {SharedSplits} from './shared-splits.ts';

/** What `enumerate` is given: the part of the context that is the same for all subtasks. */
export interface EnumerateContext {
  readonly uid: string;
  readonly files: FileSystem;
  /** Absolute directory of the job file: relative paths start here. */
  readonly jobDirectory: string;
  /** All subtasks of this connector in the restored checkpoint (any parallelism); empty when fresh. */
  readonly restored: readonly SubtaskMetadata[];
  /** For the user's eyes; the run goes on: a file grew, a new file is not read. */
  warn(message: string): void;
}

export interface ConnectorContext extends EnumerateContext {
  readonly subtask: number;
  readonly parallelism: number;
  /** Of a source whose `enumerate` made a plan: what its subtasks share out. Null: nothing is shared. */
  readonly sharedSplits: SharedSplits | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly metrics: JobMetrics;
  /** Name parts that keep files of different jobs, lineages and generations apart. */
  readonly jobName: string;
  readonly lineage: string;
  readonly generation: number;
  /** Console sink: rows as JSON texts (one object each, no line break), to be shown now, in order. */
  showRows(rows: readonly string[]): void;
  /** Null: go on. Otherwise: resolves when the reader of the shown rows has caught up. */
  rowsFlow(): Promise<void> | null;
}

/** One line of the catalog: what the job room validates against, and what makes the instance. */
export interface SourceConnector {
  readonly spec: ConnectorSpec;
  /**
   * No I/O before `open`. Batches have the columns of `source.schema`, in its order; it may be narrowed
   * to the columns that the job uses (the watermark's column is one of them).
   */
  create(source: SourceSpec, context: ConnectorContext): SourceReader;
  /**
   * What the subtasks share out, as plain data; null: nothing. Called once per deployment, on the main
   * thread, before any subtask is made: it looks for splits when fresh, and puts together what all
   * subtasks of the restored checkpoint knew otherwise (SOURCE_LOST_DATA when a split has changed).
   * Absent: each subtask finds its own splits.
   */
  enumerate?(source: SourceSpec, context: EnumerateContext): Promise<JsonValue | null>;
  /**
   * Where all subtasks of a checkpoint together go on, one line per split, for a person. CHECKPOINT_DAMAGED when that
   * cannot be read.
   */
  describePosition(uid: string, subtasks: readonly SubtaskMetadata[]): readonly string[];
}

export interface SinkConnector {
  readonly spec: ConnectorSpec;
  /** No I/O before `open`. */
  create(sink: SinkSpec, context: ConnectorContext): SinkWriter;
}

export type SourceStep =
  /** Lent until the next call. */
  | {readonly kind: 'batch'; readonly batch: RecordBatch}
  /** Nothing right now; await `available()`. */
  | {readonly kind: 'pending'}
  /** Bounded input is at its end. */
  | {readonly kind: 'ended'};

/** One bad record, for `on-bad-record: dead-letter`. */
export interface DeadLetter {
  /** `data/a.ndjson` */
  readonly split: string;
  readonly byteOffset: number;
  /** 1-based; 0 when the format has no lines. */
  readonly line: number;
  readonly reason: string;
  /** The record's bytes, at most the first 64 KiB. */
  readonly record: Uint8Array;
}

export interface SourceReader {
  /** Restores positions, checks the identity of what it reads (SOURCE_LOST_DATA). */
  open(): Promise<void>;
  /**
   * At most `maxRows` (≥ 1) rows, synchronously; a batch has at least one row. Bad records: thrown as
   * RECORD_FAILED, counted, or kept for `takeDeadLetters`; a step without rows may have some too. When a
   * record fails, the good rows before it have been handed over by an earlier call.
   */
  poll(maxRows: number): SourceStep;
  /**
   * Resolves when `poll` may have more; also when `close` is called. Rejects when the source failed in
   * the background; `poll` then throws the same error. One caller at a time.
   */
  available(): Promise<void>;
  /** The watermark after the last polled batch: ms, -Infinity before the first, +Infinity after the end. */
  watermark(): number;
  /** The source is idle: its watermark does not hold back others (`idle-timeout`). */
  idle(): boolean;
  /** Bad records since the last call. */
  takeDeadLetters(): readonly DeadLetter[];
  /** The position after the last polled batch. Synchronous: between two batches. */
  snapshot(): readonly StateHandle[];
  close(): Promise<void>;
}

/** A sink whose output appears when its checkpoint is complete (two-phase), or at once (console). */
export interface SinkWriter {
  open(): Promise<void>;
  /** Encodes into the writer's own buffer; no I/O. */
  write(batch: RecordBatch): void;
  /**
   * Null: go on. Otherwise the task awaits it before the next batch (buffer full). Rejects when writing
   * in the background failed.
   */
  flow(): Promise<void> | null;
  /**
   * Cuts the output at the barrier (synchronous part), then flushes, syncs and closes what came before
   * it; resolves with the committables of this and all earlier uncommitted checkpoints. Ids ascend; it may
   * be called again before the last one resolved.
   */
  prepare(checkpointId: number): Promise<readonly StateHandle[]>;
  /**
   * Makes everything prepared for `checkpointId` or earlier visible. Idempotent. Only after the
   * checkpoint is published.
   */
  commit(checkpointId: number): Promise<void>;
  /** What was prepared for `checkpointId` stays pending and goes with the next one. */
  abort(checkpointId: number): Promise<void>;
  /** Stops background work. Leaves every prepared file where it is: the next run settles them. */
  close(): Promise<void>;
}
