// The life of one checkpoint between trigger and end, as a table: which event takes it where.
//
//   triggered ─ last acknowledgement ─▶ acknowledged ─ its turn ─▶ publishing ─▶ completed
//       └──────── decline, expiry, … ────────┴───────── publish failed ──┴─────▶ aborted(reason)
//
// Once the driver publishes, only the driver's answer ends it: the rename may have happened.

import {assert} from '../base/assert.ts';
import type {AbortReason} from './abort-reason.ts';
import type {Alignment} from './alignment.ts';
import type {CheckpointPurpose, OperatorSnapshot} from './checkpoint-metadata.ts';

export type PendingState = 'triggered' | 'acknowledged' | 'publishing' | 'completed' | 'aborted';

export type PendingEvent =
  | 'acknowledge-one'
  | 'acknowledge-last'
  | 'give-up'
  | 'start-publishing'
  | 'published'
  | 'publish-failed';

/** `ignored`: may come late and changes nothing. `impossible`: our mistake, an assertion. */
export type PendingOutcome =
  {readonly to: PendingState} | {readonly to: 'ignored'} | {readonly to: 'impossible'};

const ignored: PendingOutcome = {to: 'ignored'};
const impossible: PendingOutcome = {to: 'impossible'};

export const PENDING_TRANSITIONS: Readonly<
  Record<PendingState, Readonly<Record<PendingEvent, PendingOutcome>>>
> = {
  triggered: {
    'acknowledge-one': {to: 'triggered'},
    'acknowledge-last': {to: 'acknowledged'},
    'give-up': {to: 'aborted'},
    'start-publishing': impossible,
    published: impossible,
    'publish-failed': impossible,
  },
  acknowledged: {
    'acknowledge-one': ignored,
    'acknowledge-last': ignored,
    'give-up': {to: 'aborted'},
    'start-publishing': {to: 'publishing'},
    published: impossible,
    'publish-failed': impossible,
  },
  publishing: {
    'acknowledge-one': ignored,
    'acknowledge-last': ignored,
    'give-up': ignored,
    'start-publishing': impossible,
    published: {to: 'completed'},
    'publish-failed': {to: 'aborted'},
  },
  completed: {
    'acknowledge-one': ignored,
    'acknowledge-last': ignored,
    'give-up': ignored,
    'start-publishing': impossible,
    published: impossible,
    'publish-failed': impossible,
  },
  aborted: {
    'acknowledge-one': ignored,
    'acknowledge-last': ignored,
    'give-up': ignored,
    'start-publishing': impossible,
    published: impossible,
    'publish-failed': impossible,
  },
};

/** What one task handed over. */
export interface Acknowledgement {
  readonly task: string;
  readonly snapshot: readonly OperatorSnapshot[];
}

export interface PendingCheckpoint {
  readonly id: number;
  readonly purpose: CheckpointPurpose;
  readonly alignment: Alignment;
  /** Who asked for it and waits for an answer. */
  readonly requestIds: readonly string[];
  /** When it was first asked for; of a periodic one, its trigger. */
  readonly askedAt: number;
  readonly state: PendingState;
  /** Monotonic milliseconds. */
  readonly triggeredAt: number;
  readonly acknowledgements: ReadonlyMap<string, Acknowledgement>;
  readonly abortReason: AbortReason | null;
}

/** The checkpoint after `event`, or the same object when the event changes nothing. */
export function advancePending(
  checkpoint: PendingCheckpoint,
  event: PendingEvent,
  change: Partial<Pick<PendingCheckpoint, 'acknowledgements' | 'abortReason'>> = {},
): PendingCheckpoint {
  const outcome = PENDING_TRANSITIONS[checkpoint.state][event];
  assert(
    outcome.to !== 'impossible',
    `checkpoint ${checkpoint.id}: ${event} while ${checkpoint.state}`,
  );
  return outcome.to === 'ignored' ? checkpoint : {...checkpoint, ...change, state: outcome.to};
}
