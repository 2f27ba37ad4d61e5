// The owner that lives: the same job in another directory, with output of its own, and from its checkpoints the job of the seed
// begins (live-claims.ts). In one seed of twenty, from a generator of its own. It works, deletes what retention does not keep,
// holds, prunes and takes savepoints; it is killed, and it sleeps where it hurts: between looking whose a checkpoint is and
// renaming it away. Its own watcher, keeper and commands hold it to W1–W6, H1–H3 and S1–S4.

import type {EngineError} from '#src/base/errors.js';
import type {ProcessSighting} from '#src/base/process-identity.js';
import type {JobSpec} from '#src/job/job-spec.js';
import type {RunRequest} from '#src/runtime/run-types.js';
import type {Commands} from './commands.ts';
import {newestGeneration, publishedIds} from './disk-facts.ts';
import type {Draw} from './draw.ts';
import {BESIDE} from './job-model.ts';
import {judgeEnding} from './judge-ending.ts';
import type {Keeper} from './keeper.ts';
import type {Actor} from './scheduler.ts';
import {SimulatedProcess} from './simulated-process.ts';
import type {Watcher} from './watcher.ts';
import type {World} from './world.ts';

/** One seed in so many, and which: none of those that were kept, or that find a planted bug, before there were neighbours. */
const SEEDS_WITH = 20;
const SEEDS_CLASS = 3;
const PIDS = [301, 302, 303, 304] as const;
const LIVING_MAX = 2;
const BEGIN_LIMITS = {events: 6000, millis: 60_000};

export function hasNeighbour(seed: number): boolean {
  return seed % SEEDS_WITH === SEEDS_CLASS;
}

export interface NeighbourOptions {
  readonly world: World;
  readonly draw: Draw;
  readonly spec: JobSpec;
  readonly watcher: Watcher;
  readonly commands: Commands;
  readonly keeper: Keeper;
  readonly request: RunRequest;
  /** The processes of a host. */
  readonly look: (host: string, pid: number) => ProcessSighting;
  /** Whether it may end with this error, because of whose its checkpoints are. */
  readonly explains: (process: SimulatedProcess, error: EngineError) => boolean;
}

export class Neighbour {
  /** All that were ever started, in order. */
  readonly processes: SimulatedProcess[] = [];
  readonly counts = {owners: 0, slept: 0, woken: 0, alone: 0};
  /** The checkpoint that somebody fell asleep over. */
  sleptOver: string | null = null;
  /** Two of them lived at once, or somebody else took a generation there. */
  contended = false;
  readonly #options: NeighbourOptions;
  /** In the order in which they ended, as far as anybody looked. */
  readonly #ended: SimulatedProcess[] = [];

  constructor(options: NeighbourOptions) {
    this.#options = options;
    options.world.called = (name, path, by) => this.#onCall(name, path, by);
  }

  living(): readonly SimulatedProcess[] {
    return this.processes.filter(({living}) => living);
  }

