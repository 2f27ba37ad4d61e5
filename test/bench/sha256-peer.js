// The base of P18, a process of its own: `node sha256-peer.js FILE...` prints the SHA-256 of each file, read and hashed by a
// thread for each core, which takes the next file when it is done with one. Nothing else.

import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync} from 'node:fs';
import {availableParallelism} from 'node:os';
import {fileURLToPath} from 'node:url';
import {isMainThread, parentPort, Worker, workerData} from 'node:worker_threads';

const BUFFER_BYTES = 1024 * 1024;

if (isMainThread) {
  const paths = process.argv.slice(2);
  const next = new Int32Array(new SharedArrayBuffer(4));
  const count = Math.min(availableParallelism(), paths.length);
  for (let thread = 0; thread < count; thread += 1) {
    const worker = new Worker(fileURLToPath(import.meta.url), {workerData: {paths, next}});
    worker.on('message', (line) => console.log(line));
  }
} else {
  const {paths, next} = workerData;
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (let at = Atomics.add(next, 0, 1); at < paths.length; at = Atomics.add(next, 0, 1)) {
    parentPort.postMessage(`${digestOf(paths[at], buffer)}  ${paths[at]}`);
  }
}

function digestOf(path, buffer) {
  const digest = createHash('sha256');
  const file = openSync(path);
  for (;;) {
    const count = readSync(file, buffer, 0, buffer.length, null);
    if (count === 0) break;
    digest.update(buffer.subarray(0, count));
  }
  closeSync(file);
  return digest.digest('hex');
}
