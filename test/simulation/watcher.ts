// Watches a run from outside and throws at the first promise that does not hold. It looks at the disk in the
// event in which something happens: a publish, a delete, a commit, a start.
//
//   W1 ids of published checkpoints grow; one process works in a generation
//   W2 a part becomes visible only when a checkpoint of its id or a later one is published
//   W3 a visible part is whole, never changes, and goes only when it is no output of the lineage that works
//   W4 no row is there twice, none that should not be; up to what is committed none is missing
//   W5 a checkpoint that was reported complete verifies until retention may delete it
//   W6 triggers of a deployment ascend
//   W7 a run that failed has no record that it ended otherwise: whoever is told runs it again (simulated-process.ts)

import type {FromTask, ToTask} from '#src/runtime/task-messages.js';
import type {RunEvent} from '#src/runtime/run-types.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import type {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {
  allLineages,
  checkpointIdOf,
  endedOnPurpose,
  endOf,
  newestGeneration,
  newestLineage,
  parsePart,
  publishedIds,
  readCheckpointOnDisk,
  readLineage,
  sharedFiles,
  sharedFilesOf,
  type CheckpointOnDisk,
  type LineageFacts,
  type PartFacts,
} from './disk-facts.ts';
import {CHECKPOINTS, type JobModel} from './job-model.ts';
import {belongs, OutputView} from './output-view.ts';
import {Violation, type Actor} from './scheduler.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {SimulatedThread} from './simulated-thread.ts';
import {noCounts} from './watch-counts.ts';
import type {DiskWatch, World} from './world.ts';

interface Reported {
  readonly id: number;
  readonly lineage: string;
}

export class Watcher implements DiskWatch {
  readonly counts = noCounts();
  readonly #job: JobModel;
  /** Where the job works. */
  readonly #directory: string;
  readonly #output: OutputView;
  readonly #reported = new Map<number, Reported>();
  /** Highest published id of each lineage. */
  readonly #published = new Map<string, number>();
  readonly #publisher = new Map<number, string>();
  readonly #committed = new Map<string, Set<number>>();
  /** Parts that a fresh start overwrote. */
  readonly #takenAway: PartFacts[] = [];
  /** What was verified: the same files need it no second time. */
  readonly #verified = new Map<number, ReturnType<MemoryFileSystem['filesBelow']>>();
  readonly #triggered = new Map<SimulatedThread, number>();
  #world: World | null = null;
  #isMoved = false;
  /** Whoever it is was asked to delete what retention would keep. */
  mayPrune: (by: Actor) => boolean = () => false;
  /** Another job claimed this checkpoint, and took it away. */
  wasTaken: (id: number) => boolean = () => false;

  constructor(job: JobModel, directory = CHECKPOINTS) {
    this.#job = job;
    this.#directory = directory;
    this.#output = new OutputView(job);
  }

  attach(world: World): void {
    this.#world = world;
  }

  renamed(source: string, target: string, by: Actor): void {
    this.#guard(() => this.#onRename(source, target, by));
  }

  linked(_source: string, target: string, _by: Actor): void {
    this.#guard(() => this.#onLink(target));
  }

