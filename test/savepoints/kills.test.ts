// Promise: a process that is killed while it stops with a savepoint loses nothing and makes nothing twice (B14, B15, B16). Not
// drained, the next run goes on from the last checkpoint; drained, it makes the savepoint where it was asked for and ends.
import {rmSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {execa} from 'execa';
import {afterEach, beforeEach, expect, test} from 'vitest';

import type {RunEvent, StopRequest} from '#src/index.js';
import {sample} from '../hostile/support/sample.ts';
import {REQUEST, Scratch} from './running-job.ts';

const ENTRY = fileURLToPath(new URL('support/stop-entry.js', import.meta.url));

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => rmSync(scratch.directory, {recursive: true, force: true}));

async function killedAt(failpoint: string, stop: StopRequest): Promise<void> {
  const request = {...REQUEST, file: scratch.file};
  const {signal} = await execa(
    process.execPath,
    [ENTRY, JSON.stringify(request), JSON.stringify(stop)],
    {env: {TIDEMARK_FAILPOINT: failpoint}, reject: false},
  );
  expect(signal).toBe('SIGKILL');
}

function whole(): readonly string[] {
  return scratch.savepointNames().filter((name) => !name.startsWith('.'));
}

function expectOneCut(): number {
  const ids = scratch.ids();
  expect(new Set(ids).size).toBe(ids.length);
  let total = 0;
  for (const n of scratch.totals().values()) total += n;
  expect(total).toBe(ids.length);
  return ids.length;
}

test.each(
  sample<readonly [string, number]>(
    [['storage.savepoint.after-rename', 1]],
    [
      ['stop.before-savepoint', 0],
      ['storage.savepoint.before-rename', 0],
      ['stop.before-end', 1],
    ],
  ),
)(
  'killed at %s of a drained stop, the next run makes the savepoint and ends',
  async (failpoint, made) => {
    await killedAt(failpoint, {drain: true, savepoint: {directory: null, format: 'canonical'}});
    expect(whole()).toHaveLength(made);
    const next = scratch.run();
    const summary = await next.finished;
    expect([summary.state, summary.exitStatus]).toEqual(['STOPPED', 0]);
    const [name] = whole();
    expect(scratch.savepointNames()).toEqual([name]);
    const path = join(scratch.savepoints, name ?? '');
    expect(scratch.end()).toMatchObject({how: 'stopped', facts: {savepoint: path, drained: true}});
    const metadata = JSON.parse(readFileSync(join(path, '_metadata'), 'utf8')) as {
      drained: boolean;
    };
    expect(metadata.drained).toBe(true);
    const count = expectOneCut();
    const windows = scratch.rows<{n: number}>('windows').map(({n}) => n);
    expect(windows.reduce((left, right) => left + right, 0)).toBe(count);
  },
);

test.each(sample(['sink.commit.before-link'], ['stop.before-savepoint', 'stop.before-end']))(
  'killed at %s of a stop, the next run goes on from its last checkpoint',
  async (failpoint) => {
    await killedAt(failpoint, {drain: false, savepoint: {directory: null, format: 'native'}});
    const next = scratch.run();
    const started = (await next.event(({type}) => type === 'started')) as Extract<
      RunEvent,
      {type: 'started'}
    >;
    expect(started.decision).toBe('resumed');
    const outcome = await next.commands.stop({drain: false, savepoint: null});
    expect(outcome.kind).toBe('stopped');
    expectOneCut();
    expect(scratch.rows('windows')).toEqual([]);
  },
);
