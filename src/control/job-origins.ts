// What the jobs of the registry began from and may still go back to: nobody deletes it. A job that lives counts as
// one; of one that crashed, failed or was interrupted its directory says it.

import type {FileSystem} from '../storage/file-system.ts';
import {goesBackTo, sameDirectory} from '../storage/next-origin.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {useOf, type LookForUse} from '../storage/use-marks.ts';
import type {RegisteredJob} from './job-registry.ts';

/** The job that began from what lies at `path` and may go back to it; null: none. */
export async function userOf(
  files: FileSystem,
  jobs: readonly RegisteredJob[],
  path: string,
): Promise<RegisteredJob | null> {
  for (const job of jobs) {
    const {restoredFrom, jobDirectory} = job.record;
    if (restoredFrom === null || !(await sameDirectory(files, restoredFrom, path))) continue;
    if (job.live || (await goesBackTo(files, jobDirectory, path))) return job;
  }
  return null;
}

/** Looks for the mark of a job of any user that goes back to what lies there. */
export function useIn(files: FileSystem): LookForUse {
  return async (path) => useOf(files, path, () => systemProcessTable.self());
}

/** The live job that works in that directory; null: none that is known here. */
export async function ownerOf(
  files: FileSystem,
  jobs: readonly RegisteredJob[],
  jobDirectory: string,
): Promise<RegisteredJob | null> {
  for (const job of jobs) {
    if (job.live && (await sameDirectory(files, job.record.jobDirectory, jobDirectory))) return job;
  }
  return null;
}
