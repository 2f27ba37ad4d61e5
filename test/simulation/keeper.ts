// Whoever puts holds on checkpoints, releases them, and prunes: a live job is asked, of a dead one a process of its own takes a
// generation, and may die in the middle. In the seeds that have claims, from a generator of its own.
//
//   H1 a hold that was told is there until it is released, also after a power loss
//   H2 what is held is not deleted, by retention or by a prune; nor what a lineage at work was restored from
//   H3 a prune leaves the newest checkpoint

import {EngineError} from '#src/base/errors.js';
import type {JobCommands} from '#src/runtime/job-commands.js';
import {pruneTakenOver, type PruneOrder} from '#src/runtime/prune-checkpoints.js';
import {takeOver, type Ownership} from '#src/storage/job-directory.js';
import {newestLineage, publishedIds} from './disk-facts.ts';
import {Draw} from './draw.ts';
import {CHECKPOINTS} from './job-model.ts';
import {Actor, Violation} from './scheduler.ts';
import {SimulatedFiles} from './simulated-files.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import {timersOf} from './simulated-timers.ts';
import type {DiskWatch, World} from './world.ts';

/** Another sequence than the rest of the seed draws from. */
const OTHER = 0x401d;
const PID = 107;
const ALONE_MILLIS = 60_000;

const CODES: ReadonlySet<string> = new Set([
  'REFUSED',
  'NOT_FOUND',
  'JOB_FAILED',
  'STORAGE_FAILED',
  'INTERRUPTED',
  'FENCED',
  'ALREADY_RUNNING',
]);

type Act =
  | {readonly kind: 'hold' | 'release'; readonly id: number}
  | {readonly kind: 'prune'; readonly order: PruneOrder};

export class Keeper implements DiskWatch {
  readonly counts = {held: 0, released: 0, pruned: 0, prunes: 0, byCommand: 0, keeperRefused: 0};
  readonly #world: World;
  readonly #comes: boolean;
  readonly #draw: Draw;
  readonly #directory: string;
  /** Told, and not asked to be released since. */
  readonly #held = new Set<number>();
  /** Asked for. */
  #releases = 0;
  /** How many prunes each is at, or died of. */
  readonly #pruning = new Map<Actor, number>();

  constructor(world: World, seed: number, comes: boolean, directory = CHECKPOINTS) {
    this.#world = world;
    this.#comes = comes;
    this.#directory = directory;
    this.#draw = new Draw(seed ^ OTHER);
  }

  /** The job works in an empty directory from here on. */
  movedAside(): void {
    this.#held.clear();
  }

