// One seed: a job, a disk, faults; processes that are started, killed, stopped and continued on it; then the
// faults end and the job must finish. Throws a `Failure` that says what is broken and how to repeat it.

import {jobCatalog} from '#src/catalog.js';
import type {JobSpec} from '#src/job/job-spec.js';
import {loadJob} from '#src/job/load-job.js';
import {Claims, hasClaims, RIVAL} from './claims.ts';
import {Commands} from './commands.ts';
import {Draw} from './draw.ts';
import {endOf, newestGeneration, newestLineage} from './disk-facts.ts';
import {FAULT_KINDS, Faults, type FaultKind} from './faults.ts';
import {afterBeside, BESIDE, JOB_DIRECTORY, JOB_FILE, makeJob, type JobModel} from './job-model.ts';
import {Keeper} from './keeper.ts';
import type {LiveClaims} from './live-claims.ts';
import {makeBeside} from './make-beside.ts';
import {hasNeighbour, type Neighbour} from './neighbour.ts';
import {Operator} from './operator.ts';
import {Scheduler, Violation} from './scheduler.ts';
import {describeEnding, type SimulatedProcess} from './simulated-process.ts';
import {Trace} from './trace.ts';
import type {WatchCounts} from './watch-counts.ts';
import {Watcher} from './watcher.ts';
import {World, type DiskWatch} from './world.ts';

export interface SeedReport {
  readonly seed: number;
  readonly events: number;
  readonly virtualMillis: number;
  readonly hash: string;
  readonly fired: ReadonlyMap<FaultKind, number>;
  readonly counts: WatchCounts;
  readonly commands: Commands['counts'];
  readonly claims: Claims['counts'] & Keeper['counts'];
  /** Null: nobody works beside it. */
  readonly beside:
    (LiveClaims['counts'] & Neighbour['counts'] & {readonly dispossessed: number}) | null;
  readonly processes: number;
  readonly endings: readonly string[];
  readonly sinks: readonly string[];
  readonly mode: string;
  /** Of each process. */
  readonly parallelisms: readonly number[];
}

/** What broke, with all that is needed to see why. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(seed: number, what: string, job: JobModel, trace: Trace) {
    super(
      [
        job.text,
        ...trace.tail(),
        '',
        `seed ${seed}: ${what}`,
        `repeat with: npm run simulate -- --seed ${seed}`,
      ].join('\n'),
    );
  }
}

/** Of the phase without faults: whatever a job needs, it needs less. */
const LIVENESS_EVENTS = 60_000;
const LIVENESS_MILLIS = 600_000;
const MAX_RUNS_TO_FINISH = 3;
const STACK_LINES = 5;

export async function simulate(seed: number): Promise<SeedReport> {
  const trace = new Trace();
  const draw = new Draw(seed);
  const made = makeJob(draw.fork());
  const job = hasNeighbour(seed) ? afterBeside(made) : made;
  // Each kind has its turn, so that a small sample has all of them.
  const featured = FAULT_KINDS[seed % FAULT_KINDS.length]!;
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): number => unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  const {stackTraceLimit} = Error;
  // Many errors are made here, and most are expected.
  Error.stackTraceLimit = STACK_LINES;
  try {
    const report = await new Simulation(
      seed,
      await makeScene(seed, draw, job, trace, featured),
    ).run();
    await new Promise((resolve) => setImmediate(resolve));
    if (unhandled.length > 0) throw new Violation(`unhandled rejection: ${textOf(unhandled[0])}`);
    return report;
  } catch (error) {
    throw new Failure(seed, textOf(error), job, trace);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off('unhandledRejection', onUnhandled);
  }
}

/** A job on a disk, and whoever runs it there. */
export interface Scene {
  readonly job: JobModel;
  readonly trace: Trace;
  readonly world: World;
  readonly watcher: Watcher;
  readonly operator: Operator;
  readonly commands: Commands;
  readonly claims: Claims;
  readonly keeper: Keeper;
  readonly beside: Beside | null;
}

export interface Beside {
  readonly neighbour: Neighbour;
  readonly claims: LiveClaims;
  readonly watcher: Watcher;
  /** Kept for what is counted of it. */
  readonly keeper: Keeper;
}

