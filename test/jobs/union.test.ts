// Two sources at different speeds into one gate: a barrier is taken on both channels at one point, so that
// a kill in the middle loses and doubles nothing.

import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {expect, test} from 'vitest';

import {pause, Tidemark, tidemark} from '../kills/support/process.ts';

test('a union of a fast and a slow source survives kills', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-union-'));
  const file = join(directory, 'union.job.yaml');
  writeFileSync(
    file,
    `name: both
sources:
  fast: {connector: generator, rows: 6000, rate-limit: 6000, fields: {key: {kind: choice, values: [a, b]}}}
  slow: {connector: generator, rows: 1500, rate-limit: 1000, fields: {key: {kind: choice, values: [a, c]}}}
steps:
  - {id: both, type: union, input: [fast, slow]}
  - {id: by-key, type: aggregate, input: both, group-by: [key], select: {n: COUNT(*)}}
sinks:
  every: {connector: file, input: both, path: every/, format: json}
  counts: {connector: file, input: by-key, path: counts/, format: json}
checkpointing: {interval: 100ms, dir: "file:./state"}
`,
  );
  for (const millis of [300, 500]) {
    const running = new Tidemark(['run', file, '--json']);
    expect(await running.printed('"type":"started"')).toBe(true);
    await pause(millis);
    running.signal('SIGKILL');
    await running.outcome;
  }
  const last = await tidemark(['run', file, '--json']);
  expect(last.status, last.stdout + last.stderr).toBe(0);
  const lines = (name: string): string[] =>
    readdirSync(join(directory, name))
      .filter((part) => !part.startsWith('.'))
      .flatMap((part) =>
        readFileSync(join(directory, name, part), 'utf8')
          .trim()
          .split('\n'),
      );
  const every = lines('every').map((line) => (JSON.parse(line) as {key: string}).key);
  expect(every.length).toBe(7500);
  const counts = lines('counts').map((line) => JSON.parse(line) as {key: string; n: number});
  for (const {key, n} of counts) expect(n).toBe(every.filter((each) => each === key).length);
  expect(counts.map(({key}) => key).sort()).toEqual(['a', 'b', 'c']);
  rmSync(directory, {recursive: true, force: true});
});
