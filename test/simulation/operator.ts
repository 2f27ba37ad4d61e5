// Whoever runs the job on the simulated machines: starts it, starts it twice, kills it, pulls the plug, stops
// and continues it, interrupts it, restores an older checkpoint. All by seed.

import type {ProcessSighting} from '#src/base/process-identity.js';
import type {JobSpec} from '#src/job/job-spec.js';
import type {OutputAheadPolicy, RunRequest} from '#src/runtime/run-types.js';
import {publishedIds, readCheckpointOnDisk} from './disk-facts.ts';
import type {Claims} from './claims.ts';
import type {Commands} from './commands.ts';
import type {Draw} from './draw.ts';
import {CHECKPOINTS, JOB_FILE, type JobModel} from './job-model.ts';
import {judgeEnding} from './judge-ending.ts';
import type {Keeper} from './keeper.ts';
import type {LiveClaims} from './live-claims.ts';
import type {Neighbour} from './neighbour.ts';
import {Violation} from './scheduler.ts';
import {SimulatedProcess} from './simulated-process.ts';
import type {Watcher} from './watcher.ts';
import type {World} from './world.ts';

export interface OperatorOptions {
  readonly world: World;
  readonly draw: Draw;
  /** The job at a parallelism. */
  readonly specAt: (parallelism: number) => JobSpec;
  readonly job: JobModel;
  readonly watcher: Watcher;
  readonly commands: Commands;
  readonly claims: Claims;
  readonly keeper: Keeper;
  /** Null: nobody works beside it. */
  readonly beside: {readonly neighbour: Neighbour; readonly claims: LiveClaims} | null;
  /** The job in another directory. */
  readonly rivalSpec: () => JobSpec;
}

const ROUNDS_MAX = 7;
const ROUND_MILLIS = 60_000;
const PIDS = [101, 102, 103, 104, 105, 106] as const;
const RIVAL_PID = 201;

