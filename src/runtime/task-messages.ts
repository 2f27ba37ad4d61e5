// Everything that the main thread and a task thread say to each other. No other file posts a message. Orders of one
// checkpoint come in the order trigger, then notify-complete or notify-aborted.

import type {SerializedError} from '../base/errors.ts';
import type {
  CheckpointMetadata,
  CheckpointPurpose,
  OperatorSnapshot,
} from '../checkpoint/checkpoint-metadata.ts';
import type {DeclineReason} from '../checkpoint/abort-reason.ts';
import type {Alignment} from '../checkpoint/alignment.ts';
import type {SharedSplits} from '../connectors/shared-splits.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {SubtaskCheckpointStats} from '../metrics/checkpoint-stats.ts';
import type {MetricsReport} from '../metrics/job-metrics.ts';
import type {DeploymentMemory} from './deployment-memory.ts';

/** What a task thread starts from; handed over as its `workerData`. */
export interface Deployment {
  readonly job: JobSpec;
  readonly subtask: number;
  readonly lineage: string;
  readonly generation: number;
  /** What the subtasks of a source share out, by its uid; the same for every subtask. */
  readonly sharedSplits: ReadonlyMap<string, SharedSplits>;
  /** State of the rate limit of each source that has one, by its uid; the same for every subtask. */
  readonly rateLimits: ReadonlyMap<string, SharedArrayBuffer>;
  /** The checkpoint to restore, whose bytes are verified; null: fresh. */
  readonly restored: {
    readonly directory: string;
    readonly metadata: CheckpointMetadata;
    /** The lineage's own, or claimed by it, in its own directory: a checkpoint may refer to what it has in `shared/`. */
    readonly isOwn: boolean;
  } | null;
  readonly memory: DeploymentMemory;
}

export type ToTask =
  /** Go: the first record may be read. */
  | {readonly kind: 'start'}
  | {
      readonly kind: 'trigger';
      readonly checkpointId: number;
      readonly purpose: CheckpointPurpose;
      readonly alignment: Alignment;
      /** All state is written, whatever earlier checkpoints hold. */
      readonly full: boolean;
      /** Monotonic milliseconds, the same clock in all threads. */
      readonly triggeredAt: number;
      /** Absolute; the attempt's directory, which exists. */
      readonly directory: string;
    }
  | {readonly kind: 'notify-complete'; readonly checkpointId: number}
  | {readonly kind: 'notify-aborted'; readonly checkpointId: number}
  /** Sources end as if their input did. No trigger follows but that of the final checkpoint. */
  | {readonly kind: 'drain'}
  /** The reader is done with rows of this size. */
  | {readonly kind: 'rows-read'; readonly size: number}
  /** Close everything and end the thread; what is prepared stays pending. */
  | {readonly kind: 'cancel'};

export type FromTask =
  /** Every operator is open and restored. */
  | {readonly kind: 'deployed'; readonly tasks: readonly string[]}
  | {
      readonly kind: 'acknowledge';
      readonly checkpointId: number;
      readonly task: string;
      readonly snapshots: readonly OperatorSnapshot[];
      readonly stats: SubtaskCheckpointStats;
    }
  | {
      readonly kind: 'decline';
      readonly checkpointId: number;
      readonly task: string;
      readonly reason: DeclineReason;
      readonly error: SerializedError;
    }
  /** The answer to `notify-aborted`: this thread writes nothing for this checkpoint any more. */
  | {readonly kind: 'released'; readonly checkpointId: number}
  /** Everything prepared for this checkpoint or earlier is visible. */
  | {readonly kind: 'committed'; readonly checkpointId: number}
  /** All inputs have ended and been flushed; the final checkpoint may be taken. */
  | {readonly kind: 'ended'}
  | {readonly kind: 'metrics'; readonly metrics: MetricsReport}
  | {readonly kind: 'rows'; readonly sink: string; readonly rows: readonly string[]}
  | {readonly kind: 'warning'; readonly message: string}
  | {readonly kind: 'failed'; readonly error: SerializedError}
  /** The last message. */
  | {readonly kind: 'closed'};
