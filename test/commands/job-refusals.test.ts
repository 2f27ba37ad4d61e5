// What goes wrong around jobs in the background: each has its exit status, says why, and leaves nothing behind.

import {chmod, mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {ErrorReport} from '#commands/_shared/error-report.js';
import {errorOf, tidemark, type Ending} from './tidemark.ts';

const JOB = `name: endless
sources:
  numbers: {connector: generator, rate-limit: 100, fields: {n: {kind: sequence}}}
sinks:
  out: {connector: blackhole, input: numbers}
checkpointing: {interval: 50ms, dir: file:./state}
`;

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-refusals-'));
  file = join(directory, 'endless.job.yaml');
  await writeFile(file, JOB);
  const {status, stderr} = await run('run', '-d', file);
  expect(status, stderr).toBe(0);
});

afterAll(async () => {
  await run('cancel', 'endless');
  await rm(directory, {recursive: true, force: true});
});

async function run(...args: string[]): Promise<Ending> {
  return tidemark(args, {TIDEMARK_HOME: join(directory, 'home')});
}

async function refused(...args: string[]): Promise<ReturnType<typeof errorOf>> {
  const ending = await run(...args, '--json');
  expect(ending.status, ending.stdout).not.toBe(0);
  const error = errorOf(ending);
  expect(error.exit_code).toBe(ending.status);
  return error;
}

describe('run -d', () => {
  test('of a job that runs is 11, and says which process has it', async () => {
    const error = await refused('run', '-d', file);
    expect(error).toMatchObject({exit_code: 11, code: 'ALREADY_RUNNING'});
    expect(error.message).toMatch(/process \d+/);
  });

  test('of a file that is no job is 3, with the line', async () => {
    const broken = join(directory, 'broken.job.yaml');
    await writeFile(broken, `${JOB}nonsense: 1\n`);
    expect(await refused('run', '-d', broken)).toMatchObject({exit_code: 3, file: broken, line: 7});
  });

  test('of a file that is not there is 10', async () => {
    expect(await refused('run', '-d', 'nothing.job.yaml')).toMatchObject({exit_code: 10});
  });

  test('does not begin when nobody could find it again: the state directory is a file', async () => {
    const home = join(directory, 'no-directory');
    await writeFile(home, '');
    const ending = await tidemark(['run', '-d', file, '--json'], {TIDEMARK_HOME: home});
    const error = errorOf(ending);
    expect([13, 15]).toContain(error.exit_code);
    expect(error.message).toContain(home);
  });

  test.skipIf(process.getuid?.() === 0)('nor in a state directory that is read-only', async () => {
    const home = join(directory, 'read-only');
    await mkdir(home, {mode: 0o700});
    await chmod(home, 0o500);
    const ending = await tidemark(['run', '-d', file, '--json'], {TIDEMARK_HOME: home});
    expect(errorOf(ending)).toMatchObject({exit_code: 15});
  });

  test('does not take what is for a terminal', async () => {
    for (const flag of [['--dry-run'], ['--on-closed-output', 'stop']]) {
      expect(await refused('run', '-d', file, ...flag)).toMatchObject({exit_code: 2});
    }
  });
});

