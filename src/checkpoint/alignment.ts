import type {CheckpointPurpose} from './checkpoint-metadata.ts';

/** How tasks bring the barriers of one checkpoint together; travels with the barrier. */
export type Alignment =
  /** No channel is ever blocked. */
  | {readonly kind: 'at-least-once'}
  | {readonly kind: 'aligned'}
  /** Starts aligned; turns unaligned when the checkpoint is older than `timeoutMillis`. */
  | {readonly kind: 'aligned-with-timeout'; readonly timeoutMillis: number}
  | {readonly kind: 'unaligned'};

export interface AlignmentConfig {
  readonly mode: 'exactly-once' | 'at-least-once';
  readonly unaligned: boolean;
  /** 0: unaligned from the start. */
  readonly alignedTimeoutMillis: number;
}

/**
 * The kind chosen at trigger time. Only periodic checkpoints may be unaligned: a savepoint is made
 * from a requested or a stop one, and neither it nor the final one may hold channel state.
 */
export function alignmentOf(config: AlignmentConfig, purpose: CheckpointPurpose): Alignment {
  if (config.mode === 'at-least-once') return {kind: 'at-least-once'};
  if (!config.unaligned || purpose !== 'periodic') return {kind: 'aligned'};
  if (config.alignedTimeoutMillis === 0) return {kind: 'unaligned'};
  return {kind: 'aligned-with-timeout', timeoutMillis: config.alignedTimeoutMillis};
}
