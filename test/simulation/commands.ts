// What clients ask of the job while everything else goes wrong: checkpoints, savepoints, stop with and without one,
// drain, cancel. Drawn from a generator of its own, in some seeds only: the others mean what they meant without it.
//
//   S1 a savepoint that was told is whole, also after a power loss, until somebody removes it
//   S2 what is in it is committed when it is told, and it holds nothing that is still to be committed
//   S3 a stop that was told has its end record, with the path, also after a power loss
//   S4 a command is answered as long as its process lives: with what was made, or with an error of a known code

import {EngineError} from '#src/base/errors.js';
import type {JobCommands, StopOutcome, TakenSavepoint} from '#src/runtime/job-commands.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {ASIDE, BESIDE, CHECKPOINTS, JOB_DIRECTORY} from './job-model.ts';
import {Draw} from './draw.ts';
import {Violation} from './scheduler.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {Watcher} from './watcher.ts';
import type {World} from './world.ts';

export const SAVEPOINTS = `${JOB_DIRECTORY}/savepoints`;
/** One seed in so many has commands. */
const SEEDS_WITH = 3;
/** Another sequence than the rest of the seed draws from. */
const OTHER = 0x5eed;

const CODES: ReadonlySet<string> = new Set([
  'REFUSED',
  'NOT_FOUND',
  'JOB_FAILED',
  'STORAGE_FAILED',
  'TIMED_OUT',
  'INTERRUPTED',
  'FENCED',
  // Retention of a successor that took over took away what it was made from.
  'CHECKPOINT_DAMAGED',
]);

interface EndRecord {
  readonly how: string;
  readonly facts: {readonly savepoint?: string};
}

export class Commands {
  readonly counts = {taken: 0, savepoints: 0, stopped: 0, drained: 0, cancelled: 0, refused: 0};
  readonly #world: World;
  readonly #watcher: Watcher;
  readonly #draw: Draw;
  readonly #comes: boolean;
  /** By path: what was told. */
  readonly #savepoints = new Map<string, TakenSavepoint & {readonly drained: boolean}>();
  /** Of each stop that was told: its savepoint; null: none was asked for. */
  readonly #stops: (string | null)[] = [];
  #drainAsked = false;

  /** `always`: whatever the seed. */
  constructor(world: World, watcher: Watcher, seed: number, always = false) {
    this.#world = world;
    this.#watcher = watcher;
    this.#draw = new Draw(seed ^ OTHER);
    this.#comes = always || seed % SEEDS_WITH === 0;
  }

