// Loads the start-up bundle that the build makes, with the machine code that V8 kept of it. Without a
// bundle, or when the build's other files are newer, null: the caller loads the modules one by one.
import {readFileSync, statSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import vm from 'node:vm';

export const BUNDLE = new URL('../dist/start/tidemark.cjs', import.meta.url);
export const CODE_CACHE = new URL('../dist/start/tidemark.cache', import.meta.url);

/** @returns {{exports: {start(argv: string[], root: string): Promise<void>}, script: vm.Script} | null} */
export function loadBundle(entry) {
  const bundleTime = modifiedAt(BUNDLE);
  if (bundleTime === null || bundleTime < (modifiedAt(entry) ?? 0)) return null;
  const filename = fileURLToPath(BUNDLE);
  const script = new vm.Script(
    `(function (exports, require, module, importModule) {${readFileSync(BUNDLE, 'utf8')}\n})`,
    {filename, cachedData: readCache()},
  );
  const module = {exports: {}};
  script.runInThisContext()(module.exports, createRequire(filename), module, importModule);
  return {exports: module.exports, script};
}

/** What the build puts in place of `import()`: a script with a code cache cannot use its own. */
async function importModule(specifier) {
  return import(specifier.startsWith('.') ? new URL(specifier, BUNDLE).href : specifier);
}

function modifiedAt(url) {
  return statSync(url, {throwIfNoEntry: false})?.mtimeMs ?? null;
}

/** Code of another version of Node.js is no harm: V8 looks at it and refuses it. */
function readCache() {
  try {
    return readFileSync(CODE_CACHE);
  } catch {
    return undefined;
  }
}
