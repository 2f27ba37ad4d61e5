// Builds the simulation into one file that needs nothing but a build of the engine beside it (`#src`), and
// runs it. The same file runs against another build when it is put beside that one.

import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {buildSimulation} from './build.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const child = spawn(process.execPath, [await buildSimulation(ROOT), ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
child.on('close', (status) => {
  process.exitCode = status ?? 1;
});
