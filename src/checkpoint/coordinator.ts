// The checkpoint coordinator: decides when a checkpoint is triggered, when it is complete and when it
// is given up. An immutable state machine; the driver in `runtime/` carries its decisions out and
// reports back. Invariants are numbered in PROTOCOL.md and named here as (C1) and so on.

import {assert, unreachable} from '../base/assert.ts';
import {ABORT_REASONS, abortSentence, type AbortReason} from './abort-reason.ts';
import {alignmentOf} from './alignment.ts';
import type {CheckpointPurpose} from './checkpoint-metadata.ts';
import {
  ABORTED_REMEMBERED,
  RETRY_LAST_MILLIS,
  WAITING_REQUESTS_MAX,
  type CheckpointRequest,
  type CoordinatorDecision,
  type CoordinatorEvent,
  type CoordinatorStart,
  type CoordinatorState,
  type CoordinatorStep,
  type RequestedPurpose,
  type RequestOutcome,
} from './coordinator-protocol.ts';
import {advancePending, type PendingCheckpoint} from './pending-checkpoint.ts';

/** Which waiting request goes first: what was asked for is not lost to the end of the job. */
const REQUEST_ORDER: readonly RequestedPurpose[] = ['requested', 'final', 'stop'];

/** A task says so of itself while it replays in-flight data or still writes an earlier snapshot: it passes. */
const PASSING: readonly AbortReason[] = [
  'declined-task-not-ready',
  'declined-on-cancellation-barrier',
];

export function startCoordinator(start: CoordinatorStart): CoordinatorStep {
  const {config, tasks, completed} = start;
  assert(tasks.length > 0 && new Set(tasks).size === tasks.length, 'tasks: empty or named twice');
  assert(config.maxConcurrent >= 1 && config.numRetained >= 1, 'a limit below 1');
  const highestId = Math.max(start.highestId, ...completed);
  const step = new Step(start.now, {
    config,
    generation: start.generation,
    tasks,
    phase: 'running',
    lastId: highestId,
    pending: [],
    requests: [],
    nextPeriodicAt: config.intervalMillis === null ? null : start.now + config.intervalMillis,
    lastCompletedAt: null,
    consecutiveFailures: start.consecutiveFailures ?? 0,
    endedTasks: new Set(),
    drain: 'none',
    completed: completed.slice(-config.numRetained),
    cleaning: new Set(),
    aborted: [],
  });
  return step.finish();
}

/** What follows from `event`. The given state stays as it is. */
export function coordinate(state: CoordinatorState, event: CoordinatorEvent): CoordinatorStep {
  const step = new Step(event.now, state);
  step.handle(event);
  return step.finish();
}

/** When the next periodic checkpoint may start, if nothing but time is in its way; null: not by time. */
function periodicDueAt(state: CoordinatorState): number | null {
  const {config, pending} = state;
  if (state.nextPeriodicAt === null || state.phase !== 'running') return null;
  // Of a draining job: one with its windows flushed and its input not at the end (C11).
  if (state.drain !== 'none') return null;
  // A request goes first, and is alone: it never waits for more than what is under way (C6).
  if (state.requests.length > 0 || pending.some(({purpose}) => purpose !== 'periodic')) return null;
  // One that was given up counts for as long as something of it is written (C8).
  if (pending.length + stillWritten(state) >= config.maxConcurrent) return null;
  // Retention slower than checkpoints: the backlog stays bounded (C8).
  if (state.cleaning.size > config.maxConcurrent) return null;
  if (state.lastCompletedAt === null) return state.nextPeriodicAt;
  return Math.max(state.nextPeriodicAt, state.lastCompletedAt + config.minPauseMillis);
}

/** How many were given up and are not `cleaned`: a task may still write for them, or their files are still there. */
function stillWritten({aborted, cleaning}: CoordinatorState): number {
  return aborted.filter((id) => cleaning.has(id)).length;
}

/** The draft of one transition: fields of the next state are replaced, never changed in place. */
class Step {
  readonly #now: number;
  #state: CoordinatorState;
  readonly #decisions: CoordinatorDecision[] = [];

  constructor(now: number, state: CoordinatorState) {
    this.#now = now;
    this.#state = state;
  }

