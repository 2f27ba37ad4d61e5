// How a state file comes to be shared by several checkpoints. From whatever thread wrote it:
//
//   1. write it as any state file: below the attempt's directory, at `<uid>/<subtask>.<name>`, synced and closed
//   2. `shareFile` sets it apart in the attempt under its digest and returns the handle to acknowledge: its path is
//      `../shared/ab/<sha256>`
//   3. a file that a *completed* checkpoint of this job directory has is not written again: the handle that stood in
//      that checkpoint is acknowledged as it is. The attempt keeps such files from its beginning on, also when the
//      checkpoint that brought them goes meanwhile. A handle of an attempt that was given up, or of a checkpoint in
//      another directory, may not be acknowledged: its content is written anew, which costs nothing when it is there
//   4. `CheckpointAttempt.publish` links what was set apart into `shared/` (shared-directory.ts), before `_metadata`

import {systemErrorCode} from '../base/errors.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from './file-system.ts';
import {sharedPath, toShareDirectory} from './paths.ts';

/** `state`: of a synced, closed file of the attempt; nothing else may use its place any more. System errors. */
export async function shareFile(
  files: FileSystem,
  attemptDirectory: string,
  state: FileState,
): Promise<FileState> {
  const directory = toShareDirectory(attemptDirectory);
  try {
    await files.makeDirectory(directory);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
  // Another subtask may have written the same bytes: one of the two files is enough.
  await files.rename(`${attemptDirectory}/${state.path}`, `${directory}/${state.sha256}`);
  return {...state, path: sharedPath(state.sha256)};
}
