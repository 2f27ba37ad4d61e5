// Runs of the tests register themselves below a state directory of their own, which goes with them.

import {rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

export const STATE_DIRECTORY = join(tmpdir(), `tidemark-tests-${process.pid}`);

export function teardown() {
  rmSync(STATE_DIRECTORY, {recursive: true, force: true});
}
