// A checkpoint that Flink is writing, or gave up: it makes the directory at once and writes `_metadata` last. In a directory of
// tidemark, which renames what is finished, one without `_metadata` is damage.

import {statusOrNull} from '../../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import type {Finding} from '../../storage/finding.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  join,
  JobPaths,
  METADATA_FILE,
  parentOf,
  parseCheckpointName,
  parseSavepointName,
} from '../../storage/paths.ts';
import {hint} from './check-flink-directory.ts';
import {isFlinkDirectory} from './read-flink-directory.ts';

/**
 * Without `_metadata`, in a directory that is not tidemark's: a chk-N in the directory of a job of Flink, or what is called like a
 * savepoint and has files only: a savepoint of tidemark has a directory for each step.
 */
export async function isUnfinishedOfFlink(files: FileSystem, directory: string): Promise<boolean> {
  const name = baseName(directory);
  const isSavepoint = parseSavepointName(name) !== null;
  if (!isSavepoint && parseCheckpointName(name) === null) return false;
  if ((await statusOrNull(files, directory))?.kind !== 'directory') return false;
  for (const file of [METADATA_FILE, CHECKSUMS_FILE]) {
    if ((await statusOrNull(files, join(directory, file))) !== null) return false;
  }
  if (isSavepoint) return (await files.list(directory)).every(({kind}) => kind === 'file');
  const job = parentOf(directory);
  if ((await statusOrNull(files, new JobPaths(job).format)) !== null) return false;
  return isJobOfFlink(files, job);
}

/** It makes `shared` and `taskowned` at once, and calls the directory by the id of the job. */
async function isJobOfFlink(files: FileSystem, job: string): Promise<boolean> {
  const names = (await files.list(job)).map(({name}) => name);
  const isNamedSo = /^[0-9a-f]{32}$/.test(baseName(job));
  if (isNamedSo && (names.includes('shared') || names.includes('taskowned'))) return true;
  for (const name of names) {
    if (parseCheckpointName(name) === null) continue;
    if (await isFlinkDirectory(files, join(job, name))) return true;
  }
  return false;
}

export function unfinished(directory: string): Finding {
  const path = join(directory, METADATA_FILE);
  const message = `${path} is not there: Flink is writing this checkpoint, or gave it up`;
  return hint('metadata-missing', path, message);
}
