// The jobs of the registry as places where checkpoints are: what a REF may name beside a path.

import {systemClock} from '../base/clock.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {byStart, readRegistry} from './job-registry.ts';
import {stateDirectoryError, statePathsOf} from './state-directory.ts';
import {readTriggers, type TriggerEntry} from './trigger-journal.ts';

export interface JobPlace {
  readonly jobId: string;
  readonly name: string;
  readonly live: boolean;
  /** Absolute: `<checkpoints directory>/<job name>`. */
  readonly directory: string;
  /** That were taken of it on request, oldest first. */
  readonly savepoints: readonly {readonly id: number; readonly path: string}[];
}

/** Newest first. */
export function knownJobs(
  environment: Readonly<Record<string, string | undefined>>,
): readonly JobPlace[] {
  const {jobs, root} = statePathsOf(environment);
  try {
    const now = systemClock.wallMillis();
    return byStart(readRegistry(jobs, {processes: systemProcessTable, now})).map((job) => ({
      jobId: job.jobId,
      name: job.record.name,
      live: job.live,
      directory: job.record.jobDirectory,
      savepoints: readTriggers(job.triggers).flatMap(savepointOf),
    }));
  } catch (error) {
    throw stateDirectoryError(root, error);
  }
}

function savepointOf({outcome}: TriggerEntry): JobPlace['savepoints'] {
  switch (outcome?.kind) {
    case 'savepoint':
    case 'taken-and-running':
      return [outcome.savepoint];
    case 'stopped':
      return outcome.savepoint === null ? [] : [outcome.savepoint];
    default:
      return [];
  }
}
