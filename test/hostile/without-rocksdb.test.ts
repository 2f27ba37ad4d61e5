// The RocksDB binding is an optional dependency: without it a job that asks for it ends at once with exit 2 and what to install
// (H82), and everything else works.

import {cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {execa} from 'execa';
import {afterAll, beforeAll, expect, test} from 'vitest';

import {ROOT} from '../kills/support/process.ts';

let root: string;

/** This installation as `npm ci --omit=optional` leaves it. */
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-without-'));
  for (const name of ['bin', 'dist', 'schema', 'package.json', 'jobs']) {
    cpSync(join(ROOT, name), join(root, name), {recursive: true});
  }
  mkdirSync(join(root, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name === 'rocksdb-native' || name.startsWith('.')) continue;
    symlinkSync(join(ROOT, 'node_modules', name), join(root, 'node_modules', name));
  }
});
afterAll(() => rmSync(root, {recursive: true, force: true}));

async function run(...settings: readonly string[]) {
  const job = join(root, 'jobs/clicks/clicks.job.yaml');
  const all = [
    'sources.clicks.rows=1000',
    'sources.clicks.rate-limit=100000',
    `sinks.out.path=${root}/out/`,
    `checkpointing.dir=file:${root}/state`,
    ...settings,
  ];
  const set = all.flatMap((setting) => ['--set', setting]);
  return execa(process.execPath, [join(root, 'bin/run.js'), 'run', job, ...set], {reject: false});
}

test('a job with state in RocksDB says what to install, before anything is begun', async () => {
  const outcome = await run('state.backend=rocksdb');
  expect(outcome.exitCode, outcome.stderr).toBe(2);
  expect(outcome.stderr).toContain('needs the package rocksdb-native, which is not installed');
  expect(outcome.stderr).toContain('npm install rocksdb-native@');
  expect(readdirSync(root)).not.toContain('state');
});

test('a job with state in memory runs', async () => {
  const outcome = await run();
  expect(outcome.exitCode, outcome.stderr).toBe(0);
});
