// One run of the engine as a process of the simulated machines: its main thread is a JobMaster, its task
// threads are made by `SimulatedThread`. It can be killed between any two events, stopped and continued, and
// lives on the disk that all processes share.

import {runtimeCatalog} from '#src/catalog.js';
import {EngineError} from '#src/base/errors.js';
import type {ProcessIdentity, ProcessSighting} from '#src/base/process-identity.js';
import type {CheckpointMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {JobSpec} from '#src/job/job-spec.js';
import {compareWithJob} from '#src/engine.js';
import {newRingBuffer} from '#src/channels/ring.js';
import type {JobCommands} from '#src/runtime/job-commands.js';
import {JobMaster} from '#src/runtime/job-master.js';
import type {Deployment} from '#src/runtime/task-messages.js';
import type {RunEvent, RunRequest, RunSummary} from '#src/runtime/run-types.js';
import {convertState} from '#src/state/canonical/convert-database.js';
import {readCheckpoint} from '#src/runtime/start-job.js';
import {memoryStores} from '../state/support/memory-store.ts';
import {endAt} from './disk-facts.ts';
import {SimulatedFiles} from './simulated-files.ts';
import {SimulatedThread, type ThreadObserver} from './simulated-thread.ts';
import {Actor, Violation} from './scheduler.ts';
import {timersOf} from './simulated-timers.ts';
import type {World} from './world.ts';

export type Ending =
  | {readonly kind: 'ended'; readonly summary: RunSummary}
  /** It could not begin. */
  | {readonly kind: 'refused'; readonly error: EngineError}
  | {readonly kind: 'killed'};

export interface ProcessObserver extends ThreadObserver {
  told(process: SimulatedProcess, event: RunEvent): void;
}

export interface ProcessOptions {
  readonly world: World;
  readonly job: JobSpec;
  readonly observer: ProcessObserver;
  readonly request: RunRequest;
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  /** Of each ring between two threads. */
  readonly ringBytes: number;
  /** The processes that run on `host`. */
  readonly look: (pid: number) => ProcessSighting;
}

export class SimulatedProcess {
  readonly name: string;
  readonly actor: Actor;
  readonly identity: ProcessIdentity;
  readonly options: ProcessOptions;
  readonly files: SimulatedFiles;
  readonly threads = new Set<SimulatedThread>();
  ending: Ending | null = null;
  paused = false;
  /** Nothing went wrong since it was started. */
  startedWell = false;
  /** Asked to stop by a signal. */
  interrupted = false;
  /** Asked by a command. */
  stopAsked = false;
  cancelAsked = false;
  /** A process before it was asked to drain. */
  mayFindDrained = false;
  /** Of its newest deployment; 0: none yet. */
  generation = 0;
  #master: JobMaster | null = null;
  /** Of its newest deployment. */
  #rings: Readonly<Record<string, SharedArrayBuffer>> = {};
  #ringsOf = 0;

  constructor(options: ProcessOptions) {
    const {world, name, pid, host} = options;
    this.options = options;
    this.name = name;
    this.actor = new Actor(name, null, (error) => {
      world.scheduler.fail(new Violation(`${name}: uncaught: ${textOf(error)}`));
    });
    this.files = new SimulatedFiles(world, this.actor);
    this.identity = {
      host,
      bootId: `${host}-${world.boot}`,
      pidNamespace: 'pid:[1]',
      pid,
      startTime: String(Math.floor(world.scheduler.now * 10)),
    };
    world.scheduler.after(this.actor, 0, 'process starts', () => void this.#run());
  }

  get living(): boolean {
    return this.ending === null;
  }

  interrupt(): void {
    if (!this.living) return;
    this.interrupted = true;
    this.#master?.interrupt('SIGINT');
  }

  /** Null: it has none yet, or ended. */
  get commands(): JobCommands | null {
    return this.living ? (this.#master?.commands ?? null) : null;
  }

  pause(): void {
    this.paused = true;
    this.actor.pause();
  }

  resume(): void {
    this.paused = false;
    const threads = [...this.threads].map(({actor}) => actor);
    this.options.world.scheduler.resume(this.actor, ...threads);
  }

  /** SIGKILL, or the power is gone: then not even what the kernel had is carried out. */
  kill(power: 'on' | 'off' = 'on'): void {
    if (!this.living) return;
    this.ending = {kind: 'killed'};
    this.#vanish(power);
  }

  #vanish(power: 'on' | 'off'): void {
    const {world} = this.options;
    this.actor.die();
    const inFlight = [this, ...this.threads].flatMap(({files}) => [...files.inFlight]);
    for (const event of inFlight) {
      if (power === 'on' && world.draw.chance(0.5)) world.scheduler.hurry(event, world.kernel);
    }
  }

  async #run(): Promise<void> {
    const {world, request} = this.options;
    try {
      this.#master = await this.#makeMaster(request);
      if (this.interrupted) this.#master.interrupt('SIGINT');
      const summary = await this.#master.run();
      this.ending = {kind: 'ended', summary};
    } catch (error) {
      if (!(error instanceof EngineError)) {
        world.scheduler.fail(new Violation(`${this.name}: ${textOf(error)}`));
        return;
      }
      this.ending = {kind: 'refused', error};
    }
    world.note(`  ${describeEnding(this.ending)}`);
    this.#vanish('on');
    this.#requireNoOtherEnd();
  }

  /** W7. */
  #requireNoOtherEnd(): void {
    const {world} = this.options;
    if (this.ending?.kind !== 'ended' || this.ending.summary.state !== 'FAILED') return;
    // Who has taken over goes on, whatever the record of an earlier generation says.
    if (this.ending.summary.error?.code === 'FENCED') return;
    for (const path of this.files.ends) {
      const how = endAt(world.disk, path);
      if (how === null || how === 'failed') continue;
      world.scheduler.fail(new Violation(`W7: ${this.name} failed, and its record says ${how}`));
    }
  }

  async #makeMaster(request: RunRequest): Promise<JobMaster> {
    const {world, job, look, observer} = this.options;
    const timers = timersOf(world, this.actor);
    return new JobMaster({
      job,
      request,
      start: await this.#start(request),
      files: this.files,
      sources: runtimeCatalog.sources,
      clock: {
        monotonicMillis: () => world.monotonicMillis(),
        wallMillis: () => world.wallMillis(),
      },
      timers,
      random: world.draw.fork().random,
      processes: {self: () => this.identity, look},
      startThread: (deployment, listener) => {
        this.generation = deployment.generation;
        const own = this.#withSmallRings(deployment);
        return new SimulatedThread({world, process: this, observer, deployment: own, listener});
      },
      emit: (event) => observer.told(this, event),
      caughtUp: async () => timers.yield(),
      convert: async (request) => convertState(this.files, request, memoryStores(this.files)),
      checkCompatible: (metadata) => this.#checkCompatible(metadata),
    });
  }

  async #start(request: RunRequest): Promise<ConstructorParameters<typeof JobMaster>[0]['start']> {
    if (request.fresh) return {kind: 'fresh'};
    if (request.restoreFrom === undefined) return {kind: 'auto'};
    const checkpoint = await readCheckpoint(this.files, request.restoreFrom);
    const claim = request.claimMode === 'claim';
    return {kind: 'restore', ref: request.restoreFrom, checkpoint, claim};
  }

  /** Rings as they are never fill with so few rows: of these the writers have to wait. */
  #withSmallRings(deployment: Deployment): Deployment {
    const {ringBytes} = this.options;
    if (this.#ringsOf !== deployment.generation) {
      const keys = Object.keys(deployment.memory.rings);
      this.#rings = Object.fromEntries(keys.map((key) => [key, newRingBuffer(ringBytes)]));
      this.#ringsOf = deployment.generation;
    }
    return {...deployment, memory: {...deployment.memory, rings: this.#rings}};
  }

  #checkCompatible(metadata: CheckpointMetadata): void {
    const {request, job} = this.options;
    const plan = compareWithJob(request, job, metadata);
    if (plan.kind === 'refuse') throw new EngineError(plan.code, plan.message);
  }
}

export function describeEnding(ending: Ending | null): string {
  switch (ending?.kind) {
    case undefined:
      return 'lives';
    case 'killed':
      return 'killed';
    case 'refused':
      return `refused: ${ending.error.code} ${ending.error.message}`;
    case 'ended': {
      const {state, exitStatus, error} = ending.summary;
      return `${state} ${exitStatus}${error === null ? '' : ` ${error.code} ${error.message}`}`;
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
