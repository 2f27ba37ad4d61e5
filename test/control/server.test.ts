// The endpoints of a job: Flink's fields, and what happens to requests that no client of anybody's would send. The
// job behind them answers all the same afterwards.

import {createConnection} from 'node:net';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {BODY_BYTES_MAX} from '#src/control/http-shell.js';
import {vertexIdOf} from '#src/control/flink-views.js';
import {fakeView, JOB_ID, someHistory} from './support/fake-job.js';
import {head, parseReply, sendRaw, withBody, type RawReply} from './support/raw-http.js';
import {serveFake, type Served} from './support/serve-fake.js';

let served: Served;
beforeEach(async () => {
  served = await serveFake();
});
afterEach(async () => {
  await served.close();
});

async function get(path: string): Promise<{status: number; body: Record<string, unknown>}> {
  const {status, body} = await sendRaw(served.socket, [head(`GET ${path}`)]);
  return {status, body: JSON.parse(body) as Record<string, unknown>};
}

async function post(path: string, body: unknown): Promise<RawReply> {
  return sendRaw(served.socket, [withBody(`POST ${path}`, JSON.stringify(body))]);
}

describe('reading', () => {
  const job = `/jobs/${JOB_ID}`;
  const paths = [
    '/jobs',
    '/jobs/overview',
    '/overview',
    '/config',
    ...[
      '',
      '/status',
      '/config',
      '/plan',
      '/exceptions',
      '/checkpoints',
      '/checkpoints/config',
    ].map((path) => job + path),
    `${job}/checkpoints/details/1`,
    `${job}/checkpoints/details/1/subtasks/${vertexIdOf('numbers')}`,
  ];

  test.each(paths)('%s answers with and without /v1', async (path) => {
    const plain = await get(path);
    expect(plain.status).toBe(200);
    expect(await get(`/v1${path}`)).toEqual(plain);
  });

  test.each([
    ['RUNNING', 'RUNNING'],
    ['STOPPING', 'RUNNING'],
    ['RESTARTING', 'RESTARTING'],
    ['STOPPED', 'FINISHED'],
    ['INTERRUPTED', 'SUSPENDED'],
    ['CRASHED', 'FAILED'],
    ['CANCELED', 'CANCELED'],
  ] as const)('%s is %s in the words of Flink', async (state, word) => {
    served.view = fakeView({state});
    expect((await get(`${job}/status`)).body).toEqual({status: word});
  });

  test('checkpoints have their counts, summaries, newest and history', async () => {
    const {body} = await get(`${job}/checkpoints`);
    expect(body).toMatchObject({
      counts: {restored: 1, total: 4, in_progress: 1, completed: 2, failed: 1},
      summary: {state_size: {min: 2000, max: 2000, avg: 2000, p50: 2000, p999: 2000}},
      latest: {
        completed: {id: 2, status: 'COMPLETED', external_path: '/ck/chk-2', discarded: false},
        failed: {id: 3, status: 'FAILED', failure_message: 'checkpoint 3 expired'},
        restored: {id: 0, is_savepoint: true, external_path: '/sp/savepoint-x'},
        savepoint: null,
      },
    });
    const history = body['history'] as {id: number; className: string}[];
    expect(history.map(({id, className}) => [id, className])).toEqual([
      [4, 'in_progress'],
      [3, 'failed'],
      [2, 'completed'],
      [1, 'completed'],
    ]);
  });

  test('a checkpoint has a detail for each vertex and each subtask', async () => {
    const vertex = vertexIdOf('numbers');
    const {body} = await get(`${job}/checkpoints/details/1`);
    expect(body['tasks']).toMatchObject({
      [vertex]: {num_subtasks: 2, num_acknowledged_subtasks: 2, checkpointed_size: 2000},
    });
    const detail = await get(`${job}/checkpoints/details/3/subtasks/${vertex}`);
    expect(detail.body['subtasks']).toMatchObject([
      {className: 'completed', index: 0, checkpoint: {sync: 0, async: 8}, aborted: true},
      {className: 'pending', index: 1},
    ]);
  });

  test('exceptions are cut to the number that is asked for', async () => {
    served.view = fakeView({
      failures: [1, 2, 3].map((at) => ({at, code: 'JOB_FAILED', message: 'no', task: null})),
    });
    const {body} = await get(`${job}/exceptions?maxExceptions=2`);
    expect(body).toMatchObject({
      exceptionHistory: {truncated: true, entries: [{timestamp: 1}, {timestamp: 2}]},
    });
  });
});

