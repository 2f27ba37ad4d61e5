// Where a job's control socket goes: the first of these directories that is ours alone and leaves room for the
// path. Node cuts a longer path off without a word, and two jobs would meet in one socket: so it is measured first.

import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {EngineError, messageOf} from '../base/errors.ts';
import {requirePrivateDirectory, type StatePaths} from './state-directory.ts';

/** Bytes; the kernel's 108 less the closing zero, and less what some systems take away from it. */
export const SOCKET_PATH_BYTES_MAX = 103;

/** In the order of preference. */
export function socketDirectories(
  environment: Readonly<Record<string, string | undefined>>,
  paths: StatePaths,
): string[] {
  const runtime = environment['XDG_RUNTIME_DIR'];
  const user = process.getuid?.() ?? 'user';
  return [
    ...(runtime === undefined || runtime === '' ? [] : [join(runtime, 'tidemark')]),
    paths.sockets,
    join(tmpdir(), `tidemark-${user}`),
    `/tmp/tidemark-${user}`,
  ];
}

/** `name`: of the socket's file. REFUSED with every reason when none of the directories will do. */
export function chooseSocketPath(directories: readonly string[], name: string): string {
  const reasons: string[] = [];
  for (const directory of directories) {
    const path = join(directory, name);
    const length = Buffer.byteLength(path);
    if (length > SOCKET_PATH_BYTES_MAX) {
      reasons.push(`${path} has ${length} bytes, more than ${SOCKET_PATH_BYTES_MAX}`);
      continue;
    }
    try {
      requirePrivateDirectory(directory);
      return path;
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new EngineError('REFUSED', `no place for the control socket: ${reasons.join('; ')}`, {
    hint: 'set XDG_RUNTIME_DIR to a short directory that is yours alone',
  });
}
