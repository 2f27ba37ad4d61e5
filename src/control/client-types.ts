// What the door's functions for jobs take and give, as plain data.

import type {AnyJobState, JobView} from '../runtime/job-view.ts';
import type {SavepointTarget} from '../runtime/job-commands.ts';
import type {JobEnd} from './job-record.ts';
import type {TriggerKind, TriggerOutcome} from './trigger-journal.ts';

export interface ClientOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For one answer of the job; absent: 10 s. */
  readonly answerMillis?: number | undefined;
}

/** One row of `list`. */
export interface ListedJob {
  readonly jobId: string;
  readonly name: string;
  readonly state: AnyJobState;
  /** Its process runs. */
  readonly live: boolean;
  readonly generation: number;
  readonly pid: number;
  readonly host: string;
  readonly detached: boolean;
  /** Wall clock, milliseconds since the epoch. */
  readonly started: number;
  /** Null: it lives, or crashed and nobody knows when. */
  readonly ended: number | null;
  readonly lastCheckpointId: number | null;
  /** Absolute. */
  readonly jobFile: string;
  /** `<checkpoints directory>/<job name>`. */
  readonly jobDirectory: string;
  readonly restoredFrom: string | null;
  /** `http://127.0.0.1:PORT`; null: no TCP port is open. */
  readonly listens: string | null;
  /** Directory of its logs. */
  readonly logs: string;
  /** How it ended. */
  readonly end: JobEnd | null;
}

export interface JobList {
  /** Newest first. */
  readonly items: readonly ListedJob[];
  /** Jobs that live and did not answer. */
  readonly warnings: readonly string[];
}

export interface JobStatus {
  readonly job: ListedJob;
  /** Null: it has ended, or does not answer (`unreachable`). */
  readonly view: JobView | null;
  /** Why a job that lives could not be asked. */
  readonly unreachable: string | null;
}

export interface SavepointOrder extends SavepointTarget {
  /** 32 hexadecimal digits; absent: a new one. The same id again is the same operation. */
  readonly triggerId?: string | undefined;
}

export interface CheckpointOrder {
  readonly full: boolean;
  readonly triggerId?: string | undefined;
}

export interface StopOrder {
  readonly drain: boolean;
  /** Null: without one. */
  readonly savepoint: SavepointTarget | null;
  readonly triggerId?: string | undefined;
}

export interface TriggerAccepted {
  readonly kind: 'accepted';
  readonly job: ListedJob;
  readonly triggerId: string;
}

/** Nothing to do: it is no error, and the command says so. */
export interface AlreadyEnded {
  readonly kind: 'already-ended';
  readonly job: ListedJob;
}

export interface JobCancelled {
  readonly kind: 'cancelled';
  readonly job: ListedJob;
}

export interface TriggerResult {
  readonly jobId: string;
  readonly triggerId: string;
  readonly operation: TriggerKind;
  readonly outcome: TriggerOutcome;
  /** From its acceptance to its end. */
  readonly durationMillis: number;
}

/** What `wait --for` takes. */
export type WaitCondition =
  | {readonly kind: 'state'; readonly state: AnyJobState}
  /** In whatever way. */
  | {readonly kind: 'ended'}
  | {readonly kind: 'checkpoint'; readonly id: number}
  | {readonly kind: 'trigger'; readonly triggerId: string};

export type WaitResult =
  | {readonly kind: 'met'; readonly job: ListedJob; readonly waitedMillis: number}
  /** It can no longer happen. */
  | {readonly kind: 'impossible'; readonly job: ListedJob; readonly reason: string};

export interface LogOptions extends ClientOptions {
  /** Goes on until the job has ended. */
  readonly follow: boolean;
  /** The last so many lines; absent: all that is kept. */
  readonly lines?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A detached run that is RUNNING. */
export interface StartedJob {
  readonly jobId: string;
  readonly name: string;
  readonly generation: number;
  readonly pid: number;
  readonly decision: string;
  /** One sentence: "resumed from chk-12, because the last run crashed". */
  readonly reason: string;
  readonly restoredFrom: string | null;
  /** Directory of its logs. */
  readonly logs: string;
  readonly listens: string | null;
  /** The file with the bearer token of `listens`. */
  readonly tokenFile: string | null;
  readonly warnings: readonly string[];
}
