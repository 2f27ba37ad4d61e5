// The job of the seed begins from checkpoints of its neighbour (neighbour.ts), with a claim and without, while that one lives,
// sleeps, wakes up or is dead.
//
//   L1 nothing is claimed where the owner is seen to live, and a claim that was refused leaves nothing there; what was
//      claimed goes under a generation of that directory, which nobody gets from a living owner
//   L2 what is claimed stays whole until its new owner takes it away, whatever the old one does
//   L3 what is restored without a claim stays whole until its lineage has a checkpoint of its own, at its place, or where
//      the next owner puts it back from; before its mark is there, a restore may be refused because it went
// That both outputs are exact is what the two watchers look at: also where the old owner has lost what it would resume from.
//   L4 it is refused then, and only then
//   L5 whoever comes once it is claimed does not go on from it

import type {EngineError} from '#src/base/errors.js';
import type {RunRequest} from '#src/runtime/run-types.js';
import {
  endedOnPurpose,
  endOf,
  generationsOf,
  newestGeneration,
  newestLineage,
  publishedIds,
  readCheckpointOnDisk,
  sharedFilesOf,
} from './disk-facts.ts';
import {Dispossession} from './dispossession.ts';
import type {Draw} from './draw.ts';
import {BESIDE, CHECKPOINTS, type JobModel} from './job-model.ts';
import type {Neighbour} from './neighbour.ts';
import {keyOf, RULES, type Reference} from './reference.ts';
import {Violation, type Actor} from './scheduler.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {DiskWatch, World} from './world.ts';

const ROUNDS_MIN = 6;
/** A little less than how long a beat must be silent (judge-owner.ts). */
const SILENT_MILLIS = 14_000;
/** From the last look at a beat to what follows from it. */
const LAST_LOOK_MILLIS = 1000;

/** The owner as a process of the claimer may see it when it starts. */
interface Sight {
  readonly owner: SimulatedProcess | null;
  readonly wasClaimed: boolean;
}

export interface LiveClaimsOptions {
  readonly world: World;
  readonly job: JobModel;
  readonly draw: Draw;
  readonly neighbour: () => Neighbour;
  /** The claimer's process of an actor; null: it is none of them. */
  readonly claimerOf: (actor: Actor) => SimulatedProcess | null;
}

export class LiveClaims implements DiskWatch {
  readonly counts = {
    claimsAsked: 0,
    usesAsked: 0,
    refusedAlive: 0,
    claimedAsleep: 0,
    claimedDead: 0,
    markedAlive: 0,
    markedAsleep: 0,
    markedDead: 0,
    wokenAfterClaim: 0,
    pressed: 0,
    putBack: 0,
    wentUnder: 0,
    claimedRemoved: 0,
    withdrawn: 0,
  };
  readonly dispossession: Dispossession;
  readonly #options: LiveClaimsOptions;
  readonly #references = new Map<string, Reference>();
  readonly #sights = new Map<SimulatedProcess, Sight>();
  /** By path: renamed away once. */
  readonly #went = new Set<string>();
  readonly #judged = new Set<SimulatedProcess>();
  #asked = 0;
  /** Of the neighbour, in order. */
  readonly #beats: {readonly name: string; readonly at: number}[] = [];

  constructor(options: LiveClaimsOptions) {
    this.#options = options;
    this.dispossession = new Dispossession(options.world, options.job);
  }