describe('readiness', () => {
  test.each([
    [{}, 200],
    [{state: 'RESTARTING'}, 500],
    [{now: 1_700_000_000_000 + 31_000}, 500],
    [{now: 1_700_000_000_000 + 29_000}, 200],
  ] as const)('%j is %i', async (changes, status) => {
    served.view = fakeView({...changes, checkpoints: someHistory().view()});
    expect((await get('/readyz')).status).toBe(status);
  });

  test('a job without periodic checkpoints is ready when it runs', async () => {
    const {config} = served.view;
    served.view = fakeView({now: 1_800_000_000_000, config: {...config, intervalMillis: null}});
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/healthz')).status).toBe(200);
  });
});

describe('triggers', () => {
  const triggerId = 'ab'.repeat(16);
  const directory = '/srv/sp';
  const savepoints = `/jobs/${JOB_ID}/savepoints`;

  test('the same id again is the same operation', async () => {
    served.commands.hold();
    const body = {'target-directory': directory, triggerId};
    const answers = [await post(savepoints, body), await post(savepoints, body)];
    expect(answers.map(({body: text}) => text)).toEqual(
      [1, 2].map(() => JSON.stringify({'request-id': triggerId})),
    );
    served.commands.open();
    await served.operations.idle();
    expect((await post(savepoints, body)).status).toBe(202);
    expect(served.commands.asked).toHaveLength(1);
  });

  test('the same id for something else is refused', async () => {
    await post(savepoints, {'target-directory': directory, triggerId});
    const other = await post(`/jobs/${JOB_ID}/checkpoints`, {triggerId});
    expect(other.status).toBe(409);
    expect(served.commands.asked).toHaveLength(1);
  });

  test('a savepoint that was taken while the stop failed keeps its path', async () => {
    const savepoint = {
      id: 7,
      path: '/srv/sp/savepoint-x',
      bytes: 1,
      durationMillis: 1,
      format: 'canonical',
    } as const;
    const {EngineError} = await import('#src/base/errors.js');
    const error = new EngineError('STORAGE_FAILED', 'the end could not be recorded');
    served.commands.outcome = {kind: 'taken-and-running', savepoint, error};
    await post(`/jobs/${JOB_ID}/stop`, {targetDirectory: directory, triggerId});
    await served.operations.idle();
    const {status, body} = await get(`${savepoints}/${triggerId}`);
    expect(status).toBe(500);
    expect(body).toEqual({errors: [expect.stringContaining('/srv/sp/savepoint-x')]});
    const own = await get(`/tidemark/triggers/${triggerId}`);
    expect(own.body).toMatchObject({outcome: {kind: 'taken-and-running', savepoint}});
  });

  test('without a savepoint there is no target to name', async () => {
    expect((await post(`/jobs/${JOB_ID}/stop`, {noSavepoint: true})).status).toBe(202);
    await served.operations.idle();
    expect(served.commands.asked).toEqual([['stop', {drain: false, savepoint: null}]]);
  });

  test.each([
    ['/savepoints', {'target-directory': 'relative'}, 'absolute'],
    ['/savepoints', {'target-directory': 's3://bucket/x'}, 'absolute'],
    ['/savepoints', {'target-directory': 'file://other-host/x'}, 'absolute'],
    ['/savepoints', {'target-directory': directory, formatType: 'AVRO'}, 'CANONICAL, NATIVE'],
    ['/savepoints', {'target-directory': directory, triggerId: 'xyz'}, '32 hexadecimal'],
    ['/savepoints', {'target-directory': directory, 'cancel-job': 'yes'}, 'true or false'],
    ['/stop', {targetDirectory: directory, drian: true}, 'unknown field "drian"'],
    ['/checkpoints', {checkpointType: 'SOME'}, 'CONFIGURED, FULL'],
  ])('%s %j is refused with a reason', async (path, body, reason) => {
    const answer = await post(`/jobs/${JOB_ID}${path}`, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(reason.replaceAll('"', '\\"'));
    expect(served.commands.asked).toEqual([]);
  });
});

describe('what breaks a limit gets a 4xx, and the job goes on', () => {
  const trigger = `POST /jobs/${JOB_ID}/checkpoints`;

  test.each<[string, readonly (string | Uint8Array)[], number]>([
    ['a body that is no JSON', [withBody(trigger, 'checkpointType=FULL')], 400],
    ['a body that is no object', [withBody(trigger, '[1]')], 400],
    ['a field that nobody knows', [withBody(trigger, '{"full":true}')], 400],
    ['the prototype as a field', [withBody(trigger, '{"__proto__":{"a":1}}')], 400],
    ['half a JSON text', [withBody(trigger, '{"checkpointType":')], 400],
    ['100,000 open brackets', [withBody(trigger, '['.repeat(100_000))], 400],
    [
      'a body that is no UTF-8',
      [head(trigger, {'content-length': '4'}), Buffer.from([0x22, 0xff, 0xfe, 0x22])],
      400,
    ],
    [
      'a body of a gigabyte, announced',
      [head(trigger, {'content-length': '1073741824'}), '{'],
      413,
    ],
    [
      'a body over the limit, in chunks',
      [head(trigger, {'transfer-encoding': 'chunked'}), ...chunks(BODY_BYTES_MAX + 1)],
      413,
    ],
    ['a length that is no number', [head(trigger, {'content-length': '-1'})], 400],
    [
      'two ideas of the length',
      [head(trigger, {'content-length': '2', 'transfer-encoding': 'chunked'}), '{}'],
      400,
    ],
    ['headers over the limit', [head('GET /jobs', {'x-long': 'a'.repeat(20_000)})], 431],
    ['a path over the limit', [head(`GET /${'a'.repeat(5_000)}`)], 414],
    ['a path that is no UTF-8', [head('GET /jobs/%ff%fe')], 400],
    ['no HTTP at all', ['\u0016\u0003\u0001hello\r\n\r\n'], 400],
    ['an origin', [head('GET /jobs', {origin: 'http://localhost'})], 403],
    ['a web socket', [head('GET /jobs', {connection: 'upgrade', upgrade: 'websocket'})], 400],
    ['a method that is not there', [head(`DELETE /jobs/${JOB_ID}`)], 404],
    ['a way out of the tree', [head('GET /jobs/../../etc/passwd')], 404],
    ['another job', [head(`GET /jobs/${'1'.repeat(32)}`)], 404],
    ['a checkpoint that never was', [head(`GET /jobs/${JOB_ID}/checkpoints/details/99`)], 404],
    ['a trigger that never was', [head(`GET /jobs/${JOB_ID}/savepoints/${'9'.repeat(32)}`)], 404],
    ['another mode of cancelling', [withBody(`PATCH /jobs/${JOB_ID}?mode=stop`, '{}')], 400],
    ['a jar', [withBody('POST /jobs', '{}')], 400],
  ])('%s', async (_name, pieces, status) => {
    const reply = await sendRaw(served.socket, pieces);
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.body)).toEqual({errors: [expect.any(String)]});
    expect((await get('/jobs')).status).toBe(200);
    expect(served.commands.asked).toEqual([]);
  });

  test('a peer that dribbles is cut off, and others are answered meanwhile', async () => {
    const socket = createConnection(served.socket);
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString();
    });
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.write('GET /jobs HTTP/1.1\r\nhost: localhost\r\nx-slow: ');
    const dribble = setInterval(() => socket.write('a'), 200);
    expect((await get('/jobs')).status).toBe(200);
    await closed;
    clearInterval(dribble);
    expect(parseReply(text).status).toBe(408);
  });

  test('a hundred connections that say nothing keep nobody out for long', async () => {
    const idle = Array.from({length: 100}, () => createConnection(served.socket));
    for (const socket of idle) socket.on('error', () => undefined);
    await Promise.all(
      idle.map(
        async (socket) => new Promise<void>((resolve) => socket.once('connect', () => resolve())),
      ),
    );
    for (const socket of idle) socket.destroy();
    await expect
      .poll(
        async () =>
          get('/jobs').then(
            ({status}) => status,
            () => 0,
          ),
        {timeout: 20_000},
      )
      .toBe(200);
  });
});

function chunks(bytes: number): string[] {
  const piece = 'a'.repeat(65_536);
  const count = Math.ceil(bytes / piece.length);
  return Array.from({length: count}, () => `${piece.length.toString(16)}\r\n${piece}\r\n`);
}
