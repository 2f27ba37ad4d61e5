// Why nothing is listed where somebody looks for checkpoints, and what to look at instead.

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {join} from '../storage/paths.ts';
import {statusOrNull} from '../storage/status-or-null.ts';

/** NOT_FOUND; REFUSED of a link, wherever it leads: what lies behind it is not in that directory. */
export async function nothingThere(files: FileSystem, directory: string): Promise<EngineError> {
  const status = await statusOrNull(files, directory);
  const file = directory;
  if (status === null) {
    return new EngineError('NOT_FOUND', `${directory} is not there`, {
      file,
      hint: 'see the jobs that are known here: tidemark list --all',
    });
  }
  if (status.kind === 'link') {
    return new EngineError('REFUSED', `${directory} is a link, which is not followed`, {
      file,
      hint: linkHint(directory),
    });
  }
  const entries = status.kind === 'directory' ? await files.list(directory) : [];
  const jobFile = entries.find(({name}) => /\.job\.ya?ml$/u.test(name))?.name;
  return new EngineError(
    'NOT_FOUND',
    `no checkpoints in ${directory}: looked for FORMAT and chk-N there and in the directories in it, and for savepoints`,
    {
      file,
      hint:
        jobFile === undefined
          ? 'name the checkpoint directory that the job file sets, or one job in it'
          : `those of the job: tidemark checkpoint list ${shellWord(join(directory, jobFile))}`,
    },
  );
}

export function linkHint(path: string): string {
  return `name what it leads to; see where that is: realpath ${shellWord(path)}`;
}
