#!/usr/bin/env node
// Runs before anything else is loaded, so that an old Node.js is told in a sentence and not by a syntax error.
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

const NEEDED = [20, 15];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/commands/_shared/main.js', import.meta.url);

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  refuse(
    `tidemark needs Node.js ${NEEDED.join('.')} or later; this is ${process.versions.node}`,
    'install a newer Node.js and run the same command again',
  );
} else if (!existsSync(entry)) {
  refuse('tidemark is not built: dist/ is missing', 'npm run build');
} else {
  const argv = process.argv.slice(2);
  const root = fileURLToPath(new URL('..', import.meta.url));
  const {loadBundle} = await import('./load-bundle.js');
  const bundle = loadBundle(entry);
  if (bundle === null) await (await import(entry.href)).main(argv, root);
  else await bundle.exports.start(argv, root);
}

/** The form of every error, without any module of ours. */
function refuse(message, hint) {
  if (process.argv.includes('--json')) {
    const error = {
      code: 'USAGE',
      message,
      exit_code: 2,
      hint,
      file: null,
      line: null,
      column: null,
    };
    console.log(JSON.stringify({error}));
  } else {
    console.error(`error: ${message}\n  next: ${hint}`);
  }
  process.exitCode = 2;
}
