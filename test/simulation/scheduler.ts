// Virtual time and one queue of events. An event is ready when its time has come; which of the ready ones
// runs next is drawn from the seed. When none is ready, time jumps to the next one, and by chance a little
// further, as on a busy machine: nothing is ever early, anything may be late.
//
// Between two events every microtask runs: the engine's promises go on as far as they can before anything
// else happens. All asynchrony of the engine ends in an event here (timer, file-system call, message), so
// whoever does not get its events does not run.

import type {Draw} from './draw.ts';
import type {Trace} from './trace.ts';

/** Who runs events: a process, or a thread of one. Dead: never again. Paused: later. */
export class Actor {
  readonly name: string;
  readonly parent: Actor | null;
  /** An error that an event let out: it ends whoever ran it. */
  readonly crashed: (error: unknown) => void;
  /** What came due while it was paused. */
  readonly held: SimulatedEvent[] = [];
  #dead = false;
  #paused = false;

  constructor(name: string, parent: Actor | null, crashed: (error: unknown) => void) {
    this.name = name;
    this.parent = parent;
    this.crashed = crashed;
  }

  get dead(): boolean {
    return this.#dead || this.parent?.dead === true;
  }

  get paused(): boolean {
    return this.#paused || this.parent?.paused === true;
  }

  die(): void {
    this.#dead = true;
    this.held.length = 0;
  }

  pause(): void {
    this.#paused = true;
  }

  unpause(): void {
    this.#paused = false;
  }
}

export interface SimulatedEvent {
  owner: Actor;
  due: number;
  readonly what: string;
  readonly action: () => void;
  /** The kernel does it: also while its process is stopped. */
  readonly kernel: boolean;
  cancelled: boolean;
}

/** A promise of the engine or of the simulation itself that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface RunLimits {
  /** Events from now on. */
  readonly events: number;
  /** Virtual milliseconds from now on. */
  readonly millis: number;
}

/** Turns of the real event loop: so that unhandled rejections are told and nobody else starves. */
const EVENTS_PER_TURN = 256;

export class Scheduler {
  /** Milliseconds since the beginning. */
  now = 0;
  events = 0;
  readonly #draw: Draw;
  readonly #trace: Trace;
  /** How late everything may be at once. */
  readonly #slackMillis: number;
  /** By time, the first at the root of a binary heap. */
  readonly #later: SimulatedEvent[] = [];
  readonly #ready: SimulatedEvent[] = [];
  /** Before everything else, in order: what a dying process had handed to the kernel. */
  readonly #urgent: SimulatedEvent[] = [];
  #stop: Error | null = null;

  constructor(draw: Draw, trace: Trace, slackMillis: number) {
    this.#draw = draw;
    this.#trace = trace;
    this.#slackMillis = slackMillis;
  }

  after(
    owner: Actor,
    millis: number,
    what: string,
    action: () => void,
    kernel = false,
  ): SimulatedEvent {
    const due = this.now + Math.max(0, millis);
    const event = {owner, due, what, action, kernel, cancelled: false};
    this.#push(event);
    return event;
  }

  /** The event runs next, whoever owned it. */
  hurry(event: SimulatedEvent, owner: Actor): void {
    if (event.cancelled) return;
    event.cancelled = true;
    this.#urgent.push({...event, owner, cancelled: false});
  }

  /** Runs what dying processes had handed to the kernel, and what follows from it at once. */
  async settleUrgent(): Promise<void> {
    await this.run(() => this.#urgent.length === 0, {events: Infinity, millis: Infinity});
  }

  /** Everything that `actor` and its children missed comes due. */
  resume(...actors: readonly Actor[]): void {
    for (const actor of actors) {
      actor.unpause();
      for (const event of actor.held.splice(0)) {
        event.due = Math.max(event.due, this.now);
        this.#push(event);
      }
    }
  }

  /** The simulation ends with this error. */
  fail(error: Error): void {
    this.#stop ??= error;
  }

  /** Runs until `done`, which is asked after each event; `limit` when that takes too long. */
  async run(done: () => boolean, limits: RunLimits): Promise<'done' | 'idle' | 'limit'> {
    // From here on this function goes on in microtasks only, as `drained` needs it.
    await turn();
    const lastEvent = this.events + limits.events;
    const lastMillis = this.now + limits.millis;
    while (true) {
      if (this.#stop !== null) throw this.#stop;
      if (done()) return 'done';
      if (this.events >= lastEvent || this.now >= lastMillis) return 'limit';
      const event = this.#take();
      if (event === null) return 'idle';
      if (!this.#runOne(event)) continue;
      await drained();
      if (this.events % EVENTS_PER_TURN === 0) await turn();
    }
  }

  /** False: nobody was there for it. */
  #runOne(event: SimulatedEvent): boolean {
    const {owner} = event;
    if (event.cancelled || owner.dead) return false;
    if (owner.paused && !event.kernel) {
      owner.held.push(event);
      return false;
    }
    this.events += 1;
    this.#trace.add(`${this.now.toFixed(3)} ${owner.name} ${event.what}`);
    try {
      event.action();
    } catch (error) {
      if (error instanceof Violation) throw error;
      owner.crashed(error);
    }
    return true;
  }

  #take(): SimulatedEvent | null {
    const first = this.#urgent.shift();
    if (first !== undefined) return first;
    this.#collect();
    // Again and again: what comes due may all be cancelled.
    while (this.#ready.length === 0) {
      const next = this.#later[0];
      if (next === undefined) return null;
      this.now = Math.max(this.now, next.due);
      if (this.#draw.chance(0.5)) this.now += this.#draw.between(0, this.#slackMillis);
      this.#collect();
    }
    const ready = this.#ready;
    const index = ready.length === 1 ? 0 : this.#draw.integer(0, ready.length - 1);
    const event = ready[index] ?? null;
    const last = ready.pop();
    if (last !== undefined && index < ready.length) ready[index] = last;
    return event;
  }

  #collect(): void {
    for (let next = this.#later[0]; next !== undefined && next.due <= this.now;) {
      this.#pop();
      if (!next.cancelled) this.#ready.push(next);
      next = this.#later[0];
    }
  }

  #push(event: SimulatedEvent): void {
    const heap = this.#later;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.due <= event.due) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#later;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.due < heap[child]!.due) child += 1;
      if (heap[child]!.due >= last.due) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

/**
 * Resolves when no microtask is left. A tick that is asked for in a microtask comes after all microtasks, also
 * those that they make.
 */
async function drained(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

async function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