describe('savepoint', () => {
  test('into a file is refused, and the job goes on', async () => {
    expect(await refused('savepoint', 'endless', file)).toMatchObject({exit_code: 13});
    expect((await run('status', 'endless')).stdout).toContain('running');
  });

  test('with no directory anywhere is 2', async () => {
    expect(await refused('savepoint', 'endless')).toMatchObject({exit_code: 2});
  });

  test('to another scheme is 2, before the job is asked', async () => {
    const error = await refused('savepoint', 'nobody', 's3://bucket/path');
    expect(error).toMatchObject({code: 'USAGE', exit_code: 2});
    expect(error.message).toContain('S3');
  });

  test('below a directory that nothing can be made in is 15', async () => {
    const error = await refused('savepoint', 'endless', '/proc/self/savepoints');
    expect(error).toMatchObject({code: 'STORAGE_FAILED'});
  });

  test('given up after a time limit is 14, and goes on under the id that is told', async () => {
    const target = join(directory, 'late');
    // A small job may be faster than any limit.
    let error: ErrorReport | null = null;
    for (let tries = 0; error === null && tries < 30; tries += 1) {
      await rm(target, {recursive: true, force: true});
      const ending = await run('savepoint', 'endless', target, '--timeout', '1ms', '--json');
      if (ending.status !== 0) error = errorOf(ending);
    }
    expect(error).toMatchObject({code: 'TIMED_OUT', exit_code: 14});
    const triggerId = /[0-9a-f]{32}$/.exec(error?.hint ?? '')?.[0] ?? '';
    const waited = await run('wait', 'endless', '--for', `trigger=${triggerId}`, '--json');
    expect(waited.status, waited.stdout).toBe(0);
    const {path} = JSON.parse(waited.stdout) as {path: string};
    expect(await readdir(target)).toEqual([path.slice(target.length + 1)]);
  });

  test('--dispose deletes nothing that is no savepoint', async () => {
    const error = await refused('savepoint', '--dispose', join(directory, 'home'), '--yes');
    expect([10, 13]).toContain(error.exit_code);
    expect(await readdir(join(directory, 'home'))).toContain('jobs');
  });
});

describe('a job whose process was killed', () => {
  test('is listed as crashed and not as running, its socket is nobody, and it can be cancelled', async () => {
    const other = join(directory, 'killed.job.yaml');
    await writeFile(other, JOB.replace('name: endless', 'name: killed'));
    const started = await run('run', '-d', other, '--json');
    const {pid} = JSON.parse(started.stdout) as {pid: number};
    await run('wait', 'killed', '--for', 'checkpoint>=1', '--timeout', '1min');
    process.kill(pid, 'SIGKILL');
    // Not yet reaped, it may be seen for a moment.
    const waited = await run('wait', 'killed', '--for', 'ended', '--timeout', '1min', '--json');
    expect(waited.status, waited.stdout).toBe(0);
    const {items} = JSON.parse((await run('list', '--all', '--json')).stdout) as {
      items: {name: string; state: string; ended: string | null}[];
    };
    expect(items.find(({name}) => name === 'killed')).toMatchObject({
      state: 'CRASHED',
      ended: null,
    });
    expect((await run('list')).stdout).not.toContain('killed');
    expect(await refused('savepoint', 'killed', directory)).toMatchObject({exit_code: 10});
    expect(await refused('wait', 'killed', '--for', 'running')).toMatchObject({exit_code: 1});
    // Its checkpoints are its own: whoever wants them away deletes the directory.
    const [checkpoint = ''] = (await readdir(join(directory, 'state/killed'))).filter((name) =>
      name.startsWith('chk-'),
    );
    const path = join(directory, 'state/killed', checkpoint);
    const kept = await refused('savepoint', '--dispose', path, '--yes');
    expect(kept, checkpoint).toMatchObject({code: 'REFUSED', exit_code: 13});
    const cancelled = await run('cancel', 'killed');
    expect(cancelled).toMatchObject({status: 0});
    expect(cancelled.stdout).toContain('has ended already: crashed');
  });
});

test('an unknown job is 10, with the nearest name', async () => {
  const error = await refused('status', 'endles');
  expect(error).toMatchObject({exit_code: 10});
  expect(error.hint).toContain('endless');
});

test('a job that is not named, with nobody to ask, is 2 and says what to write', async () => {
  for (const command of ['status', 'savepoint', 'stop', 'cancel', 'logs', 'checkpoint trigger']) {
    const error = await refused(...command.split(' '));
    expect(error, command).toMatchObject({exit_code: 2});
    expect(error.message).toMatch(/^JOB is missing/);
    expect(error.hint).toContain(`tidemark ${command} JOB`);
  }
});
