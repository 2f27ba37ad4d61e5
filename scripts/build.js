// Builds dist/ from scratch: a stale file must never be what the tests load. Then the start-up bundle:
// oclif, the commands and the door in one file, with the machine code that V8 made of it. Both only make
// the start faster; without them bin/run.js loads the modules of dist/ one by one.
import {spawnSync} from 'node:child_process';
import {mkdirSync, rmSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {makeBundle} from './make-bundle.js';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(...args) {
  const {status} = spawnSync(process.execPath, args, {cwd: root, stdio: 'inherit'});
  return status ?? 1;
}

rmSync(new URL('../dist', import.meta.url), {recursive: true, force: true});
const status = run('node_modules/typescript/bin/tsc', '-p', '.');
if (status !== 0) process.exit(status);

mkdirSync(new URL('../dist/start', import.meta.url));
const problem = await makeBundle(root);
if (problem !== null) console.error(`warning: no start-up bundle: ${problem}`);
else if (run('scripts/write-code-cache.js') !== 0) console.error('warning: no code cache');
