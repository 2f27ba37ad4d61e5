// P13: rows per second from one thread to another, in batches of 1000: through a channel, and as arrays of
// objects by postMessage. Both sides bound what is under way, and the other thread looks at every row.

import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import {systemTimers} from '../../dist/src/base/clock.js';
import {ChannelWriter} from '../../dist/src/channels/channel-writer.js';
import {newRingBuffer} from '../../dist/src/channels/ring.js';
import {newBellBuffer, ThreadBell} from '../../dist/src/channels/thread-bell.js';
import {BatchBuilder} from '../../dist/src/records/batch-builder.js';
import {interleave, reportRatio, timed} from './support.js';

const BATCH_ROWS = 1000;
/** Different batches, sent over and over. */
const BATCHES = 32;
/** Arrays that postMessage may have under way. */
const UNDERWAY_MAX = 8;
const CHANNEL_ROWS = 20_000_000;
const OBJECT_ROWS = 400_000;

const SCHEMA = {
  fields: [
    {name: 'user', type: {kind: 'string'}},
    {name: 'amount', type: {kind: 'double'}},
    {name: 'at', type: {kind: 'timestamp'}},
    {name: 'n', type: {kind: 'bigint'}},
  ],
};

function objectsOf(batch) {
  return Array.from({length: BATCH_ROWS}, (_, row) => {
    const id = batch * BATCH_ROWS + row;
    return {user: `user-${id % 1000}`, amount: (id % 97) / 4, at: 1.7e12 + id, n: id};
  });
}

function columnsOf(objects) {
  const builder = new BatchBuilder(SCHEMA);
  for (const {user, amount, at, n} of objects) builder.appendRow([user, amount, at, BigInt(n)]);
  return builder.build();
}

/** Sends `rows` rows and waits until the other thread has seen them all; its sum must be right. */
async function runChannel(worker, batches, rows, expected) {
  const [ring, ownBell, otherBell] = [newRingBuffer(), newBellBuffer(), newBellBuffer()];
  const own = new ThreadBell(ownBell);
  const other = new ThreadBell(otherBell);
  const writer = new ChannelWriter(ring, SCHEMA);
  const answer = once(worker, 'message');
  worker.postMessage({ring, schema: SCHEMA, ownBell: otherBell, otherBell: ownBell});
  for (let sent = 0; sent < rows; sent += BATCH_ROWS) {
    writer.sendBatch(batches[(sent / BATCH_ROWS) % BATCHES], null, BATCH_ROWS);
    other.ring();
    while (!writer.flush()) await own.wait(systemTimers, 1000);
  }
  writer.send({kind: 'end-of-data'});
  while (!writer.flush()) await own.wait(systemTimers, 1000);
  other.ring();
  check((await answer)[0], expected);
}

async function runObjects(worker, arrays, rows, expected) {
  let underway = 0;
  let wake = null;
  const answer = new Promise((resolve) => {
    worker.on('message', (message) => {
      underway -= 1;
      wake?.();
      if (message !== null) resolve(message);
    });
  });
  for (let sent = 0; sent < rows; sent += BATCH_ROWS) {
    worker.postMessage(arrays[(sent / BATCH_ROWS) % BATCHES]);
    underway += 1;
    if (underway >= UNDERWAY_MAX) await new Promise((resolve) => (wake = resolve));
  }
  worker.postMessage(null);
  check(await answer, expected);
  worker.removeAllListeners('message');
}

function check(found, expected) {
  if (found !== expected) throw new Error(`the other thread counts ${found}, not ${expected}`);
}

/** What the other thread must count: amounts are quarters, so sums are exact. */
function expectedOf(arrays, rows) {
  const sums = arrays.map((objects) =>
    objects.reduce((sum, {user, amount, n}) => sum + user.length + amount + n, 0),
  );
  let total = 0;
  for (let sent = 0; sent < rows; sent += BATCH_ROWS) {
    total += sums[(sent / BATCH_ROWS) % BATCHES];
  }
  return total;
}

export async function benchChannel({wants, rounds}) {
  if (!wants('P13')) return;
  const arrays = Array.from({length: BATCHES}, (_, batch) => objectsOf(batch));
  const batches = arrays.map(columnsOf);
  const worker = new Worker(new URL('./channel-peer.js', import.meta.url));
  const contestant = (name, rows, run, data) => {
    const expected = expectedOf(arrays, rows);
    return {
      name,
      run: async () => {
        const {millis} = await timed(async () => run(worker, data, rows, expected));
        return {records: rows, millis};
      },
    };
  };
  const rates = await interleave(
    [
      contestant('objects', OBJECT_ROWS, runObjects, arrays),
      contestant('channel', CHANNEL_ROWS, runChannel, batches),
    ],
    rounds,
  );
  reportRatio(
    ...['P13', 'channel between threads / postMessage of objects'],
    ...[rates.get('channel'), rates.get('objects'), 20],
  );
  await worker.terminate();
}