  handle(event: CoordinatorEvent): void {
    switch (event.kind) {
      case 'tick':
        return;
      case 'trigger-requested': {
        this.#request(event.purpose, [event.requestId]);
        return;
      }
      case 'trigger-failed': {
        this.#giveUp(event.id, 'io-failed', event.detail);
        return;
      }
      case 'acknowledge': {
        this.#acknowledge(event);
        return;
      }
      case 'decline':
        // Foreign declines change nothing (C3).
        if (event.generation !== this.#state.generation) return;
        if (!this.#state.tasks.includes(event.task)) return;
        {
          this.#giveUp(event.checkpointId, event.reason, event.detail);
          return;
        }
      case 'published': {
        this.#published(event.id);
        return;
      }
      case 'publish-failed': {
        this.#publishFailed(event.id, event.detail);
        return;
      }
      case 'cleaned': {
        const cleaning = new Set(this.#state.cleaning);
        for (const id of event.ids) cleaning.delete(id);
        this.#set({cleaning});
        return;
      }
      case 'task-ended': {
        this.#taskEnded(event.task);
        return;
      }
      case 'drain-requested': {
        this.#requestDrain();
        return;
      }
      case 'task-failed': {
        this.#stop('task-failure', `${event.task}: ${event.detail}`);
        return;
      }
      case 'shutdown': {
        this.#stop('coordinator-shutdown', '');
        return;
      }
      default:
        unreachable(event);
    }
  }

  /** What time and the new state bring about; closes the step. */
  finish(): CoordinatorStep {
    this.#expire();
    this.#startPublishing();
    this.#triggerNext();
    this.#decisions.push({kind: 'next-wake', at: this.#nextWake()});
    return {state: this.#state, decisions: this.#decisions};
  }

  #request(purpose: RequestedPurpose, requestIds: readonly string[]): void {
    const {phase, requests, drain} = this.#state;
    if (drain !== 'none' && purpose !== 'final') {
      this.#answer(requestIds, {kind: 'refused', why: 'draining'});
      return;
    }
    if (phase !== 'running') {
      const why = phase === 'ended' ? 'job-ended' : 'coordinator-stopped';
      this.#answer(requestIds, {kind: 'refused', why});
      return;
    }
    const same = requests.find((request) => request.purpose === purpose);
    const waiting = [...(same?.requestIds ?? []), ...requestIds];
    if (waiting.length > WAITING_REQUESTS_MAX) {
      this.#answer(requestIds, {kind: 'refused', why: 'too-many-requests'});
      return;
    }
    const others = requests.filter((request) => request !== same);
    const askedAt = same?.askedAt ?? this.#now;
    const notBefore = same?.notBefore ?? this.#now;
    this.#set({requests: [...others, {purpose, requestIds: waiting, askedAt, notBefore}]});
  }

  #requestDrain(): void {
    if (this.#state.phase !== 'running' || this.#state.drain !== 'none') return;
    this.#set({drain: 'wanted'});
  }

  #acknowledge(event: Extract<CoordinatorEvent, {kind: 'acknowledge'}>): void {
    const {generation, tasks, aborted} = this.#state;
    // Foreign: another generation or an unknown task (C3).
    if (event.generation !== generation || !tasks.includes(event.task)) return;
    const checkpoint = this.#find(event.checkpointId);
    if (checkpoint === null) {
      // Late: its own files go, and only of an id that we know to be dead (C4).
      if (aborted.includes(event.checkpointId)) {
        this.#decisions.push({kind: 'discard', id: event.checkpointId, task: event.task});
      }
      return;
    }
    if (checkpoint.acknowledgements.has(event.task)) return;
    const acknowledgements = new Map(checkpoint.acknowledgements);
    acknowledgements.set(event.task, {task: event.task, snapshot: event.snapshot});
    const last = acknowledgements.size === tasks.length;
    this.#replace(
      advancePending(checkpoint, last ? 'acknowledge-last' : 'acknowledge-one', {acknowledgements}),
    );
  }

  #published(id: number): void {
    const checkpoint = this.#find(id);
    assert(checkpoint !== null, `published: checkpoint ${id} is not pending`);
    advancePending(checkpoint, 'published');
    this.#remove(id);
    const {completed, config, pending, phase} = this.#state;
    // Whatever is older can no longer matter; it is not being published, since one is at a time (C5).
    for (const older of pending) {
      if (older.id < id) this.#giveUp(older.id, 'subsumed', `by checkpoint ${id}`);
    }
    const all = [...completed, id];
    const subsumed = all.slice(0, -config.numRetained);
    this.#set({
      completed: all.slice(-config.numRetained),
      cleaning: new Set([...this.#state.cleaning, ...subsumed]),
      consecutiveFailures: 0,
      lastCompletedAt: this.#now,
    });
    this.#decisions.push({kind: 'notify-complete', id});
    this.#answer(checkpoint.requestIds, {kind: 'completed', checkpointId: id});
    if (subsumed.length > 0) this.#decisions.push({kind: 'subsume', ids: subsumed});
    if (phase === 'running' && isLast(checkpoint.purpose)) this.#end();
  }

