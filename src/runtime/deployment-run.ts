// One deployment: its task threads, the checkpoint driver, and how they end. The job master starts one
// per generation.
//
//   deploy → started → (checkpoints) → all inputs ended → final checkpoint → committed → finished
//                                    ↘ stop asked for   → stop checkpoint  → committed → stopped
//                                    ↘ anything fails                                  → failed
//
// What one thread fails with ends all of them: a restart begins with none of the old threads left.

import {assert, must} from '../base/assert.ts';
import type {Clock, Timer, Timers} from '../base/clock.ts';
import {deserializeError, EngineError} from '../base/errors.ts';
import type {RequestOutcome} from '../checkpoint/coordinator-protocol.ts';
import type {MetricsReport} from '../metrics/job-metrics.ts';
import {CheckpointDriver, type AttemptHandle, type DriverOptions} from './checkpoint-driver.ts';
import type {CompletedCheckpoint} from './checkpoint-driver.ts';
import {HeartbeatMonitor} from './heartbeat-monitor.ts';
import type {Deployment, FromTask, ToTask} from './task-messages.ts';
import {sizeOfRows} from './shown-rows.ts';
import type {StartTaskThread, TaskThread} from './task-thread.ts';

export type DeploymentOutcome =
  /** The final checkpoint, or the one of a stop, is committed. */
  | {readonly kind: 'finished' | 'stopped'; readonly last: CompletedCheckpoint}
  | {readonly kind: 'cancelled'}
  | {readonly kind: 'failed'; readonly error: unknown};

/** What became of a checkpoint that was asked for. */
export type CheckpointAnswer =
  | {readonly kind: 'completed'; readonly checkpoint: CompletedCheckpoint}
  | Exclude<RequestOutcome, {kind: 'completed'}>;

/** A thread that was told to end and does not is ended: it may hang in user code or in a stalled disk. */
const CANCEL_GRACE_MILLIS = 10_000;

/** What the master hears while the deployment runs. */
export interface DeploymentListener {
  /** Every operator is restored; the first record follows. */
  started(): void;
  metrics(subtask: number, metrics: MetricsReport): void;
  rows(sink: string, rows: readonly string[]): void;
  warning(message: string): void;
  checkpointCompleted(checkpoint: CompletedCheckpoint): void;
  /** It has all state: the file at `path` that it would have referred to is not there. */
  checkpointLacks(id: number, path: string): void;
  checkpointFailed(id: number, reason: string): void;
}

export interface DeploymentRunOptions<Attempt extends AttemptHandle> {
  readonly startThread: StartTaskThread;
  readonly clock: Clock;
  readonly timers: Timers;
  /** By subtask: what each thread starts from. */
  readonly deployments: readonly Deployment[];
  /** A thread that does not beat for so long hangs. */
  readonly heartbeatTimeoutMillis: number;
  readonly driver: Omit<DriverOptions<Attempt>, 'ports' | 'tasks' | 'threads'>;
  readonly beginAttempt: (id: number) => Promise<Attempt>;
  readonly publish: DriverOptions<Attempt>['ports']['publish'];
  readonly committed: (id: number) => Promise<void>;
  readonly listener: DeploymentListener;
  /** Resolves when the user has read what the listener heard until now. */
  readonly caughtUp: () => Promise<void>;
}

/** One thread as its owner knows it. */
interface ThreadState {
  readonly subtask: number;
  readonly thread: TaskThread;
  /** Once it is deployed. */
  tasks: readonly string[];
  committedId: number;
  exited: boolean;
}

