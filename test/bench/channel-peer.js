// The other thread of P13: counts what comes, as arrays of objects or through a channel.
import {parentPort} from 'node:worker_threads';
import {systemTimers} from '../../dist/src/base/clock.js';
import {ChannelReader} from '../../dist/src/channels/channel-reader.js';
import {ThreadBell} from '../../dist/src/channels/thread-bell.js';

let total = 0;

parentPort.on('message', (message) => {
  if (Array.isArray(message)) {
    for (const {user, amount, n} of message) total += user.length + amount + n;
    parentPort.postMessage(null);
  } else if (message === null) {
    parentPort.postMessage(total);
    total = 0;
  } else void readChannel(message);
});

async function readChannel({ring, schema, ownBell, otherBell}) {
  const own = new ThreadBell(ownBell);
  const other = new ThreadBell(otherBell);
  const reader = new ChannelReader(ring, schema);
  // The writer is woken for a good part of the ring, not for each batch.
  const worthRinging = ring.byteLength / 2;
  let rungFor = 0;
  let sum = 0;
  for (;;) {
    const element = reader.next();
    if (element === null) {
      other.ring();
      await own.wait(systemTimers, 1000);
      continue;
    }
    if (element.kind === 'batch') sum += countBatch(element.batch);
    reader.release();
    if (reader.bytesReceived - rungFor > worthRinging) {
      rungFor = reader.bytesReceived;
      other.ring();
    }
    if (element.kind === 'end-of-data') break;
  }
  parentPort.postMessage(sum);
}

function countBatch({columns: [user, amount, , n], rowCount}) {
  const {starts, ends} = user;
  let sum = 0;
  for (let row = 0; row < rowCount; row += 1) {
    sum += ends[row] - starts[row] + amount.values[row] + n.values[row];
  }
  return sum;
}
