// The engine in this process, with task threads that go wrong.

import {Worker} from 'node:worker_threads';

import {memoryStores} from '../../state/support/memory-store.ts';
import {systemClock, systemTimers, type Clock, type Timers} from '#src/base/clock.js';
import {systemRandom} from '#src/base/random.js';
import {runtimeCatalog} from '#src/catalog.js';
import {readJob} from '#src/engine.js';
import {EventStream} from '#src/runtime/event-stream.js';
import {JobMaster} from '#src/runtime/job-master.js';
import type {RunEvent, RunRequest, RunSummary} from '#src/runtime/run-types.js';
import type {Deployment, FromTask, ToTask} from '#src/runtime/task-messages.js';
import type {StartTaskThread, TaskThreadListener} from '#src/runtime/task-thread.js';
import {convertState} from '#src/state/canonical/convert-database.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {systemProcessTable} from '#src/storage/process-table.js';

export interface Fault {
  readonly kind: 'throw' | 'exit' | 'memory' | 'loop' | 'sleep' | 'slow-disk';
  readonly subtask: number;
  /** Deployments in which it happens; the first one is 1. */
  readonly generations: readonly number[];
  /** How many completed checkpoints it has been told of; of a slow disk, how many syncs are slow. */
  readonly afterCheckpoints: number;
  /** How long it sleeps, or each sync takes. */
  readonly millis?: number;
}

const NO_FAULT: Fault = {kind: 'throw', subtask: -1, generations: [], afterCheckpoints: 0};

export interface FaultyRun {
  readonly file: string;
  readonly settings: readonly (readonly [path: string, value: string])[];
  readonly parallelism: number;
  readonly fault?: Fault;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** Called at each event. */
  readonly heard?: () => void;
}

export interface Told {
  readonly events: readonly RunEvent[];
  readonly summary: RunSummary;
}

export async function runFaulty(run: FaultyRun): Promise<Told> {
  const request: RunRequest = {
    file: run.file,
    overrides: {flink: [], set: run.settings, parallelism: run.parallelism},
    fresh: false,
    allowNonRestoredState: false,
    takeOver: false,
    onDamaged: 'stop',
    outputAhead: 'refuse',
    allowDrained: false,
    shutdownTimeoutMillis: 20_000,
    progressIntervalMillis: 60_000,
    environment: {},
  };
  const loaded = await readJob(run.file, request.overrides, {});
  if (loaded.kind !== 'ok') throw new Error(JSON.stringify(loaded.findings));
  const stream = new EventStream<RunEvent>();
  const events: RunEvent[] = [];
  const reading = (async () => {
    for await (const event of stream) {
      events.push(event);
      run.heard?.();
    }
  })();
  const master = new JobMaster({
    job: loaded.job,
    request,
    start: {kind: 'auto'},
    files: nodeFileSystem,
    sources: runtimeCatalog.sources,
    clock: run.clock ?? systemClock,
    timers: run.timers ?? systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
    startThread: faultyThreads(run.fault ?? NO_FAULT),
    emit: (event) => stream.push(event),
    caughtUp: async () => stream.caughtUp(),
    convert: async (request) => convertState(nodeFileSystem, request, memoryStores(nodeFileSystem)),
    checkCompatible: () => undefined,
  });
  const summary = await master.run().finally(() => stream.end());
  await reading;
  return {events, summary};
}

/** As the engine's own, with the fault and little memory. */
function faultyThreads(fault: Fault): StartTaskThread {
  return (deployment: Deployment, listener: TaskThreadListener) => {
    const worker = new Worker(new URL('faulty-entry.js', import.meta.url), {
      workerData: deployment,
      env: {...process.env, TIDEMARK_TEST_FAULT: JSON.stringify(fault)},
      resourceLimits: {maxOldGenerationSizeMb: 96},
    });
    let death: unknown = null;
    worker.on('message', (message: FromTask) => listener.message(message));
    worker.on('error', (error) => (death = error));
    worker.on('exit', (code) => {
      listener.exited(death ?? (code === 0 ? null : new Error(`it ended with status ${code}`)));
    });
    return {
      post: (message: ToTask) => worker.postMessage(message),
      terminate: async () => {
        await worker.terminate();
      },
    };
  };
}
