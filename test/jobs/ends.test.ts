// What goes out at the end of an input goes out once, also when the job goes on after that end and dies.

import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {pause, Tidemark, tidemark} from '../kills/support/process.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-ends-'));
  file = join(directory, 'ends.job.yaml');
  writeFileSync(
    file,
    `name: ends
sources:
  short:
    connector: generator
    rows: 1000
    fields:
      key: {kind: choice, values: [a, b, c]}
  long:
    connector: generator
    rows: 4000
    rate-limit: 1000
    fields:
      id: {kind: sequence}
steps:
  - {id: counts, type: aggregate, input: short, group-by: [key], emit: at-end, select: {n: COUNT(*)}}
sinks:
  counted: {connector: file, input: counts, path: out/, format: json}
  rest: {connector: blackhole, input: long}
checkpointing: {interval: 100ms, dir: "file:./state"}
`,
  );
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

function rows(): {key: string; n: number}[] {
  const out = join(directory, 'out');
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(out, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as {key: string; n: number});
}

function expectOnce(): void {
  const found = rows();
  expect(found.map(({key}) => key).sort()).toEqual(['a', 'b', 'c']);
  expect(found.reduce((sum, {n}) => sum + n, 0)).toBe(1000);
}

test('killed after one of two inputs has ended', async () => {
  const first = new Tidemark(['run', file, '--json']);
  expect(await first.printed('"type":"checkpoint"')).toBe(true);
  await pause(700);
  first.signal('SIGKILL');
  await first.outcome;
  expectOnce();
  const second = await tidemark(['run', file, '--json']);
  expect(second.status, second.stdout + second.stderr).toBe(0);
  expectOnce();
});

test('stopped after one of two inputs has ended', async () => {
  const first = new Tidemark(['run', file, '--json']);
  expect(await first.printed('"type":"checkpoint"')).toBe(true);
  await pause(500);
  first.signal('SIGINT');
  expect((await first.outcome).status).toBe(130);
  const second = await tidemark(['run', file, '--json']);
  expect(second.status, second.stdout + second.stderr).toBe(0);
  expectOnce();
});

test('killed at the final checkpoint, which is the only one', async () => {
  const settings = ['--set', 'sources.long.rows=500', '--set', 'checkpointing.interval=10 min'];
  const dead = await tidemark(['run', file, '--json', ...settings], {
    TIDEMARK_FAILPOINT: 'storage.publish.before-rename',
  });
  expect(dead.signal).toBe('SIGKILL');
  const second = await tidemark(['run', file, '--json', ...settings]);
  expect(second.status, second.stdout + second.stderr).toBe(0);
  expectOnce();
});
