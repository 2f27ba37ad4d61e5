// A scratch directory is for its user only, and does not outlive its process: not one that ends early, and one that is killed
// until the next one looks. What a living process has, or one of another machine, is left alone.

import {execFileSync} from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {afterEach, beforeEach, expect, test} from 'vitest';

import type {ProcessSighting} from '#src/base/process-identity.js';
import type {ProcessTable} from '#src/storage/process-table.js';
import {makeScratchDirectory} from '#src/storage/scratch-directory.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'tidemark-scratch-'));
});
afterEach(() => rmSync(parent, {recursive: true}));

function table(pid: number, seen: ProcessSighting, bootId = 'boot'): ProcessTable {
  return {
    self: () => ({host: 'one', bootId, pidNamespace: 'pid:[1]', pid, startTime: '5'}),
    look: () => seen,
  };
}

/** Another parent each time: it is swept once. */
async function left(seen: ProcessSighting, bootId?: string): Promise<boolean> {
  const path = await makeScratchDirectory(parent, 'ab', table(7, {kind: 'unknown'}));
  writeFileSync(join(path, 'x'), 'x');
  const other = `${parent}/../${parent.split('/').at(-1)}/.`;
  await makeScratchDirectory(other, 'cd', table(8, seen, bootId));
  return existsSync(path);
}

test('mode 0700', async () => {
  const path = await makeScratchDirectory(parent, 'ab');
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test.each([
  ['whose process is gone', {kind: 'gone'}, 'boot', false],
  ['whose pid another process has', {kind: 'running', startTime: '6'}, 'boot', false],
  ['whose process runs', {kind: 'running', startTime: '5'}, 'boot', true],
  ['whose process cannot be looked at', {kind: 'unknown'}, 'boot', true],
  ['of a machine with other pids', {kind: 'gone'}, 'other', true],
] as const)('one %s', async (_name, seen, bootId, stays) => {
  expect(await left(seen, bootId)).toBe(stays);
});

test('what else lies there stays', async () => {
  mkdirSync(join(parent, 'tidemark-state-notes'));
  await left({kind: 'gone'});
  expect(readdirSync(parent)).toContain('tidemark-state-notes');
});

test('it goes with its process, however much is in it', () => {
  const module = fileURLToPath(import.meta.resolve('#src/storage/scratch-directory.js'));
  const program = `
    import {makeScratchDirectory} from ${JSON.stringify(module)};
    import {writeFileSync} from 'node:fs';
    for (const name of ['aa', 'bb']) {
      const path = await makeScratchDirectory(${JSON.stringify(parent)}, name);
      writeFileSync(path + '/x', 'x');
      console.log(path);
    }
    process.exit(0);`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', program]).toString();
  expect(out.trim().split('\n')).toHaveLength(2);
  expect(readdirSync(parent)).toEqual([]);
});
