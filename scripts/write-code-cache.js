// Runs the bundle once, so that V8 has compiled what a start needs, and keeps the machine code beside it.
import {writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {CODE_CACHE, loadBundle} from '../bin/load-bundle.js';

const bundle = loadBundle(new URL('../dist/commands/_shared/main.js', import.meta.url));
if (bundle === null) throw new Error('dist/start/tidemark.cjs is missing or older than dist/');
process.stdout.write = (_text, encoding, callback) => {
  (typeof encoding === 'function' ? encoding : callback)?.();
  return true;
};
process.on('exit', () => writeFileSync(CODE_CACHE, bundle.script.createCachedData()));
await bundle.exports.start(['run', '--help'], fileURLToPath(new URL('..', import.meta.url)));
