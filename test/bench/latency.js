// P14: how old a record is when the sink takes it into its buffer: 100,000 records/s through an exchange by
// key and a table of 100,000 keys on two threads, with a checkpoint each second. Every record counts, none
// is sampled. Its age begins when the source hands it over. `control`: the same on one thread, quiet and while another
// process asks the job's control socket for its status a hundred times a second, by turns: what a status costs a record.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import {systemClock, systemTimers} from '../../dist/src/base/clock.js';
import {systemRandom} from '../../dist/src/base/random.js';
import {runtimeCatalog} from '../../dist/src/catalog.js';
import {JobHost} from '../../dist/src/control/job-host.js';
import {readRegistry} from '../../dist/src/control/job-registry.js';
import {statePathsOf} from '../../dist/src/control/state-directory.js';
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
const CONTROL_GOAL_MILLIS = 1;
const ASKED_PER_SECOND = 100;

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
    found.p50.push(ageAt(ages, 0.5));
    found.p99.push(ageAt(ages, 0.99));
    found.p999.push(ageAt(ages, 0.999));
    found.max.push(ageAt(ages, 1));
  }
  job.remove();
  const [p50, p99, p999, max] = Object.values(found).map((values) => spread(values));
  console.log(
    `P14  latency at 100 k records/s: p99 ${p99.median.toFixed(2)} ms (min ${p99.minimum.toFixed(2)}, max ${p99.maximum.toFixed(2)}), ` +
      `p50 ${p50.median.toFixed(2)}, p99.9 ${p999.median.toFixed(2)}, greatest ${max.maximum.toFixed(1)}; ${checkpoints} checkpoints; ` +
      `goal p99 ≤ ${GOAL_MILLIS} ms: ${p99.median <= GOAL_MILLIS ? 'met' : 'MISSED'}`,
  );
}

export async function benchControl({wants, rounds}) {
  if (!wants('control')) return;
  const job = new BenchJob(JOB.replace('parallelism: 2', 'parallelism: 1'));
  const [quiet, asked] = [[], []];
  let answers = 0;
  for (let round = 0; round < Math.min(rounds, ROUNDS_MAX); round += 1) {
    await job.run({runJob: runStamped});
    quiet.push(ageAt(agesOf(job.directory, 1), 0.999));
    let asker = null;
    await job.run({
      runJob: (request) => runStamped(request, (socket) => (asker = startAsker(socket))),
    });
    asked.push(ageAt(agesOf(job.directory, 1), 0.999));
    answers += await answersOf(asker);
  }
  job.remove();
  const [without, withThem] = [spread(quiet), spread(asked)];
  const stall = withThem.median - without.median;
  console.log(
    `control  record age p99.9 at 100 k records/s: ${without.median.toFixed(2)} ms (min ${without.minimum.toFixed(2)}, max ${without.maximum.toFixed(2)}), ` +
      `while ${Math.round(answers / asked.length / SECONDS)} status/s are answered ${withThem.median.toFixed(2)} ms (min ${withThem.minimum.toFixed(2)}, max ${withThem.maximum.toFixed(2)}); ` +
      `goal ≤ ${CONTROL_GOAL_MILLIS} ms more: ${stall <= CONTROL_GOAL_MILLIS ? 'met' : 'MISSED'}`,
  );
}

/** A process of its own that asks at a steady pace until nobody is at the socket, and then prints how often it was answered. */
function startAsker(socket) {
  const script = `
    import {requestJson} from '${new URL('../../dist/src/control/socket-request.js', import.meta.url)}';
    let answers = 0;
    const timer = setInterval(async () => {
      try {
        await requestJson({socket: process.argv[1], method: 'GET', path: '/tidemark/view', timeoutMillis: 5000});
        answers += 1;
      } catch {
        clearInterval(timer);
      }
    }, ${1000 / ASKED_PER_SECOND});
    process.on('exit', () => console.log(answers));`;
  return spawn(process.execPath, ['--input-type=module', '-e', script, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function answersOf(asker) {
  let text = '';
  asker.stdout.on('data', (piece) => (text += piece));
  if (asker.exitCode === null) await once(asker, 'close');
  if (Number(text) === 0) throw new Error('nobody answered');
  return Number(text);
}

function ageAt(ages, share) {
  return ages[Math.floor((ages.length - 1) * share)];
}

/** Of all threads, ascending. */
function agesOf(directory, threads = 2) {
  const parts = Array.from({length: threads}, (_, subtask) => {
    const bytes = readFileSync(join(directory, `ages-${subtask}`));
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  });
  const ages = new Float64Array(parts.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    ages.set(part, at);
    at += part.length;
  }
  return ages.sort();
}

/** The door of the engine, but for the module that its threads run. `served`: it has a control socket, and is told its path. */
function runStamped(request, served = null) {
  const events = new EventStream();
  return {events, finished: execute(request, events, served).finally(() => events.end())};
}

async function execute(request, events, served) {
  const {job} = await requireJob(request);
  const world = {
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
  };
  const host = served === null ? null : hostOf(world);
  const master = new JobMaster({
    ...world,
    job,
    request,
    start: {kind: 'auto'},
    files: nodeFileSystem,
    sources: runtimeCatalog.sources,
    startThread: workerThreads(new URL('./latency-entry.js', import.meta.url)),
    emit: (event) => events.push(event),
    caughtUp: async () => events.caughtUp(),
    chosen: async ({runId}) => {
      if (host === null) return;
      await host.open({
        runId,
        jobDirectory: join(request.file, '../state/p14'),
        view: () => master.view(),
        commands: master.commands,
        dispose: async () => Promise.reject(new Error('nothing is disposed of here')),
      });
      const [{record}] = readRegistry(statePathsOf(process.env).jobs, {
        processes: systemProcessTable,
        now: systemClock.wallMillis(),
      }).filter(({live}) => live);
      served(record.socket);
    },
    convert: async (request) => convertSnapshot(nodeFileSystem, request),
    checkCompatible: () => undefined,
  });
  const summary = await master.run();
  await host?.ended(summary);
  return summary;
}

function hostOf(world) {
  return new JobHost({
    ...world,
    environment: process.env,
    detached: false,
    listen: null,
    version: 'bench',
    warn: (message) => console.error(message),
  });
}