  /** What a new process of the claimer restores; null: nothing of this kind. */
  restore(): Partial<RunRequest> | null {
    const {world, draw} = this.#options;
    if (!world.faults.active) return null;
    const path = this.#choose();
    const isSleptOver = path === this.#neighbour.sleptOver;
    if (this.#asked > 0 && !draw.chance(isSleptOver ? 0.9 : 0.65)) return null;
    if (path === null) return null;
    this.#asked += 1;
    const claimMode = draw.chance(isSleptOver ? 0.8 : 0.5) ? 'claim' : 'no-claim';
    if (draw.chance(claimMode === 'claim' ? 0.55 : 0.2)) this.#neighbour.fallAsleep();
    this.counts[claimMode === 'claim' ? 'claimsAsked' : 'usesAsked'] += 1;
    return {restoreFrom: path, claimMode, outputAhead: 'withdraw'};
  }

  /** Enough to restore, to die and to go on. */
  readonly roundsMin = ROUNDS_MIN;

  /** Somebody who works is killed, so that there is something to begin anew. */
  kills(): boolean {
    return this.#options.draw.chance(0.4);
  }

  /** A finished run is not the end of the seed. */
  goesOn(): boolean {
    return this.#options.draw.chance(0.8);
  }

  /** A process of the claimer was made. */
  started(process: SimulatedProcess): void {
    const owner = this.#neighbour.owner();
    const {restoreFrom} = process.options.request;
    this.#sights.set(process, {
      owner,
      wasClaimed: restoreFrom !== undefined && this.#isClaimed(restoreFrom),
    });
  }

  /** It may end with this error, because of whose it is that it asked for, or because that went. */
  explains(process: SimulatedProcess, {code, message}: EngineError): boolean {
    const {restoreFrom} = process.options.request;
    if (restoreFrom?.startsWith(BESIDE) !== true) return false;
    const isNew = !this.#judged.has(process);
    this.#judged.add(process);
    switch (code) {
      case 'ALREADY_RUNNING':
        return this.#explainsRefusal(process, restoreFrom, message, isNew);
      case 'NOT_FOUND':
      case 'CHECKPOINT_DAMAGED':
        if (!this.#went.has(restoreFrom)) return false;
        if (isNew) this.counts.wentUnder += 1;
        return true;
      case 'COMMIT_UNDECIDED':
        return /is not committed|an earlier checkpoint was/.test(message);
      case 'REFUSED':
        return message.includes('was withdrawn when an earlier checkpoint');
      default:
        return false;
    }
  }

  #explainsRefusal(
    process: SimulatedProcess,
    path: string,
    message: string,
    isNew: boolean,
  ): boolean {
    if (message.includes('is claimed by')) return true;
    if (!message.includes('nothing there can be claimed')) return false;
    if (!isNew) return true;
    const wasClaimed = this.#sights.get(process)?.wasClaimed ?? false;
    if (!wasClaimed && this.#isClaimedBy(process, path)) {
      throw new Violation(`L1: ${process.name} was refused, and ${path} is claimed`);
    }
    this.counts.refusedAlive += 1;
    return true;
  }

  /** The old owner may end with this error, because it is not alone, or slept. */
  explainsOwner(process: SimulatedProcess, {code}: EngineError): boolean {
    if (this.dispossession.explains(process)) return true;
    const {contended, counts} = this.#neighbour;
    if (code === 'ALREADY_RUNNING' || code === 'FENCED') return contended;
    // Too long asleep for what was under way.
    return code === 'STORAGE_FAILED' && counts.slept > 0;
  }

  /** What the power took with it nobody relies on. */
  powerLost(): void {
    for (const [key, reference] of this.#references) {
      const place = this.#placeOf(reference);
      if (place === null) this.#references.delete(key);
      // Its rename was lost; what lies aside is being removed all the same.
      else if (place === reference.path) reference.removing = false;
    }
  }

  /** Between two events. */
  check(): void {
    for (const reference of this.#references.values()) {
      if (!this.#isNeeded(reference)) continue;
      const place = this.#placeOf(reference);
      const {path, kind} = reference;
      const rule = RULES[reference.kind];
      if (place === null) throw new Violation(`${rule}: ${path} is gone, and its ${kind} counts`);
      for (const [name, content] of [
        ...[...reference.own].map(([name, it]) => [`${place}/${name}`, it] as const),
        ...reference.shared,
      ]) {
        const found = this.#contentOf(name);
        if (found === null) throw new Violation(`${rule}: ${name} is gone, of ${path}`);
        if (!found.equals(content)) throw new Violation(`${rule}: ${name} has changed, of ${path}`);
      }
    }
    this.#checkRecorded();
  }

  /** A run of the claimer has finished without faults. */
  checkFinished(): void {
    const lineage = newestLineage(this.#disk)?.lineage ?? '';
    for (const id of publishedIds(this.#disk, BESIDE)) {
      if (!this.#disk.namesIn(`${BESIDE}/chk-${id}`).includes(`used-by-${lineage}`)) continue;
      throw new Violation(`L3: chk-${id} is still marked as used by ${lineage}, which finished`);
    }
  }

  renamed(source: string, target: string, by: Actor): void {
    this.#guard(() => {
      const claimer = this.#options.claimerOf(by);
      if (target.startsWith(`${BESIDE}/owner/`) && target.endsWith('.beat')) {
        const name = target.slice(target.lastIndexOf('/') + 1);
        this.#beats.push({name, at: this.#options.world.scheduler.now});
      }
      const mark = USE_MARK.exec(target);
      if (mark !== null) this.#onMark(mark[1]!, mark[2]!, claimer);
      if (CHECKPOINT.test(target) && source.includes('/deleted/')) {
        this.counts.putBack += 1;
        this.#options.world.note(`  put back: ${target}`);
      }
      if (CHECKPOINT.test(source)) this.#onRenamedAway(source, claimer);
    });
  }

  linked(_source: string, target: string, by: Actor): void {
    this.#guard(() => {
      if (!target.startsWith(`${BESIDE}/`)) return;
      const claimer = this.#options.claimerOf(by);
      if (target.endsWith('/claimed-by')) {
        this.#onClaim(target.slice(0, -'/claimed-by'.length), claimer);
      }
      if (/\/owner\/\d{10}$/.test(target)) {
        this.dispossession.cameTo(target.slice(-10));
        if (claimer !== null) this.#onGeneration(target, claimer);
      } else if (target.endsWith('.lineage')) {
        this.dispossession.began(/(\d{10})\.lineage$/.exec(target)![1]!);
      }
    });
  }

  unlinked(path: string): void {
    this.#guard(() => {
      if (!path.startsWith(`${BESIDE}/`) || path.includes('/pending/')) return;
      for (const [key, reference] of this.#references) {
        if (path === `${reference.path}/claimed-by` && this.#isWithdrawn(reference)) {
          this.counts.withdrawn += 1;
          this.#references.delete(key);
        }
        const isOwn =
          path.includes(`/chk-${reference.id}/`) && !/\/\.?(used-by|claimed-by)[^/]*$/.test(path);
        if (!isOwn && !reference.shared.has(path)) continue;
        if (!this.#isNeeded(reference)) continue;
        throw new Violation(`${RULES[reference.kind]}: ${path} is removed, of ${reference.path}`);
      }
    });
  }

  get #disk(): World['disk'] {
    return this.#options.world.disk;
  }

  get #neighbour(): Neighbour {
    return this.#options.neighbour();
  }

  #guard(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#options.world.scheduler.fail(error as Error);
    }
  }

  #choose(): string | null {
    const {draw, job} = this.#options;
    const usable = publishedIds(this.#disk, BESIDE).filter(
      (id) => !readCheckpointOnDisk(this.#disk, job, id, BESIDE).drained,
    );
    const {sleptOver} = this.#neighbour;
    const isUsable = usable.some((id) => sleptOver === `${BESIDE}/chk-${id}`);
    if (isUsable && draw.chance(0.85)) return sleptOver;
    if (usable.length === 0) return null;
    // The oldest is the next that retention takes; the newest is what the owner would resume from.
    const oldest = usable[0]!;
    const newest = usable.at(-1)!;
    const id = draw.pick([
      oldest,
      oldest,
      newest,
      newest,
      usable.at(-2) ?? oldest,
      draw.pick(usable),
    ]);
    return `${BESIDE}/chk-${id}`;
  }

  #isClaimed(path: string): boolean {
    return this.#disk.namesIn(path).includes('claimed-by');
  }

  /** Under a lineage that nobody has recorded. */
  #isClaimedBy(process: SimulatedProcess, path: string): boolean {
    const reference = this.#references.get(`claim ${path}`);
    if (reference === undefined || !this.#isClaimed(path)) return false;
    const isRecorded = generationsOf(this.#disk, reference.lineage).length > 0;
    return !isRecorded && process.options.request.claimMode === 'claim';
  }

  /** The owner lives where the process looks, as it did when that was started. */
  #isSeen(claimer: SimulatedProcess): SimulatedProcess | null {
    const sight = this.#sights.get(claimer);
    const owner = sight?.owner ?? null;
    if (sight === undefined || owner === null || owner !== this.#neighbour.owner()) return null;
    if (owner.identity.bootId === claimer.identity.bootId) return owner;
    return this.#hasBeaten() ? owner : null;
  }

  /** From elsewhere only a beat is seen: whoever counts as dead has had none for 15 s, but for what came after the last look. */
  #hasBeaten(generation = newestGeneration(this.#disk, BESIDE)): boolean {
    const {scheduler, faults} = this.#options.world;
    if (faults.fired.has('slow-storage')) return false;
    const name = String(generation).padStart(10, '0');
    return this.#beats.some(
      (beat) =>
        beat.name === `${name}.beat` &&
        beat.at > scheduler.now - SILENT_MILLIS &&
        beat.at < scheduler.now - LAST_LOOK_MILLIS,
    );
  }

  #onClaim(path: string, claimer: SimulatedProcess | null): void {
    if (claimer === null) throw new Violation(`L1: ${path} is claimed, unasked`);
    const {restoreFrom, claimMode} = claimer.options.request;
    const seen = this.#isSeen(claimer);
    if (restoreFrom === path && claimMode !== 'claim') {
      throw new Violation(`L1: ${claimer.name} claims ${path}, unasked`);
    }
    if (restoreFrom === path && seen !== null) {
      throw new Violation(`L1: ${claimer.name} claims ${path}, and ${seen.name} lives there`);
    }
    const {lineage} = JSON.parse(this.#disk.contentOf(`${path}/claimed-by`).toString()) as {
      lineage: string;
    };
    this.#refer('claim', path, lineage);
    const asleep = this.#neighbour.living().filter(({paused}) => paused);
    this.counts[asleep.length > 0 ? 'claimedAsleep' : 'claimedDead'] += 1;
    for (const process of asleep) {
      if (!this.#options.draw.chance(0.8)) continue;
      this.counts.wokenAfterClaim += 1;
      this.#neighbour.wakeSoon(process);
    }
  }

  /** Before anything relies on it, its owner came back while it was written. */
  #isWithdrawn({kind, lineage, removing}: Reference): boolean {
    return kind === 'claim' && !removing && generationsOf(this.#disk, lineage).length === 0;
  }

  #onMark(path: string, lineage: string, claimer: SimulatedProcess | null): void {
    if (claimer === null) throw new Violation(`L3: ${path} is marked, unasked`);
    this.#refer('use', path, lineage);
    const living = this.#neighbour.living();
    if (living.length === 0) this.counts.markedDead += 1;
    else if (living.every(({paused}) => paused)) this.counts.markedAsleep += 1;
    else this.counts.markedAlive += 1;
  }

  #refer(kind: Reference['kind'], path: string, lineage: string): void {
    const disk = this.#disk;
    const id = Number(path.slice(path.lastIndexOf('-') + 1));
    const own = disk
      .filesBelow(path)
      .map(([name, content]) => [name.slice(path.length + 1), content] as const)
      .filter(([name]) => !/^\.?(used-by|claimed-by)/.test(name));
    const shared = sharedFilesOf(disk, id, BESIDE).map((name) => {
      const content = this.#contentOf(name);
      if (content === null) throw new Violation(`${path} is referred to, and ${name} is gone`);
      return [name, content] as const;
    });
    const reference = {kind, path, id, lineage, own: new Map(own), shared: new Map(shared)};
    this.#references.set(keyOf(kind, path, lineage), {...reference, removing: false});
    if (kind === 'claim') this.dispossession.claimed(reference);
  }

  #onRenamedAway(path: string, claimer: SimulatedProcess | null): void {
    this.#went.add(path);
    if (claimer === null) {
      const isNeeded = [...this.#references.values()].some(
        (it) => it.kind === 'use' && it.path !== path && this.#isNeeded(it),
      );
      if (isNeeded) this.counts.pressed += 1;
      return;
    }
    const reference = this.#references.get(`claim ${path}`);
    if (reference === undefined || !this.#hasPublished(reference.lineage)) {
      throw new Violation(`L1: ${claimer.name} takes ${path} away, which is not its own`);
    }
    const isUsed = [...this.#references.values()].some(
      (it) => it.kind === 'use' && it.path === path && this.#isNeeded(it),
    );
    // Whoever takes it away looks for that a second time.
    if (isUsed) return;
    reference.removing = true;
    this.dispossession.takenAway(reference);
    this.counts.claimedRemoved += 1;
  }

  /** It numbers its generation by the newest that it judged: whoever that is cannot have come since. */
  #onGeneration(target: string, claimer: SimulatedProcess): void {
    this.#neighbour.contended = true;
    const before = Number(target.slice(-10)) - 1;
    const judged = this.#neighbour.owner(before);
    if (judged === null) return;
    const isNear = judged.identity.bootId === claimer.identity.bootId;
    if (!isNear && !this.#hasBeaten(before)) return;
    throw new Violation(`L1: ${claimer.name} takes ${target}, and ${judged.name} lives there`);
  }

  #hasPublished(lineage: string): boolean {
    const names = this.#disk.namesIn(`${CHECKPOINTS}/owner`);
    return generationsOf(this.#disk, lineage).some((name) => names.includes(`${name}.published`));
  }

  #isNeeded({kind, lineage, removing}: Reference): boolean {
    if (kind === 'claim') return !removing;
    // Before it is recorded, whoever placed the mark may fail, and nobody goes back to it.
    if (newestLineage(this.#disk)?.lineage !== lineage || this.#hasPublished(lineage)) return false;
    return !endedOnPurpose(endOf(this.#disk, lineage));
  }

  /** Where it lies, with its mark; null: nowhere. */
  #placeOf({kind, path, id, lineage}: Reference): string | null {
    const disk = this.#disk;
    const name = kind === 'claim' ? 'claimed-by' : `used-by-${lineage}`;
    if (disk.namesIn(path).includes(name)) return path;
    const places = (directory: string): string[] =>
      disk.namesIn(directory).flatMap((generation) => {
        const deleted = `${directory}/${generation}/deleted`;
        return [`${deleted}/chk-${id}`, ...places(deleted)];
      });
    const found = places(`${BESIDE}/work`).find((place) => disk.namesIn(place).includes(name));
    return found ?? null;
  }

  /** What a lineage that is recorded goes back to is marked, so that nobody takes it away. */
  #checkRecorded(): void {
    const lineage = newestLineage(this.#disk);
    if (lineage?.origin?.path.startsWith(BESIDE) !== true) return;
    const kind = lineage.origin.claimed ? 'claim' : 'use';
    const isKnown = this.#references.has(keyOf(kind, lineage.origin.path, lineage.lineage));
    if (isKnown || this.#hasPublished(lineage.lineage)) return;
    if (endedOnPurpose(endOf(this.#disk, lineage.lineage))) return;
    const {path} = lineage.origin;
    throw new Violation(`${RULES[kind]}: nothing says that ${path} is in use`);
  }

  #contentOf(path: string): Buffer | null {
    try {
      return this.#disk.dataOf(path);
    } catch {
      return null;
    }
  }
}

const CHECKPOINT = /^\/job\/beside\/state\/sim\/chk-\d+$/;
const USE_MARK = /^(\/job\/beside\/state\/sim\/chk-\d+)\/used-by-([0-9a-f]{16})$/;
