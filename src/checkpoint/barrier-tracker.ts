// The at-least-once counterpart of the aligner: never blocks a channel, only counts barriers. A snapshot
// holds at least the records before its barriers, and may hold some that come again after a restore.
// An immutable state machine; invariants (T1) … in PROTOCOL.md.

import {assert} from '../base/assert.ts';
import type {AlignerDecision, AlignerEvent} from './aligner-protocol.ts';

/** Checkpoints counted at once; the oldest is given up for a further one. As in Flink. */
export const TRACKED_CHECKPOINTS_MAX = 50;

interface TrackedCheckpoint {
  readonly id: number;
  /** Channels whose barrier has come. */
  readonly arrived: ReadonlySet<number>;
  readonly startedAt: number;
}

export interface TrackerState {
  readonly channelCount: number;
  readonly closed: ReadonlySet<number>;
  /** By ascending id, all above `over`. */
  readonly pending: readonly TrackedCheckpoint[];
  /** Nothing up to this id is counted any more. */
  readonly over: number;
  /** Given up by the coordinator while above `over`: their barriers do nothing. */
  readonly aborted: readonly number[];
}

export interface TrackerStep {
  readonly state: TrackerState;
  readonly decisions: readonly AlignerDecision[];
}

export function startTracker(channelCount: number): TrackerState {
  assert(channelCount > 0, `an input gate with ${channelCount} channels`);
  return {channelCount, closed: new Set(), pending: [], over: 0, aborted: []};
}

/** What follows from `event`; announcements and timers mean nothing here. */
export function track(state: TrackerState, event: AlignerEvent): TrackerStep {
  switch (event.kind) {
    case 'announced':
    case 'timer':
      return {state, decisions: []};
    case 'barrier':
      return countBarrier(state, event.barrier.checkpointId, event.channel, event.now);
    case 'cancel':
      return cancel(state, event.checkpointId);
    case 'end':
      assert(!state.closed.has(event.channel), `channel ${event.channel} ended twice`);
      return completeNewest(
        {...state, closed: new Set([...state.closed, event.channel])},
        event.now,
      );
    case 'aborted':
      return abort(state, event.checkpointId);
  }
}

function countBarrier(state: TrackerState, id: number, channel: number, now: number): TrackerStep {
  assert(!state.closed.has(channel), `a barrier on channel ${channel}, which has ended`);
  if (id <= state.over || state.aborted.includes(id)) return {state, decisions: []};
  const known = state.pending.find((tracked) => tracked.id === id);
  const next: TrackedCheckpoint = {
    id,
    arrived: new Set([...(known?.arrived ?? []), channel]),
    startedAt: known?.startedAt ?? now,
  };
  const others = state.pending.filter((tracked) => tracked !== known);
  const pending = [...others, next].toSorted((left, right) => left.id - right.id);
  if (pending.length <= TRACKED_CHECKPOINTS_MAX) return completeNewest({...state, pending}, now);
  const [oldest, ...kept] = pending;
  assert(oldest !== undefined, 'the oldest of more than fifty');
  const step = completeNewest(over({...state, pending: kept}, oldest.id), now);
  return {...step, decisions: [subsumed(oldest), ...step.decisions]};
}

/** Completes the newest checkpoint for which no channel is missing, and drops the older ones. */
function completeNewest(state: TrackerState, now: number): TrackerStep {
  const whole = state.pending.findLast(({arrived}) => {
    for (let channel = 0; channel < state.channelCount; channel++) {
      if (!state.closed.has(channel) && !arrived.has(channel)) return false;
    }
    return true;
  });
  if (whole === undefined) return {state, decisions: []};
  const older = state.pending.filter(({id}) => id < whole.id);
  return {
    state: over(state, whole.id),
    decisions: [
      ...older.map(subsumed),
      {
        kind: 'snapshot',
        checkpointId: whole.id,
        alignment: 'at-least-once',
        alignmentMillis: now - whole.startedAt,
      },
    ],
  };
}

function cancel(state: TrackerState, id: number): TrackerStep {
  if (id <= state.over) return {state, decisions: []};
  const older = state.pending.filter((tracked) => tracked.id < id);
  return {
    state: over(state, id),
    decisions: [
      ...older.map(subsumed),
      {kind: 'decline', checkpointId: id, reason: 'declined-on-cancellation-barrier'},
      {kind: 'forward-cancel', checkpointId: id},
    ],
  };
}

/** Only this one: an older one may still complete. */
function abort(state: TrackerState, id: number): TrackerStep {
  if (id <= state.over || state.aborted.includes(id)) return {state, decisions: []};
  const pending = state.pending.filter((tracked) => tracked.id !== id);
  const aborted = [...state.aborted, id].slice(-TRACKED_CHECKPOINTS_MAX);
  return {state: {...state, pending, aborted}, decisions: []};
}

function over(state: TrackerState, id: number): TrackerState {
  return {
    ...state,
    over: id,
    pending: state.pending.filter((tracked) => tracked.id > id),
    aborted: state.aborted.filter((aborted) => aborted > id),
  };
}

function subsumed({id}: TrackedCheckpoint): AlignerDecision {
  return {kind: 'decline', checkpointId: id, reason: 'declined-subsumed'};
}
