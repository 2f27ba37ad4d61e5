// What a reader may rely on in every file, beside what eslint checks: lengths, real time and randomness,
// generated code, leftovers, tests that are switched off, and rooms that the table knows.
// Every finding says what to do.
//   node scripts/check-tidy.js [--root DIR]
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {join, resolve} from 'node:path';
import ts from 'typescript';
import {ROOT_FILES, readRoomTable} from './room-table.js';

const MAX_LINES = 599;
const FOLDERS = ['src', 'commands', 'bin', 'scripts', 'test', 'jobs'];
const CODE = /\.(ts|js|mjs|cjs)$/;

const CLOCK_CALLS = new Set([
  ...['Date.now', 'Math.random', 'performance.now', 'process.hrtime', 'process.hrtime.bigint'],
  ...['setTimeout', 'setInterval', 'setImmediate'],
  ...['randomBytes', 'randomInt', 'randomUUID', 'crypto.randomUUID', 'crypto.getRandomValues'],
]);
const SWITCHED_OFF = /^(it|test|describe|suite|bench)(\.\w+)*\.(only|skip|todo)$/;
/** In two parts: this file must pass its own check. */
const LEFTOVER = new RegExp(`\\b(${['FIX' + 'ME', 'TO' + 'DO', 'X' + 'XX'].join('|')})\\b`);

/** In the command of a hint: a blank in it would make two words. */
const UNQUOTED =
  /tidemark [a-z][\w -]*\$\{(?!shellWord\()[\w.]*(?:path|file|directory|reference|ref|root|target|jobName)\}/gi;

/** @returns {Generator<string>} sentences */
function* findUntidy(root) {
  for (const path of listCode(root)) yield* checkFile(path, readFileSync(join(root, path), 'utf8'));
  yield* checkRooms(root);
}

function listCode(root) {
  return FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), {recursive: true})
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .filter((path) => CODE.test(path) && !path.includes('/node_modules/')),
  );
}

function* checkFile(path, text) {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > MAX_LINES) {
    yield `${path} has ${lines} lines: split it, one main thing per file (at most ${MAX_LINES})`;
  }
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const at = (position) => `${path}:${source.getLineAndCharacterOfPosition(position).line + 1}`;
  const leftover = LEFTOVER.exec(text);
  if (leftover !== null) {
    yield `${at(leftover.index)}: a leftover ${leftover[0]}: do it, or open an issue and delete the note`;
  }
  if (path.startsWith('src/')) {
    for (const {index} of text.matchAll(UNQUOTED)) {
      yield `${at(index)}: a path or name in a command that is pasted: put it through shellWord() (src/base/shell-word.ts)`;
    }
  }
  const found = [];
  const visit = (node) => {
    const sentence = checkNode(path, node, source);
    if (sentence !== null) found.push(`${at(node.getStart(source))}: ${sentence}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  yield* found;
}

function checkNode(path, node, source) {
  const isEngine = /^(src|commands)\//.test(path);
  if (ts.isCallExpression(node)) {
    const callee = node.expression.getText(source).replace(/^globalThis\./, '');
    if (isEngine && !path.startsWith('src/base/') && CLOCK_CALLS.has(callee)) {
      return `${callee}() outside src/base/: take a Clock, Timers or Random (src/base/clock.ts, random.ts)`;
    }
    if (path.startsWith('test/') && SWITCHED_OFF.test(callee)) {
      return `${callee} switches tests off: mend or delete the test`;
    }
    if (isEngine && /^(eval|Function)$/.test(callee)) return compiled(path, callee);
  }
  if (!ts.isNewExpression(node) || !isEngine) return null;
  const made = node.expression.getText(source);
  if (made === 'Function' || made === 'globalThis.Function') return compiled(path, `new ${made}`);
  if (made === 'Date' && !path.startsWith('src/base/') && (node.arguments ?? []).length === 0) {
    return 'new Date() outside src/base/: take a Clock (src/base/clock.ts)';
  }
  return null;
}

function compiled(path, what) {
  if (path.startsWith('src/codegen/')) return null;
  return `${what} outside src/codegen/: build the program text with its tagged template`;
}

function* checkRooms(root) {
  const rooms = new Set(readRoomTable(root).map(({room}) => room));
  const entries = readdirSync(join(root, 'src'), {withFileTypes: true});
  for (const entry of entries) {
    if (entry.isDirectory() && !rooms.delete(entry.name)) {
      yield `src/${entry.name}/ is not in the table of src/README.md: add its row, with what it may import`;
    }
    if (entry.isFile() && entry.name.endsWith('.ts') && !ROOT_FILES.includes(entry.name)) {
      yield `src/${entry.name} belongs to no room: move it into one (only ${ROOT_FILES.join(', ')} stand outside)`;
    }
  }
  for (const room of rooms) {
    yield `src/README.md has a row for ${room}, but src/${room}/ is not there: delete the row or make the room`;
  }
}

const rootFlag = process.argv.indexOf('--root');
const root = resolve(
  rootFlag === -1 ? new URL('..', import.meta.url).pathname : process.argv[rootFlag + 1],
);
const sentences = [...findUntidy(root)];
for (const sentence of sentences) console.error(sentence);
process.exitCode = sentences.length === 0 ? 0 : 1;