  unlinked(path: string): void {
    this.#guard(() => {
      const part = parsePart(path);
      if (part === null) return;
      // Also of a job beside it: what goes on from there has lost it.
      this.#takenAway.push(part);
      if (this.#isOwn(part)) this.#mayGo(path);
    });
  }

  told(process: SimulatedProcess, event: RunEvent): void {
    this.#guard(() => this.#onEvent(process, event));
  }

  posted(process: SimulatedProcess, thread: SimulatedThread, message: FromTask): void {
    this.#guard(() => this.#onReportOf(process, thread, message));
  }

  ordered(_process: SimulatedProcess, thread: SimulatedThread, message: ToTask): void {
    this.#guard(() => this.#onOrder(thread, message));
  }

  /** The job's directory is empty from here on; others look at what was in it. */
  movedAside(): void {
    this.#isMoved = true;
    this.#reported.clear();
    this.#verified.clear();
    this.#publisher.clear();
    // Its generations and checkpoints are numbered from one again.
    this.#committed.clear();
  }

  /** What was not reported may be gone. */
  powerLost(): void {
    this.#forgetUnreported();
  }

  /** Between two events: everything that holds at any time. */
  async check(): Promise<void> {
    for (const {id} of this.#reported.values()) await this.#verify(id);
    for (const id of publishedIds(this.#disk, this.#directory)) {
      if (!this.#reported.has(id)) await this.#verify(id);
    }
    const lineage = newestLineage(this.#disk, this.#directory);
    if (lineage !== null) this.#output.checkSound(this.#disk, lineage);
  }

  /** A savepoint of checkpoint `id` was told: what it counts as made is there to be seen. */
  checkSavepoint({generation}: SimulatedProcess, id: number): void {
    this.#guard(() => {
      // Whoever was taken over tells of a past that others may have changed since.
      if (generation !== newestGeneration(this.#disk, this.#directory)) return;
      const lineage = newestLineage(this.#disk, this.#directory);
      if (lineage === null || !publishedIds(this.#disk, this.#directory).includes(id)) return;
      this.#checkThrough(lineage, id);
    });
  }

  /** A run said that it finished. */
  checkFinished(): void {
    const lineage = newestLineage(this.#disk, this.#directory);
    if (lineage === null) throw new Violation('finished without a lineage');
    const input = this.#job.sources.flatMap(({rows}) => rows);
    const flushed = new Set<string>(this.#job.sinks.map(({kind}) => kind));
    const everything = {
      through: Number.MAX_SAFE_INTEGER,
      input,
      flushed,
      flushing: flushed,
      unaligned: false,
    };
    this.#output.checkSound(this.#disk, lineage);
    if (this.#isIncomplete(lineage)) return;
    this.#output.checkComplete(this.#disk, lineage, everything);
  }

  /**
   * After a run without faults nothing lies about. But temporaries of a lineage that is settled, and that nobody
   * looks at again, may: a power loss brings back those of committed parts, and whoever was fenced makes one more. What
   * lineages of another directory had begun, nobody here removes.
   */
  checkNoLeftovers(contended: boolean): void {
    const disk = this.#disk;
    const mayBeThere =
      contended || this.#isMoved || this.#world?.faults.fired.has('power-loss') === true;
    const hidden = mayBeThere
      ? []
      : this.#job.sinks.flatMap(({directory}) =>
          disk.namesIn(directory).filter((name) => name.endsWith('.inprogress')),
        );
    const work = `${this.#directory}/work`;
    const attempts = disk
      .namesIn(work)
      .flatMap((name) =>
        ['pending', 'deleted'].flatMap((it) => disk.namesIn(`${work}/${name}/${it}`)),
      );
    const needed = new Set(
      publishedIds(disk, this.#directory).flatMap((id) => sharedFilesOf(disk, id, this.#directory)),
    );
    const orphans = sharedFiles(disk, this.#directory).flatMap(([path]) =>
      needed.has(path) ? [] : [path],
    );
    const left = [...hidden, ...attempts, ...orphans];
    if (left.length > 0) throw new Violation(`left behind: ${left.join(', ')}`);
  }

  #onRename(source: string, target: string, by: Actor): void {
    const published = checkpointIdOf(target, this.#directory);
    if (published !== null && source.includes('/deleted/')) this.#onPutBack(published);
    else if (published !== null) this.#onPublish(source, published, by);
    const gone = checkpointIdOf(source, this.#directory);
    if (gone !== null) this.#onDelete(gone, by);
    const part = parsePart(source);
    if (part === null || !this.#isOwn(part)) return;
    this.counts.withdrawn += 1;
    this.#mayGo(source);
  }

  #onLink(target: string): void {
    const part = parsePart(target);
    if (part === null || !this.#isOwn(part)) return;
    const published = this.#published.get(part.lineage) ?? 0;
    if (published < part.checkpointId) {
      throw new Violation(
        `W2: ${target} became visible, the newest checkpoint of its lineage is ${published}`,
      );
    }
    this.#output.see(this.#disk, target);
  }

  #onEvent(process: SimulatedProcess, event: RunEvent): void {
    switch (event.type) {
      case 'checkpoint':
        this.counts.checkpoints += 1;
        this.#onReport(process, event.id);
        return;
      case 'checkpoint_failed':
        this.counts.failedCheckpoints += 1;
        return;
      case 'started':
        this.counts.starts += 1;
        this.#onStart(event.generation, event.restoredFrom);
        if (event.decision === 'restored') this.#onRestore(process, event.generation);
        return;
      case 'restarting':
        this.counts.restarts += 1;
        this.#onStart(null, event.restoredFrom);
        return;
      default:
        this.#world?.note(`  ${process.name}: ${event.type}`);
    }
  }

  #onReportOf(process: SimulatedProcess, thread: SimulatedThread, message: FromTask): void {
    if (message.kind === 'acknowledge') {
      const newest = this.#triggered.get(thread) ?? 0;
      if (newest > message.checkpointId) this.counts.overlapping += 1;
      return;
    }
    if (message.kind !== 'committed') return;
    const {generation, subtask, job} = thread.deployment;
    const key = `${generation} ${message.checkpointId}`;
    const subtasks = this.#committed.get(key) ?? new Set<number>();
    this.#committed.set(key, subtasks.add(subtask));
    if (subtasks.size < job.parallelism) return;
    this.counts.commits += 1;
    this.#checkCommitted(generation, message.checkpointId, process.name);
  }

  #onOrder(thread: SimulatedThread, message: ToTask): void {
    if (message.kind !== 'trigger') return;
    const before = this.#triggered.get(thread) ?? 0;
    if (message.checkpointId <= before) {
      throw new Violation(`W6: checkpoint ${message.checkpointId} is triggered after ${before}`);
    }
    this.#triggered.set(thread, message.checkpointId);
  }

  /** A broken promise ends the simulation; the engine, in whose calls it is noticed, must not catch it. */
  #guard(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#world?.scheduler.fail(error as Error);
    }
  }

  get #disk(): MemoryFileSystem {
    if (this.#world === null) throw new Error('the watcher has no world');
    return this.#world.disk;
  }

  #onPublish(source: string, id: number, by: Actor): void {
    const generation = Number(/\/work\/(\d+)\/pending\//.exec(source)?.[1]);
    const name = by.parent?.name ?? by.name;
    const publisher = this.#publisher.get(generation) ?? name;
    this.#publisher.set(generation, publisher);
    if (publisher !== name) {
      throw new Violation(`W1: ${name} and ${publisher} both publish in generation ${generation}`);
    }
    const {lineage, stopDrained, rowsBehind} = this.#read(id);
    if (stopDrained) this.#output.drained(lineage, id, rowsBehind);
    // Where the end of a run took all checkpoints away, the next lineage counts from 1 again.
    const above = Math.max(
      0,
      ...publishedIds(this.#disk, this.#directory).filter((other) => other !== id),
    );
    if (id <= Math.max(above, this.#published.get(lineage) ?? 0)) {
      throw new Violation(`W1: checkpoint ${id} is published beside ${above}`);
    }
    this.#notePublished(id);
  }

  /** A job elsewhere had begun from it before it was renamed away. */
  #onPutBack(id: number): void {
    this.#reported.set(id, {id, lineage: this.#read(id).lineage});
  }

  #isOwn({path}: PartFacts): boolean {
    return this.#job.sinks.some(({directory}) => path.startsWith(`${directory}/`));
  }

  #read(id: number): CheckpointOnDisk {
    return readCheckpointOnDisk(this.#disk, this.#job, id, this.#directory);
  }

  #forgetUnreported(): void {
    this.#published.clear();
    for (const {id, lineage} of this.#reported.values()) {
      this.#published.set(lineage, Math.max(id, this.#published.get(lineage) ?? 0));
    }
    for (const id of publishedIds(this.#disk, this.#directory)) this.#notePublished(id);
  }

  #notePublished(id: number): void {
    const {lineage} = this.#read(id);
    this.#published.set(lineage, Math.max(id, this.#published.get(lineage) ?? 0));
  }

  #onReport({generation}: SimulatedProcess, id: number): void {
    // Who slept tells of what whoever claimed it has taken away since.
    const isLate = generation !== newestGeneration(this.#disk, this.#directory);
    if (isLate && this.wasTaken(id) && !publishedIds(this.#disk, this.#directory).includes(id)) {
      return;
    }
    const {lineage, unaligned, inFlight, deltas} = this.#read(id);
    if (unaligned) this.counts.unaligned += 1;
    if (inFlight) this.counts.inFlight += 1;
    if (deltas) this.counts.deltas += 1;
    this.#reported.set(id, {id, lineage});
    this.#verify(id).catch((error: unknown) => this.#world?.scheduler.fail(error as Error));
  }

  /** What its rename has just taken away. */
  #onDelete(id: number, by: Actor): void {
    const reported = this.#reported.get(id);
    if (reported === undefined) {
      // Taken back, because it could not be made durable: nobody was told of it.
      this.#forgetUnreported();
      return;
    }
    this.counts.deleted += 1;
    this.#reported.delete(id);
    if (this.mayPrune(by)) return;
    const {lineage: own, origin} = newestLineage(this.#disk, this.#directory) ?? {
      lineage: null,
      origin: null,
    };
    // What it claimed is the first of its own.
    const isClaimed = origin?.claimed === true && origin.path === `${this.#directory}/chk-${id}`;
    const lineage = isClaimed ? own : reported.lineage;
    const newer = publishedIds(this.#disk, this.#directory).filter(
      (other) => other > id && this.#read(other).lineage === lineage,
    );
    if (lineage === own && newer.length >= this.#job.numRetained) return;
    if (endedOnPurpose(endOf(this.#disk, lineage ?? '', this.#directory))) return;
    throw new Violation(`W5: checkpoint ${id} is deleted, newer ones: ${newer.join(', ')}`);
  }

  #mayGo(path: string): void {
    const lineage = newestLineage(this.#disk, this.#directory);
    const part = parsePart(path);
    if (lineage === null || part === null || !belongs(part, lineage)) return;
    throw new Violation(`W3: ${path} was taken away`);
  }

  #onStart(generation: number | null, restoredFrom: string | null): void {
    const newest = newestGeneration(this.#disk, this.#directory);
    // Taken over meanwhile: what is there is no longer what it started from.
    if (generation !== null && generation !== newest) return;
    const lineage = newestLineage(this.#disk, this.#directory);
    if (lineage === null || restoredFrom === null) return;
    const id = checkpointIdOf(restoredFrom, this.#directory);
    if (id === null || !publishedIds(this.#disk, this.#directory).includes(id)) return;
    const {inFlight, deltas} = this.#read(id);
    if (inFlight) this.counts.restoredInFlight += 1;
    if (deltas) this.counts.restoredDeltas += 1;
    this.#checkThrough(lineage, id);
  }

  /** Unless it was asked to keep it, nothing is visible that will be made a second time. */
  #onRestore({options}: SimulatedProcess, generation: number): void {
    this.counts.restores += 1;
    const disk = this.#disk;
    const {restoreFrom, outputAhead} = options.request;
    const id = checkpointIdOf(restoreFrom ?? '', this.#directory);
    if (
      outputAhead === 'keep' ||
      generation !== newestGeneration(disk, this.#directory) ||
      id === null
    )
      return;
    if (!publishedIds(disk, this.#directory).includes(id)) return;
    const {lineage} = this.#read(id);
    const comesAfter = ({lineage: other, ancestors}: LineageFacts): boolean =>
      other === lineage || ancestors.some((it) => it.lineage === lineage && it.checkpointId >= id);
    const own = newestLineage(disk, this.#directory)?.lineage;
    const after = new Set(
      allLineages(disk, this.#directory)
        .filter(comesAfter)
        .map((it) => it.lineage),
    );
    for (const part of this.#job.sinks.flatMap((sink) => this.#output.visible(disk, sink))) {
      if (part.lineage === own || part.checkpointId <= id || !after.has(part.lineage)) continue;
      throw new Violation(`W3: ${part.path} is ahead of checkpoint ${id} that was restored`);
    }
  }

  #checkCommitted(generation: number, id: number, who: string): void {
    if (generation !== newestGeneration(this.#disk, this.#directory)) return;
    this.#world?.note(`  ${who} committed ${id}`);
    const path = `${this.#directory}/owner/${String(generation).padStart(10, '0')}.lineage`;
    // Retention of a later one may have been quicker than a late notice.
    if (!publishedIds(this.#disk, this.#directory).includes(id)) return;
    this.#checkThrough(readLineage(this.#disk, path), id);
  }

  #checkThrough(lineage: LineageFacts, id: number): void {
    const checkpoint = this.#read(id);
    this.#output.checkSound(this.#disk, lineage);
    if (this.#isIncomplete(lineage)) return;
    this.#output.checkComplete(this.#disk, lineage, {
      ...checkpoint,
      through: id,
      input: checkpoint.rowsBehind,
    });
  }

  /** Whoever restores a checkpoint whose output a fresh start has overwritten since does not get it back. */
  #isIncomplete(lineage: LineageFacts): boolean {
    return this.#takenAway.some((part) => belongs(part, lineage));
  }

  /** None when it is not whole: then it is looked at. */
  #sharedBy(id: number): readonly string[] {
    const isListed = this.#disk.namesIn(`${this.#directory}/chk-${id}`).includes('SHA256SUMS');
    return isListed ? sharedFilesOf(this.#disk, id, this.#directory) : [];
  }

  async #verify(id: number): Promise<void> {
    const files = [
      ...this.#disk.filesBelow(`${this.#directory}/chk-${id}`),
      ...sharedFiles(this.#disk, this.#directory).filter(([path]) =>
        this.#sharedBy(id).includes(path),
      ),
    ];
    const known = this.#verified.get(id) ?? [];
    const isSame = (file: (typeof files)[number], index: number): boolean =>
      file[0] === known[index]?.[0] && file[1] === known[index][1];
    if (files.length === known.length && files.every(isSame)) return;
    this.#verified.set(id, files);
    const findings: string[] = [];
    const result = await checkCheckpoint({
      files: this.#disk.view(),
      directory: `${this.#directory}/chk-${id}`,
      level: 'checksum',
      onFinding: (finding) => findings.push(JSON.stringify(finding)),
    });
    this.counts.verified += 1;
    if (result.state.kind === 'complete' && result.errors === 0) return;
    throw new Violation(`W5: checkpoint ${id} is ${result.state.kind}: ${findings.join('; ')}`);
  }
}
