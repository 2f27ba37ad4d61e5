// What a registered job is, derived from what is on disk and which processes there are: no stored status is
// believed. The table is tested cell by cell.

import type {Liveness, ProcessIdentity} from '../base/process-identity.ts';
import {judgeProcess, type ProcessSighting} from '../base/process-identity.ts';
import type {AnyJobState} from '../runtime/job-view.ts';
import type {JobEnd, JobRecord} from './job-record.ts';

/** Between two beats of a job that lives. */
export const BEAT_MILLIS = 3_000;
/** A job that nobody can ask and that has not beaten for so long is dead. */
export const SILENT_MILLIS = 15_000;

export interface JobFacts {
  readonly record: JobRecord;
  /** Of the same run; null: it wrote none. */
  readonly end: JobEnd | null;
  readonly liveness: Liveness;
  /** Wall time since the last beat, below zero after the clock was set back; null: there is none. */
  readonly beatAgeMillis: number | null;
}

export interface JudgedJob {
  readonly state: AnyJobState;
  /** Its process runs, as far as anybody can tell. */
  readonly live: boolean;
}

export function judgeJob({record, end, liveness, beatAgeMillis}: JobFacts): JudgedJob {
  if (end !== null && end.runId === record.runId) return {state: end.state, live: false};
  const beats = beatAgeMillis !== null && Math.abs(beatAgeMillis) <= SILENT_MILLIS;
  const lives = liveness === 'alive' || (liveness === 'unknown' && beats);
  return lives ? {state: record.state, live: true} : {state: 'CRASHED', live: false};
}

/** As for an owner of checkpoints; and a boot of the same host that is over took its processes with it. */
export function livenessOf(
  recorded: ProcessIdentity,
  here: ProcessIdentity,
  look: (pid: number) => ProcessSighting,
): Liveness {
  const isEarlierBoot =
    recorded.host === here.host &&
    recorded.bootId !== null &&
    here.bootId !== null &&
    recorded.bootId !== here.bootId;
  return isEarlierBoot ? 'dead' : judgeProcess(recorded, here, look);
}
