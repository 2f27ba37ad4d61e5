// What the advice of `validate` is about beside the job file: the checkpoints that earlier runs left, and
// which directories are in memory. Nothing here is needed: what cannot be read gives no advice.

import {systemErrorCode} from '../base/errors.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {AdviceFacts} from '../job/advise.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {Mount} from '../job/volatile-directory.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {listCheckpoints} from '../storage/list-checkpoints.ts';
import {JobPaths, jobDirectoryOf} from '../storage/paths.ts';

/** Linux: a line is `device directory type options 0 0`, with blanks as \040. */
const MOUNTS_FILE = '/proc/mounts';
const MOUNTS_BYTES_MAX = 256 * 1024;

export async function adviceFacts(files: FileSystem, job: JobSpec): Promise<AdviceFacts> {
  const paths = new JobPaths(jobDirectoryOf(job.checkpointing.directory, job.name));
  const listed = await unlessUnreadable(async () => listCheckpoints(files, paths, job.name), []);
  const complete = listed.flatMap(({checkpointId, state}) =>
    state.kind === 'complete' ? [{name: `chk-${checkpointId}`, metadata: state.metadata}] : [],
  );
  const slowest = complete
    .map(({name, metadata}) => ({name, durationMillis: metadata.completed - metadata.triggered}))
    .toSorted((left, right) => right.durationMillis - left.durationMillis)[0];
  const newest = complete[0];
  return {
    slowestCheckpoint: slowest ?? null,
    newestCheckpoint:
      newest === undefined ? null : {name: newest.name, stateBytes: stateBytes(newest.metadata)},
    mounts: await unlessUnreadable(async () => readMounts(files), []),
  };
}

function stateBytes({operators}: CheckpointMetadata): number {
  const states = operators.flatMap(({subtasks}) => subtasks.flatMap((subtask) => subtask.states));
  return states.reduce(
    (sum, state) =>
      state.location === 'file' && state.kind !== 'channel' ? sum + state.length : sum,
    0,
  );
}

async function readMounts(files: FileSystem): Promise<readonly Mount[]> {
  const handle = await files.openForRead(MOUNTS_FILE);
  try {
    const bytes = new Uint8Array(MOUNTS_BYTES_MAX);
    let length = 0;
    while (length < bytes.length) {
      const count = await handle.read(bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return parseMounts(new TextDecoder().decode(bytes.subarray(0, length)));
  } finally {
    await handle.close();
  }
}

function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [, directory, type] = line.split(' ');
    if (directory === undefined || type === undefined) return [];
    const unescaped = directory.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return [{directory: unescaped, type}];
  });
}

/** An error of the disk (no such directory, no right to read it) leaves nothing to advise on. */
async function unlessUnreadable<T>(read: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    return otherwise;
  }
}
