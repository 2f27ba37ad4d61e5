import {join} from 'node:path';

import {bad, ok, type Check} from './check.ts';

/** As long as the name of a control socket: the id of a run. */
const SOCKET_NAME = `${'0'.repeat(16)}.sock`;

/** Node.js cuts a longer path off without a word, and two jobs would meet in one socket. */
export function checkSockets(directories: readonly string[], bytesMax: number): Check {
  const fitting = directories.find(
    (directory) => Buffer.byteLength(join(directory, SOCKET_NAME)) <= bytesMax,
  );
  if (fitting !== undefined) {
    return ok('socket-path', 'a control socket has room for its path', fitting);
  }
  return bad(
    'socket-path',
    `a control socket would have a path of more than ${bytesMax} bytes in each of ${directories.join(', ')}`,
    'set XDG_RUNTIME_DIR to a short directory that is yours alone',
    directories[0] ?? null,
  );
}
