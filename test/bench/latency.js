// P14: how old a record is when the sink takes it into its buffer: 100,000 records/s through an exchange by
// key and a table of 100,000 keys on two threads, with a checkpoint each second. Every record counts, none
// is sampled. Its age begins when the source hands it over.

import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {systemClock, systemTimers} from '../../dist/src/base/clock.js';
import {systemRandom} from '../../dist/src/base/random.js';
import {runtimeCatalog} from '../../dist/src/catalog.js';
import {requireJob} from '../../dist/src/engine.js';
import {EventStream} from '../../dist/src/runtime/event-stream.js';
import {JobMaster} from '../../dist/src/runtime/job-master.js';
import {workerThreads} from '../../dist/src/runtime/task-thread.js';
import {convertSnapshot} from '../../dist/src/state/canonical/convert-snapshot.js';
import {nodeFileSystem} from '../../dist/src/storage/node-file-system.js';
import {systemProcessTable} from '../../dist/src/storage/process-table.js';
import {BenchJob} from './candidate.js';
import {spread} from './support.js';

const RATE = 100_000;
const SECONDS = 8;
const ROUNDS_MAX = 3;
const GOAL_MILLIS = 10;

/** A row of the step has the greatest stamp of its user: nearly always that of the record that made it. */
const JOB = `name: p14
parallelism: 2
sources:
  records:
    connector: generator
    rows: ${RATE * SECONDS}
    rate-limit: ${RATE}
    fields:
      user: {kind: uniform, max: 99999, type: int}
      at: {kind: uniform}
steps:
  - id: by-user
    type: aggregate
    input: records
    group-by: [user]
    emit: on-update
    select: {n: COUNT(*), at: MAX(at)}
sinks:
  out: {connector: blackhole, input: by-user}
checkpointing: {interval: 1s, dir: "file:./state"}
`;

export async function benchLatency({wants, rounds}) {
  if (!wants('P14')) return;
  const job = new BenchJob(JOB);
  const found = {p50: [], p99: [], p999: [], max: []};
  let checkpoints = 0;
  for (let round = 0; round < Math.min(rounds, ROUNDS_MAX); round += 1) {
    const {records, millis, summary} = await job.run({runJob: runStamped});
    if (records !== RATE * SECONDS) throw new Error(`${records} records`);
    if (millis > SECONDS * 1100) throw new Error(`${records} records took ${millis} ms`);
    checkpoints += summary.checkpoints;
    const ages = agesOf(job.directory);
    const at = (share) => ages[Math.floor((ages.length - 1) * share)];
    found.p50.push(at(0.5));
    found.p99.push(at(0.99));
    found.p999.push(at(0.999));
    found.max.push(at(1));
  }
  job.remove();
  const [p50, p99, p999, max] = Object.values(found).map((values) => spread(values));
  console.log(
    `P14  latency at 100 k records/s: p99 ${p99.median.toFixed(2)} ms (min ${p99.minimum.toFixed(2)}, max ${p99.maximum.toFixed(2)}), ` +
      `p50 ${p50.median.toFixed(2)}, p99.9 ${p999.median.toFixed(2)}, greatest ${max.maximum.toFixed(1)}; ${checkpoints} checkpoints; ` +
      `goal p99 ≤ ${GOAL_MILLIS} ms: ${p99.median <= GOAL_MILLIS ? 'met' : 'MISSED'}`,
  );
}

/** Of both threads, ascending. */
function agesOf(directory) {
  const parts = [0, 1].map((subtask) => {
    const bytes = readFileSync(join(directory, `ages-${subtask}`));
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  });
  const ages = new Float64Array(parts[0].length + parts[1].length);
  ages.set(parts[0]);
  ages.set(parts[1], parts[0].length);
  return ages.sort();
}

/** The door of the engine, but for the module that its threads run. */
function runStamped(request) {
  const events = new EventStream();
  return {events, finished: execute(request, events).finally(() => events.end())};
}

async function execute(request, events) {
  const {job} = await requireJob(request);
  const master = new JobMaster({
    job,
    request,
    start: {kind: 'auto'},
    files: nodeFileSystem,
    sources: runtimeCatalog.sources,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
    startThread: workerThreads(new URL('./latency-entry.js', import.meta.url)),
    emit: (event) => events.push(event),
    caughtUp: async () => events.caughtUp(),
    convert: async (request) => convertSnapshot(nodeFileSystem, request),
    checkCompatible: () => undefined,
  });
  return master.run();
}
