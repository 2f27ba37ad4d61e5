// The real engine on a simulated machine on which nothing goes wrong: time is virtual and paths are always the same, so
// that what a kept checkpoint names (parts of a file sink lie under an absolute path) is there wherever the tests run.

import {jobCatalog} from '#src/catalog.js';
import type {EngineError} from '#src/base/errors.js';
import type {JobSpec} from '#src/job/job-spec.js';
import type {Overrides} from '#src/job/apply-overrides.js';
import {loadJob} from '#src/job/load-job.js';
import type {RunEvent, RunRequest} from '#src/runtime/run-types.js';
import {Draw} from '../../simulation/draw.ts';
import {Faults} from '../../simulation/faults.ts';
import {Scheduler} from '../../simulation/scheduler.ts';
import {SimulatedProcess} from '../../simulation/simulated-process.ts';
import {Trace} from '../../simulation/trace.ts';
import {World} from '../../simulation/world.ts';
import type {MemoryFileSystem} from '../../storage/support/memory-file-system.ts';

export const ROOT = '/job';
export const JOB_FILE = `${ROOT}/kept.job.yaml`;

const LIMITS = {events: 200_000, millis: 600_000};

const REQUEST: RunRequest = {
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

/** Path below ROOT → content. */
export type Files = ReadonlyMap<string, Uint8Array>;

export class Machine {
  readonly world: World;
  readonly events: RunEvent[] = [];
  /** Of the newest checkpoint whose directory was renamed into place; null: none yet. */
  published: string | null = null;
  readonly #draw: Draw;

  constructor(seed: number) {
    const draw = new Draw(seed);
    const trace = new Trace();
    this.#draw = draw;
    this.world = new World({
      scheduler: new Scheduler(draw.fork(), trace, 0),
      draw: draw.fork(),
      faults: new Faults(draw.fork(), 'kill'),
      watch: {
        renamed: (_source, target) => {
          if (/^\/job\/state\/\w+\/chk-\d+$/.test(target)) this.published = target;
        },
        linked: () => undefined,
        unlinked: () => undefined,
      },
      trace,
    });
    this.world.faults.active = false;
  }

  get disk(): MemoryFileSystem {
    return this.world.disk;
  }

  async put(files: Files): Promise<void> {
    const made = new Set<string>();
    const makeAbove = async (path: string): Promise<void> => {
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (parent === '' || made.has(parent)) return;
      await makeAbove(parent);
      await this.disk.makeDirectory(parent);
      made.add(parent);
    };
    for (const [name, bytes] of files) {
      const path = `${ROOT}/${name}`;
      await makeAbove(path);
      const handle = await this.disk.createNew(path);
      if (bytes.length > 0) await handle.append(bytes);
    }
    this.disk.settle();
  }

  /** Every file below ROOT. */
  files(): Files {
    return new Map(
      this.disk.filesBelow(ROOT).map(([path, bytes]) => [path.slice(ROOT.length + 1), bytes]),
    );
  }

  /** `set`: as the flag, over the job file. */
  start(
    parallelism: number,
    request: Partial<RunRequest> = {},
    set: Overrides['set'] = [],
  ): SimulatedProcess {
    const {world} = this;
    return new SimulatedProcess({
      world,
      job: loadSpec(this.disk.dataOf(JOB_FILE), parallelism, set),
      ringBytes: 1024,
      observer: {
        told: (_process, event) => void this.events.push(event),
        posted: () => undefined,
        ordered: () => undefined,
      },
      request: {...REQUEST, ...request},
      name: `p${this.#draw.integer(1, 1e6)}`,
      pid: this.#draw.integer(200, 60_000),
      host: 'one',
      look: () => ({kind: 'gone'}),
    });
  }

  /** Until it is so; false: it never came. */
  async until(isSo: () => boolean): Promise<boolean> {
    return (await this.world.scheduler.run(isSo, LIMITS)) === 'done';
  }

  /** How it ended: `FINISHED`, or the error. */
  async endOf(process: SimulatedProcess): Promise<string> {
    await this.until(() => !process.living);
    const {ending} = process;
    if (ending?.kind === 'refused') return textOf(ending.error);
    if (ending?.kind !== 'ended') return ending?.kind ?? 'lives';
    const {state, error} = ending.summary;
    return error === null ? state : `${state} ${textOf(error)}`;
  }
}

function textOf({code, message}: Pick<EngineError, 'code' | 'message'>): string {
  return `${code} ${message}`;
}

function loadSpec(bytes: Uint8Array, parallelism: number, set: Overrides['set']): JobSpec {
  const overrides = {flink: [], set, parallelism};
  const loaded = loadJob({file: JOB_FILE, bytes, catalog: jobCatalog, environment: {}, overrides});
  if (loaded.kind === 'ok') return loaded.job;
  throw new Error(`the job is invalid: ${loaded.findings.map(({message}) => message).join('; ')}`);
}
