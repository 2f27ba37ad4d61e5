// What the next run of a job goes back to: the origin of its last lineage, while that has no checkpoint of its own
// and did not end on purpose.

import {systemErrorCode} from '../base/errors.ts';
import {statusOrNull} from './derive-checkpoint-state.ts';
import type {FileStatus, FileSystem} from './file-system.ts';
import type {LineageOrigin} from './owner-record.ts';
import {join, JobPaths} from './paths.ts';
import {readHistory, type JobHistory} from './read-history.ts';

/** Null: it resumes from a checkpoint of its own, or begins afresh. A run that still works counts as one that crashed. */
export function nextOrigin({
  lastRun,
  lineages,
}: Pick<JobHistory, 'lastRun' | 'lineages'>): Exclude<LineageOrigin, {kind: 'fresh'}> | null {
  const record = lastRun?.lineage ?? null;
  if (record === null || record.origin.kind === 'fresh') return null;
  switch (lastRun?.end?.how) {
    case 'finished':
    case 'cancelled':
    case 'stopped':
      return null;
    case 'failed':
    case 'interrupted':
    case undefined:
      break;
  }
  const own = lineages.find(({lineage}) => lineage === record.lineage);
  return own?.published === true ? null : record.origin;
}

/** Whether the job of `jobDirectory` goes back to what lies at `path`. True when nobody can say. */
export async function goesBackTo(
  files: FileSystem,
  jobDirectory: string,
  path: string,
): Promise<boolean> {
  try {
    const origin = nextOrigin(await readHistory(files, new JobPaths(jobDirectory), Infinity));
    return origin !== null && (await sameDirectory(files, origin.path, path));
  } catch (error) {
    const code = systemErrorCode(error);
    // Without its directory nothing is ever resumed there.
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    if (code === null) throw error;
    return true;
  }
}

/** By what they are, not by how they are called: either may be reached through a link. */
export async function sameDirectory(
  files: FileSystem,
  left: string,
  right: string,
): Promise<boolean> {
  if (left === right) return true;
  const one = await behind(files, left);
  const other = await behind(files, right);
  return one !== null && one.inode === other?.inode && one.device === other.device;
}

/** Behind a link, too; null: nothing is there, or nothing that this user can reach. */
async function behind(files: FileSystem, path: string): Promise<FileStatus | null> {
  try {
    return await statusOrNull(files, join(path, '.'));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EACCES' || code === 'ELOOP') return null;
    throw error;
  }
}