export class Operator {
  /** All that were ever started, in order. */
  readonly processes: SimulatedProcess[] = [];
  /** In a directory of their own; none of them may begin. */
  readonly rivals: SimulatedProcess[] = [];
  readonly #options: OperatorOptions;
  /** Two processes lived at once: one may find the other, or be fenced by it. */
  contended = false;
  #lastParallelism: number;
  readonly #endedOrder: SimulatedProcess[] = [];

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#lastParallelism = options.job.parallelism;
    this.#planClockJumps();
  }

  living(): readonly SimulatedProcess[] {
    return this.processes.filter(({living}) => living);
  }

  lastEnded(): SimulatedProcess | null {
    const {processes} = this;
    for (const process of processes) {
      if (!process.living && !this.#endedOrder.includes(process)) this.#endedOrder.push(process);
    }
    return this.#endedOrder.at(-1) ?? null;
  }

  /** The part of the seed in which everything may go wrong. */
  async disturb(): Promise<void> {
    const {draw, watcher, claims, beside} = this.#options;
    await beside?.neighbour.begin();
    const least = Math.max(claims.roundsMin, beside?.claims.roundsMin ?? 0);
    const rounds = Math.max(draw.integer(1, ROUNDS_MAX), least);
    for (let round = 0; round < rounds; round += 1) {
      await beside?.neighbour.act();
      await this.#startSomebody();
      await this.#runAWhile();
      this.judgeEndings();
      await this.check();
      const finished = this.lastEnded();
      if (this.living().length === 0 && isFinished(finished)) {
        watcher.checkFinished();
        if (draw.chance(0.7) && !claims.goesOn() && beside?.claims.goesOn() !== true) return;
      }
      this.#act();
      await this.check();
    }
  }

  /** Everything that holds at any time. */
  async check(): Promise<void> {
    const {watcher, commands, claims, keeper, beside} = this.#options;
    await watcher.check();
    await commands.check();
    claims.check();
    keeper.check();
    beside?.claims.check();
    await beside?.neighbour.check();
  }

  judgeEndings(): void {
    const {world, claims, beside} = this.#options;
    for (const process of [...this.processes, ...this.rivals]) {
      judgeEnding(
        process,
        world,
        (ended, error) =>
          claims.explains(ended, error) || beside?.claims.explains(ended, error) === true,
      );
    }
    beside?.neighbour.judgeEndings();
  }

  /** Somebody who works in another directory asks for what is claimed. */
  startRival(request: Partial<RunRequest>): void {
    const {world, watcher, rivalSpec} = this.#options;
    const rival = new SimulatedProcess({
      world,
      job: rivalSpec(),
      ringBytes: 65_536,
      observer: {
        told: (process, event) => {
          if (event.type !== 'started') return;
          const what = `C2: ${process.name} began from ${request.restoreFrom ?? ''}, which is not its own`;
          world.scheduler.fail(new Violation(what));
        },
        posted: (...message) => watcher.posted(...message),
        ordered: (...message) => watcher.ordered(...message),
      },
      request: {...REQUEST, ...request},
      name: `rival${this.rivals.length + 1}`,
      pid: RIVAL_PID + this.rivals.length,
      host: 'one',
      look: (pid) => this.look('one', pid),
    });
    this.rivals.push(rival);
  }

  /** What they ask for is nobody's any more: they might have it. */
  killRivals(): void {
    for (const rival of this.rivals) if (rival.living) rival.kill();
  }

  start(request: Partial<RunRequest>, host = 'one'): SimulatedProcess {
    const {world, draw, specAt, watcher} = this.#options;
    const living = this.living();
    if (living.length > 0) this.contended = true;
    const free = PIDS.filter((pid) => living.every(({identity}) => identity.pid !== pid));
    const started = new SimulatedProcess({
      world,
      job: specAt(this.#parallelism()),
      ringBytes: draw.pick([1024, 1024, 4096, 65_536]),
      observer: watcher,
      request: {...REQUEST, ...request},
      name: `p${this.processes.length + 1}`,
      pid: draw.pick(free),
      host,
      look: (pid) => this.look(host, pid),
    });
    this.processes.push(started);
    this.#options.commands.plan(started);
    this.#options.keeper.plan(started);
    this.#options.beside?.claims.started(started);
    return started;
  }

  /** Another one than before, by chance: the state is shared out anew. */
  #parallelism(): number {
    const {world, draw, job} = this.#options;
    if (this.processes.length > 0 && world.faults.isComing('rescale')) {
      const others = [1, 2, 3, 4].filter((it) => it !== this.#lastParallelism);
      this.#lastParallelism = draw.pick(others.filter((it) => it <= job.maxParallelism));
      world.faults.count('rescale');
    }
    return this.#lastParallelism;
  }

  /** The processes that run on a host. */
  look(host: string, pid: number): ProcessSighting {
    const beside = this.#options.beside?.neighbour.living() ?? [];
    const rivals = this.rivals.filter(({living}) => living);
    const found = [...this.living(), ...rivals, ...beside].find(
      ({identity}) => identity.host === host && identity.pid === pid,
    );
    if (found === undefined) return {kind: 'gone'};
    return {kind: 'running', startTime: found.identity.startTime};
  }

  async #startSomebody(): Promise<void> {
    const {world, draw, claims, keeper, beside} = this.#options;
    const {faults} = world;
    const running = this.living().filter(({paused}) => !paused);
    if (this.living().length >= 3) return;
    if (running.length === 0) {
      const frozen = this.living().length > 0;
      // Somebody who is stopped looks alive on its own machine: a successor is told, or comes from another.
      const takeOver = frozen && draw.chance(0.5);
      const host = frozen && !takeOver && draw.chance(0.8) ? 'two' : 'one';
      if (!frozen) await keeper.actAlone();
      const request =
        (await claims.restore(!frozen)) ?? beside?.claims.restore() ?? this.#restore();
      this.#planInterrupt(this.start({...request, takeOver}, host));
    } else if (faults.strikes('double-start')) {
      this.start({takeOver: draw.chance(0.5)}, draw.pick(['one', 'two']));
    }
  }

  async #runAWhile(): Promise<void> {
    const {world, draw} = this.#options;
    const events = Math.ceil(draw.logarithmic(20, 3000));
    const running = this.living().filter(({paused}) => !paused);
    await world.scheduler.run(() => running.every(({living}) => !living), {
      events,
      millis: ROUND_MILLIS,
    });
    this.lastEnded();
  }

  /** Something happens to those who live. */
  #act(): void {
    const {world, draw, watcher, claims, beside} = this.#options;
    const {faults} = world;
    const living = this.living();
    if (faults.strikes('power-loss')) {
      for (const process of [...living, ...this.rivals]) process.kill('off');
      beside?.neighbour.lose();
      world.losePower();
      world.note('power loss');
      watcher.powerLost();
      beside?.neighbour.powerLost();
      beside?.claims.powerLost();
      return;
    }
    for (const process of living) {
      if (process.paused) {
        if (draw.chance(0.6)) process.resume();
        else if (draw.chance(0.3)) process.kill();
      } else if (faults.strikes('kill') || claims.kills() || beside?.claims.kills() === true) {
        process.kill();
      } else if (faults.strikes('zombie')) process.pause();
    }
  }

  #planInterrupt(process: SimulatedProcess): void {
    const {world, draw} = this.#options;
    const {faults, scheduler, kernel} = world;
    if (!faults.isComing('interrupt')) return;
    const times = draw.chance(0.2) ? 2 : 1;
    let millis = 0;
    for (let time = 0; time < times; time += 1) {
      millis += draw.logarithmic(5, 5000);
      scheduler.after(kernel, millis, 'interrupt', () => {
        if (!faults.active || !process.living) return;
        faults.count('interrupt');
        process.interrupt();
      });
    }
  }

  /** An older checkpoint than the newest, by chance. */
  #restore(): Partial<RunRequest> {
    const {world, job, draw, commands} = this.#options;
    const savepoint = commands.restoreFrom();
    if (savepoint !== null && world.faults.active) {
      world.faults.count('restore-older');
      return {restoreFrom: savepoint, outputAhead: 'withdraw'};
    }
    if (!world.faults.isComing('restore-older')) return {};
    const usable = publishedIds(world.disk).filter(
      (id) => !readCheckpointOnDisk(world.disk, job, id).drained,
    );
    if (usable.length === 0) return {};
    world.faults.count('restore-older');
    const outputAhead = draw.pick<OutputAheadPolicy>(['withdraw', 'withdraw', 'keep', 'refuse']);
    return {restoreFrom: `${CHECKPOINTS}/chk-${draw.pick(usable)}`, outputAhead};
  }

  #planClockJumps(): void {
    const {world, draw} = this.#options;
    const {scheduler, faults, kernel} = world;
    const next = (): void => {
      if (!faults.active) return;
      if (faults.strikes('clock-jump')) {
        world.wallOffset += draw.pick([-1, 1]) * draw.logarithmic(1000, 400 * 86_400_000);
      }
      scheduler.after(kernel, 1000, 'clock', next);
    };
    scheduler.after(kernel, draw.between(0, 1000), 'clock', next);
  }
}

export const REQUEST: RunRequest = {
  file: JOB_FILE,
  overrides: {flink: [], set: []},
  fresh: false,
  allowNonRestoredState: false,
  takeOver: false,
  onDamaged: 'stop',
  outputAhead: 'refuse',
  allowDrained: false,
  shutdownTimeoutMillis: 20_000,
  progressIntervalMillis: 1000,
  environment: {},
};

function isFinished(process: SimulatedProcess | null): boolean {
  return process?.ending?.kind === 'ended' && process.ending.summary.state === 'FINISHED';
}