/** Nothing was started yet. */
export async function makeScene(
  seed: number,
  draw: Draw,
  job: JobModel,
  trace: Trace,
  featured: FaultKind,
): Promise<Scene> {
  const watcher = new Watcher(job);
  const watches: DiskWatch[] = [watcher];
  const slackMillis = draw.chance(0.3) ? 0 : draw.logarithmic(0.05, 4);
  const world = new World({
    scheduler: new Scheduler(draw.fork(), trace, slackMillis),
    draw: draw.fork(),
    faults: new Faults(draw.fork(), featured),
    watch: {
      renamed: (source, target, by) => watches.forEach((it) => it.renamed(source, target, by)),
      linked: (source, target, by) => watches.forEach((it) => it.linked(source, target, by)),
      unlinked: (path) => watches.forEach((it) => it.unlinked(path)),
    },
    trace,
  });
  watcher.attach(world);
  const specs = new Map<number, JobSpec>();
  const specAt = (parallelism: number): JobSpec => {
    const spec = specs.get(parallelism) ?? loadSpec(job, parallelism);
    specs.set(parallelism, spec);
    return spec;
  };
  const commands = new Commands(world, watcher, seed, hasClaims(seed));
  const claims: Claims = new Claims({
    ...{world, job, commands, seed},
    startRival: (request) => operator.startRival(request),
    killRivals: () => operator.killRivals(),
    movedAside: () => {
      watcher.movedAside();
      keeper.movedAside();
    },
  });
  const keeper = new Keeper(world, seed, claims.comes);
  if (claims.comes) watches.push(claims, keeper);
  watcher.mayPrune = (by) => keeper.prunes(by);
  const beside = hasNeighbour(seed)
    ? makeBeside({world, job, seed, operator: () => operator, load: loadSpec, watches})
    : null;
  const operator: Operator = new Operator({
    ...{world, draw: draw.fork(), specAt, job, watcher, commands, claims, keeper, beside},
    rivalSpec: () => loadSpec(job, 1, RIVAL),
  });
  await writeInput(world, job);
  return {job, trace, world, watcher, operator, commands, claims, keeper, beside};
}

async function writeInput({disk}: World, job: JobModel): Promise<void> {
  await disk.makeDirectory(JOB_DIRECTORY);
  await disk.makeDirectory(`${JOB_DIRECTORY}/in`);
  for (const {path, text} of job.sources.flatMap(({files}) => files)) {
    const handle = await disk.createNew(`${JOB_DIRECTORY}/${path}`);
    await handle.append(Buffer.from(text));
  }
  disk.settle();
}

class Simulation {
  readonly #seed: number;
  readonly #job: JobModel;
  readonly #trace: Trace;
  readonly #world: World;
  readonly #watcher: Watcher;
  readonly #operator: Operator;
  readonly #scene: Scene;

  constructor(seed: number, scene: Scene) {
    this.#seed = seed;
    this.#scene = scene;
    this.#job = scene.job;
    this.#trace = scene.trace;
    this.#world = scene.world;
    this.#watcher = scene.watcher;
    this.#operator = scene.operator;
  }

  async run(): Promise<SeedReport> {
    await this.#operator.disturb();
    this.#trace.add('faults end');
    await this.#finish();
    const {scheduler, faults} = this.#world;
    return {
      seed: this.#seed,
      events: scheduler.events,
      virtualMillis: scheduler.now,
      hash: this.#trace.hash,
      fired: faults.fired,
      counts: this.#watcher.counts,
      commands: this.#scene.commands.counts,
      claims: {...this.#scene.claims.counts, ...this.#scene.keeper.counts},
      beside: this.#countsBeside(),
      processes: this.#operator.processes.length,
      endings: this.#operator.processes.map(({ending}) => endingKind(ending)),
      sinks: this.#job.sinks.map(({kind}) => kind),
      mode: this.#job.mode,
      parallelisms: this.#operator.processes.map(({options}) => options.job.parallelism),
    };
  }

  /** Without faults the job comes to its end, whatever state it was left in. */
  async #finish(): Promise<void> {
    const world = this.#world;
    world.faults.active = false;
    this.#scene.beside?.neighbour.wakeAll();
    for (const left of this.#operator.living()) {
      if (left.paused) left.resume();
      for (const thread of left.threads) if (thread.hanging) thread.wake();
    }
    for (let run = 0; run < MAX_RUNS_TO_FINISH; run += 1) {
      const last = await this.#runToTheEnd();
      if (isFinished(last)) {
        await this.#finishBeside();
        await this.#operator.check();
        this.#watcher.checkFinished();
        if (last?.startedWell === true) {
          this.#watcher.checkNoLeftovers(this.#operator.contended);
          this.#scene.claims.checkFinished();
          this.#scene.beside?.claims.checkFinished();
        }
        return;
      }
      const before = newestGeneration(world.disk);
      const started = this.#operator.start({});
      started.startedWell = true;
      this.#trace.add(`last run after generation ${before}: ${started.name}`);
    }
    throw new Violation('without faults it does not finish');
  }

