// Detached runs with real processes: started through the door, found by others, killed, told to end, and refused when
// nobody could find them again.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {
  awaitTrigger,
  cancelJob,
  disposeSavepoint,
  jobLogs,
  jobStatus,
  listJobs,
  startDetached,
  stopJob,
  triggerCheckpoint,
  triggerSavepoint,
  waitForJob,
} from '#src/index.js';
import type {RunRequest, StartedJob} from '#src/index.js';
import {sendRaw, head} from './support/raw-http.js';

let root: string;
let environment: Record<string, string | undefined>;
let started: number[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'detached-'));
  environment = {...process.env, TIDEMARK_HOME: join(root, 'state'), XDG_RUNTIME_DIR: undefined};
  started = [];
  writeJob('endless');
});
afterEach(async () => {
  for (const pid of started) kill(pid, 'SIGKILL');
  rmSync(root, {recursive: true, force: true});
  return Promise.resolve();
});

function writeJob(name: string, more = ''): string {
  const file = join(root, `${name}.job.yaml`);
  writeFileSync(
    file,
    `name: ${name}
sources:
  numbers:
    connector: generator
    fields: {id: {kind: sequence}}
    rate-limit: 1000
sinks:
  out: {connector: blackhole, input: numbers}
checkpointing: {interval: 200 ms, dir: ck}
${more}`,
  );
  return file;
}

function request(changes: Partial<RunRequest> = {}): RunRequest {
  return {
    file: join(root, 'endless.job.yaml'),
    overrides: {flink: [], set: []},
    fresh: false,
    allowNonRestoredState: false,
    takeOver: false,
    onDamaged: 'stop',
    outputAhead: 'refuse',
    allowDrained: false,
    shutdownTimeoutMillis: 10_000,
    progressIntervalMillis: 10_000,
    environment,
    ...changes,
  };
}

