// The inside of a task thread that goes wrong when the engine says that a checkpoint is complete: what it does, and in
// which deployments, stands in its environment. Otherwise it is the shipped one.

import {setTimeout as pause} from 'node:timers/promises';
import {parentPort, workerData} from 'node:worker_threads';

import {nodeFileSystem} from '#src/storage/node-file-system.js';

const fault = JSON.parse(process.env.TIDEMARK_TEST_FAULT);
const {generation, subtask} = workerData;
const {kind, generations, afterCheckpoints} = fault;
const faulty = subtask === fault.subtask && generations.includes(generation);
let completed = 0;

if (faulty) {
  parentPort.on('message', ({kind: order}) => {
    if (order !== 'notify-complete') return;
    completed += 1;
    if (completed === afterCheckpoints) goWrong();
  });
}
if (faulty && kind === 'slow-disk') slowDown();
await import('#src/task-entry.js');

/** The first files that this thread syncs take their time. */
function slowDown() {
  const {createNew} = nodeFileSystem;
  let slow = afterCheckpoints;
  nodeFileSystem.createNew = async (path) => {
    const handle = await createNew(path);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      if (slow > 0) {
        slow -= 1;
        await pause(fault.millis);
      }
      await sync();
    };
    return handle;
  };
}

function goWrong() {
  switch (kind) {
    case 'throw':
      throw new Error('thrown by the test');
    case 'exit':
      process.exit(3);
      break;
    case 'memory': {
      const held = [];
      while (true) held.push(Array.from({length: 100_000}, (_, index) => ({index})));
    }
    case 'loop':
      while (true);
    case 'sleep':
      // Wakes up long after it was given up, and before it is ended by force.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.millis);
  }
}
