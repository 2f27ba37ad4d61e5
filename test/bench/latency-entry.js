// A task thread as task-entry.ts makes it, with two connectors wrapped: the generator stamps each row as it
// is read, the blackhole notes how old each row is as it is written, and leaves that in a file when closed.

import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {parentPort, workerData} from 'node:worker_threads';

import {systemClock, systemTimers} from '../../dist/src/base/clock.js';
import {runtimeCatalog} from '../../dist/src/catalog.js';
import {ThreadBell} from '../../dist/src/channels/thread-bell.js';
import {JobMetrics} from '../../dist/src/metrics/job-metrics.js';
import {planThread} from '../../dist/src/runtime/plan-thread.js';
import {TaskLoop} from '../../dist/src/runtime/task-loop.js';
import {ThreadClient} from '../../dist/src/runtime/worker-client.js';
import {nodeFileSystem} from '../../dist/src/storage/node-file-system.js';

const STAMP = 'at';
/** Rows read while programs are still being compiled are not looked at. */
const WARM_UP_MILLIS = 2000;
const started = systemClock.monotonicMillis();

function columnOf(batch) {
  return batch.columns[batch.schema.fields.findIndex(({name}) => name === STAMP)];
}

function stampingSource(connector) {
  return {
    ...connector,
    create(source, context) {
      const reader = connector.create(source, context);
      const poll = reader.poll.bind(reader);
      reader.poll = (maxRows) => {
        const step = poll(maxRows);
        if (step.kind === 'batch') columnOf(step.batch).values.fill(systemClock.monotonicMillis());
        return step;
      };
      return reader;
    },
  };
}

function notingSink(connector) {
  return {
    ...connector,
    create(sink, context) {
      const writer = connector.create(sink, context);
      const [write, close] = [writer.write.bind(writer), writer.close.bind(writer)];
      let ages = new Float64Array(1 << 20);
      let count = 0;
      writer.write = (batch) => {
        write(batch);
        const now = systemClock.monotonicMillis();
        const {values} = columnOf(batch);
        if (count + batch.selectedCount > ages.length) {
          const longer = new Float64Array(ages.length * 2);
          longer.set(ages);
          ages = longer;
        }
        for (let position = 0; position < batch.selectedCount; position += 1) {
          const stamp = values[batch.selection === null ? position : batch.selection[position]];
          if (stamp < started + WARM_UP_MILLIS) continue;
          ages[count] = now - stamp;
          count += 1;
        }
      };
      writer.close = async () => {
        writeFileSync(
          join(context.jobDirectory, `ages-${context.subtask}`),
          ages.subarray(0, count),
        );
        await close();
      };
      return writer;
    },
  };
}

function wrapped(connectors, name, wrap) {
  return new Map([...connectors, [name, wrap(connectors.get(name))]]);
}

const catalog = {
  ...runtimeCatalog,
  sources: wrapped(runtimeCatalog.sources, 'generator', stampingSource),
  sinks: wrapped(runtimeCatalog.sinks, 'blackhole', notingSink),
};
const {subtask, memory, job} = workerData;
const post = (message) => parentPort.postMessage(message);
const snapshotWriter = new ThreadClient(
  new URL('../../dist/src/writer-entry.js', import.meta.url),
  'snapshot-writer',
);
const bells = memory.bells.map((buffer) => new ThreadBell(buffer));
const beats = new Int32Array(memory.beats);
const environment = {clock: systemClock, timers: systemTimers, metrics: new JobMetrics(), post};
const loop = new TaskLoop({
  ...environment,
  bell: bells[subtask],
  beat: () => Atomics.add(beats, subtask, 1),
  beatIntervalMillis: job.heartbeatIntervalMillis,
});
parentPort.on('message', (order) => loop.deliver(order));
await loop.run((listener) =>
  planThread(workerData, listener, {
    ...environment,
    catalog,
    files: nodeFileSystem,
    snapshotWriter,
    // The job of this bench keeps its state in memory.
    openStore: async () => Promise.reject(new Error('no RocksDB here')),
    ring: (target) => bells[target]?.ring(),
  }),
);
await snapshotWriter.close();
parentPort.close();
