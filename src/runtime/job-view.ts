// What a job tells of itself to whoever asks while it runs: plain data, made anew for each question out of
// counters that are kept anyway.

import type {CheckpointHistoryView} from '../metrics/checkpoint-history.ts';
import type {JobState, SinkTotals, SourceTotals} from './run-types.ts';

/** States of a job whose process lives; the others are how it ended. */
export const LIVE_STATES = [
  'INITIALIZING',
  'RUNNING',
  'RESTARTING',
  'STOPPING',
  'CANCELLING',
] as const;
export type LiveJobState = (typeof LIVE_STATES)[number];
export type AnyJobState = LiveJobState | JobState;

/** Which job a run turned out to be. */
export interface ChosenRun {
  readonly jobId: string;
  /** 16 hexadecimal digits, of the process. */
  readonly runId: string;
}

export interface FailureView {
  /** Wall clock, milliseconds since the epoch. */
  readonly at: number;
  readonly code: string;
  readonly message: string;
  /** `<head uid>/<subtask>`; null: it was no task's. */
  readonly task: string | null;
}

export interface ChainView {
  /** The head's uid. */
  readonly id: string;
  /** `flights -> late -> out` */
  readonly name: string;
  readonly uids: readonly string[];
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly inputs: readonly {readonly sourceChain: string; readonly partitioning: string}[];
}

export interface TaskView {
  /** `<head uid>/<subtask>` */
  readonly id: string;
  /** The head's uid. */
  readonly operator: string;
  readonly subtask: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Milliseconds since the epoch; null: none yet, or at the end of its input. */
  readonly watermark: number | null;
  /** Shares of the time since the last reports, 0 to 1. */
  readonly busy: number;
  readonly backPressured: number;
  readonly idle: number;
  /** Over all deployments. */
  readonly busyMillis: number;
  readonly backPressuredMillis: number;
  readonly idleMillis: number;
}

export interface JobConfigView {
  readonly mode: 'exactly-once' | 'at-least-once';
  /** Null: no periodic checkpoints. */
  readonly intervalMillis: number | null;
  readonly timeoutMillis: number;
  readonly minPauseMillis: number;
  readonly maxConcurrent: number;
  readonly tolerableFailed: number;
  readonly retention: string;
  readonly unaligned: boolean;
  readonly alignedTimeoutMillis: number;
  readonly incremental: boolean;
  readonly stateBackend: string;
  /** Absolute. */
  readonly checkpointsDirectory: string;
  readonly savepointDirectory: string | null;
  readonly restartStrategy: string;
}

export interface JobView {
  /** 32 hexadecimal digits, one per lineage. */
  readonly jobId: string;
  readonly name: string;
  /** Absolute. */
  readonly jobFile: string;
  readonly state: AnyJobState;
  readonly generation: number;
  /** Wall clock, milliseconds since the epoch; of this process. */
  readonly started: number;
  readonly ended: number | null;
  /** Of the last change of `state`. */
  readonly changed: number;
  /** When this was made. */
  readonly now: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly restarts: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly badRecords: number;
  readonly lateRecords: number;
  /** Records in, over the last seconds. */
  readonly recordsPerSecond: number;
  readonly watermark: number | null;
  /** Absolute path of the checkpoint's directory; null: from the beginning. */
  readonly restoredFrom: string | null;
  readonly chains: readonly ChainView[];
  readonly tasks: readonly TaskView[];
  readonly sources: readonly SourceTotals[];
  readonly sinks: readonly SinkTotals[];
  readonly checkpoints: CheckpointHistoryView;
  /** Newest first; the last ones. */
  readonly failures: readonly FailureView[];
  readonly failuresTruncated: boolean;
  readonly config: JobConfigView;
  /** Wall clock at which each state was first entered. */
  readonly stateTimes: Readonly<Partial<Record<AnyJobState, number>>>;
}