  /** `by` may delete what retention would keep. */
  prunes(by: Actor): boolean {
    return (this.#pruning.get(by.parent ?? by) ?? 0) > 0;
  }

  /** What `process` will be asked, and when. */
  plan(process: SimulatedProcess): void {
    if (!this.#comes) return;
    const {scheduler, kernel, faults} = this.#world;
    let millis = 0;
    for (let count = this.#draw.integer(0, 4); count > 0; count -= 1) {
      millis += this.#draw.logarithmic(20, 800);
      scheduler.after(kernel, millis, 'keeper', () => {
        const {commands} = process;
        if (!faults.active || process.paused || commands === null) return;
        const act = this.#drawAct();
        if (act !== null) void this.#tell(act, process.actor, async () => ask(commands, act));
      });
    }
  }

  /** Nobody lives: a process of its own does it, alone, and is killed in the middle by chance. */
  async actAlone(): Promise<void> {
    if (!this.#comes || !this.#world.faults.active || !this.#draw.chance(0.35)) return;
    const act = this.#drawAct();
    if (act === null) return;
    const {scheduler} = this.#world;
    const actor = new Actor('keeper', null, (error) => {
      scheduler.fail(new Violation(`keeper: uncaught: ${String(error)}`));
    });
    const files = new SimulatedFiles(this.#world, actor);
    this.counts.byCommand += 1;
    let done = false;
    void this.#tell(act, actor, async () => this.#takeOverAnd(act, actor, files)).then(() => {
      done = true;
    });
    const events = this.#draw.chance(0.3) ? this.#draw.integer(1, 120) : 20_000;
    await scheduler.run(() => done, {events, millis: ALONE_MILLIS});
    actor.die();
    for (const event of files.inFlight) {
      if (this.#draw.chance(0.5)) scheduler.hurry(event, this.#world.kernel);
    }
  }

  check(): void {
    const {disk} = this.#world;
    const there = new Set(disk.namesIn(`${this.#directory}/holds`));
    const lost = [...this.#held].find((id) => !there.has(`chk-${id}`));
    if (lost !== undefined) throw new Violation(`H1: the hold of checkpoint ${lost} is lost`);
    const published = publishedIds(disk, this.#directory);
    const gone = [...this.#held].find((id) => !published.includes(id));
    if (gone !== undefined) throw new Violation(`H2: checkpoint ${gone} is held, and gone`);
  }

  renamed(source: string, _target: string, by: Actor): void {
    const id = /\/chk-(\d+)$/.exec(source)?.[1];
    if (!this.#comes || source !== `${this.#directory}/chk-${id ?? ''}`) return;
    const {disk, scheduler} = this.#world;
    const lineage = newestLineage(disk, this.#directory)?.lineage ?? '';
    const isOrigin = disk.namesIn(`${this.#directory}/holds`).includes(`chk-${id}.${lineage}`);
    if (this.#held.has(Number(id)) || isOrigin) {
      scheduler.fail(new Violation(`H2: checkpoint ${id} is held, and ${by.name} deletes it`));
    }
    if (!this.prunes(by)) return;
    this.counts.pruned += 1;
    if (publishedIds(disk, this.#directory).every((other) => other < Number(id))) {
      scheduler.fail(new Violation(`H3: ${by.name} prunes the newest checkpoint, ${id}`));
    }
  }

  linked(): void {}

  unlinked(): void {}

  #drawAct(): Act | null {
    const draw = this.#draw;
    const kind = draw.pick(['hold', 'hold', 'release', 'prune', 'prune'] as const);
    const ids =
      kind === 'release' ? [...this.#held] : publishedIds(this.#world.disk, this.#directory);
    if (ids.length === 0) return null;
    if (kind !== 'prune') return {kind, id: draw.pick(ids)};
    const policy = {keepLast: draw.integer(1, 2), keepWithinMillis: null};
    return {kind, order: {policy, among: null, inUse: []}};
  }

  async #takeOverAnd(act: Act, actor: Actor, files: SimulatedFiles): Promise<void> {
    const world = this.#world;
    const clock = {
      monotonicMillis: () => world.monotonicMillis(),
      wallMillis: () => world.wallMillis(),
    };
    const identity = {
      host: 'one',
      bootId: `one-${world.boot}`,
      pidNamespace: 'pid:[1]',
      pid: PID,
      startTime: String(Math.floor(world.scheduler.now * 10)),
    };
    const owner = await takeOver({
      files,
      clock,
      timers: timersOf(world, actor),
      random: this.#draw.fork().random,
      processes: {self: () => identity, look: () => ({kind: 'gone'})},
      jobDirectory: this.#directory,
      kind: 'prune',
      takeOver: false,
    });
    try {
      await this.#carryOut(act, owner, files);
    } finally {
      await owner.writeEnd('finished', {});
    }
  }

  async #carryOut(act: Act, owner: Ownership, files: SimulatedFiles): Promise<void> {
    if (act.kind === 'prune') {
      const now = this.#world.wallMillis();
      await pruneTakenOver(files, owner, act.order, now, []);
      return;
    }
    const hold = {checkpointId: act.id, lineage: null};
    if (act.kind === 'hold') await owner.placeHold(hold);
    else await owner.releaseHold(hold);
  }

  async #tell(act: Act, actor: Actor, work: () => Promise<void>): Promise<void> {
    if (act.kind === 'release') {
      this.#held.delete(act.id);
      this.#releases += 1;
    }
    const releases = this.#releases;
    if (act.kind === 'prune') this.#count(actor, 1);
    try {
      await work();
      this.#world.note(`  ${actor.name}: ${act.kind} done`);
      // A release that was asked for meanwhile may be carried out behind it.
      if (act.kind === 'hold' && releases === this.#releases) this.#held.add(act.id);
      this.counts[COUNTED[act.kind]] += 1;
    } catch (error) {
      if (!(error instanceof EngineError) || !CODES.has(error.code)) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#world.scheduler.fail(new Violation(`${actor.name}: ${act.kind}: ${text}`));
      }
      this.counts.keeperRefused += 1;
      this.#world.note(`  ${actor.name}: ${act.kind} refused: ${String(error)}`);
    } finally {
      if (act.kind === 'prune') this.#count(actor, -1);
    }
  }

  #count(actor: Actor, more: number): void {
    this.#pruning.set(actor, (this.#pruning.get(actor) ?? 0) + more);
  }
}

const COUNTED = {hold: 'held', release: 'released', prune: 'prunes'} as const;

async function ask(commands: JobCommands, act: Act): Promise<void> {
  if (act.kind === 'prune') await commands.prune(act.order);
  else await commands.setHold(act.id, act.kind === 'hold');
}
