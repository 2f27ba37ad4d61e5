// What goes into the aligner of one input gate and what comes out of it.

import type {DeclineReason} from './abort-reason.ts';
import type {Alignment} from './alignment.ts';

/** The marker that divides the records before snapshot `checkpointId` from those after it. */
export interface AlignedBarrier {
  readonly checkpointId: number;
  readonly alignment: Alignment;
  /** When the coordinator triggered it, on the clock of `now`. */
  readonly triggeredAt: number;
}

/** Channels are numbered from 0. Every event of one channel comes in the order of that channel. */
export type AlignerEvent = {readonly now: number} &
  /** A barrier has arrived behind records that are still queued. Needed for unaligned kinds only. */
  (
    | {readonly kind: 'announced'; readonly channel: number; readonly barrier: AlignedBarrier}
    /** A barrier's turn; `overtook`: it was taken out ahead of queued records after `prioritize`. */
    | {
        readonly kind: 'barrier';
        readonly channel: number;
        readonly barrier: AlignedBarrier;
        readonly overtook: boolean;
      }
    | {readonly kind: 'cancel'; readonly channel: number; readonly checkpointId: number}
    /** Nothing more comes on this channel, not even barriers (unlike `end-of-data`). */
    | {readonly kind: 'end'; readonly channel: number}
    | {readonly kind: 'timer'}
    /** The coordinator has given the checkpoint up. */
    | {readonly kind: 'aborted'; readonly checkpointId: number}
  );

/** To be carried out in order, before the next event. */
export type AlignerDecision =
  /** Take no record from these until `unblock`. */
  | {readonly kind: 'block'; readonly channels: readonly number[]}
  | {readonly kind: 'unblock'; readonly channels: readonly number[]}
  /** Snapshot the operators, then send the barrier on with this alignment. */
  | {
      readonly kind: 'snapshot';
      readonly checkpointId: number;
      readonly alignment: 'aligned' | 'unaligned' | 'at-least-once';
      /** First to last barrier. */
      readonly alignmentMillis: number;
    }
  /**
   * Keep a copy of every record of these channels that stands before their barrier, queued or still to
   * come, as channel state of this checkpoint. They are processed all the same.
   */
  | {
      readonly kind: 'start-recording';
      readonly checkpointId: number;
      readonly channels: readonly number[];
    }
  /** The barrier of this channel has come: what it recorded is whole. */
  | {readonly kind: 'stop-recording'; readonly checkpointId: number; readonly channel: number}
  /** All barriers have come: the channel state is whole. Follows each unaligned snapshot, unless dropped. */
  | {readonly kind: 'recording-complete'; readonly checkpointId: number}
  | {readonly kind: 'drop-recording'; readonly checkpointId: number}
  /** Take the announced barrier out of this channel's queue and hand it in, `overtook` set. */
  | {readonly kind: 'prioritize'; readonly checkpointId: number; readonly channel: number}
  | {readonly kind: 'decline'; readonly checkpointId: number; readonly reason: DeclineReason}
  | {readonly kind: 'forward-cancel'; readonly checkpointId: number}
  /** Replaces the timer that was set before. */
  | {readonly kind: 'set-timer'; readonly at: number}
  | {readonly kind: 'clear-timer'};

/** Aborted ids whose barrier has not come that are remembered; older ones are forgotten first. */
export const ABORTED_AHEAD_MAX = 64;
