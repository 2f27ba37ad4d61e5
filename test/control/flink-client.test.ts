// What Flink's own client sends, byte for byte, gets answers of the recorded shape: same status, same fields, same
// types. The recorded ids of operations are dealt out again, so that the polls are the recorded bytes too.

import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {afterEach, describe, expect, test} from 'vitest';
import {JOB_ID} from './support/fake-job.js';
import {sendRaw} from './support/raw-http.js';
import {serveFake, type Served} from './support/serve-fake.js';

interface Recorded {
  readonly command: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
  readonly reply: unknown;
}

const {requests} = JSON.parse(
  readFileSync(fileURLToPath(new URL('recorded/flink-client.json', import.meta.url)), 'utf8'),
) as {requests: readonly Recorded[]};

/** As one command makes them, one after the other. */
const sessions = [...new Set(requests.map(({command}) => command))].map(
  (command) => [command, requests.filter((each) => each.command === command)] as const,
);
const UNKNOWN_JOB = '0'.repeat(32);

let served: Served | null = null;
afterEach(async () => {
  await served?.close();
  served = null;
});

describe('the client of Flink 2.3.0', () => {
  test.each(sessions)('%s', async (_command, session) => {
    const jobId = /\/jobs\/([0-9a-f]{32})/.exec(session[0]!.path)?.[1] ?? JOB_ID;
    const ids = session.flatMap(({reply}) => requestIdOf(reply) ?? []);
    served = await serveFake(
      {jobId: jobId === UNKNOWN_JOB ? JOB_ID : jobId},
      {next: () => 0, hex: () => ids.shift()!},
    );
    served.commands.hold();
    for (const recorded of session) {
      if (!isInProgress(recorded.reply) && recorded.method === 'GET') {
        served.commands.open();
        await served.operations.idle();
      }
      const {status, body, headers} = await sendRaw(served.socket, [bytesOf(recorded)]);
      expect(headers['content-type']).toBe('application/json; charset=UTF-8');
      const answer = JSON.parse(body) as unknown;
      if (isFailureObject(recorded.reply)) {
        // A Java exception, serialized: the client prints an HTTP error's text instead.
        expect({status, answer}).toEqual({status: 404, answer: {errors: [expect.any(String)]}});
        continue;
      }
      expect(status).toBe(recorded.status);
      expect(shapeOf(answer, recorded.reply)).toEqual(shapeOf(recorded.reply, recorded.reply));
    }
  });

  test('the orders arrive as they were meant', async () => {
    served = await serveFake({jobId: JOB_ID});
    const wanted = ['savepoint', 'checkpoint', 'stop', 'cancel'];
    for (const recorded of requests.filter(({method}) => method !== 'GET')) {
      const path = recorded.path.replace(/\/jobs\/[0-9a-f]{32}/, `/jobs/${JOB_ID}`);
      await sendRaw(served.socket, [bytesOf({...recorded, path})]);
    }
    await served.operations.idle();
    const asked = served.commands.asked as [string, unknown?][];
    expect([...new Set(asked.map(([what]) => what))].sort()).toEqual(wanted.sort());
    const directory = '/srv/fl/sp';
    expect(asked).toContainEqual(['savepoint', {directory, format: 'native'}]);
    expect(asked).toContainEqual(['checkpoint', {full: true}]);
    expect(asked).toContainEqual(['stop', {drain: true, savepoint: {directory, format: 'native'}}]);
    // `cancel -s`
    expect(asked).toContainEqual([
      'stop',
      {drain: false, savepoint: {directory, format: 'canonical'}},
    ]);
    expect(served.disposed).toEqual(['/srv/fl/sp/savepoint-90bff1-6a2db2679e16']);
  });

  test('an operation that failed is an HTTP error with one field when it is polled', async () => {
    served = await serveFake();
    served.commands.error = new Error('the disk is on fire');
    const trigger = requests.find(
      ({status, path}) => status === 202 && path.endsWith('/savepoints'),
    )!;
    const {body} = await sendRaw(served.socket, [
      bytesOf({...trigger, path: `/v1/jobs/${JOB_ID}/savepoints`}),
    ]);
    await served.operations.idle();
    const id = requestIdOf(JSON.parse(body))!;
    const poll = {...requests[0]!, path: `/v1/jobs/${JOB_ID}/savepoints/${id}`};
    const answer = await sendRaw(served.socket, [bytesOf(poll)]);
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body)).toEqual({errors: ['the disk is on fire']});
  });
});

function bytesOf({method, path, headers, body}: Recorded): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

function requestIdOf(reply: unknown): string | null {
  return (reply as {'request-id'?: string})['request-id'] ?? null;
}

function isInProgress(reply: unknown): boolean {
  return (reply as {status?: {id?: string}}).status?.id === 'IN_PROGRESS';
}

function isFailureObject(reply: unknown): boolean {
  const {operation} = reply as {operation?: object | null};
  return operation !== undefined && operation !== null && 'failure-cause' in operation;
}

/** The types of the fields that `like` has; words that a program compares stay as they are. */
function shapeOf(value: unknown, like: unknown): unknown {
  if (Array.isArray(like)) {
    return Array.isArray(value) && value.length > 0 ? [shapeOf(value[0], like[0])] : value;
  }
  if (typeof like === 'object' && like !== null) {
    const fields = (value ?? {}) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(like).map(([name, inner]) => [name, shapeOf(fields[name], inner)]),
    );
  }
  if (typeof like !== 'string') return typeof value;
  if (/^(IN_PROGRESS|COMPLETED|STREAMING|Default)$/.test(like)) return value;
  if (/^[0-9a-f]{32}$/.test(like)) return /^[0-9a-f]{32}$/.test(String(value)) ? 'id' : value;
  return like.startsWith('file:/') ? String(value).slice(0, 6) : typeof value;
}
