// Waiting for what happens in another process: a trigger's outcome, a state, a checkpoint. The job is asked in
// growing pauses; when it has gone, its files tell the rest.

import {sleep, systemClock, systemTimers} from '../base/clock.ts';
import {EngineError} from '../base/errors.ts';
import {LIVE_STATES, type AnyJobState, type JobView} from '../runtime/job-view.ts';
import type {
  AlreadyEnded,
  ClientOptions,
  JobCancelled,
  TriggerResult,
  WaitCondition,
  WaitResult,
} from './client-types.ts';
import {ask, findJob, listed, order, refreshJob, timedOut} from './job-client.ts';
import type {RegisteredJob} from './job-registry.ts';
import {outcomeUnknown, readTrigger, type TriggerEntry} from './trigger-journal.ts';

const FIRST_PAUSE_MILLIS = 5;
const LAST_PAUSE_MILLIS = 250;
const ANSWER_MILLIS = 5_000;

/** Pauses that grow: a short wait is answered at once, a long one costs nothing. */
class Patience {
  readonly #begun = systemClock.monotonicMillis();
  readonly #until: number;
  #pause = FIRST_PAUSE_MILLIS;

  /** Null: for ever. */
  constructor(timeoutMillis: number | null) {
    this.#until = timeoutMillis === null ? Infinity : this.#begun + timeoutMillis;
  }

