// What a command does with jobs of other processes: find them, ask them, order them about. The registry says which
// there are; only those that live are asked; what an ended one did is read from its files.

import {EngineError, messageOf} from '../base/errors.ts';
import {systemClock} from '../base/clock.ts';
import {systemRandom} from '../base/random.ts';
import type {JobView} from '../runtime/job-view.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import type {
  AlreadyEnded,
  CheckpointOrder,
  ClientOptions,
  JobList,
  JobStatus,
  ListedJob,
  SavepointOrder,
  StopOrder,
  TriggerAccepted,
} from './client-types.ts';
import {resolveJob} from './job-reference.ts';
import {byStart, readRegistry, removeDeadSockets, type RegisteredJob} from './job-registry.ts';
import {stateDirectoryError, statePathsOf} from './state-directory.ts';

const ANSWER_MILLIS = 10_000;
/** A list does not wait for a job that hangs. */
const LIST_ANSWER_MILLIS = 1_000;

export function readJobs({environment}: ClientOptions): RegisteredJob[] {
  const {jobs, root} = statePathsOf(environment);
  try {
    const found = readRegistry(jobs, {
      processes: systemProcessTable,
      now: systemClock.wallMillis(),
    });
    removeDeadSockets(found);
    return found;
  } catch (error) {
    throw stateDirectoryError(root, error);
  }
}

export function findJob(reference: string, options: ClientOptions): RegisteredJob {
  return resolveJob(readJobs(options), reference);
}

/** Again, as it is by now. */
export function refreshJob(job: RegisteredJob, options: ClientOptions): RegisteredJob {
  return readJobs(options).find(({jobId}) => jobId === job.jobId) ?? job;
}

export async function listJobs(options: ClientOptions): Promise<JobList> {
  const jobs = byStart(readJobs(options));
  const warnings: string[] = [];
  const items = await Promise.all(
    jobs.map(async (job) => {
      if (!job.live) return listed(job, null);
      const {view, unreachable} = await ask(job, options.answerMillis ?? LIST_ANSWER_MILLIS);
      if (unreachable !== null) warnings.push(`${job.record.name} (${job.jobId}): ${unreachable}`);
      return listed(job, view);
    }),
  );
  return {items, warnings};
}

export async function jobStatus(reference: string, options: ClientOptions): Promise<JobStatus> {
  const job = findJob(reference, options);
  if (!job.live) return {job: listed(job, null), view: null, unreachable: null};
  const {view, unreachable} = await ask(job, options.answerMillis ?? ANSWER_MILLIS);
  if (view !== null) return {job: listed(job, view), view, unreachable: null};
  // It may have ended while it was asked.
  const again = refreshJob(job, options);
  return {job: listed(again, null), view: null, unreachable: again.live ? unreachable : null};
}

/** A row: what the files say, and what the job itself says of it. */
export function listed(job: RegisteredJob, view: JobView | null): ListedJob {
  const {record, end} = job;
  return {
    jobId: job.jobId,
    name: record.name,
    state: view?.state ?? job.state,
    live: job.live,
    generation: view?.generation ?? end?.generation ?? record.generation,
    pid: record.process.pid,
    host: record.process.host,
    detached: record.detached,
    started: record.started,
    ended: end?.ended ?? null,
    lastCheckpointId: view === null ? (end?.lastCheckpoint?.id ?? null) : newestId(view),
    jobFile: record.jobFile,
    jobDirectory: record.jobDirectory,
    restoredFrom: record.restoredFrom,
    listens: record.listens,
    logs: job.logs,
    end,
  };
}

function newestId(view: JobView): number | null {
  const {completed, savepoint} = view.checkpoints.latest;
  const newest = Math.max(completed?.id ?? -1, savepoint?.id ?? -1);
  return newest < 0 ? null : newest;
}

export async function ask(
  job: RegisteredJob,
  answerMillis: number,
): Promise<{readonly view: JobView | null; readonly unreachable: string | null}> {
  const {socket} = job.record;
  if (socket === null) return {view: null, unreachable: NO_SOCKET};
  const {requestJson} = await import('./socket-request.ts');
  try {
    const fields = await requestJson({
      socket,
      method: 'GET',
      path: '/tidemark/view',
      timeoutMillis: answerMillis,
    });
    return {view: fields as unknown as JobView, unreachable: null};
  } catch (error) {
    return {view: null, unreachable: messageOf(error)};
  }
}

const NO_SOCKET = 'it serves no control socket';

