// What a run is asked for and what it tells, as plain data: the words of the door for `run`.

import type {EngineError, ExitStatus} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import type {JobCommands} from './job-commands.ts';
import type {CheckpointStats, SubtaskCheckpointStats} from '../metrics/checkpoint-stats.ts';
import type {TaskTimes} from '../metrics/job-metrics.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Changes to the job file from the command line, applied in the order given. */
export interface JobOverrides {
  /** `-D key=value`: Flink's full option keys. */
  readonly flink: readonly (readonly [key: string, value: string])[];
  /** `--set path=value`: a dotted path in the job file, the value as YAML. */
  readonly set: readonly (readonly [path: string, value: string])[];
  /** Absent: what the job file says. */
  readonly parallelism?: number | undefined;
}

/** What to do when the newest checkpoint is damaged. */
export type DamagePolicy = 'stop' | 'use-older';
/** What to do with output that was committed after the checkpoint that is restored. */
export type OutputAheadPolicy = 'refuse' | 'keep' | 'withdraw';

/** `no-claim`: it stays the user's, and is never written to or deleted. `claim`: the new lineage owns it. */
export type ClaimMode = 'no-claim' | 'claim';

export interface RunRequest {
  /** As typed; relative to the working directory. */
  readonly file: string;
  /** The command line that asks, to which a hint adds a flag; absent: it is none. */
  readonly call?: string | undefined;
  readonly overrides: JobOverrides;
  /** Never resume. */
  readonly fresh: boolean;
  /** Restore exactly this checkpoint (a REF); absent: resume or start fresh as JOB.md says. */
  readonly restoreFrom?: string | undefined;
  readonly allowNonRestoredState: boolean;
  /** Who owns what `restoreFrom` names; absent: as -D says, else `no-claim`. */
  readonly claimMode?: ClaimMode | undefined;
  /** Count the last owner as dead without asking. */
  readonly takeOver: boolean;
  readonly onDamaged: DamagePolicy;
  readonly outputAhead: OutputAheadPolicy;
  /** Refuse directories of checkpoints that every user of the machine may write; else it is a warning. */
  readonly strict?: boolean | undefined;
  /** A checkpoint whose windows were flushed may be restored. */
  readonly allowDrained: boolean;
  /** How long the last checkpoint after a signal may take. */
  readonly shutdownTimeoutMillis: number;
  /** Time between two `progress` events. */
  readonly progressIntervalMillis: number;
  readonly environment: Environment;
  /** `HOST:PORT` on loopback at which the job is controlled too; absent: no TCP port is open. */
  readonly listen?: string | undefined;
  /** Nobody watches: without a place in the job registry it does not begin. */
  readonly detached?: boolean | undefined;
}

export interface RunningJob {
  /**
   * In order of time; ends after `summary`. For one reader, who must read on: a job whose rows are not
   * read waits for it.
   */
  readonly events: AsyncIterable<RunEvent>;
  /** The first call takes a last checkpoint and stops; the second stops at once. */
  interrupt(signal: 'SIGINT' | 'SIGTERM'): void;
  /** Savepoints, stop, cancel. Each is answered, also when the job never begins or ends first. */
  readonly commands: JobCommands;
  /**
   * How the job ended, also when it failed (`error`). Rejects, before any event, when it could not
   * begin: invalid file, locked, nothing to restore.
   */
  readonly finished: Promise<RunSummary>;
}

/** How a start came about. */
export type StartDecision = 'fresh' | 'resumed' | 'restored';

/** One line of `run --json`; `at` is wall time, milliseconds since the epoch. */
export type RunEvent =
  | {
      readonly type: 'started';
      readonly at: number;
      readonly jobName: string;
      /** 32 hexadecimal digits, one per lineage. */
      readonly jobId: string;
      readonly generation: number;
      readonly decision: StartDecision;
      /** One sentence: "resumed from chk-12, because the last run crashed". */
      readonly reason: string;
      /** Absolute path of the checkpoint's directory. */
      readonly restoredFrom: string | null;
    }
  /** The TCP port of `--listen` is open. */
  | {
      readonly type: 'listening';
      readonly at: number;
      /** `http://127.0.0.1:PORT` */
      readonly url: string;
      /** The file with its bearer token. */
      readonly tokenFile: string;
    }
  | {
      readonly type: 'progress';
      readonly at: number;
      readonly recordsIn: number;
      readonly recordsOut: number;
      /** Records in, over the time since the last `progress`. */
      readonly recordsPerSecond: number;
      /** Milliseconds since the epoch; null: none yet. */
      readonly watermark: number | null;
      readonly lastCheckpointId: number | null;
    }
  | {
      readonly type: 'checkpoint';
      readonly at: number;
      readonly id: number;
      readonly kind: 'checkpoint' | 'savepoint';
      readonly path: string;
      readonly bytes: number;
      readonly durationMillis: number;
      /** Over all subtasks. */
      readonly stats: CheckpointStats;
      /** By task. */
      readonly subtasks: Readonly<Record<string, SubtaskCheckpointStats>>;
    }
  | {
      readonly type: 'checkpoint_failed';
      readonly at: number;
      readonly id: number;
      readonly reason: string;
    }
  | {
      readonly type: 'restarting';
      readonly at: number;
      readonly attempt: number;
      readonly cause: string;
      /** Null: from the beginning. */
      readonly restoredFrom: string | null;
    }
  | {readonly type: 'row'; readonly at: number; readonly sink: string; readonly row: OutputRow}
  | {readonly type: 'warning'; readonly at: number; readonly code: string; readonly message: string}
  | {readonly type: 'summary'; readonly at: number; readonly summary: RunSummary};

/** A row of a console sink: values in the order of its columns, as JSON shows them. */
export type OutputRow = Readonly<Record<string, JsonValue | bigint>>;

export type JobState = 'FINISHED' | 'STOPPED' | 'CANCELED' | 'FAILED' | 'INTERRUPTED' | 'CRASHED';

export interface SourceTotals {
  readonly uid: string;
  readonly connector: string;
  readonly recordsIn: number;
  readonly bytesIn: number;
  readonly badRecords: number;
}

export interface SinkTotals {
  readonly uid: string;
  readonly connector: string;
  readonly recordsOut: number;
  readonly bytesOut: number;
  /** Absolute path where the output is; null for a sink that keeps nothing. */
  readonly target: string | null;
}

export interface RunSummary {
  readonly jobName: string;
  /** As it was named on the command line, for the next command. */
  readonly jobFile: string;
  readonly state: JobState;
  readonly exitStatus: ExitStatus;
  /** Why it failed. */
  readonly error: EngineError | null;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly badRecords: number;
  readonly lateRecords: number;
  /** Completed ones of this run. */
  readonly checkpoints: number;
  readonly restarts: number;
  readonly durationMillis: number;
  readonly lastCheckpoint: {
    readonly id: number;
    readonly path: string;
    readonly bytes: number;
  } | null;
  readonly sources: readonly SourceTotals[];
  readonly sinks: readonly SinkTotals[];
  /** What each task did with its time, over all deployments; by `<head uid>/<subtask>`. */
  readonly tasks: Readonly<Record<string, TaskTimes>>;
}
