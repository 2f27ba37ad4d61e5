// Who owns what a run begins from: in one seed of five, from a generator of its own. A run restores from the job's own
// directory with a claim, or the whole directory is moved aside when nobody works there, and a run in an empty one goes on from
// a checkpoint of the other directory, or from a savepoint, with a claim or without; what is claimed, a rival asks for too.
//
//   C1 what is restored from without a claim never changes by a byte, nor does anything beside it; only marks of who uses it come and go
//   C2 what is claimed belongs to one lineage: nobody else begins from it, and its claim does not change
//   C3 it goes only when that lineage has a checkpoint, and nothing else goes with it
//   C4 the first checkpoint after a restore without a claim is complete in itself and shares no file with the original
//   C5 a finished run has left nothing behind of what it claimed elsewhere, and no mark that it uses what it has not claimed

import type {EngineError} from '#src/base/errors.js';
import type {RunRequest} from '#src/runtime/run-types.js';
import {SAVEPOINTS, type Commands} from './commands.ts';
import {
  generationsOf,
  newestLineage,
  publishedIds,
  readCheckpointOnDisk,
  readLineage,
  sharedFilesOf,
} from './disk-facts.ts';
import {Draw} from './draw.ts';
import {ASIDE, CHECKPOINTS, type JobModel} from './job-model.ts';
import {Violation} from './scheduler.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {DiskWatch, World} from './world.ts';

/** Another directory of the same job; whoever works there is always refused. */
export const RIVAL = 'rival';
/** One seed in so many, and which: none of those that were kept before there were claims. */
const SEEDS_WITH = 5;
const SEEDS_CLASS = 1;
/** Another sequence than the rest of the seed draws from. */
const OTHER = 0xc1a1;
const RIVAL_MILLIS_MAX = 40;
const ROUNDS_MIN = 5;

export function hasClaims(seed: number): boolean {
  return seed % SEEDS_WITH === SEEDS_CLASS;
}

type Files = Map<string, Buffer>;

/** What a run restored from, and that is not in its own directory. */
interface Original {
  /** As it was: its own files. */
  readonly files: Files;
  /** A claim was asked for: what is written into it is the claim. */
  mayBeClaimed: boolean;
}

export interface ClaimsOptions {
  readonly world: World;
  readonly job: JobModel;
  readonly commands: Commands;
  readonly seed: number;
  /** Somebody in another directory asks for it. */
  readonly startRival: (request: Partial<RunRequest>) => void;
  /** Of all who were started. */
  readonly killRivals: () => void;
  /** The job's own directory is empty from here on. */
  readonly movedAside: () => void;
}

