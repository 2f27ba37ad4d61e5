// A job that is not there: its view as a value, its commands as a list of what was asked.

import {CheckpointHistory} from '#src/metrics/checkpoint-history.js';
import type {
  JobCommands,
  SavepointTarget,
  StopOutcome,
  StopRequest,
  TakenSavepoint,
} from '#src/runtime/job-commands.js';
import type {JobView} from '#src/runtime/job-view.js';

export const JOB_ID = '90bff1d741883e6a51e1d477c520c4d8';

const STATS = {
  alignment: 'aligned',
  startDelayMillis: 2,
  alignmentMillis: 3.5,
  syncMillis: 0.25,
  asyncMillis: 8,
  alignmentBytes: 100,
  persistedBytes: 0,
  durationMillis: 12.5,
  bytes: 1000,
} as const;

/** Three checkpoints that ended, one under way. */
export function someHistory(): CheckpointHistory {
  let now = 1_700_000_000_000;
  const history = new CheckpointHistory(() => now);
  const tasks = ['numbers/0', 'numbers/1'];
  const stats = {
    startDelayMillisMax: 2,
    alignmentMillisMax: 3.5,
    syncMillisMax: 0.25,
    asyncMillisMax: 8,
    alignmentBytes: 200,
    persistedBytes: 0,
    unaligned: false,
  };
  for (const id of [1, 2]) {
    history.triggered({id, savepoint: null, stops: false, tasks});
    for (const task of tasks) history.acknowledged(id, task, STATS);
    now += 20;
    history.completed({
      id,
      savepoint: null,
      path: `/ck/chk-${id}`,
      bytes: 2000,
      durationMillis: 20.5,
      stats,
    });
  }
  history.triggered({id: 3, savepoint: null, stops: false, tasks});
  history.acknowledged(3, 'numbers/0', STATS);
  history.failed(3, 'checkpoint 3 expired');
  history.triggered({id: 4, savepoint: null, stops: false, tasks});
  history.restored({id: 0, isSavepoint: true, path: '/sp/savepoint-x'});
  return history;
}

export function fakeView(changes: Partial<JobView> = {}): JobView {
  const task = {
    operator: 'numbers',
    recordsIn: 10,
    recordsOut: 10,
    bytesIn: 80,
    bytesOut: 160,
    watermark: null,
    busy: 0.5,
    backPressured: 0.25,
    idle: 0.25,
    busyMillis: 500,
    backPressuredMillis: 250,
    idleMillis: 250,
  };
  return {
    jobId: JOB_ID,
    name: 'CarTopSpeedWindowingExample',
    jobFile: '/jobs/cars.job.yaml',
    state: 'RUNNING',
    generation: 3,
    started: 1_700_000_000_000,
    ended: null,
    changed: 1_700_000_000_100,
    now: 1_700_000_005_000,
    parallelism: 2,
    maxParallelism: 128,
    restarts: 1,
    recordsIn: 20,
    recordsOut: 20,
    badRecords: 0,
    lateRecords: 0,
    recordsPerSecond: 4,
    watermark: null,
    restoredFrom: null,
    chains: [
      {
        id: 'numbers',
        name: 'numbers -> out',
        uids: ['numbers', 'out'],
        parallelism: 2,
        maxParallelism: 128,
        inputs: [],
      },
    ],
    tasks: [
      {...task, id: 'numbers/0', subtask: 0},
      {...task, id: 'numbers/1', subtask: 1},
    ],
    sources: [],
    sinks: [],
    checkpoints: someHistory().view(),
    failures: [
      {at: 1_700_000_000_050, code: 'RECORD_FAILED', message: 'a record failed', task: 'numbers/1'},
    ],
    failuresTruncated: false,
    config: {
      mode: 'exactly-once',
      intervalMillis: 10_000,
      timeoutMillis: 600_000,
      minPauseMillis: 0,
      maxConcurrent: 1,
      tolerableFailed: 0,
      retention: 'retain-on-cancellation',
      unaligned: false,
      alignedTimeoutMillis: 0,
      incremental: false,
      stateBackend: 'hashmap',
      checkpointsDirectory: '/ck',
      savepointDirectory: null,
      restartStrategy: 'exponential-delay',
    },
    stateTimes: {INITIALIZING: 1_700_000_000_000, RUNNING: 1_700_000_000_100},
    ...changes,
  };
}

export class FakeCommands implements JobCommands {
  readonly asked: unknown[] = [];
  /** Answers wait for `open`. */
  gate: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;
  error: Error | null = null;
  outcome: StopOutcome | null = null;
  #count = 0;

  hold(): void {
    this.gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  async takeCheckpoint(options: {readonly full: boolean}) {
    await this.#ask(['checkpoint', options]);
    return {id: 5, path: '/ck/chk-5', bytes: 10, durationMillis: 3};
  }

  async takeSavepoint(target: SavepointTarget): Promise<TakenSavepoint> {
    await this.#ask(['savepoint', target]);
    return this.#savepoint(target);
  }

  async stop(request: StopRequest): Promise<StopOutcome> {
    await this.#ask(['stop', request]);
    const savepoint = request.savepoint === null ? null : this.#savepoint(request.savepoint);
    return this.outcome ?? {kind: 'stopped', savepoint, lastCheckpoint: null};
  }

  async setHold(id: number, held: boolean): Promise<void> {
    await this.#ask(['hold', id, held]);
  }

  async prune(order: unknown) {
    await this.#ask(['prune', order]);
    return {deleted: ['/ck/chk-1'], kept: [], freedBytes: 7};
  }

  async cancel(): Promise<void> {
    await this.#ask(['cancel']);
  }

  async #ask(what: unknown): Promise<void> {
    this.asked.push(what);
    await this.gate;
    if (this.error !== null) throw this.error;
  }

  #savepoint({directory, format}: SavepointTarget): TakenSavepoint {
    this.#count += 1;
    const path = `${directory ?? '/default'}/savepoint-cars-${this.#count}`;
    return {id: 5, path, bytes: 10, durationMillis: 3, format};
  }
}
