// Which job a person means: its id, four or more digits that only its id begins with, or its name. A job that lives
// comes before one that has ended.

import {EngineError} from '../base/errors.ts';
import {closest} from '../job/closest.ts';
import {byStart, type RegisteredJob} from './job-registry.ts';

const PREFIX_DIGITS_MIN = 4;

/** NOT_FOUND with the nearest names; USAGE with the candidates when several live jobs are meant. */
export function resolveJob(jobs: readonly RegisteredJob[], reference: string): RegisteredJob {
  const exact = jobs.find(({jobId}) => jobId === reference);
  if (exact !== undefined) return exact;
  const named = jobs.filter(({record}) => record.name === reference);
  if (named.length > 0) return oneOf(named, reference);
  const isPrefix = reference.length >= PREFIX_DIGITS_MIN && /^[0-9a-f]+$/.test(reference);
  const begun = isPrefix ? jobs.filter(({jobId}) => jobId.startsWith(reference)) : [];
  const [only, second] = begun;
  if (only !== undefined && second === undefined) return only;
  if (only !== undefined) throw ambiguous(begun, reference);
  throw notFound(jobs, reference);
}

/** Several runs of one name that have ended: the newest is meant. */
function oneOf(named: readonly RegisteredJob[], reference: string): RegisteredJob {
  const live = named.filter(({live: isLive}) => isLive);
  if (live.length > 1) throw ambiguous(live, reference);
  return live[0] ?? byStart(named)[0]!;
}

function ambiguous(candidates: readonly RegisteredJob[], reference: string): EngineError {
  const listed = byStart(candidates).map(({jobId, record}) => `${jobId} (${record.name})`);
  return new EngineError('USAGE', `${reference} may be any of ${listed.join(', ')}`, {
    hint: 'name the job by its id',
    facts: {candidates: candidates.map(({jobId}) => jobId)},
  });
}

function notFound(jobs: readonly RegisteredJob[], reference: string): EngineError {
  const names = [...new Set(jobs.map(({record}) => record.name))];
  const near = closest(reference, names);
  const hint = near === null ? 'see all jobs: tidemark list --all' : `did you mean ${near}?`;
  return new EngineError('NOT_FOUND', `no such job: ${reference}`, {hint, facts: {nearest: near}});
}
