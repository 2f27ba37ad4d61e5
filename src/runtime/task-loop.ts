// What a task thread does: its tasks in turn, one batch at a time; between two batches it takes orders and
// yields to I/O. Consumers come before producers, so that what is there is worked off before more is made.
// No step blocks: a task that has no room for results is passed over, and the thread sleeps on its bell only
// when none of its tasks can go on.
//
// Barriers: a trigger is carried out between two steps. All sources of the thread inject the barrier at that
// point. A barrier that another thread sends may come before the master's order: it waits in its channel.

import {EngineError, serializeError} from '../base/errors.ts';
import type {Clock, Timer, Timers} from '../base/clock.ts';
import type {DeclineReason} from '../checkpoint/abort-reason.ts';
import {reportMetrics, type JobMetrics} from '../metrics/job-metrics.ts';
import type {StateBackend} from '../state/state-backend.ts';
import {must} from '../base/assert.ts';
import type {BarrierPassage} from './barrier-passage.ts';
import type {GateListener} from './input-gate.ts';
import type {Bell} from './bell.ts';
import {ShownRows} from './shown-rows.ts';
import type {FromTask, ToTask} from './task-messages.ts';
import type {Task, TaskListener, TaskSnapshot, TriggeredCheckpoint} from './task.ts';

/** Between two reports of the counters. */
const METRICS_INTERVAL_MILLIS = 200;
/** How long the thread works before it lets I/O and messages in. */
const YIELD_AFTER_MILLIS = 1;
/** Elements that a task takes from its gate before the next task has its turn. */
const ELEMENTS_PER_TURN = 8;

export interface ThreadPlan {
  /** Sources' tasks first; a task comes before those it feeds. */
  readonly tasks: readonly Task[];
  readonly backends: readonly StateBackend[];
  /** Reads what the gates replay; before the operators open. */
  readonly restoreInFlight: () => Promise<void>;
}

export interface TaskLoopOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly bell: Bell;
  readonly metrics: JobMetrics;
  readonly post: (message: FromTask) => void;
  /** Says that this thread lives; called now and then. */
  readonly beat: () => void;
  readonly beatIntervalMillis: number;
}

export class TaskLoop implements TaskListener {
  readonly shownRows = new ShownRows();
  readonly #options: TaskLoopOptions;
  readonly #orders: ToTask[] = [];
  readonly #triggered = new Map<number, TriggeredCheckpoint>();
  /** Snapshots under way, by checkpoint: who may still write for it. */
  readonly #writing = new Map<number, Set<Promise<TaskSnapshot>>>();
  #newestTriggered = 0;
  #plan: ThreadPlan = {tasks: [], backends: [], restoreInFlight: async () => Promise.resolve()};
  /** Consumers first. */
  #turns: readonly Task[] = [];
  #started = false;
  #suspended = false;
  #cancelled = false;
  #endReported = false;
  #failure: unknown = null;
  #lastReport = 0;
  #beatTimer: Timer | null = null;
  /** Notifications are carried out one after another, beside the records. */
  #notifications: Promise<void> = Promise.resolve();

  constructor(options: TaskLoopOptions) {
    this.#options = options;
  }

  deliver(order: ToTask): void {
    this.#orders.push(order);
    this.wake();
  }

  wake(): void {
    this.#options.bell.ring();
  }

