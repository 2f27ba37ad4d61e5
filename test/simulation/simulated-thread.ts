// A task thread on the simulation's own thread: the inside is what `task-entry.ts` composes, with the
// snapshot writer in the same thread. It ends by itself, is terminated by its owner, dies or hangs by seed.
//
// Messages that may be lost, late or doubled, because the protocol says so (PROTOCOL.md C3, C4; HOSTILE B18):
// acknowledgements and declines, and completion notices of checkpoints after which others follow. All others
// come once and in order, as a port delivers them.

import {EngineError} from '#src/base/errors.js';
import type {CheckpointPurpose} from '#src/checkpoint/checkpoint-metadata.js';
import {runtimeCatalog} from '#src/catalog.js';
import {JobMetrics} from '#src/metrics/job-metrics.js';
import {memoryStores} from '../state/support/memory-store.ts';
import {planThread} from '#src/runtime/plan-thread.js';
import {TaskLoop} from '#src/runtime/task-loop.js';
import type {Deployment, FromTask, ToTask} from '#src/runtime/task-messages.js';
import type {TaskThread, TaskThreadListener} from '#src/runtime/task-thread.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {MessageFate} from './faults.ts';
import {Port} from './port.ts';
import {Actor, Violation} from './scheduler.ts';
import {SimulatedBell} from './simulated-bell.ts';
import {SimulatedFiles} from './simulated-files.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import {timersOf} from './simulated-timers.ts';
import type {World} from './world.ts';

export interface ThreadObserver {
  /** In the event in which the task thread says it. */
  posted(process: SimulatedProcess, thread: SimulatedThread, message: FromTask): void;
  ordered(process: SimulatedProcess, thread: SimulatedThread, message: ToTask): void;
}

export interface ThreadOptions {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly observer: ThreadObserver;
  readonly deployment: Deployment;
  readonly listener: TaskThreadListener;
}

/** Behind the last message. */
interface Exit {
  readonly kind: 'exit';
}

export class SimulatedThread implements TaskThread {
  readonly deployment: Deployment;
  readonly actor: Actor;
  readonly files: SimulatedFiles;
  /** Once it has begun. */
  bell: SimulatedBell | null = null;
  readonly #options: ThreadOptions;
  readonly #orders: Port<ToTask>;
  readonly #reports: Port<FromTask | Exit>;
  readonly #gone: Promise<void>;
  readonly #purposes = new Map<number, CheckpointPurpose>();
  #exited: () => void = () => undefined;
  #loop: TaskLoop | null = null;
  /** Orders that came before it listened. */
  readonly #early: ToTask[] = [];
  #over = false;
  /** Up to so long after its time everything in it happens. */
  #lagMillis = 0;
  /** What ended it; null: it came to its end. */
  #death: unknown = null;

