// The other thread of the tests of channels and bells. `workerData.role` says what it does.
import {parentPort, workerData} from 'node:worker_threads';
import {systemTimers} from '../../../dist/src/base/clock.js';
import {ChannelReader} from '../../../dist/src/channels/channel-reader.js';
import {ThreadBell} from '../../../dist/src/channels/thread-bell.js';
import {checksumOf} from './checksum.js';

const {role, ring, schema, ownBell, otherBell, rounds} = workerData;
const own = new ThreadBell(ownBell);
const other = new ThreadBell(otherBell);
const NEVER_MILLIS = 20_000;

/** Reads all there is to read, sleeping when there is nothing; says what it was. */
async function read() {
  const reader = new ChannelReader(ring, schema);
  const barriers = [];
  let checksum = 0;
  let rows = 0;
  for (;;) {
    const freed = reader.bytesReceived;
    const announced = reader.announcement();
    if (announced !== null && announced.checkpointId % 2 === 0) {
      const copies = reader.copyBefore(announced.checkpointId);
      reader.handedIn(announced.checkpointId);
      barriers.push([announced.checkpointId, rows, copies]);
    }
    const element = reader.next();
    if (element === null) {
      if (reader.bytesReceived > freed) other.ring();
      await own.wait(systemTimers, NEVER_MILLIS);
      continue;
    }
    if (element.kind === 'batch') {
      checksum = checksumOf(checksum, element.batch);
      rows += element.batch.rowCount;
    }
    if (element.kind === 'barrier') barriers.push([element.checkpointId, rows, []]);
    reader.release();
    other.ring();
    if (element.kind === 'end-of-data') break;
  }
  parentPort.postMessage({checksum, rows, barriers});
}

/** Answers each ring with one. A ring that is lost ends it by the time-out: then it says how far it came. */
async function answer() {
  for (let round = 0; round < rounds; round += 1) {
    await own.wait(systemTimers, NEVER_MILLIS);
    other.ring();
  }
  parentPort.postMessage('answered');
}

await (role === 'read' ? read() : answer());