  /** An error outside the loop's own calls (background I/O). */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.wake();
  }

  /** Runs until cancelled or failed; then everything is closed. */
  async run(makePlan: (loop: TaskLoop) => ThreadPlan): Promise<void> {
    this.#keepBeating();
    try {
      this.#plan = makePlan(this);
      this.#turns = this.#plan.tasks.toReversed();
      await this.#open();
      await this.#loop();
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#failure !== null) {
      this.#options.post({kind: 'failed', error: serializeError(this.#failure)});
    }
    await this.#close();
    this.#beatTimer?.cancel();
    this.#options.post({kind: 'closed'});
  }

  triggered(checkpointId: number): TriggeredCheckpoint {
    return must(this.#triggered.get(checkpointId), `order of checkpoint ${checkpointId}`);
  }

  snapshotStarted(task: Task, checkpointId: number, done: Promise<TaskSnapshot>): void {
    const {post} = this.#options;
    this.#noteWriting(checkpointId, done);
    done.then(
      ({snapshots, stats}) =>
        post({kind: 'acknowledge', checkpointId, task: task.id, snapshots, stats}),
      (error: unknown) => this.#decline(task, checkpointId, declineReason(error), error),
    );
  }

  /** What the gate of `task` tells. */
  listenTo(task: Task): GateListener {
    return {
      isTriggered: (checkpointId) => checkpointId <= this.#newestTriggered,
      reachBarrier: (passage: BarrierPassage) => task.reachBarrier(passage.checkpointId, passage),
      decline: (checkpointId, reason) => this.#decline(task, checkpointId, reason, null),
      forwardCancel: (checkpointId) => task.sendCancel(checkpointId),
    };
  }

  #noteWriting(checkpointId: number, snapshot: Promise<TaskSnapshot>): void {
    const writing = this.#writing.get(checkpointId) ?? new Set();
    this.#writing.set(checkpointId, writing.add(snapshot));
    const over = (): void => {
      writing.delete(snapshot);
      if (writing.size === 0) this.#writing.delete(checkpointId);
    };
    snapshot.then(over, over);
  }

  /** No snapshot begins for one that was given up; those that have begun are waited for. */
  async #release(checkpointId: number): Promise<void> {
    await Promise.allSettled([...(this.#writing.get(checkpointId) ?? new Set())]);
    this.#options.post({kind: 'released', checkpointId});
  }

  #decline(task: Task, checkpointId: number, reason: DeclineReason, error: unknown): void {
    const cause = error ?? new EngineError('JOB_FAILED', '');
    this.#options.post({
      kind: 'decline',
      checkpointId,
      task: task.id,
      reason,
      error: serializeError(cause),
    });
  }

  async #open(): Promise<void> {
    const {tasks} = this.#plan;
    await this.#plan.restoreInFlight();
    for (const task of tasks.toReversed()) {
      for (const node of task.nodes.toReversed()) await node.operator.open();
    }
    for (const {source} of tasks) await source?.open();
    this.#options.post({kind: 'deployed', tasks: tasks.map((task) => task.id)});
  }

  async #loop(): Promise<void> {
    const {clock, timers, bell} = this.#options;
    let lastYield = clock.monotonicMillis();
    while (true) {
      this.#carryOutOrders();
      if (this.#cancelled || this.#failure !== null) return;
      const waitMillis = this.#started ? this.#pass() : METRICS_INTERVAL_MILLIS;
      const now = clock.monotonicMillis();
      if (now - this.#lastReport >= METRICS_INTERVAL_MILLIS) this.#report(now);
      if (waitMillis > 0) {
        await bell.wait(timers, Math.min(waitMillis, METRICS_INTERVAL_MILLIS));
        lastYield = clock.monotonicMillis();
      } else if (now - lastYield >= YIELD_AFTER_MILLIS) {
        await timers.yield();
        lastYield = clock.monotonicMillis();
      }
    }
  }

  /** One turn of each task; returns how long there is nothing to do (0: go on). */
  #pass(): number {
    const {clock} = this.#options;
    let wait = Infinity;
    let worked = false;
    let ended = true;
    let now = clock.monotonicMillis();
    for (const task of this.#turns) {
      if (task.attend(now)) worked = true;
      const outcome = this.#turn(task, now);
      now = clock.monotonicMillis();
      if (outcome === 0) worked = true;
      else wait = Math.min(wait, outcome, task.deadline - now);
      if (!task.ended) ended = false;
    }
    if (worked) return 0;
    if (ended && !this.#endReported) {
      this.#endReported = true;
      this.#report(now);
      this.#options.post({kind: 'ended'});
    }
    return Math.max(wait, 0.01);
  }

  /** At most one batch of a source, some elements of a gate; 0: it worked, else how long it can not. */
  #turn(task: Task, now: number): number {
    const {gate, source, times} = task;
    if (source !== null && this.#suspended) return Infinity;
    if (!task.canAccept()) {
      times.waits(task.hasInput, now);
      return Infinity;
    }
    times.begin(now);
    let wait = Infinity;
    if (source !== null) {
      const outcome = source.step();
      if (outcome.kind === 'progress') wait = 0;
      else if (outcome.kind === 'waiting') wait = outcome.millis;
    } else if (gate !== null) {
      for (let taken = 0; taken < ELEMENTS_PER_TURN && gate.step(); taken += 1) {
        wait = 0;
        if (!task.canAccept()) break;
      }
    }
    if (wait === 0) times.end(this.#options.clock.monotonicMillis());
    else times.waits(false, now);
    return wait;
  }

  #carryOutOrders(): void {
    for (let order = this.#orders.shift(); order !== undefined; order = this.#orders.shift()) {
      this.#carryOut(order);
    }
  }

  #carryOut(order: ToTask): void {
    switch (order.kind) {
      case 'start':
        this.#started = true;
        return;
      case 'trigger':
        this.#trigger(order);
        return;
      case 'notify-complete':
        for (const backend of this.#plan.backends) backend.checkpointCompleted(order.checkpointId);
        this.#triggered.delete(order.checkpointId);
        this.#notify(
          async (task) => task.notifyComplete(order.checkpointId),
          () => {
            this.#report(this.#options.clock.monotonicMillis());
            this.#options.post({kind: 'committed', checkpointId: order.checkpointId});
          },
        );
        return;
      case 'notify-aborted':
        for (const task of this.#plan.tasks) task.abort(order.checkpointId);
        for (const backend of this.#plan.backends) backend.checkpointAborted(order.checkpointId);
        this.#triggered.delete(order.checkpointId);
        this.#suspended = false;
        this.#notify(
          async (task) => task.notifyAborted(order.checkpointId),
          () => void this.#release(order.checkpointId),
        );
        return;
      case 'drain':
        for (const {source} of this.#plan.tasks) source?.drain();
        return;
      case 'rows-read':
        this.shownRows.read(order.size);
        return;
      case 'cancel':
        this.#cancelled = true;
    }
  }

  #trigger(order: Extract<ToTask, {kind: 'trigger'}>): void {
    const {checkpointId, directory, purpose, alignment, full, triggeredAt} = order;
    const last = purpose === 'stop' || purpose === 'final';
    const barrier = {kind: 'barrier', checkpointId, alignment, triggeredAt} as const;
    this.#triggered.set(checkpointId, {checkpointId, directory, last, full, barrier});
    this.#newestTriggered = Math.max(this.#newestTriggered, checkpointId);
    const replaying = this.#plan.tasks.filter(({gate}) => gate?.replaying === true);
    const sources = this.#plan.tasks.filter(({source}) => source !== null);
    if (replaying.length > 0) {
      // What is being replayed is in no state yet. At once, so that nobody waits for the timeout.
      for (const task of replaying) {
        this.#decline(task, checkpointId, 'declined-task-not-ready', null);
      }
      for (const task of sources) task.sendCancel(checkpointId);
      return;
    }
    for (const task of sources) task.reachBarrier(checkpointId, null);
    if (last) this.#suspended = true;
  }

  #notify(action: (task: Task) => Promise<void>, then: () => void): void {
    this.#notifications = this.#notifications
      .then(async () => {
        for (const task of this.#plan.tasks) await action(task);
        then();
      })
      .catch((error: unknown) => this.fail(error));
  }

  #report(now: number): void {
    this.#lastReport = now;
    const {tasks} = this.#plan;
    const watermarks = tasks.flatMap(({source}) => (source === null ? [] : [source.watermark]));
    const least = Math.min(...watermarks);
    const times = Object.fromEntries(tasks.map((task) => [task.id, task.times.read(now)]));
    const metrics = reportMetrics(this.#options.metrics, least, times);
    this.#options.post({kind: 'metrics', metrics});
  }

  /** From a timer: a thread that hangs in a step does not beat. */
  #keepBeating(): void {
    const {timers, beat, beatIntervalMillis} = this.#options;
    beat();
    this.#beatTimer = timers.after(beatIntervalMillis, () => this.#keepBeating());
  }

  async #close(): Promise<void> {
    await this.#notifications;
    const {tasks, backends} = this.#plan;
    const closers = [
      ...tasks.map(
        ({source}) =>
          async () =>
            source?.close(),
      ),
      ...tasks.flatMap((task) => task.nodes.map((node) => async () => node.operator.close())),
      ...backends.map((backend) => async () => backend.close()),
    ];
    for (const close of closers) {
      try {
        await close();
      } catch (error) {
        // The first failure is what ended the task; a second one while closing is worth a line only.
        this.#options.post({kind: 'warning', message: `while closing: ${String(error)}`});
      }
    }
  }
}

/** A snapshot that could not begin is no failure of its own: the one before it is still under way. */
function declineReason(error: unknown): DeclineReason {
  const busy = error instanceof EngineError && error.details.facts?.['snapshot'] === 'ongoing';
  return busy ? 'declined-task-not-ready' : 'async-part-failed';
}
