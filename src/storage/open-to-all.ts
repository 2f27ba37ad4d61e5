import {EngineError} from '../base/errors.ts';
import type {FileSystem} from './file-system.ts';
import {parentOf} from './paths.ts';
import {statusOrNull} from './status-or-null.ts';

const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
/** The checkpoint's own directory, that of its job, and the one in which jobs are. */
const LEVELS = 3;

/**
 * Of `directory` and those right above it, the ones in which every user of the machine may put something else in the place of
 * what is there: what was verified a moment ago may not be what is restored.
 */
export async function openToAll(files: FileSystem, directory: string): Promise<readonly string[]> {
  const open: string[] = [];
  let path = directory;
  for (let level = 0; level < LEVELS && path !== '/'; level += 1, path = parentOf(path)) {
    const status = await statusOrNull(files, path);
    if (status?.kind !== 'directory') continue;
    if ((status.mode & WRITABLE_BY_ALL) !== 0 && (status.mode & STICKY) === 0) open.push(path);
  }
  return open;
}

/** `warn` hears of each of `directories`, and of those right above them, that is open to all. `strict`: REFUSED instead. */
export async function judgeOpenToAll(
  files: FileSystem,
  directories: readonly string[],
  {strict, warn}: {readonly strict: boolean; readonly warn: (message: string) => void},
): Promise<void> {
  const open = new Set<string>();
  for (const directory of directories) {
    for (const path of await openToAll(files, directory)) open.add(path);
  }
  for (const path of open) {
    if (!strict) warn(openToAllMessage(path));
    else {
      throw new EngineError('REFUSED', openToAllMessage(path), {
        file: path,
        hint: 'change its mode, or leave --strict out',
      });
    }
  }
}

export function openToAllMessage(path: string): string {
  return `${path} may be written by every user of this machine, who can replace what is in it: chmod o-w, or chmod +t`;
}