  lastEnded(): SimulatedProcess | null {
    for (const process of this.processes) {
      if (!process.living && !this.#ended.includes(process)) this.#ended.push(process);
    }
    return this.#ended.at(-1) ?? null;
  }

  /** The process of an actor; null: it is none of these. */
  processOf(actor: Actor): SimulatedProcess | null {
    const root = actor.parent ?? actor;
    return this.processes.find((process) => process.actor === root) ?? null;
  }

  /** Whose a generation is, the newest if none is named; null: nobody's who lives and has not said that it ended. */
  owner(generation?: number): SimulatedProcess | null {
    const {disk} = this.#options.world;
    const name = String(generation ?? newestGeneration(disk, BESIDE)).padStart(10, '0');
    const names = disk.namesIn(`${BESIDE}/owner`);
    if (!names.includes(name) || names.includes(`${name}.end`)) return null;
    const record = JSON.parse(disk.contentOf(`${BESIDE}/owner/${name}`).toString()) as OwnerJson;
    const found = this.living().find(
      ({identity}) => identity.pid === record.pid && identity.startTime === record.start_time,
    );
    return found?.identity.bootId === record.boot_id ? found : null;
  }

  /** There is a checkpoint to begin from, unless faults are in the way. */
  async begin(): Promise<void> {
    const {world, draw} = this.#options;
    const wanted = draw.integer(1, 3);
    const isThere = (): boolean => publishedIds(world.disk, BESIDE).length >= wanted;
    for (let run = 0; run < 3 && !isThere(); run += 1) {
      const first = this.start();
      await world.scheduler.run(() => isThere() || !first.living, BEGIN_LIMITS);
    }
  }

  /** Between two rounds. */
  async act(): Promise<void> {
    const {world, draw, keeper} = this.#options;
    if (!world.faults.active) return;
    const living = this.living();
    for (const process of living) {
      if (process.paused) {
        // Most sleep until somebody from elsewhere takes them for dead.
        if (draw.chance(0.2)) this.#wake(process);
        else if (draw.chance(0.1)) process.kill();
      } else if (draw.chance(0.2)) process.kill();
      else if (draw.chance(0.3)) this.#sleep(process);
    }
    const left = this.living();
    if (left.length === 0) {
      if (draw.chance(0.4)) {
        this.counts.alone += 1;
        await keeper.actAlone();
      }
      if (draw.chance(0.85)) this.start();
    } else if (left.length < LIVING_MAX && left.every(({paused}) => paused) && draw.chance(0.25)) {
      this.start({takeOver: draw.chance(0.5)});
    }
  }

  start(request: Partial<RunRequest> = {}): SimulatedProcess {
    const {world, draw, spec, watcher, commands, keeper, look} = this.#options;
    const living = this.living();
    if (living.length > 0) this.contended = true;
    const host = draw.pick(['one', 'two', 'two', 'two']);
    const free = PIDS.filter((pid) => living.every(({identity}) => identity.pid !== pid));
    const started = new SimulatedProcess({
      world,
      job: spec,
      ringBytes: 4096,
      observer: watcher,
      request: {...this.#options.request, ...request},
      name: `owner${this.processes.length + 1}`,
      pid: draw.pick(free),
      host,
      look: (pid) => look(host, pid),
    });
    this.processes.push(started);
    this.counts.owners += 1;
    commands.plan(started);
    keeper.plan(started);
    return started;
  }

  /** The power is gone. */
  lose(): void {
    for (const process of this.living()) process.kill('off');
  }

  powerLost(): void {
    this.#options.watcher.powerLost();
  }

  /** Whoever works. */
  fallAsleep(): void {
    for (const process of this.living()) if (!process.paused) this.#sleep(process);
  }

  wakeAll(): void {
    for (const process of this.living()) {
      if (process.paused) process.resume();
      for (const thread of process.threads) if (thread.hanging) thread.wake();
    }
  }

  async check(): Promise<void> {
    const {watcher, commands, keeper} = this.#options;
    await watcher.check();
    await commands.check();
    keeper.check();
  }

  judgeEndings(): void {
    const {world, explains} = this.#options;
    this.lastEnded();
    for (const process of this.processes) judgeEnding(process, world, explains);
  }

  /** Whoever sleeps over it wakes after a while. */
  wakeSoon(process: SimulatedProcess): void {
    const {world, draw} = this.#options;
    world.scheduler.after(world.kernel, draw.logarithmic(1, 4000), 'the owner wakes', () => {
      if (world.faults.active && process.living && process.paused) this.#wake(process);
    });
  }

  /** Asked of every call of the disk, when it is made: what it asks for still happens, and nobody hears of it. */
  #onCall(name: string, path: string, by: Actor): void {
    const {world, draw} = this.#options;
    const chance = SLEEPY.find((it) => it.name === name && it.path.test(path))?.chance;
    if (chance === undefined || !world.faults.active) return;
    const process = this.processOf(by);
    if (process === null || process.paused || process.generation === 0) return;
    if (!draw.chance(chance)) return;
    this.#sleep(process);
    this.sleptOver = path.replace(/\/claimed-by$/, '');
    if (draw.chance(0.25)) {
      world.scheduler.after(world.kernel, draw.logarithmic(20, 30_000), 'the owner wakes', () => {
        if (world.faults.active && process.living && process.paused) this.#wake(process);
      });
    }
  }

  #sleep(process: SimulatedProcess): void {
    this.counts.slept += 1;
    this.#options.world.note(`  ${process.name} sleeps`);
    process.pause();
  }

  #wake(process: SimulatedProcess): void {
    this.counts.woken += 1;
    this.#options.world.note(`  ${process.name} wakes`);
    process.resume();
  }
}

interface OwnerJson {
  readonly pid: number;
  readonly start_time: string;
  readonly boot_id: string;
}

/** Calls of a deletion: before the last look at a claim, before that at marks of use, and before the second look. */
const SLEEPY = [
  {name: 'openForRead', path: /\/sim\/chk-\d+\/claimed-by$/, chance: 0.4},
  {name: 'list', path: /\/chk-\d+$/, chance: 0.2},
  {name: 'rename', path: /\/beside\/state\/sim\/chk-\d+$/, chance: 0.1},
] as const;
