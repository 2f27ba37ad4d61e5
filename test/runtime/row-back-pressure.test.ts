// Rows for the user's eyes: the task runs ahead of their reader only so far.

import {describe, expect, test} from 'vitest';
import {EventStream} from '#src/runtime/event-stream.js';
import {ROWS_AHEAD_MAX, ShownRows} from '#src/runtime/shown-rows.js';

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('an event stream', () => {
  test('is caught up with when the reader comes back after the last item pushed before', async () => {
    const stream = new EventStream<number>();
    await stream.caughtUp();
    stream.push(1);
    stream.push(2);
    const caughtUp = stream.caughtUp();
    stream.push(3);
    const reader = stream[Symbol.asyncIterator]();
    expect((await reader.next()).value).toBe(1);
    expect((await reader.next()).value).toBe(2);
    expect(await isSettled(caughtUp), 'the second one is still being handled').toBe(false);
    expect((await reader.next()).value).toBe(3);
    expect(await isSettled(caughtUp)).toBe(true);
    expect(await isSettled(stream.caughtUp())).toBe(false);
  });

  test('waits for nobody when its reader has left', async () => {
    const stream = new EventStream<number>();
    stream.push(1);
    stream.push(2);
    for await (const item of stream) if (item === 1) break;
    stream.push(3);
    expect(await isSettled(stream.caughtUp())).toBe(true);
  });
});

test('rows ahead of their reader hold the task back until enough of them were read', async () => {
  const rows = new ShownRows();
  rows.sent(ROWS_AHEAD_MAX - 1);
  expect(rows.flow()).toBeNull();
  rows.sent(10);
  const flow = rows.flow() ?? Promise.reject(new Error('not held back'));
  rows.read(5);
  rows.sent(5);
  expect(rows.flow(), 'one promise for one wait').toBe(flow);
  expect(await isSettled(flow)).toBe(false);
  rows.read(ROWS_AHEAD_MAX);
  expect(await isSettled(flow)).toBe(true);
  expect(rows.flow()).toBeNull();
});
