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
} from '../../storage/paths.ts';
import {hint} from './check-flink-directory.ts';
import {isFlinkDirectory} from './read-flink-directory.ts';

/** A chk-N without `_metadata` beside one of Flink's, in a directory that is not tidemark's. */
export async function isUnfinishedOfFlink(files: FileSystem, directory: string): Promise<boolean> {
  const job = parentOf(directory);
  if (parseCheckpointName(baseName(directory)) === null) return false;
  if ((await statusOrNull(files, directory))?.kind !== 'directory') return false;
  for (const path of [
    join(directory, METADATA_FILE),
    join(directory, CHECKSUMS_FILE),
    new JobPaths(job).format,
  ]) {
    if ((await statusOrNull(files, path)) !== null) return false;
  }
  for (const {name} of await files.list(job)) {
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