export class Claims implements DiskWatch {
  readonly counts = {movedAside: 0, claimed: 0, notClaimed: 0, claimRemoved: 0, rivals: 0};
  readonly comes: boolean;
  readonly #options: ClaimsOptions;
  readonly #draw: Draw;
  readonly #originals = new Map<string, Original>();
  /** By path: the lineage whose it is. */
  readonly #owners = new Map<string, string>();
  /** Of the directory that was moved: every file of it. */
  #aside: Files | null = null;
  /** Lineages whose first checkpoint was seen. */
  readonly #begun = new Set<string>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
    this.#draw = new Draw(options.seed ^ OTHER);
    this.comes = hasClaims(options.seed);
  }

  /** What a new process restores; null: nothing of this kind. `alone`: nobody lives. */
  async restore(alone: boolean): Promise<Partial<RunRequest> | null> {
    if (!this.comes || !this.#options.world.faults.active) return null;
    const draw = this.#draw;
    if (alone && this.#mayMove() && draw.chance(0.8)) await this.#moveAside();
    if (!draw.chance(this.#aside === null ? 0.25 : 0.7)) return null;
    const path = this.#choose();
    if (path === null) return null;
    const claimMode = draw.chance(0.6) ? 'claim' : 'no-claim';
    this.#note(path, claimMode === 'claim');
    return {restoreFrom: path, claimMode, outputAhead: 'withdraw'};
  }

  /** Enough to restore, to die and to go on. */
  get roundsMin(): number {
    return this.comes ? ROUNDS_MIN : 0;
  }

  /** Somebody who works is killed, so that there is something to go on from. */
  kills(): boolean {
    return this.comes && this.#draw.chance(0.6);
  }

  /** A finished run is not the end of the seed. */
  goesOn(): boolean {
    return this.comes && this.#draw.chance(0.6);
  }

  /** It may end with this error, because of whose it is that it asked for. */
  explains({options}: SimulatedProcess, {code, message}: EngineError): boolean {
    const {restoreFrom} = options.request;
    if (!this.comes || restoreFrom === undefined) return false;
    if (code === 'ALREADY_RUNNING') return this.#owners.has(restoreFrom);
    if (code === 'NOT_FOUND' || code === 'CHECKPOINT_DAMAGED') return this.#owners.has(restoreFrom);
    // Elsewhere nobody can make visible what was prepared; here, it was taken away by an earlier restore.
    if (code === 'REFUSED') return message.includes('was withdrawn when an earlier checkpoint');
    return (
      code === 'COMMIT_UNDECIDED' && /is not committed|an earlier checkpoint was/.test(message)
    );
  }

  /** Between two events. */
  check(): void {
    this.#look(() => {
      for (const [path, original] of this.#originals) this.#checkOriginal(path, original);
      this.#checkAside();
    });
  }

  /** A run without faults has finished. */
  checkFinished(): void {
    const {disk} = this.#options.world;
    const lineage = newestLineage(disk);
    for (const [path, owner] of this.#owners) {
      const isLeft = disk.namesIn(path).length > 0 && !this.#isHeld(path);
      if (owner === lineage?.lineage && isLeft) throw new Violation(`C5: ${path} is left behind`);
    }
    if (lineage === null) return;
    for (const path of this.#originals.keys()) {
      const isMarked = disk.namesIn(path).includes(`used-by-${lineage.lineage}`);
      if (isMarked) throw new Violation(`C5: ${path} is still marked as used`);
    }
  }

  renamed(source: string, target: string): void {
    this.#look(() => {
      if (target.startsWith(`${CHECKPOINTS}/chk-`)) this.#onPublish(target);
      if (this.#originals.has(source)) this.#onRemoval(source);
    });
  }

  linked(_source: string, target: string): void {
    this.#look(() => {
      if (target.endsWith('/claimed-by')) this.#onClaim(target.slice(0, -'/claimed-by'.length));
      if (target.startsWith(`${CHECKPOINTS}/owner/`) && target.endsWith('.lineage')) {
        this.#onLineage(target);
      }
    });
  }

  unlinked(path: string): void {
    this.#look(() => {
      if (!path.endsWith('/claimed-by') || !this.#originals.has(parentOf(path))) return;
      const owner = this.#owners.get(parentOf(path));
      // Before anything relies on it, its second look at the owner may fail.
      const isWithdrawn = generationsOf(this.#options.world.disk, owner ?? '').length === 0;
      if (!isWithdrawn) throw new Violation(`C2: ${path} was taken away`);
      this.#owners.delete(parentOf(path));
      this.#options.killRivals();
    });
  }

  #look(look: () => void): void {
    if (!this.comes) return;
    try {
      look();
    } catch (error) {
      this.#options.world.scheduler.fail(error as Error);
    }
  }

  /** Once; and what no run of a directory wrote, a fresh start there does not overwrite. */
  #mayMove(): boolean {
    const {sinks} = this.#options.job;
    const appends = sinks.every(({mode}) => mode === 'append');
    return appends && this.#aside === null && this.#usable().length > 0;
  }

  /** As a user moves it, with time enough for all of it to be durable. */
  async #moveAside(): Promise<void> {
    const {world, movedAside} = this.#options;
    await world.scheduler.settleUrgent();
    const {disk} = world;
    disk.options = {};
    await disk.makeDirectory(parentOf(ASIDE));
    await disk.rename(CHECKPOINTS, ASIDE);
    disk.settle();
    this.#aside = contentBelow(disk, ASIDE);
    this.counts.movedAside += 1;
    world.note(`moved aside: ${ASIDE}`);
    movedAside();
  }

  #usable(directory = CHECKPOINTS): readonly string[] {
    const {world, job} = this.#options;
    return publishedIds(world.disk, directory).flatMap((id) => {
      const {drained} = readCheckpointOnDisk(world.disk, job, id, directory);
      return drained ? [] : [`${directory}/chk-${id}`];
    });
  }

  #choose(): string | null {
    const savepoint = this.#draw.chance(0.4) ? this.#options.commands.restorable() : [];
    if (savepoint.length > 0) return this.#draw.pick(savepoint);
    const directory = this.#aside !== null && this.#draw.chance(0.8) ? ASIDE : CHECKPOINTS;
    const usable = this.#usable(directory);
    return usable.length === 0 ? null : this.#draw.pick(usable);
  }

  #note(path: string, claim: boolean): void {
    const {disk} = this.#options.world;
    this.counts[claim ? 'claimed' : 'notClaimed'] += 1;
    if (path.startsWith(`${CHECKPOINTS}/`)) return;
    const known = this.#originals.get(path);
    const original = known ?? {files: contentBelow(disk, path), mayBeClaimed: false};
    original.mayBeClaimed ||= claim;
    this.#originals.set(path, original);
    if (claim && path.startsWith(SAVEPOINTS)) this.#options.commands.givenAway(path);
  }

  #onClaim(path: string): void {
    const {world} = this.#options;
    const {job_directory: by, lineage} = claimIn(world.disk.contentOf(`${path}/claimed-by`));
    const original = this.#originals.get(path);
    if (original?.mayBeClaimed !== true) throw new Violation(`C1: ${path} is claimed, unasked`);
    if (by !== CHECKPOINTS) throw new Violation(`C2: ${path} is claimed by ${by}`);
    this.#own(path, lineage);
    if (!this.#draw.chance(0.6)) return;
    const claimMode = this.#draw.chance(0.7) ? 'claim' : 'no-claim';
    const millis = this.#draw.between(0, RIVAL_MILLIS_MAX);
    world.scheduler.after(world.kernel, millis, 'a rival starts', () => {
      // What is gone is nobody's any more.
      if (!world.faults.active || !world.disk.namesIn(path).includes('claimed-by')) return;
      this.counts.rivals += 1;
      this.#options.startRival({restoreFrom: path, claimMode});
    });
  }

  #own(path: string, lineage: string): void {
    const owner = this.#owners.get(path) ?? lineage;
    if (owner !== lineage) throw new Violation(`C2: ${path} belongs to ${owner} and to ${lineage}`);
    this.#owners.set(path, lineage);
  }

  /** A run begins, or goes on, with what its lineage began from. */
  #onLineage(record: string): void {
    const {disk} = this.#options.world;
    const {lineage, origin} = readLineage(disk, record);
    if (origin === null) return;
    const {path, claimed} = origin;
    // Of what lies in its own directory it is the owner anyway.
    if (path.startsWith(`${CHECKPOINTS}/`)) return;
    const owner = this.#owners.get(path);
    if (owner !== undefined && owner !== lineage && !this.#begun.has(lineage)) {
      throw new Violation(`C2: ${lineage} begins from ${path}, which belongs to ${owner}`);
    }
    if (!claimed) return;
    this.#own(path, lineage);
    const names = disk.namesIn(path);
    if (names.length === 0 || names.includes('claimed-by')) return;
    throw new Violation(`C2: ${lineage} owns ${path}, and no claim says so`);
  }

  #onRemoval(path: string): void {
    const {world, job} = this.#options;
    const owner = this.#owners.get(path);
    const own = publishedIds(world.disk).filter(
      (id) => readCheckpointOnDisk(world.disk, job, id).lineage === owner,
    );
    if (owner === undefined || own.length === 0) {
      throw new Violation(`C3: ${path} goes, and ${owner ?? 'nobody'} has no checkpoint`);
    }
    if (this.#isHeld(path)) throw new Violation(`C3: ${path} goes, and it is held`);
    this.counts.claimRemoved += 1;
  }

  /** By the keeper, or by a lineage of the directory that was moved, which began from it there. */
  #isHeld(path: string): boolean {
    if (!path.startsWith(ASIDE)) return false;
    const holds = this.#options.world.disk.namesIn(`${ASIDE}/holds`);
    return holds.some((name) => name.split('.')[0] === nameOf(path));
  }

  #onPublish(path: string): void {
    const {world, job} = this.#options;
    const {disk} = world;
    const id = Number(nameOf(path).slice('chk-'.length));
    const {lineage, chained, generation} = readCheckpointOnDisk(disk, job, id);
    if (this.#begun.has(lineage)) return;
    this.#begun.add(lineage);
    const record = `${CHECKPOINTS}/owner/${String(generation).padStart(10, '0')}.lineage`;
    const {origin} = readLineage(disk, record);
    if (origin === null || origin.claimed) return;
    if (chained)
      throw new Violation(`C4: chk-${id} builds on ${origin.path}, which is not its own`);
    if (origin.path.startsWith(`${CHECKPOINTS}/`)) return;
    const foreign = new Set([...(this.#aside?.values() ?? [])].filter(({length}) => length > 0));
    for (const original of this.#originals.get(origin.path)?.files.values() ?? []) {
      if (original.length > 0) foreign.add(original);
    }
    const own = [...disk.filesBelow(path).map(([file]) => file), ...sharedFilesOf(disk, id)];
    const linked = own.find((file) => foreign.has(disk.dataOf(file)));
    if (linked !== undefined) throw new Violation(`C4: ${linked} is a file of ${origin.path}`);
  }

  #checkOriginal(path: string, {files, mayBeClaimed}: Original): void {
    const {disk} = this.#options.world;
    if (disk.namesIn(path).length === 0) {
      if (this.#owners.has(path)) return;
      throw new Violation(`C1: ${path} is gone`);
    }
    const found = contentBelow(disk, path);
    requireSame(files, found, 'C1');
    const strange = [...found.keys()].find(
      (name) => !files.has(name) && !(mayBeClaimed && /\/\.?claimed-by[^/]*$/.test(name)),
    );
    if (strange !== undefined) throw new Violation(`C1: ${strange} appeared`);
  }

  /** All but what a lineage of the new directory claimed, with the files that nothing else there needs. */
  #checkAside(): void {
    const before = this.#aside;
    if (before === null) return;
    const {disk} = this.#options.world;
    const found = contentBelow(disk, ASIDE);
    const owned = [...this.#owners.keys()].filter((path) => path.startsWith(`${ASIDE}/`));
    if (owned.length === 0) {
      const isOwned = (name: string): boolean =>
        [...this.#originals].some(([path, it]) => it.mayBeClaimed && name.startsWith(`${path}/.`));
      const strange = [...found.keys()].find((name) => !before.has(name) && !isOwned(name));
      if (strange !== undefined) throw new Violation(`C1: ${strange} appeared`);
      requireSame(before, found, 'C1');
      return;
    }
    const others = publishedIds(disk, ASIDE).filter((id) => !owned.includes(`${ASIDE}/chk-${id}`));
    const known = new Set(
      [...before.keys()].flatMap((name) => {
        const [first = ''] = name.slice(ASIDE.length + 1).split('/');
        return first.startsWith('chk-') ? [first] : [];
      }),
    );
    for (const name of known) {
      const isOwned = owned.includes(`${ASIDE}/${name}`);
      if (!isOwned && !others.includes(Number(name.slice('chk-'.length)))) {
        throw new Violation(`C3: ${ASIDE}/${name} went along with ${owned.join(', ')}`);
      }
    }
    const kept = new Set(others.flatMap((id) => sharedFilesOf(disk, id, ASIDE)));
    const stays = [...before].filter(
      ([name]) => kept.has(name) || others.some((id) => name.startsWith(`${ASIDE}/chk-${id}/`)),
    );
    requireSame(new Map(stays), found, 'C3');
  }
}

const USE_MARK = /\/\.?used-by-[0-9a-f]{16}$/;

/** All files but the marks of who uses a checkpoint. */
function contentBelow(disk: World['disk'], path: string): Files {
  return new Map([...disk.filesBelow(path)].filter(([name]) => !USE_MARK.test(name)));
}

function requireSame(before: Files, found: ReadonlyMap<string, Buffer>, rule: string): void {
  for (const [name, content] of before) {
    const now = found.get(name);
    if (now === undefined) throw new Violation(`${rule}: ${name} is gone`);
    if (now === content) continue;
    if (!now.equals(content)) throw new Violation(`${rule}: ${name} has changed`);
    // Another disk after a power loss: looked at once.
    before.set(name, now);
  }
}

function claimIn(bytes: Buffer): {readonly job_directory: string; readonly lineage: string} {
  return JSON.parse(bytes.toString()) as {job_directory: string; lineage: string};
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