  constructor(options: ThreadOptions) {
    const {world, process, listener, deployment} = options;
    this.#options = options;
    this.deployment = structuredClone(deployment);
    const name = `${process.name}/${deployment.subtask}`;
    this.actor = new Actor(name, process.actor, (error) => {
      world.scheduler.fail(new Violation(`${name}: uncaught: ${(error as Error).stack ?? ''}`));
    });
    this.files = new SimulatedFiles(world, this.actor);
    this.#gone = new Promise((resolve) => {
      this.#exited = resolve;
    });
    this.#orders = new Port(world, this.actor, (order) => {
      if (this.#loop === null) this.#early.push(order);
      else this.#loop.deliver(order);
    });
    this.#reports = new Port<FromTask | Exit>(world, process.actor, (message) => {
      if (message.kind !== 'exit') {
        listener.message(message);
        return;
      }
      process.threads.delete(this);
      listener.exited(this.#death);
      this.#exited();
    });
    process.threads.add(this);
    world.scheduler.after(this.actor, world.draw.between(0.5, 5), 'thread starts', () =>
      this.#begin(),
    );
    this.#planFaults();
  }

  post(message: ToTask): void {
    const {observer, process, world} = this.#options;
    observer.ordered(process, this, message);
    if (message.kind === 'trigger') this.#purposes.set(message.checkpointId, message.purpose);
    const isNotice =
      message.kind === 'notify-complete' && this.#purposes.get(message.checkpointId) === 'periodic';
    send(this.#orders, message, isNotice ? world.faults.onNotice() : {kind: 'deliver'});
  }

  async terminate(): Promise<void> {
    this.#die(new EngineError('JOB_FAILED', 'the task thread ended with status 1'));
    return this.#gone;
  }

  get hanging(): boolean {
    return this.actor.paused;
  }

  wake(): void {
    this.#options.world.scheduler.resume(this.actor);
  }

  #begin(): void {
    const {world} = this.#options;
    const timers = timersOf(world, this.actor, () =>
      world.faults.active ? this.#lagMillis * world.draw.random.next() : 0,
    );
    const bell = new SimulatedBell(timers);
    this.bell = bell;
    const environment = {
      clock: {
        monotonicMillis: () => world.monotonicMillis(),
        wallMillis: () => world.wallMillis(),
      },
      timers,
      metrics: new JobMetrics(),
      post: (message: FromTask) => this.#report(message),
    };
    const {subtask, memory, job} = this.deployment;
    const beats = new Int32Array(memory.beats);
    const loop = new TaskLoop({
      ...environment,
      bell,
      beat: () => Atomics.add(beats, subtask, 1),
      beatIntervalMillis: job.heartbeatIntervalMillis,
    });
    this.#loop = loop;
    for (const order of this.#early) loop.deliver(order);
    const ended = loop.run((listener) =>
      planThread(this.deployment, listener, {
        ...environment,
        catalog: runtimeCatalog,
        files: this.files,
        snapshotWriter: new InProcessWriter(this.files),
        openStore: memoryStores(this.files),
        ring: (target) => this.#ring(target),
      }),
    );
    ended.then(
      () => this.#exit(null),
      (error: unknown) => this.#exit(error),
    );
  }

  /** The bell of another thread of this deployment, which rings though that thread hangs. */
  #ring(target: number): void {
    for (const thread of this.#options.process.threads) {
      const {generation, subtask} = thread.deployment;
      if (generation === this.deployment.generation && subtask === target) thread.bell?.ring();
    }
  }

  #report(message: FromTask): void {
    const {observer, process, world} = this.#options;
    observer.posted(process, this, message);
    const isAnswer = message.kind === 'acknowledge' || message.kind === 'decline';
    send(this.#reports, message, isAnswer ? world.faults.onAcknowledge() : {kind: 'deliver'});
  }

  /** At once, wherever it is. */
  #die(error: unknown): void {
    if (this.#over) return;
    const {world} = this.#options;
    this.actor.die();
    for (const event of this.files.inFlight) {
      if (world.draw.chance(0.5)) world.scheduler.hurry(event, world.kernel);
    }
    this.#reports.cut();
    this.#exit(error);
  }

  #exit(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#death = error;
    this.actor.die();
    this.#reports.send({kind: 'exit'});
  }

  #planFaults(): void {
    const {faults, scheduler, draw, kernel} = this.#options.world;
    if (faults.strikes('thread-slow')) this.#lagMillis = draw.logarithmic(10, 500);
    if (faults.isComing('thread-death')) {
      scheduler.after(kernel, draw.logarithmic(1, 5000), 'thread dies', () => {
        if (this.actor.dead || !faults.active) return;
        faults.count('thread-death');
        const code = 'ERR_WORKER_OUT_OF_MEMORY';
        this.#die(Object.assign(new Error('the thread reached its memory limit'), {code}));
      });
    }
    if (faults.isComing('thread-hang')) {
      scheduler.after(kernel, draw.logarithmic(1, 5000), 'thread hangs', () => {
        if (this.actor.dead || !faults.active) return;
        faults.count('thread-hang');
        this.actor.pause();
        scheduler.after(kernel, draw.logarithmic(20, 20_000), 'thread wakes', () => this.wake());
      });
    }
  }
}

function send<Message extends {readonly kind: string}>(
  port: Port<Message>,
  message: Message,
  fate: MessageFate,
): void {
  switch (fate.kind) {
    case 'lose':
      return;
    case 'late':
      port.sendLate(message, fate.millis);
      return;
    case 'double':
      port.send(message);
      port.send(message);
      return;
    case 'deliver':
      port.send(message);
  }
}