export class DeploymentRun<Attempt extends AttemptHandle> {
  /** Resolves when every thread has ended and nothing is being published any more. */
  readonly outcome: Promise<DeploymentOutcome>;
  /** True once every task is deployed; false when that will not be. */
  readonly ready: Promise<boolean>;
  readonly #options: DeploymentRunOptions<Attempt>;
  readonly #threads: readonly ThreadState[];
  readonly #heartbeat: HeartbeatMonitor;
  #driver: CheckpointDriver<Attempt> | null = null;
  #result: DeploymentOutcome | null = null;
  #resolve: (outcome: DeploymentOutcome) => void = () => undefined;
  /** A stop that was asked for before the tasks were deployed. */
  #stopWanted = false;
  /** The checkpoint after which nothing follows, once it is published. */
  #last: CompletedCheckpoint | null = null;
  /** The newest that was published. */
  #newest: CompletedCheckpoint | null = null;
  /** Committed by every thread. */
  #committedId = 0;
  readonly #awaitingCommit = new Set<{
    readonly id: number;
    readonly resolve: (committed: boolean) => void;
  }>();
  #ready: (deployed: boolean) => void = () => undefined;
  #graceTimer: Timer | null = null;
  #ended = false;

  constructor(options: DeploymentRunOptions<Attempt>) {
    const {startThread, deployments, clock, timers, heartbeatTimeoutMillis} = options;
    this.#options = options;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.ready = new Promise((resolve) => {
      this.#ready = resolve;
    });
    this.#threads = deployments.map((deployment, subtask) => ({
      subtask,
      thread: startThread(deployment, {
        message: (message) => this.#message(this.#threads[subtask]!, message),
        exited: (error) => void this.#exited(this.#threads[subtask]!, error),
      }),
      tasks: [],
      committedId: 0,
      exited: false,
    }));
    this.#heartbeat = new HeartbeatMonitor({
      beats: deployments[0]!.memory.beats,
      clock,
      timers,
      timeoutMillis: heartbeatTimeoutMillis,
      silent: (subtask, millis) => this.#hangs(subtask, millis),
    });
  }

  /** The counts that the coordinator of the next deployment needs. */
  get consecutiveFailures(): number {
    return this.#driver?.consecutiveFailures ?? this.#options.driver.consecutiveFailures;
  }

  get lastId(): number {
    return this.#driver?.lastId ?? this.#options.driver.highestId;
  }

  /** Takes a last checkpoint and stops; the outcome is `stopped`, or `failed` when it could not be taken. */
  stop(): void {
    this.#stopWanted = true;
    if (this.#driver !== null) this.#requestStop(this.#driver);
  }

  /** Takes a checkpoint beside the periodic ones, or the last one of a stop. Once it is `ready`. */
  async request(purpose: 'requested' | 'stop', full = false): Promise<CheckpointAnswer> {
    if (this.#driver === null) return {kind: 'refused', why: 'coordinator-stopped'};
    const outcome = await this.#driver.request(purpose, full);
    if (outcome.kind !== 'completed') return outcome;
    const checkpoint = must(this.#newest, 'a published checkpoint');
    assert(checkpoint.id === outcome.checkpointId, `${checkpoint.id} is not the one asked for`);
    return {kind: 'completed', checkpoint};
  }

  /** Ends the sources; the outcome is `finished` once the final checkpoint is committed. Once it is `ready`. */
  drain(): void {
    this.#driver?.drain();
  }

  /** True once what checkpoint `id` prepared is visible; false when the deployment ended before. */
  async committed(id: number): Promise<boolean> {
    if (this.#committedId >= id) return true;
    if (this.#ended) return false;
    return new Promise((resolve) => {
      this.#awaitingCommit.add({id, resolve});
    });
  }

  /** Ends the threads where they are, without a last checkpoint. */
  cancel(): void {
    if (this.#result !== null) return;
    this.#result = {kind: 'cancelled'};
    this.#cancel();
  }

  /** Ends the threads wherever they are; what was not committed stays for the next run. */
  async abandon(error: EngineError): Promise<void> {
    this.#result ??= {kind: 'failed', error};
    await this.#terminate();
  }

  #post(message: ToTask): void {
    for (const {thread, exited} of this.#threads) if (!exited) thread.post(message);
  }

  #message(state: ThreadState, message: FromTask): void {
    const {listener} = this.#options;
    switch (message.kind) {
      case 'deployed':
        state.tasks = message.tasks;
        if (this.#threads.every(({tasks}) => tasks.length > 0)) this.#deployed();
        return;
      case 'acknowledge':
      case 'decline':
        this.#driver?.handle(message);
        return;
      case 'released':
        this.#driver?.released(state.subtask, message.checkpointId);
        return;
      case 'ended':
        this.#driver?.tasksEnded(state.tasks);
        return;
      case 'committed':
        state.committedId = message.checkpointId;
        this.#noteCommitted();
        return;
      case 'metrics':
        return listener.metrics(state.subtask, message.metrics);
      case 'rows':
        listener.rows(message.sink, message.rows);
        return void this.#acknowledgeRows(state, sizeOfRows(message.rows));
      case 'warning':
        return listener.warning(message.message);
      case 'failed':
        return this.#fail(deserializeError(message.error));
      case 'closed':
    }
  }

  async #acknowledgeRows({thread}: ThreadState, size: number): Promise<void> {
    await this.#options.caughtUp();
    thread.post({kind: 'rows-read', size});
  }

  #deployed(): void {
    if (this.#result !== null) return;
    const {driver, listener, beginAttempt, publish, committed} = this.#options;
    listener.started();
    this.#post({kind: 'start'});
    this.#driver = new CheckpointDriver({
      ...driver,
      tasks: this.#threads.flatMap(({tasks}) => tasks),
      threads: this.#threads.map(({subtask}) => subtask),
      ports: {
        beginAttempt,
        publish,
        committed,
        post: (message) => this.#post(message),
        completed: (checkpoint) => {
          this.#newest = checkpoint;
          if (checkpoint.purpose === 'final' || checkpoint.purpose === 'stop')
            this.#last = checkpoint;
          listener.checkpointCompleted(checkpoint);
        },
        lacking: (id, path) => listener.checkpointLacks(id, path),
        failed: (id, reason) => listener.checkpointFailed(id, reason),
        fail: (error) => this.#fail(error),
      },
    });
    if (this.#stopWanted) this.#requestStop(this.#driver);
    this.#ready(true);
  }

  #requestStop(driver: CheckpointDriver<Attempt>): void {
    void driver.request('stop').then((outcome) => {
      // Completed: the end comes with its commit. Refused: the job is ending by itself.
      if (outcome.kind !== 'aborted') return;
      this.#fail(
        new EngineError('STORAGE_FAILED', `the last checkpoint failed: ${outcome.detail}`, {
          hint: 'nothing is lost: the next run goes on from the checkpoint before it',
        }),
      );
    });
  }

  /** A checkpoint is committed once every thread has committed its share. */
  #noteCommitted(): void {
    const committedId = Math.min(...this.#threads.map((state) => state.committedId));
    if (committedId <= this.#committedId) return;
    this.#committedId = committedId;
    this.#driver?.committed(committedId);
    for (const waiting of this.#awaitingCommit) {
      if (waiting.id > committedId) continue;
      this.#awaitingCommit.delete(waiting);
      waiting.resolve(true);
    }
    if (this.#last === null || committedId < this.#last.id) return;
    const kind = this.#last.purpose === 'final' ? 'finished' : 'stopped';
    this.#result ??= {kind, last: this.#last};
    this.#cancel();
  }

  #hangs(subtask: number, millis: number): void {
    const seconds = Math.round(millis / 1000);
    this.#fail(
      new EngineError(
        'JOB_FAILED',
        `task thread ${subtask} has not been heard of for ${seconds} s`,
        {
          hint: 'Something keeps it busy or blocked within one step. Raise heartbeat.timeout when that is to be expected.',
        },
      ),
    );
  }

  #fail(error: unknown): void {
    if (this.#result !== null) return;
    this.#result = {kind: 'failed', error};
    this.#cancel();
  }

  #cancel(): void {
    this.#heartbeat.stop();
    this.#post({kind: 'cancel'});
    this.#graceTimer ??= this.#options.timers.after(
      CANCEL_GRACE_MILLIS,
      () => void this.#terminate(),
    );
  }

  async #terminate(): Promise<void> {
    const alive = this.#threads.filter(({exited}) => !exited);
    await Promise.all(alive.map(async ({thread}) => thread.terminate()));
  }

  async #exited(state: ThreadState, error: unknown): Promise<void> {
    state.exited = true;
    const died = error ?? new EngineError('JOB_FAILED', 'a task thread ended unexpectedly');
    this.#fail(died);
    if (this.#threads.some(({exited}) => !exited)) return;
    this.#heartbeat.stop();
    this.#graceTimer?.cancel();
    this.#ready(false);
    await this.#driver?.close();
    this.#ended = true;
    for (const {resolve} of this.#awaitingCommit) resolve(false);
    this.#resolve(this.#result ?? {kind: 'failed', error: died});
  }
}