  /** The neighbour comes to its end too, unless it is told that what it would go on from was claimed and taken away. */
  async #finishBeside(): Promise<void> {
    const {beside} = this.#scene;
    if (beside === null) return;
    const {neighbour, watcher} = beside;
    for (let run = 0; run < MAX_RUNS_TO_FINISH; run += 1) {
      const last = neighbour.lastEnded();
      if (last?.startedWell === true && beside.claims.dispossession.explains(last)) return;
      // Who slept may end after whoever came later began.
      const lineage = newestLineage(this.#world.disk, BESIDE)?.lineage ?? '';
      if (isFinished(last) && endOf(this.#world.disk, lineage, BESIDE) === 'finished') {
        watcher.checkFinished();
        if (last?.startedWell === true) watcher.checkNoLeftovers(true);
        return;
      }
      neighbour.start().startedWell = true;
      await this.#runToTheEnd();
    }
    throw new Violation('without faults the owner does not finish');
  }

  #countsBeside(): SeedReport['beside'] {
    const {beside} = this.#scene;
    if (beside === null) return null;
    const {claims, neighbour} = beside;
    return {...claims.counts, ...neighbour.counts, dispossessed: claims.dispossession.count};
  }

  /** Everybody who lives ends; returns who ended last. */
  async #runToTheEnd(): Promise<SimulatedProcess | null> {
    const {scheduler} = this.#world;
    const operator = this.#operator;
    const isOver = (): boolean =>
      operator.living().length === 0 &&
      operator.rivals.every(({living}) => !living) &&
      (this.#scene.beside?.neighbour.living().length ?? 0) === 0;
    const outcome = await scheduler.run(isOver, {
      // Whoever works beside takes its time.
      events: this.#scene.beside === null ? LIVENESS_EVENTS : 4 * LIVENESS_EVENTS,
      millis: LIVENESS_MILLIS,
    });
    if (outcome !== 'done') {
      const left = [...operator.living(), ...(this.#scene.beside?.neighbour.living() ?? [])].map(
        ({name, ending}) => `${name} ${describeEnding(ending)}`,
      );
      throw new Violation(`without faults it does not end (${outcome}): ${left.join(', ')}`);
    }
    operator.judgeEndings();
    return operator.lastEnded();
  }
}

function loadSpec(job: JobModel, parallelism: number, checkpoints?: string): JobSpec {
  const directory: [string, string][] =
    checkpoints === undefined ? [] : [['execution.checkpointing.dir', `file:./${checkpoints}`]];
  const loaded = loadJob({
    file: JOB_FILE,
    bytes: Buffer.from(job.text),
    catalog: jobCatalog,
    environment: {},
    overrides: {flink: directory, set: [], parallelism},
  });
  if (loaded.kind === 'ok') return loaded.job;
  throw new Violation(
    `the job is invalid: ${loaded.findings.map(({message}) => message).join('; ')}`,
  );
}

function isFinished(process: SimulatedProcess | null): boolean {
  return process?.ending?.kind === 'ended' && process.ending.summary.state === 'FINISHED';
}

function endingKind(ending: SimulatedProcess['ending']): string {
  if (ending === null) return 'lives';
  if (ending.kind === 'ended') {
    const {state, error} = ending.summary;
    return error === null ? state : `${state} ${error.code}`;
  }
  return ending.kind === 'refused' ? `refused ${ending.error.code}` : 'killed';
}

function textOf(error: unknown): string {
  if (error instanceof Violation) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