  get waitedMillis(): number {
    return Math.round(systemClock.monotonicMillis() - this.#begun);
  }

  /** False: the time is over. */
  async pause(): Promise<boolean> {
    const left = this.#until - systemClock.monotonicMillis();
    if (left <= 0) return false;
    await sleep(systemTimers, Math.min(this.#pause, left));
    this.#pause = Math.min(this.#pause * 1.5, LAST_PAUSE_MILLIS);
    return true;
  }
}

/** TIMED_OUT carries the trigger id; the operation goes on. */
export async function awaitTrigger(
  reference: string,
  triggerId: string,
  options: ClientOptions & {readonly timeoutMillis: number | null},
): Promise<TriggerResult> {
  const job = findJob(reference, options);
  const patience = new Patience(options.timeoutMillis);
  while (true) {
    const entry = await lookAtTrigger(job, triggerId, options);
    if (entry === null) {
      throw new EngineError('NOT_FOUND', `job ${job.jobId} knows no trigger ${triggerId}`, {
        hint: 'a trigger is remembered for the last 256 operations of a job',
      });
    }
    if (entry.outcome !== null) {
      return {
        jobId: job.jobId,
        triggerId,
        operation: entry.kind,
        outcome: entry.outcome,
        durationMillis: Math.max(0, (entry.ended ?? entry.accepted) - entry.accepted),
      };
    }
    if (!(await patience.pause())) {
      throw timedOut(`no outcome after ${patience.waitedMillis} ms`, job.jobId, triggerId);
    }
  }
}

/** The journal on disk has what the job has, and outlives it. */
async function lookAtTrigger(
  job: RegisteredJob,
  triggerId: string,
  options: ClientOptions,
): Promise<TriggerEntry | null> {
  const journalled = readTrigger(job.triggers, triggerId);
  if (journalled !== null && journalled.outcome !== null) return journalled;
  const now = refreshJob(job, options);
  if (now.live && now.record.socket !== null) {
    const asked = await askForTrigger(now.record.socket, triggerId);
    if (asked !== null) return asked;
  }
  if (now.live) return readTrigger(job.triggers, triggerId);
  // Written, perhaps, between the two looks.
  const last = readTrigger(job.triggers, triggerId);
  if (last === null || last.outcome !== null) return last;
  return {...last, outcome: outcomeUnknown(last)};
}

async function askForTrigger(socket: string, triggerId: string): Promise<TriggerEntry | null> {
  const {requestJson, UnreachableError} = await import('./socket-request.ts');
  const path = `/tidemark/triggers/${triggerId}`;
  try {
    const fields = await requestJson({socket, method: 'GET', path, timeoutMillis: ANSWER_MILLIS});
    return fields as unknown as TriggerEntry;
  } catch (error) {
    // Gone, or without an answer: the journal says it, and the caller's own time limit holds.
    if (error instanceof UnreachableError) return null;
    if (error instanceof EngineError && ['NOT_FOUND', 'TIMED_OUT'].includes(error.code))
      return null;
    throw error;
  }
}

/** Ends the job where it is; resolves when it has ended. */
export async function cancelJob(
  reference: string,
  options: ClientOptions & {readonly timeoutMillis: number | null},
): Promise<JobCancelled | AlreadyEnded> {
  const job = findJob(reference, options);
  if (!job.live) return {kind: 'already-ended', job: listed(job, null)};
  await order(job, 'PATCH', `/v1/jobs/${job.jobId}?mode=cancel`, {}, options, null);
  const patience = new Patience(options.timeoutMillis);
  while (true) {
    const now = refreshJob(job, options);
    if (!now.live) return {kind: 'cancelled', job: listed(now, null)};
    if (!(await patience.pause())) {
      throw new EngineError(
        'TIMED_OUT',
        `job ${job.record.name} (${job.jobId}) is ${now.state} ${patience.waitedMillis} ms after it was told to end`,
        {hint: `wait for it: tidemark wait ${job.jobId} --for ended`},
      );
    }
  }
}

/** Answers at once when it can no longer happen. TIMED_OUT when it takes longer than `timeoutMillis`. */
export async function waitForJob(
  reference: string,
  condition: WaitCondition,
  options: ClientOptions & {readonly timeoutMillis: number | null},
): Promise<WaitResult> {
  const job = findJob(reference, options);
  const patience = new Patience(options.timeoutMillis);
  while (true) {
    const now = refreshJob(job, options);
    const asked = now.live ? await ask(now, ANSWER_MILLIS) : null;
    const view = asked?.view ?? null;
    const row = listed(now, view);
    const judged = await judge(condition, now, view, options);
    if (judged === 'met') return {kind: 'met', job: row, waitedMillis: patience.waitedMillis};
    if (judged !== null) return {kind: 'impossible', job: row, reason: judged};
    if (!(await patience.pause())) {
      throw new EngineError(
        'TIMED_OUT',
        `job ${row.name} (${row.jobId}) is ${row.state} after ${patience.waitedMillis} ms, and not yet ${conditionText(condition)}`,
        {facts: {job_id: row.jobId, state: row.state}},
      );
    }
  }
}

/** `met`, why it can no longer happen, or null: not yet. */
async function judge(
  condition: WaitCondition,
  job: RegisteredJob,
  view: JobView | null,
  options: ClientOptions,
): Promise<string | null> {
  const gone = job.live ? null : `the job is ${job.state}`;
  switch (condition.kind) {
    case 'ended':
      return gone === null ? null : 'met';
    case 'state':
      return isInState(condition.state, job, view) ? 'met' : gone;
    case 'checkpoint':
      return newestCheckpoint(job, view) >= condition.id ? 'met' : gone;
    case 'trigger':
      return judgeTrigger(await lookAtTrigger(job, condition.triggerId, options), condition);
  }
}

/** A state that is an end counts once the process says so on disk. */
function isInState(wanted: AnyJobState, job: RegisteredJob, view: JobView | null): boolean {
  const isLiveState = (LIVE_STATES as readonly string[]).includes(wanted);
  const state = job.live ? (view?.state ?? job.state) : job.state;
  return isLiveState === job.live && state === wanted;
}

function newestCheckpoint(job: RegisteredJob, view: JobView | null): number {
  const latest = view?.checkpoints.latest;
  const ids = [latest?.completed?.id, latest?.savepoint?.id, job.end?.lastCheckpoint?.id];
  return Math.max(0, ...ids.filter((id) => id !== undefined));
}

function judgeTrigger(
  entry: TriggerEntry | null,
  {triggerId}: Extract<WaitCondition, {kind: 'trigger'}>,
): string | null {
  if (entry === null) return `the job knows no trigger ${triggerId}`;
  if (entry.outcome === null) return null;
  return entry.outcome.kind === 'failed' ? entry.outcome.failure.message : 'met';
}

export function conditionText(condition: WaitCondition): string {
  switch (condition.kind) {
    case 'ended':
      return 'ended';
    case 'state':
      return condition.state.toLowerCase();
    case 'checkpoint':
      return `checkpoint>=${condition.id}`;
    case 'trigger':
      return `trigger=${condition.triggerId}`;
  }
}

const STATE_WORDS: Readonly<Record<string, AnyJobState>> = {
  running: 'RUNNING',
  finished: 'FINISHED',
  stopped: 'STOPPED',
  canceled: 'CANCELED',
  cancelled: 'CANCELED',
  failed: 'FAILED',
};

export function parseCondition(
  text: string,
):
  | {readonly kind: 'ok'; readonly value: WaitCondition}
  | {readonly kind: 'invalid'; readonly message: string; readonly suggestion: string} {
  const word = text.trim().toLowerCase();
  if (word === 'ended') return {kind: 'ok', value: {kind: 'ended'}};
  const state = Object.hasOwn(STATE_WORDS, word) ? STATE_WORDS[word] : undefined;
  if (state !== undefined) return {kind: 'ok', value: {kind: 'state', state}};
  const checkpoint = /^checkpoint ?>= ?(\d{1,12})$/.exec(word)?.[1];
  if (checkpoint !== undefined) {
    return {kind: 'ok', value: {kind: 'checkpoint', id: Number(checkpoint)}};
  }
  const triggerId = /^trigger=([0-9a-f]{32})$/.exec(word)?.[1];
  if (triggerId !== undefined) return {kind: 'ok', value: {kind: 'trigger', triggerId}};
  return {
    kind: 'invalid',
    message: 'is nothing that can be waited for',
    suggestion: `write ${Object.keys(STATE_WORDS).join(', ')}, ended, checkpoint>=3, or trigger=<trigger id>`,
  };
}