async function start(changes: Partial<RunRequest> = {}, door = startDetached): Promise<StartedJob> {
  const job = await door(request(changes));
  started.push(job.pid);
  return job;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function patience(): {environment: typeof environment; timeoutMillis: number} {
  return {environment, timeoutMillis: 30_000};
}

describe('a detached run', () => {
  test('is running when it is told of, has a session of its own, ignores a closed shell, stops by a signal', async () => {
    const job = await start();
    expect(job).toMatchObject({name: 'endless', generation: 1, decision: 'fresh', listens: null});
    const {items} = await listJobs({environment});
    expect(items).toMatchObject([
      {jobId: job.jobId, state: 'RUNNING', live: true, pid: job.pid, detached: true},
    ]);
    const session = readFileSync(`/proc/${job.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[3];
    expect(session).toBe(String(job.pid));
    kill(job.pid, 'SIGHUP');
    const checkpoint = await waitForJob('endless', {kind: 'checkpoint', id: 2}, patience());
    expect(checkpoint.kind).toBe('met');
    const {view} = await jobStatus(job.jobId.slice(0, 6), {environment});
    expect(view).toMatchObject({state: 'RUNNING', tasks: [{id: 'numbers/0'}]});
    kill(job.pid, 'SIGTERM');
    const ended = await waitForJob('endless', {kind: 'ended'}, patience());
    expect(ended.job).toMatchObject({state: 'INTERRUPTED', live: false, end: {exitStatus: 143}});
    const impossible = await waitForJob('endless', {kind: 'state', state: 'RUNNING'}, patience());
    expect(impossible).toMatchObject({kind: 'impossible', reason: 'the job is INTERRUPTED'});
    const lines: string[] = [];
    for await (const line of jobLogs('endless', {environment, follow: true})) lines.push(line);
    expect(lines[0]).toMatch(/^\S+Z INFO {2}job endless \([0-9a-f]{32}\), generation 1: /);
    expect(lines.at(-1)).toContain('INTERRUPTED');
    expect(readdirSync(join(root, 'state', 'starting'))).toEqual([]);
    expect(readdirSync(join(root, 'state', 'sockets'))).toEqual([]);
  });

  test('that is killed is CRASHED at once, its socket goes, and the next run is the same job', async () => {
    const first = await start();
    await waitForJob(first.jobId, {kind: 'checkpoint', id: 1}, patience());
    kill(first.pid, 'SIGKILL');
    await expect
      .poll(async () => (await listJobs({environment})).items.map(({state, live}) => [state, live]))
      .toEqual([['CRASHED', false]]);
    expect(readdirSync(join(root, 'state', 'sockets'))).toEqual([]);
    const second = await start();
    expect(second).toMatchObject({jobId: first.jobId, generation: 2, decision: 'resumed'});
    expect((await listJobs({environment})).items).toMatchObject([
      {state: 'RUNNING', pid: second.pid},
    ]);
  });

  test('of a job that runs already is refused with who runs it, and leaves the first one alone', async () => {
    const job = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining(String(job.pid)) as string,
    });
    const {items} = await listJobs({environment});
    expect(items).toMatchObject([{state: 'RUNNING', pid: job.pid}]);
  });

  test('of a job that is invalid, or not there, is refused with the reason', async () => {
    writeFileSync(join(root, 'bad.job.yaml'), 'name: [');
    await expect(start({file: join(root, 'bad.job.yaml')})).rejects.toMatchObject({
      code: 'JOB_INVALID',
    });
    await expect(start({file: join(root, 'none.yaml')})).rejects.toMatchObject({code: 'NOT_FOUND'});
    expect(readdirSync(join(root, 'state', 'starting'))).toEqual([]);
  });

  test('from the start-up bundle finds its entry too', async () => {
    const bundled = (await import(
      new URL('../../dist/start/src/control/start-detached.js', import.meta.url).href
    )) as {startDetached: typeof startDetached};
    const job = await start({}, bundled.startDetached);
    expect(readFileSync(`/proc/${job.pid}/cmdline`, 'utf8')).toContain(
      'dist/start/src/detached-entry.js',
    );
  });

  test('listens where it is told to, for whoever has the token', async () => {
    const job = await start({listen: '127.0.0.1:0'});
    const port = Number(job.listens!.split(':')[2]);
    const authorization = `Bearer ${readFileSync(job.tokenFile!, 'utf8').trim()}`;
    const ask = async (headers: Record<string, string>) =>
      sendRaw(port, [head('GET /v1/jobs/overview', headers)]);
    expect((await ask({})).status).toBe(401);
    const {status, body} = await ask({authorization});
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({jobs: [{jid: job.jobId, state: 'RUNNING'}]});
  });
});

describe('the commands of a job', () => {
  test('checkpoint, savepoint, a stop with one, and what comes of each under its trigger id', async () => {
    const job = await start();
    const directory = join(root, 'savepoints');
    mkdirSync(directory);
    const checkpoint = await triggerCheckpoint('endless', {full: false}, {environment});
    const taken = await awaitTrigger('endless', checkpoint.triggerId, patience());
    expect(taken).toMatchObject({operation: 'checkpoint', outcome: {kind: 'checkpoint'}});
    const nowhere = triggerSavepoint(
      'endless',
      {directory: null, format: 'canonical'},
      {environment},
    );
    await expect(nowhere).rejects.toMatchObject({code: 'USAGE'});
    const order = {directory, format: 'canonical', triggerId: 'ab'.repeat(16)} as const;
    for (let times = 0; times < 2; times += 1) {
      expect((await triggerSavepoint('endless', order, {environment})).triggerId).toBe(
        order.triggerId,
      );
      const {outcome} = await awaitTrigger('endless', order.triggerId, patience());
      expect(outcome).toMatchObject({kind: 'savepoint', savepoint: {format: 'canonical'}});
    }
    expect(readdirSync(directory)).toHaveLength(1);
    const stop = await stopJob(
      'endless',
      {drain: false, savepoint: {directory, format: 'canonical'}},
      {environment},
    );
    if (stop.kind !== 'accepted') throw new Error('it had ended');
    const {outcome} = await awaitTrigger(job.jobId, stop.triggerId, patience());
    expect(outcome).toMatchObject({
      kind: 'stopped',
      savepoint: {path: expect.stringContaining(directory) as string},
    });
    expect(readdirSync(directory)).toHaveLength(2);
    const ended = await waitForJob(job.jobId, {kind: 'ended'}, patience());
    expect(ended.job).toMatchObject({state: 'STOPPED', end: {exitStatus: 0}});
    expect(await stopJob('endless', {drain: false, savepoint: null}, {environment})).toMatchObject({
      kind: 'already-ended',
    });
    expect(await cancelJob('endless', patience())).toMatchObject({kind: 'already-ended'});
    const [savepoint] = readdirSync(directory);
    await disposeSavepoint(join(directory, savepoint!), {environment});
    expect(readdirSync(directory)).toHaveLength(1);
    await expect(disposeSavepoint(join(directory, 'none'), {environment})).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('cancel ends it where it is', async () => {
    const job = await start();
    const {kind, job: row} = await cancelJob(job.jobId, patience());
    expect({kind, state: row.state}).toEqual({kind: 'cancelled', state: 'CANCELED'});
  });
});

describe('two jobs', () => {
  test('of one name are told apart by id; the name alone is refused', async () => {
    const first = await start();
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(
      join(elsewhere, 'endless.job.yaml'),
      readFileSync(join(root, 'endless.job.yaml')),
    );
    const second = await start({file: join(elsewhere, 'endless.job.yaml')});
    await expect(jobStatus('endless', {environment})).rejects.toMatchObject({code: 'USAGE'});
    for (const {jobId, pid} of [first, second]) {
      expect((await jobStatus(jobId, {environment})).job.pid).toBe(pid);
    }
    await expect(jobStatus('endles', {environment})).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: {hint: 'did you mean endless?'},
    });
  });
});

describe('a state directory that cannot be used', () => {
  test('by a detached run is STORAGE_FAILED, and nothing begins', async () => {
    writeFileSync(join(root, 'file'), '');
    const broken = {...environment, TIDEMARK_HOME: join(root, 'file', 'state')};
    await expect(start({environment: broken})).rejects.toMatchObject({code: 'STORAGE_FAILED'});
    expect(existsSync(join(root, 'ck'))).toBe(false);
  });

  test('because others may write to it, is refused', async () => {
    mkdirSync(join(root, 'state'));
    chmodSync(join(root, 'state'), 0o777);
    await expect(start()).rejects.toMatchObject({code: 'REFUSED'});
    expect(existsSync(join(root, 'ck'))).toBe(false);
  });

  test('by an attached run is a warning: the job runs and ends as ever', async () => {
    const {runJob} = await import('#src/index.js');
    writeFileSync(join(root, 'file'), '');
    const broken = {...environment, TIDEMARK_HOME: join(root, 'file', 'state')};
    const job = runJob(request({environment: broken}));
    const seen: string[] = [];
    for await (const event of job.events) {
      if (event.type === 'warning') seen.push(event.message);
      // A second one would end it at once.
      if (event.type === 'checkpoint' && event.id === 1) job.interrupt('SIGINT');
    }
    expect(seen[0]).toContain('cannot be listed or controlled');
    expect(await job.finished).toMatchObject({state: 'INTERRUPTED'});
  });
});
