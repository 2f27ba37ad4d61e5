// The jobs of this user on this machine: which there are, which of them live. Reading costs two small files per job
// and asks nobody.

import type {ProcessIdentity} from '../base/process-identity.ts';
import type {AnyJobState} from '../runtime/job-view.ts';
import type {ProcessTable} from '../storage/process-table.ts';
import {judgeJob, livenessOf} from './judge-job.ts';
import type {JobEnd, JobRecord} from './job-record.ts';
import {
  JobEntryPaths,
  listEntries,
  readEntry,
  removeEntry,
  removeSocket,
} from './registry-files.ts';

/** Entries of ended jobs that are kept, the newest; older ones go when a job begins. */
export const ENDED_KEPT = 100;

export interface RegisteredJob {
  readonly jobId: string;
  readonly record: JobRecord;
  /** How this run ended; null: it lives, or crashed. */
  readonly end: JobEnd | null;
  readonly state: AnyJobState;
  readonly live: boolean;
  /** Absolute. */
  readonly directory: string;
  readonly logs: string;
  readonly triggers: string;
}

export interface RegistrySurroundings {
  readonly processes: ProcessTable;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
}

/** In no order. What is no entry, or half of one, is passed over: it belongs to nobody who can be asked. */
export function readRegistry(
  jobsDirectory: string,
  {processes, now}: RegistrySurroundings,
): RegisteredJob[] {
  let self: ProcessIdentity | null = null;
  const jobs: RegisteredJob[] = [];
  for (const jobId of listEntries(jobsDirectory)) {
    const paths = new JobEntryPaths(jobsDirectory, jobId);
    const entry = readEntry(paths);
    if (entry === null || entry.record.jobId !== jobId) continue;
    const {record, end, beat} = entry;
    self ??= processes.self();
    const liveness =
      end === null ? livenessOf(record.process, self, (pid) => processes.look(pid)) : 'dead';
    const beatAgeMillis = beat === null ? null : now - beat;
    const {state, live} = judgeJob({record, end, liveness, beatAgeMillis});
    const {root: directory, logs, triggers} = paths;
    jobs.push({jobId, record, end, state, live, directory, logs, triggers});
  }
  return jobs;
}

/** Newest first. */
export function byStart(jobs: readonly RegisteredJob[]): RegisteredJob[] {
  return jobs.toSorted((a, b) => b.record.started - a.record.started);
}

/** Sockets of the dead go at once; entries of the ended when there are more than `ENDED_KEPT`. */
export function sweepRegistry(jobsDirectory: string, jobs: readonly RegisteredJob[]): void {
  const ended = byStart(jobs.filter(({live}) => !live));
  removeDeadSockets(ended);
  for (const {jobId} of ended.slice(ENDED_KEPT)) {
    removeEntry(new JobEntryPaths(jobsDirectory, jobId));
  }
}

export function removeDeadSockets(jobs: readonly RegisteredJob[]): void {
  for (const {live, record} of jobs) {
    if (!live && record.socket !== null) removeSocket(record.socket);
  }
}
