// Why a checkpoint attempt ended without being published: a closed list, with Flink's name for each
// and whether it counts against `tolerable-failed-checkpoints`.

interface AbortReasonFacts {
  /** `CheckpointFailureReason` in Flink, for reports and its REST shape. */
  readonly flinkName: string;
  /** Counts against `tolerable-failed-checkpoints`. */
  readonly counted: boolean;
  /** Completes "checkpoint 12 …". */
  readonly sentence: string;
}

export const ABORT_REASONS = {
  expired: {
    flinkName: 'CHECKPOINT_EXPIRED',
    counted: true,
    sentence: 'was not acknowledged by every task within the timeout',
  },
  declined: {
    flinkName: 'CHECKPOINT_DECLINED',
    counted: true,
    sentence: 'was declined by a task',
  },
  'async-part-failed': {
    flinkName: 'CHECKPOINT_ASYNC_EXCEPTION',
    counted: true,
    sentence: 'failed while a task wrote its state',
  },
  'io-failed': {
    flinkName: 'IO_EXCEPTION',
    counted: true,
    sentence: 'could not be started, because its directory could not be made',
  },
  'publish-failed': {
    flinkName: 'FINALIZE_CHECKPOINT_FAILURE',
    counted: true,
    sentence: 'could not be published',
  },
  subsumed: {
    flinkName: 'CHECKPOINT_SUBSUMED',
    counted: false,
    sentence: 'was overtaken by a newer one',
  },
  'declined-task-not-ready': {
    flinkName: 'CHECKPOINT_DECLINED_TASK_NOT_READY',
    counted: false,
    sentence: 'was declined, because a task was not ready',
  },
  'declined-task-closing': {
    flinkName: 'CHECKPOINT_DECLINED_TASK_CLOSING',
    counted: false,
    sentence: 'was declined, because a task was closing',
  },
  'declined-subsumed': {
    flinkName: 'CHECKPOINT_DECLINED_SUBSUMED',
    counted: false,
    sentence: 'was declined, because a task had seen a newer barrier',
  },
  'declined-on-cancellation-barrier': {
    flinkName: 'CHECKPOINT_DECLINED_ON_CANCELLATION_BARRIER',
    counted: false,
    sentence: 'was cancelled by a task upstream',
  },
  'declined-input-end-of-stream': {
    flinkName: 'CHECKPOINT_DECLINED_INPUT_END_OF_STREAM',
    counted: false,
    sentence: 'was declined, because an input ended during alignment',
  },
  'task-failure': {
    flinkName: 'TASK_FAILURE',
    counted: false,
    sentence: 'was given up, because a task failed',
  },
  'coordinator-shutdown': {
    flinkName: 'CHECKPOINT_COORDINATOR_SHUTDOWN',
    counted: false,
    sentence: 'was given up, because the job was shutting down',
  },
} as const satisfies Record<string, AbortReasonFacts>;

export type AbortReason = keyof typeof ABORT_REASONS;

/** What a task may give as its reason for a decline. */
export type DeclineReason = Extract<
  AbortReason,
  | 'declined'
  | 'async-part-failed'
  | 'declined-task-not-ready'
  | 'declined-task-closing'
  | 'declined-subsumed'
  | 'declined-on-cancellation-barrier'
  | 'declined-input-end-of-stream'
>;

/** "checkpoint 12 was declined by a task: disk full" */
export function abortSentence(id: number, reason: AbortReason, detail: string): string {
  const sentence = `checkpoint ${id} ${ABORT_REASONS[reason].sentence}`;
  return detail === '' ? sentence : `${sentence}: ${detail}`;
}
