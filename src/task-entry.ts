// A task thread: subtask i of every chain.

import {parentPort, workerData} from 'node:worker_threads';

import {must} from './base/assert.ts';
import {systemClock, systemTimers} from './base/clock.ts';
import {runtimeCatalog} from './catalog.ts';
import {ThreadBell} from './channels/thread-bell.ts';
import type {FileState} from './checkpoint/checkpoint-metadata.ts';
import {JobMetrics} from './metrics/job-metrics.ts';
import {planThread} from './runtime/plan-thread.ts';
import {TaskLoop} from './runtime/task-loop.ts';
import type {Deployment, FromTask, ToTask} from './runtime/task-messages.ts';
import {ThreadClient} from './runtime/worker-client.ts';
import {MailboxStore} from './state/rocksdb/mailbox-store.ts';
import {storeThreads} from './runtime/store-thread.ts';
import type {CopyRequest, SnapshotRequest} from './state/snapshot-request.ts';
import {nodeFileSystem} from './storage/node-file-system.ts';

const port = must(parentPort, 'parent port of a task thread');
const post = (message: FromTask): void => port.postMessage(message);
const metrics = new JobMetrics();
const snapshotWriter = new ThreadClient<SnapshotRequest | CopyRequest, FileState>(
  new URL('./writer-entry.js', import.meta.url),
  'snapshot-writer',
);
const startStore = storeThreads(new URL('./store-entry.js', import.meta.url));
const deployment = workerData as Deployment;
const {subtask, memory} = deployment;
const bells = memory.bells.map((buffer) => new ThreadBell(buffer));
const beats = new Int32Array(memory.beats);
const environment = {clock: systemClock, timers: systemTimers, metrics, post};
const loop = new TaskLoop({
  ...environment,
  bell: must(bells[subtask], 'own bell'),
  beat: () => Atomics.add(beats, subtask, 1),
  beatIntervalMillis: deployment.job.heartbeatIntervalMillis,
});
port.on('message', (order: ToTask) => loop.deliver(order));
await loop.run((listener) =>
  planThread(deployment, listener, {
    ...environment,
    catalog: runtimeCatalog,
    files: nodeFileSystem,
    snapshotWriter,
    openStore: async (request) => MailboxStore.open(request, startStore),
    ring: (target) => bells[target]?.ring(),
  }),
);
await snapshotWriter.close();
port.close();