export async function triggerSavepoint(
  reference: string,
  order: SavepointOrder,
  options: ClientOptions,
): Promise<TriggerAccepted> {
  const accepted = await trigger(reference, 'savepoints', options, order.triggerId, {
    'target-directory': order.directory,
    'cancel-job': false,
    formatType: order.format.toUpperCase(),
  });
  if (accepted.kind === 'accepted') return accepted;
  throw hasEnded(accepted.job, 'a savepoint can be taken of a running job only');
}

export async function triggerCheckpoint(
  reference: string,
  order: CheckpointOrder,
  options: ClientOptions,
): Promise<TriggerAccepted> {
  const accepted = await trigger(reference, 'checkpoints', options, order.triggerId, {
    checkpointType: order.full ? 'FULL' : 'CONFIGURED',
  });
  if (accepted.kind === 'accepted') return accepted;
  throw hasEnded(accepted.job, 'a checkpoint can be taken of a running job only');
}

export async function stopJob(
  reference: string,
  order: StopOrder,
  options: ClientOptions,
): Promise<TriggerAccepted | AlreadyEnded> {
  return trigger(reference, 'stop', options, order.triggerId, {
    drain: order.drain,
    ...(order.savepoint === null
      ? {noSavepoint: true}
      : {
          targetDirectory: order.savepoint.directory,
          formatType: order.savepoint.format.toUpperCase(),
        }),
  });
}

async function trigger(
  reference: string,
  what: 'savepoints' | 'checkpoints' | 'stop',
  options: ClientOptions,
  givenId: string | undefined,
  body: object,
): Promise<TriggerAccepted | AlreadyEnded> {
  const job = findJob(reference, options);
  if (!job.live) return {kind: 'already-ended', job: listed(job, null)};
  // Chosen here: a request that gets no answer in time can be asked for under its id.
  const triggerId = givenId ?? systemRandom.hex(16);
  const path = `/v1/jobs/${job.jobId}/${what}`;
  const reached = await order(job, 'POST', path, {...body, triggerId}, options, triggerId);
  const isEnded = reached === 'gone' && !refreshJob(job, options).live;
  if (isEnded) return {kind: 'already-ended', job: listed(refreshJob(job, options), null)};
  if (reached === 'gone') throw cannotReach(job);
  return {kind: 'accepted', job: listed(job, null), triggerId};
}

/** What the job answers; null: nobody is at the socket. */
export async function orderJson(
  job: RegisteredJob,
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
  options: ClientOptions,
): Promise<Readonly<Record<string, unknown>> | null> {
  const {socket} = job.record;
  if (socket === null) throw cannotReach(job);
  const {requestJson, UnreachableError} = await import('./socket-request.ts');
  try {
    const timeoutMillis = options.answerMillis ?? ANSWER_MILLIS;
    return await requestJson({socket, method, path, body, timeoutMillis});
  } catch (error) {
    if (error instanceof UnreachableError) return null;
    throw error;
  }
}

/** `gone`: nobody is at the socket. */
export async function order(
  job: RegisteredJob,
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
  options: ClientOptions,
  triggerId: string | null,
): Promise<'accepted' | 'gone'> {
  try {
    const answer = await orderJson(job, method, path, body, options);
    return answer === null ? 'gone' : 'accepted';
  } catch (error) {
    if (error instanceof EngineError && error.code === 'TIMED_OUT' && triggerId !== null) {
      throw timedOut(error.message, job.jobId, triggerId);
    }
    throw error;
  }
}

export function timedOut(message: string, jobId: string, triggerId: string): EngineError {
  return new EngineError(
    'TIMED_OUT',
    `${message}; the operation may go on as trigger ${triggerId}`,
    {
      hint: `ask for it again: tidemark wait ${jobId} --for trigger=${triggerId}`,
      facts: {job_id: jobId, trigger_id: triggerId},
    },
  );
}

function cannotReach(job: RegisteredJob): EngineError {
  const {record, jobId} = job;
  const why = record.socket === null ? NO_SOCKET : `nobody answers at ${record.socket}`;
  return new EngineError(
    'JOB_FAILED',
    `job ${record.name} (${jobId}) runs as process ${record.process.pid}, but ${why}`,
    {
      hint: `its process takes signals: kill -TERM ${record.process.pid} takes a last checkpoint and stops it`,
    },
  );
}

function hasEnded(job: ListedJob, why: string): EngineError {
  return new EngineError('NOT_FOUND', `job ${job.name} (${job.jobId}) is ${job.state}: ${why}`, {
    hint: 'see running jobs: tidemark list',
    facts: {state: job.state},
  });
}
