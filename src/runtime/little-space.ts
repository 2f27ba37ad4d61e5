import {messageOf} from '../base/errors.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {stateFilesOf} from '../storage/metadata-encoder.ts';
import type {JobStart} from './start-job.ts';

/** A checkpoint needs the space of the last one while that is still there, and some more. Null: nothing to say. */
export async function littleSpace(
  files: FileSystem,
  jobDirectory: string,
  {restored, facts}: JobStart,
): Promise<string | null> {
  const last = restored?.metadata ?? facts.checkpoints.at(-1)?.metadata ?? null;
  if (last === null) return null;
  const bytes = stateFilesOf(last).reduce((sum, file) => sum + file.length, 0);
  let free: number;
  try {
    free = await files.freeBytes(jobDirectory);
  } catch (error) {
    // A job that could run must not fail for want of a warning.
    return `how much space is free in ${jobDirectory} cannot be told: ${messageOf(error)}`;
  }
  if (free >= 2 * bytes) return null;
  return `${free} bytes are free in ${jobDirectory}, less than twice the ${bytes} of the last checkpoint`;
}