  #publishFailed(id: number, detail: string): void {
    const checkpoint = this.#find(id);
    assert(checkpoint !== null, `publish-failed: checkpoint ${id} is not pending`);
    advancePending(checkpoint, 'publish-failed', {abortReason: 'publish-failed'});
    this.#aborted(checkpoint, 'publish-failed', detail);
  }

  #taskEnded(task: string): void {
    const {tasks, endedTasks} = this.#state;
    if (!tasks.includes(task) || endedTasks.has(task)) return;
    this.#set({endedTasks: new Set([...endedTasks, task])});
    if (this.#state.endedTasks.size < tasks.length || this.#state.phase !== 'running') return;
    // A final checkpoint that the driver asked for before may be waiting or under way.
    if (this.#state.pending.some(({purpose}) => purpose === 'final')) return;
    this.#request('final', []);
  }

  /** Nothing is triggered any more; what is being published still ends. */
  #stop(reason: AbortReason, detail: string): void {
    if (this.#state.phase === 'stopped') return;
    this.#set({phase: 'stopped'});
    for (const {id} of this.#state.pending) this.#giveUp(id, reason, detail);
    this.#refuseRequests('coordinator-stopped');
  }

  #end(): void {
    this.#set({phase: 'ended'});
    this.#refuseRequests('job-ended');
  }

  #refuseRequests(why: 'job-ended' | 'coordinator-stopped'): void {
    const {requests} = this.#state;
    this.#set({requests: []});
    for (const {requestIds} of requests) this.#answer(requestIds, {kind: 'refused', why});
  }

  /** Aborts a pending checkpoint, unless it is being published or is none (late or unknown id). */
  #giveUp(id: number, reason: AbortReason, detail: string): void {
    const checkpoint = this.#find(id);
    if (checkpoint === null) return;
    const next = advancePending(checkpoint, 'give-up', {abortReason: reason});
    if (next.state === 'aborted') this.#aborted(checkpoint, reason, detail);
  }

  #aborted(checkpoint: PendingCheckpoint, reason: AbortReason, detail: string): void {
    const {id, purpose} = checkpoint;
    this.#remove(id);
    this.#set({
      cleaning: new Set([...this.#state.cleaning, id]),
      aborted: [...this.#state.aborted, id].slice(-ABORTED_REMEMBERED),
    });
    this.#decisions.push({kind: 'abort', id, reason, detail}, {kind: 'notify-aborted', id});
    if (this.#mayRetry(checkpoint, reason)) {
      this.#askAgain(checkpoint);
      return;
    }
    this.#answer(checkpoint.requestIds, {kind: 'aborted', checkpointId: id, reason, detail});
    if (this.#state.phase !== 'running') return;
    if (purpose === 'final') {
      this.#failJob(`the final ${abortSentence(id, reason, detail)}`);
      return;
    }
    // A stop that failed is answered as "nothing taken"; it does not fail the job as well.
    if (!ABORT_REASONS[reason].counted || purpose === 'stop') return;
    // Each id is aborted once, so each is counted once (C7).
    const failures = this.#state.consecutiveFailures + 1;
    this.#set({consecutiveFailures: failures});
    const {tolerableFailed} = this.#state.config;
    if (failures <= tolerableFailed) return;
    // The next deployment counts from zero, as in Flink; any other end of this one hands the count on.
    this.#set({consecutiveFailures: 0});
    this.#failJob(
      `${abortSentence(id, reason, detail)}; checkpoints failed in a row: ${failures}, tolerated: ${tolerableFailed}`,
    );
  }

  /** Nobody has failed, and the end of the job hangs on it: for as long as one attempt may take (C10). */
  #mayRetry({purpose, askedAt}: PendingCheckpoint, reason: AbortReason): boolean {
    const {phase, config} = this.#state;
    if (phase !== 'running' || !isLast(purpose) || !PASSING.includes(reason)) return false;
    return this.#now - askedAt < config.timeoutMillis;
  }

  #askAgain({purpose, requestIds, askedAt}: PendingCheckpoint): void {
    assert(purpose !== 'periodic', 'a periodic checkpoint is never the last one');
    const {requests} = this.#state;
    const meanwhile = requests.find((request) => request.purpose === purpose)?.requestIds ?? [];
    const again: CheckpointRequest = {
      purpose,
      requestIds: [...requestIds, ...meanwhile],
      askedAt,
      notBefore: this.#now + RETRY_LAST_MILLIS,
    };
    this.#set({requests: [...requests.filter((other) => other.purpose !== purpose), again]});
  }

  #failJob(reason: string): void {
    this.#decisions.push({kind: 'fail-job', reason});
    this.#stop('coordinator-shutdown', 'the job failed');
  }

  #expire(): void {
    const {pending, config} = this.#state;
    const now = this.#now;
    for (const {id, triggeredAt} of pending) {
      if (now - triggeredAt < config.timeoutMillis) continue;
      this.#giveUp(id, 'expired', `${config.timeoutMillis} ms`);
    }
  }

  /** One publication at a time, by ascending id (C5). */
  #startPublishing(): void {
    const {pending, tasks, completed} = this.#state;
    if (pending.some(({state}) => state === 'publishing')) return;
    const next = pending.find(({state}) => state === 'acknowledged');
    if (next === undefined) return;
    this.#replace(advancePending(next, 'start-publishing'));
    const {id, purpose, alignment, triggeredAt} = next;
    this.#decisions.push({
      kind: 'complete',
      id,
      purpose,
      alignment,
      triggeredAt,
      parent: completed.at(-1) ?? null,
      acknowledgements: tasks.flatMap((task) => next.acknowledgements.get(task) ?? []),
    });
  }

  #triggerNext(): void {
    const {phase, pending, requests, config} = this.#state;
    if (phase !== 'running') return;
    const request = firstRequest(requests);
    const now = this.#now;
    if (request !== null) {
      if (pending.length > 0 || stillWritten(this.#state) > 0 || now < request.notBefore) return;
      this.#set({requests: requests.filter((other) => other !== request)});
      this.#trigger(request.purpose, request);
      return;
    }
    if (this.#state.drain === 'wanted' && pending.length === 0) {
      // Every barrier that was ordered before went out before it; none goes out behind it (C11).
      this.#set({drain: 'begun'});
      this.#decisions.push({kind: 'drain'});
      return;
    }
    const dueAt = periodicDueAt(this.#state);
    if (dueAt === null || now < dueAt || config.intervalMillis === null) return;
    // Triggers that were due meanwhile are not made up for.
    const next = dueAt + config.intervalMillis;
    this.#set({nextPeriodicAt: next > now ? next : now + config.intervalMillis});
    this.#trigger('periodic', {requestIds: [], askedAt: now});
  }

  #trigger(
    purpose: CheckpointPurpose,
    {requestIds, askedAt}: Pick<CheckpointRequest, 'requestIds' | 'askedAt'>,
  ): void {
    const id = this.#state.lastId + 1;
    const triggeredAt = this.#now;
    const alignment = alignmentOf(this.#state.config, purpose);
    const checkpoint: PendingCheckpoint = {
      id,
      purpose,
      alignment,
      requestIds,
      askedAt,
      state: 'triggered',
      triggeredAt,
      acknowledgements: new Map(),
      abortReason: null,
    };
    this.#set({lastId: id, pending: [...this.#state.pending, checkpoint]});
    this.#decisions.push({kind: 'trigger', id, purpose, alignment, triggeredAt});
  }

  #nextWake(): number | null {
    const {pending, requests, config, phase} = this.#state;
    const times = pending
      .filter(({state}) => state !== 'publishing')
      .map(({triggeredAt}) => triggeredAt + config.timeoutMillis);
    const request = firstRequest(requests);
    const alone = pending.length === 0 && stillWritten(this.#state) === 0;
    if (request !== null && alone && phase === 'running') {
      times.push(request.notBefore);
    }
    const dueAt = periodicDueAt(this.#state);
    if (dueAt !== null) times.push(dueAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  #answer(requestIds: readonly string[], outcome: RequestOutcome): void {
    if (requestIds.length > 0) this.#decisions.push({kind: 'answer', requestIds, outcome});
  }

  #find(id: number): PendingCheckpoint | null {
    return this.#state.pending.find((checkpoint) => checkpoint.id === id) ?? null;
  }

  #replace(next: PendingCheckpoint): void {
    const {pending} = this.#state;
    this.#set({pending: pending.map((other) => (other.id === next.id ? next : other))});
  }

  #remove(id: number): void {
    this.#set({pending: this.#state.pending.filter((other) => other.id !== id)});
  }

  #set(change: Partial<CoordinatorState>): void {
    this.#state = {...this.#state, ...change};
  }
}

/** Nothing is triggered after such a checkpoint is complete. */
function isLast(purpose: CheckpointPurpose): boolean {
  return purpose === 'final' || purpose === 'stop';
}

function firstRequest(requests: readonly CheckpointRequest[]): CheckpointRequest | null {
  for (const purpose of REQUEST_ORDER) {
    const found = requests.find((request) => request.purpose === purpose);
    if (found !== undefined) return found;
  }
  return null;
}
