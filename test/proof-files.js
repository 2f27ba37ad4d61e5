// Which test files the proof runs: those that run more with TIDEMARK_PROOF=1, by themselves or through what they import.
// The others `npm test` has run whole.

import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';

const MARK = /process\.env\['TIDEMARK_PROOF'\]/;
const LOCAL_IMPORT = /\bfrom '(\.{1,2}\/[^']+)'/g;

/** Paths from `root`, sorted. */
export function proofFiles(root) {
  const texts = new Map();
  return readdirSync(join(root, 'test'), {recursive: true})
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    .filter((file) => reachesMark(join(root, file), texts))
    .sort();
}

function reachesMark(file, texts) {
  const reached = new Set([file]);
  for (const path of reached) {
    if (!texts.has(path)) texts.set(path, readFileSync(path, 'utf8'));
    const text = texts.get(path);
    if (MARK.test(text)) return true;
    for (const [, name] of text.matchAll(LOCAL_IMPORT)) {
      const imported = sourceOf(join(dirname(path), name));
      if (imported !== null) reached.add(imported);
    }
  }
  return false;
}

/** Tests name a TypeScript module by its own name, or by that of what it becomes. */
function sourceOf(path) {
  const source = path.replace(/\.js$/, '.ts');
  if (existsSync(source)) return source;
  return existsSync(path) ? path : null;
}