  /** A savepoint to go on from; null: from wherever the job is. */
  restoreFrom(): string | null {
    if (!this.#comes || !this.#draw.chance(0.4)) return null;
    const usable = this.restorable();
    return usable.length === 0 ? null : this.#draw.pick(usable);
  }

  /** Every savepoint that a run may begin from. */
  restorable(): readonly string[] {
    return [...this.#savepoints].flatMap(([path, {drained}]) => (drained ? [] : [path]));
  }

  /** Somebody else may take it away. */
  givenAway(path: string): void {
    this.#savepoints.delete(path);
  }

  /** What `process` will be asked, and when. */
  plan(process: SimulatedProcess): void {
    if (!this.#comes) return;
    process.mayFindDrained = this.#drainAsked;
    const {scheduler, kernel, faults} = this.#world;
    let millis = 0;
    for (let count = this.#draw.integer(1, 5); count > 0; count -= 1) {
      millis += this.#draw.logarithmic(20, 1500);
      const ask = this.#drawCommand();
      scheduler.after(kernel, millis, 'command', () => {
        const {commands} = process;
        if (!faults.active || process.paused || commands === null) return;
        void this.#ask(process, commands, ask);
      });
    }
  }

  /** Everything that was told is still there. */
  async check(): Promise<void> {
    for (const path of this.#savepoints.keys()) await this.#verify(path);
    const {disk} = this.#world;
    const ends = [CHECKPOINTS, ASIDE, BESIDE].flatMap((directory) =>
      disk
        .namesIn(`${directory}/owner`)
        .filter((name) => name.endsWith('.end'))
        .map((name) => disk.contentOf(`${directory}/owner/${name}`).toString()),
    );
    for (const savepoint of this.#stops) {
      const isTold = ends.some((text) => {
        const {how, facts} = JSON.parse(text) as EndRecord;
        return how === 'stopped' && (facts.savepoint ?? null) === savepoint;
      });
      if (!isTold) throw new Violation(`S3: no end record tells of ${savepoint ?? 'the stop'}`);
    }
  }

  #drawCommand(): Command {
    const draw = this.#draw;
    const format = draw.pick(['native', 'canonical'] as const);
    const target = {directory: SAVEPOINTS, format};
    const kind = draw.pick(['checkpoint', 'savepoint', 'savepoint', 'stop', 'stop', 'cancel']);
    switch (kind) {
      case 'checkpoint':
        return async (commands) => {
          await commands.takeCheckpoint({full: draw.chance(0.5)});
          this.counts.taken += 1;
        };
      case 'savepoint':
        return async (commands, process) => {
          const taken = await commands.takeSavepoint(target);
          await this.#told(process, taken, false);
        };
      case 'stop': {
        const drain = draw.chance(0.4);
        const savepoint = draw.chance(0.8) ? target : null;
        return async (commands, process) => {
          process.stopAsked = true;
          if (drain) {
            this.#drainAsked = true;
            process.mayFindDrained = true;
          }
          await this.#stopped(process, await commands.stop({drain, savepoint}), drain);
        };
      }
      default:
        return async (commands, process) => {
          process.cancelAsked = true;
          await commands.cancel();
          this.counts.cancelled += 1;
        };
    }
  }

  async #ask(process: SimulatedProcess, commands: JobCommands, ask: Command): Promise<void> {
    try {
      await ask(commands, process);
    } catch (error) {
      if (error instanceof Violation) {
        this.#world.scheduler.fail(error);
      } else if (!(error instanceof EngineError) || !this.#isKnown(error)) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#world.scheduler.fail(new Violation(`S4: ${process.name}: ${text}`));
      } else {
        this.counts.refused += 1;
        this.#world.note(`  ${process.name}: refused: ${error.code} ${error.message}`);
      }
    }
  }

  #isKnown({code}: EngineError): boolean {
    // A thread that died of its memory is what a stop tells.
    return (
      CODES.has(code) || (code === 'UNEXPECTED' && this.#world.faults.fired.has('thread-death'))
    );
  }

  async #stopped(process: SimulatedProcess, outcome: StopOutcome, drained: boolean): Promise<void> {
    this.#world.note(`  ${process.name}: stop: ${outcome.kind}`);
    switch (outcome.kind) {
      case 'nothing-taken':
        throw outcome.error;
      case 'taken-and-running':
        return this.#told(process, outcome.savepoint, drained);
      case 'stopped': {
        this.counts[drained ? 'drained' : 'stopped'] += 1;
        const savepoint = outcome.savepoint?.path ?? null;
        this.#stops.push(savepoint);
        if (outcome.savepoint !== null) await this.#told(process, outcome.savepoint, drained);
      }
    }
  }

  async #told(process: SimulatedProcess, taken: TakenSavepoint, drained: boolean): Promise<void> {
    this.counts.savepoints += 1;
    this.#world.note(`  ${process.name}: savepoint of ${taken.id}: ${taken.path}`);
    this.#savepoints.set(taken.path, {...taken, drained});
    const metadata = this.#world.disk.contentOf(`${taken.path}/_metadata`).toString();
    if (metadata.includes('"committables"') || metadata.includes(JOB_DIRECTORY + '/out')) {
      throw new Violation(`S2: ${taken.path} holds what is still to be committed`);
    }
    if (!metadata.includes('"kind":"savepoint"')) throw new Violation(`${taken.path} is none`);
    this.#watcher.checkSavepoint(process, taken.id);
    await this.#verify(taken.path);
  }

  async #verify(path: string): Promise<void> {
    const findings: string[] = [];
    const {state, errors} = await checkCheckpoint({
      files: this.#world.disk.view(),
      directory: path,
      level: 'checksum',
      onFinding: (finding) => findings.push(JSON.stringify(finding)),
    });
    if (state.kind === 'complete' && errors === 0) return;
    throw new Violation(`S1: ${path} is ${state.kind}: ${findings.join('; ')}`);
  }
}

type Command = (commands: JobCommands, process: SimulatedProcess) => Promise<void>;
