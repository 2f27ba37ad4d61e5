// A job from the shell, from its start in the background to its end, as a script does it: every step's exit status and
// JSON, and over all of them nothing counted twice and nothing left out. Real processes; the job is a copy.

import {cp, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {violations} from './contract/commands.ts';
import {ROOT, errorOf, tidemark, type Ending} from './tidemark.ts';

let home: string;
let file: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-lifecycle-'));
  file = join(home, 'clicks.job.yaml');
  const text = await readFile(join(ROOT, 'jobs/clicks/clicks.job.yaml'), 'utf8');
  await writeFile(file, text.replace('interval: 1s', 'interval: 200ms'));
});

afterAll(async () => {
  await run('cancel', 'clicks');
  await rm(home, {recursive: true, force: true});
});

async function run(...args: string[]): Promise<Ending> {
  return tidemark(args, {TIDEMARK_HOME: join(home, 'state')});
}

/** What it prints, which is as its schema says; `status` is what it ends with. */
async function json<T>(schema: string, ...args: string[]): Promise<T> {
  const {status, stdout, stderr} = await run(...args, '--json');
  expect({status, stderr}, stdout).toEqual({status: 0, stderr: ''});
  const value = JSON.parse(stdout) as T;
  expect(await violations(schema, value), stdout).toEqual([]);
  return value;
}

interface Taken {
  readonly id: number;
  readonly path: string;
}

const COUNTED = ['minute', 'page', 'clicks', 'mean_millis', 'slowest'] as const;
type Row = Readonly<Record<(typeof COUNTED)[number], string | number>>;

/** By minute and page; a window that was committed twice fails here. */
async function committed(directory: string): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  // What is not committed has a dot before its name.
  const names = (await readdir(directory)).filter((name) => /^[^.].*\.ndjson$/.test(name));
  for (const name of names) {
    for (const line of (await readFile(join(directory, name), 'utf8')).trim().split('\n')) {
      const row = JSON.parse(line) as Row;
      const key = `${row.minute} ${row.page}`;
      expect(rows.has(key), `${key} is there twice`).toBe(false);
      rows.set(key, JSON.stringify(COUNTED.map((column) => row[column])));
    }
  }
  return rows;
}

test('detached, three checkpoints, a savepoint, stopped with another, on from it at parallelism 2, cancelled', async () => {
  const started = await json<{job_id: string; pid: number}>('job-started', 'run', '-d', file);
  const {items} = await json<{items: {job_id: string; state: string; pid: number}[]}>(
    'list',
    'list',
  );
  expect(items).toMatchObject([{job_id: started.job_id, state: 'RUNNING', pid: started.pid}]);

  const waited = await json<{last_checkpoint_id: number}>(
    ...(['wait', 'wait', 'clicks', '--for', 'checkpoint>=3', '--timeout', '1min'] as const),
  );
  expect(waited.last_checkpoint_id).toBeGreaterThanOrEqual(3);

  const first = await json<Taken>('savepoint', 'savepoint', 'clicks', join(home, 'savepoints'));
  expect(first).toMatchObject({job_id: started.job_id, format: 'canonical', state: 'RUNNING'});
  expect(first.id).toBeGreaterThan(3);

  const second = await json<Taken>(
    ...(['savepoint', 'stop', 'clicks', '--savepoint-path', join(home, 'savepoints')] as const),
  );
  expect(second).toMatchObject({job_id: started.job_id, state: 'STOPPED'});
  expect(second.id).toBeGreaterThan(first.id);
  expect(await json('status', 'status', 'clicks')).toMatchObject({state: 'STOPPED', exit_code: 0});

  const again = await json<{job_id: string; restored_from: string}>(
    ...(['job-started', 'run', '-d', file, '-s', second.path, '-p', '2'] as const),
  );
  expect(again).toMatchObject({decision: 'restored', restored_from: second.path});
  const target = `checkpoint>=${second.id + 3}`;
  await json('wait', 'wait', 'clicks', '--for', target, '--timeout', '1min');
  expect(await json('status', 'status', 'clicks')).toMatchObject({
    state: 'RUNNING',
    parallelism: 2,
  });

  expect(await json('cancel', 'cancel', 'clicks')).toMatchObject({
    job_id: again.job_id,
    state: 'CANCELED',
    already_ended: false,
  });
  // Of an ended job it is no error, and nothing is done.
  expect(await json('cancel', 'cancel', 'clicks')).toMatchObject({already_ended: true});
  expect(await json('stop', 'stop', 'clicks')).toMatchObject({already_ended: true});
  const never = await run('wait', 'clicks', '--for', 'running', '--json');
  expect(never.status).toBe(1);
  expect(errorOf(never)).toMatchObject({code: 'JOB_FAILED', exit_code: 1});
  const verified = await run('checkpoint', 'verify', first.path, second.path);
  expect(verified.status, verified.stdout).toBe(0);

  await undisturbed();
}, 60_000);

/** The same clicks in one go: each window that was committed is what it is there, and none before it is missing. */
async function undisturbed(): Promise<void> {
  const found = await committed(join(home, 'out'));
  const minutes = [...found.keys()]
    .map((key) => Date.parse(key.split(' ')[0] ?? ''))
    .sort((a, b) => a - b);
  const last = minutes.at(-1) ?? 0;
  const begin = Date.parse('2026-01-01T00:00:00Z');
  // One click in ten milliseconds, and two minutes that are not compared.
  const rows = (last - begin) / 10 + 12_000;
  const directory = join(home, 'undisturbed');
  await cp(file, join(directory, 'clicks.job.yaml'));
  const ending = await run(
    ...['run', join(directory, 'clicks.job.yaml'), '--set', `sources.clicks.rows=${rows}`],
    ...['--set', 'sources.clicks.rate-limit=10000000'],
  );
  expect(ending.status, ending.stderr).toBe(0);
  const expected = await committed(join(directory, 'out'));
  const until = [...expected].filter(([key]) => Date.parse(key.split(' ')[0] ?? '') <= last);
  expect(found.size).toBeGreaterThan(10);
  expect(new Map([...found].sort())).toEqual(new Map(until.sort()));
}
