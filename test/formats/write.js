// Adds to `kept/` a checkpoint of each kind of support/kinds.ts that is not there: `npm run build && node
// test/formats/write.js`. A kind that is there is left as it is, whatever this version would write by now.

import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const outfile = join(ROOT, '.scratch', 'formats', 'write-kept.js');
await build({
  entryPoints: [join(ROOT, 'test', 'formats', 'support', 'write-kept.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['#src/*'],
  logLevel: 'warning',
});
const directory = process.argv[2] ?? join(ROOT, 'test', 'formats', 'kept');
const child = spawn(process.execPath, [outfile, directory], {cwd: ROOT, stdio: 'inherit'});
child.on('close', (status) => {
  process.exitCode = status ?? 1;
});
