// A control server on a Unix socket, in front of a job that is not there.

import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {SeededRandom} from '#src/base/random.js';
import type {Random} from '#src/base/random.js';
import {refuseOrigin, serveControl} from '#src/control/http-shell.js';
import {JobApi} from '#src/control/job-api.js';
import {Operations} from '#src/control/operations.js';
import type {JobView} from '#src/runtime/job-view.js';
import {FakeCommands, fakeView} from './fake-job.js';

export interface Served {
  readonly socket: string;
  readonly commands: FakeCommands;
  readonly operations: Operations;
  readonly disposed: string[];
  /** Of the next question. */
  view: JobView;
  close(): Promise<void>;
}

export async function serveFake(
  changes: Partial<JobView> = {},
  random: Random = new SeededRandom(1),
): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), 'control-'));
  const commands = new FakeCommands();
  const disposed: string[] = [];
  const operations = new Operations({
    journal: null,
    runId: '0123456789abcdef',
    now: () => 1_700_000_000_000,
    random,
    warn: (message) => {
      throw new Error(message);
    },
  });
  const served: Served = {
    socket: join(directory, 'job.sock'),
    commands,
    operations,
    disposed,
    view: fakeView(changes),
    close: async () => {
      listener.server.closeAllConnections();
      await listener.close();
      await rm(directory, {recursive: true});
    },
  };
  const api = new JobApi({
    view: () => served.view,
    commands,
    operations,
    dispose: async (path) => {
      disposed.push(path);
      return Promise.resolve();
    },
    version: '0.0.0',
  });
  const listener = serveControl(async (request) => api.handle(request), refuseOrigin);
  await new Promise<void>((resolve) => listener.server.listen(served.socket, resolve));
  return served;
}
