// What goes into the coordinator and what comes out of it: plain data, so that the driver, the
// simulation and the model tests speak the same words. The semantics are in PROTOCOL.md.

import type {AbortReason, DeclineReason} from './abort-reason.ts';
import type {Alignment, AlignmentConfig} from './alignment.ts';
import type {CheckpointPurpose, OperatorSnapshot} from './checkpoint-metadata.ts';
import type {Acknowledgement, PendingCheckpoint} from './pending-checkpoint.ts';

export interface CoordinatorConfig extends AlignmentConfig {
  /** Null: no periodic checkpoints. */
  readonly intervalMillis: number | null;
  readonly minPauseMillis: number;
  readonly timeoutMillis: number;
  /** ≥ 1; of periodic checkpoints. Any other is alone. */
  readonly maxConcurrent: number;
  readonly tolerableFailed: number;
  /** ≥ 1. */
  readonly numRetained: number;
}

/** The facts of one deployment. */
export interface CoordinatorStart {
  readonly config: CoordinatorConfig;
  readonly generation: number;
  /** Every task that must acknowledge; not empty, no name twice. */
  readonly tasks: readonly string[];
  /** Ids start above it: the highest id seen anywhere in the directory, and the restored id. */
  readonly highestId: number;
  /** Published checkpoints of this lineage, oldest first. */
  readonly completed: readonly number[];
  /** Of the coordinator before a restart inside the process: only a success resets the count. */
  readonly consecutiveFailures?: number | undefined;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** Purposes that somebody asks for; periodic ones come from the interval alone. */
export type RequestedPurpose = Exclude<CheckpointPurpose, 'periodic'>;

export interface CheckpointRequest {
  readonly purpose: RequestedPurpose;
  readonly requestIds: readonly string[];
  /** Of the first who asked. */
  readonly askedAt: number;
  /** A last checkpoint that a task was not ready for is not asked for again at once. */
  readonly notBefore: number;
}

/** Between two attempts at a last checkpoint, while a task is not ready for it. */
export const RETRY_LAST_MILLIS = 100;

/** Every event carries monotonic milliseconds; between two events time never goes back. */
export type CoordinatorEvent = {readonly now: number} & (
  | {readonly kind: 'tick'}
  | {
      readonly kind: 'trigger-requested';
      readonly purpose: RequestedPurpose;
      readonly requestId: string;
    }
  /** The attempt's directory could not be made, or the trigger not be sent. */
  | {readonly kind: 'trigger-failed'; readonly id: number; readonly detail: string}
  | {
      readonly kind: 'acknowledge';
      readonly checkpointId: number;
      readonly generation: number;
      readonly task: string;
      readonly snapshot: readonly OperatorSnapshot[];
    }
  | {
      readonly kind: 'decline';
      readonly checkpointId: number;
      readonly generation: number;
      readonly task: string;
      readonly reason: DeclineReason;
      readonly detail: string;
    }
  /** The rename is synced: it exists. */
  | {readonly kind: 'published'; readonly id: number}
  /** It does not exist and never will. When that is unknown the process must stop instead. */
  | {readonly kind: 'publish-failed'; readonly id: number; readonly detail: string}
  /** Nothing of these is being written or left (aborted), or retention has looked at them (subsumed). */
  | {readonly kind: 'cleaned'; readonly ids: readonly number[]}
  /** The task is at the end of its input, its last rows are out; it still acknowledges. */
  | {readonly kind: 'task-ended'; readonly task: string}
  /** End the sources before their input does; the final checkpoint follows by itself. Repeating it is fine. */
  | {readonly kind: 'drain-requested'}
  /** The deployment is over; the next one has its own coordinator. */
  | {readonly kind: 'task-failed'; readonly task: string; readonly detail: string}
  | {readonly kind: 'shutdown'}
);

export type RequestOutcome =
  | {readonly kind: 'completed'; readonly checkpointId: number}
  | {
      readonly kind: 'aborted';
      readonly checkpointId: number;
      readonly reason: AbortReason;
      readonly detail: string;
    }
  /** Nothing was taken. */
  | {
      readonly kind: 'refused';
      readonly why: RefusalReason;
    };

/** `draining`: the job ends with its final checkpoint, and nothing is taken beside it. */
export type RefusalReason = 'job-ended' | 'coordinator-stopped' | 'too-many-requests' | 'draining';

/** To be carried out in order. */
export type CoordinatorDecision =
  /** Make the attempt's directory, then have every source send the barrier. */
  | {
      readonly kind: 'trigger';
      readonly id: number;
      readonly purpose: CheckpointPurpose;
      readonly alignment: Alignment;
      /** Monotonic milliseconds. */
      readonly triggeredAt: number;
    }
  /** Publish it, then say `published` or `publish-failed`. Never two at a time, ids always ascend. */
  | {
      readonly kind: 'complete';
      readonly id: number;
      readonly purpose: CheckpointPurpose;
      readonly alignment: Alignment;
      /** Monotonic milliseconds. */
      readonly triggeredAt: number;
      /** The checkpoint of this lineage before it. */
      readonly parent: number | null;
      /** In the order of the tasks. */
      readonly acknowledgements: readonly Acknowledgement[];
    }
  /** Drop the attempt's files; say `cleaned` when they are gone and no task writes them any more. */
  | {
      readonly kind: 'abort';
      readonly id: number;
      readonly reason: AbortReason;
      readonly detail: string;
    }
  | {readonly kind: 'notify-complete'; readonly id: number}
  | {readonly kind: 'notify-aborted'; readonly id: number}
  /** Beyond `num-retained` of this lineage: ask retention, then say `cleaned`. */
  | {readonly kind: 'subsume'; readonly ids: readonly number[]}
  /** Every source ends as if its input did. At most once; no order of a checkpoint is under way. */
  | {readonly kind: 'drain'}
  /** A late acknowledgement of an aborted checkpoint: drop what it brought, nothing else. */
  | {readonly kind: 'discard'; readonly id: number; readonly task: string}
  | {
      readonly kind: 'answer';
      readonly requestIds: readonly string[];
      readonly outcome: RequestOutcome;
    }
  /** To the restart strategy. The coordinator has stopped. */
  | {readonly kind: 'fail-job'; readonly reason: string}
  /** Always the last decision: send `tick` then; null: no tick is needed. */
  | {readonly kind: 'next-wake'; readonly at: number | null};

export interface CoordinatorState {
  readonly config: CoordinatorConfig;
  readonly generation: number;
  readonly tasks: readonly string[];
  /**
   * `ended`: a final or stop checkpoint is complete, nothing follows. `stopped`: shut down or failed;
   * only a publication that is under way still ends.
   */
  readonly phase: 'running' | 'ended' | 'stopped';
  /** The highest id given so far. */
  readonly lastId: number;
  /** By ascending id; none of them completed or aborted. */
  readonly pending: readonly PendingCheckpoint[];
  /** At most one per purpose; whoever asks for the same joins it. */
  readonly requests: readonly CheckpointRequest[];
  readonly nextPeriodicAt: number | null;
  readonly lastCompletedAt: number | null;
  readonly consecutiveFailures: number;
  readonly endedTasks: ReadonlySet<string>;
  /** `wanted` until nothing is pending; `begun`: windows may be flushed, only the final checkpoint may follow. */
  readonly drain: 'none' | 'wanted' | 'begun';
  /** The newest `num-retained` of the lineage, oldest first. */
  readonly completed: readonly number[];
  /** Aborted or subsumed, not yet reported `cleaned`. */
  readonly cleaning: ReadonlySet<number>;
  /** The newest `ABORTED_REMEMBERED` aborted ids. */
  readonly aborted: readonly number[];
}

export interface CoordinatorStep {
  readonly state: CoordinatorState;
  readonly decisions: readonly CoordinatorDecision[];
}

/** Aborted ids for which a late acknowledgement is still answered with `discard`. */
export const ABORTED_REMEMBERED = 256;
/** Requests that may wait at once for one checkpoint. */
export const WAITING_REQUESTS_MAX = 1024;
