// Where something new may be made: not in the place of something else, nor where only a job writes or nobody does.

import {EngineError} from '../base/errors.ts';
import type {FileSystem} from './file-system.ts';
import {baseName, join, JobPaths, METADATA_FILE, parentOf, parseCheckpointName} from './paths.ts';
import {statusOrNull} from './status-or-null.ts';

/** REFUSED when `target` lies in the directory of a job, which alone writes there, or in a checkpoint, which nobody changes. */
export async function refuseWithin(files: FileSystem, target: string): Promise<void> {
  for (let above = parentOf(target); ; above = parentOf(above)) {
    const paths = new JobPaths(above);
    const isJob = (await statusOrNull(files, paths.format))?.kind === 'file';
    // Further up a file of that name may be anybody's.
    const isNear = above === parentOf(target);
    if (isJob && (isNear || (await statusOrNull(files, paths.ownerDirectory)) !== null)) {
      throw new EngineError(
        'REFUSED',
        `${above} is the directory of a job, which alone writes there`,
        {
          file: target,
          hint: 'Name another directory; `tidemark restore` takes a checkpoint from anywhere.',
        },
      );
    }
    if ((await statusOrNull(files, join(above, METADATA_FILE))) !== null) {
      throw new EngineError('REFUSED', `${above} is a checkpoint: nothing is written into one`, {
        file: target,
        hint: 'Name a directory outside it.',
      });
    }
    if (above === '/') break;
  }
}

/** REFUSED when a copy of checkpoint `id` may not go there. */
export async function requireFree(files: FileSystem, target: string, id: number): Promise<void> {
  const refused = (why: string, hint: string): EngineError =>
    new EngineError('REFUSED', why, {file: target, hint});
  if ((await statusOrNull(files, target)) !== null) {
    throw refused(`${target} is there already`, 'Name a directory that does not exist.');
  }
  await refuseWithin(files, target);
  const named = parseCheckpointName(baseName(target));
  if (named !== null && named !== id) {
    throw refused(
      `${target} is the name of checkpoint ${named}; this is checkpoint ${id}`,
      `Name it chk-${id}, or something that is no checkpoint's name.`,
    );
  }
}
