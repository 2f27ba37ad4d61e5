// The right to act in one job directory, as a value. `takeOver` makes it; every write goes through it and
// through its own work/<generation>/, which the next owner takes away.
//
// In this order: takeOver → readHistory (how the last run ended) → beginLineage → listCheckpoints, restore,
// settle → beginAttempt → publish … → markPublished once → writeEnd. `beat` each second meanwhile.

import {assert} from '../base/assert.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {CheckpointAttempt, type AttemptContext} from './attempt.ts';
import {withdrawClaim, writeClaim, type Claim} from './claims.ts';
import {
  decideDeletion,
  nothingDeleted,
  performDeletion,
  type DeletePermit,
  type DeletionReport,
} from './delete-checkpoints.ts';
import {readMetadata} from './derive-checkpoint-state.ts';
import {removeTree, unlessMissing, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {highestCheckpointId} from './highest-checkpoint-id.ts';
import {listHolds, placeHold, removeHold} from './holds.ts';
import {
  newestGeneration,
  requireStillUnused,
  requireUnused,
  type UnusedDirectory,
} from './judge-owner.ts';
import {listCheckpoints, type ListedCheckpoint} from './list-checkpoints.ts';
import {
  encodeClaimedRecord,
  encodeEndRecord,
  encodeLineageRecord,
  encodeMark,
  type LineageRecord,
  type RunEnd,
} from './owner-record.ts';
import type {JsonObject} from './canonical-json.ts';
import {baseName, JobPaths, type Hold, type OwnerMark} from './paths.ts';
import {putBackUsed} from './put-back-used.ts';
import {readHistory, type JobHistory} from './read-history.ts';
import {removeClaimed, type ClaimRemoval} from './remove-claimed.ts';
import {SharedDirectory} from './shared-directory.ts';
import {
  fencedOr,
  requireNewest,
  takeGeneration,
  takeNextGeneration,
  type TakeOverOptions,
} from './take-over.ts';
import {
  placeUseMark,
  removeUseMark,
  useOf,
  type CheckpointUse,
  type LookForUse,
} from './use-marks.ts';

/** Takes the next generation. ALREADY_RUNNING, FENCED, INCOMPATIBLE (another format) or STORAGE_FAILED. */
export async function takeOver(options: TakeOverOptions): Promise<Ownership> {
  const paths = new JobPaths(options.jobDirectory);
  const taken = await takeGeneration(options, paths);
  return Ownership.afterTakeOver(options, paths, taken.generation, taken.runId);
}

export class Ownership {
  readonly generation: number;
  readonly runId: string;
  readonly paths: JobPaths;
  readonly #options: TakeOverOptions;
  readonly #files: FileSystem;
  readonly #shared: SharedDirectory;
  #highestId: number;
  #lastBegun: Promise<unknown> = Promise.resolve();
  #recordCount = 0;
  readonly #recorded = new Set<OwnerMark>();
  #beating = false;
  #superseded = false;

  private constructor(
    options: TakeOverOptions,
    paths: JobPaths,
    generation: number,
    runId: string,
    highestId: number,
  ) {
    this.#options = options;
    this.#files = options.files;
    this.#shared = new SharedDirectory(options.files, paths, generation);
    this.paths = paths;
    this.generation = generation;
    this.runId = runId;
    this.#highestId = highestId;
  }

  static async afterTakeOver(
    options: TakeOverOptions,
    paths: JobPaths,
    generation: number,
    runId: string,
  ): Promise<Ownership> {
    const highestId = await guard(options.files, paths, generation, async () =>
      highestCheckpointId(options.files, paths),
    );
    return new Ownership(options, paths, generation, runId, highestId);
  }

  /** Absolute path of the job directory. */
  get jobDirectory(): string {
    return this.paths.root;
  }

  /** The highest id seen anywhere in the directory when it was taken over, or begun since. */
  highestCheckpointId(): number {
    return this.#highestId;
  }

  /** How earlier generations worked and ended. CHECKPOINT_DAMAGED when a record of them is. */
  async readHistory(): Promise<JobHistory> {
    return this.#guarded(async () => readHistory(this.#files, this.paths, this.generation));
  }

  /** Published checkpoints, highest id first. Final: no older owner can publish or delete any more. */
  async listCheckpoints(): Promise<readonly ListedCheckpoint[]> {
    return this.#guarded(async () =>
      listCheckpoints(this.#files, this.paths, baseName(this.paths.root)),
    );
  }

  /** Records on which lineage this generation works; it counts as a run from then on. Once. */
  async beginLineage(record: LineageRecord): Promise<void> {
    await this.#linkRecord(this.generation, 'lineage', encodeLineageRecord(record));
  }

  /** The same, unless it was done: for a run that ends on purpose before it got that far. */
  async recordLineageOf(record: LineageRecord): Promise<void> {
    if (!this.#recorded.has('lineage')) await this.beginLineage(record);
  }

  /** Before the first notification of this generation's first checkpoint. Repeating it is fine. */
  async markPublished(): Promise<void> {
    const bytes = encodeMark(this.generation, 'published');
    await this.#linkRecord(this.generation, 'published', bytes);
  }

  /**
   * What the lineage of `generation` prepared is committed or removed. Pass the newest generation of that
   * lineage. Repeating it is fine.
   */
  async markSettled(generation: number): Promise<void> {
    assert(generation <= this.generation, `settled generation ${generation} of the future`);
    const bytes = encodeMark(generation, 'settled');
    await this.#linkRecord(generation, 'settled', bytes);
  }

  /**
   * How this run ended; the last thing that it does. FENCED when it was taken over. Once. When it fails the record is taken
   * back: whoever is told of a failure runs the job again, and a record that it finished would make that do everything twice.
   */
  async writeEnd(how: RunEnd, facts: JsonObject): Promise<void> {
    const ended = this.#options.clock.wallMillis();
    try {
      await this.#linkRecord(this.generation, 'end', encodeEndRecord({how, ended, facts}));
    } catch (error) {
      // It may be there: only its sync failed, or its reply was lost. Fenced, it may have been read, and it counts for nobody else.
      if (error instanceof EngineError && error.code === 'STORAGE_FAILED')
        await this.#takeEndBack();
      throw error;
    }
  }

  async #takeEndBack(): Promise<void> {
    try {
      await this.#files.unlink(this.paths.ownerMark(this.generation, 'end'));
    } catch {
      // It is not there, or the disk lets nobody do anything: the failure before it is the one to report.
    }
  }

  /**
   * Shows that this owner lives; each second. Not synced: after a power loss nobody lives. Returns at once
   * while the last one is under way. FENCED as soon as another process has taken over.
   */
  async beat(): Promise<void> {
    if (this.#beating || this.#superseded) return;
    this.#beating = true;
    try {
      await this.#guarded(async () => {
        // Renamed out of work/<G>/, so that a taken-over process notices within a second.
        const aside = this.#nextRecordPath();
        const handle = await this.#files.createNew(aside);
        await handle.close();
        await this.#files.rename(aside, this.paths.ownerMark(this.generation, 'beat'));
      });
    } finally {
      this.#beating = false;
    }
  }

  /** FENCED when a higher generation is there. Before a commit of which the fence is the only guard. */
  async requireNewest(): Promise<void> {
    await this.#guarded(async () => requireNewest(this.#files, this.paths, this.generation));
  }

  /**
   * What a failure below our work/<G>/ means, of a thread that wrote a state file there: FENCED when a
   * higher generation is there, else STORAGE_FAILED.
   */
  async explainFailure(error: unknown): Promise<EngineError> {
    return fencedOr(this.#files, this.paths, this.generation, error);
  }

  /**
   * The generation of a restart inside this process. The caller has awaited or cut off every publish,
   * delete and commit of this one, which is of no use any more.
   */
  async nextGeneration(): Promise<Ownership> {
    assert(!this.#superseded, `generation ${this.generation} is superseded`);
    this.#superseded = true;
    try {
      await takeNextGeneration(this.#options, this.paths, this.generation, this.runId);
    } catch (error) {
      this.#superseded = await this.#mayBeSuperseded();
      throw error;
    }
    const next = this.generation + 1;
    return new Ownership(this.#options, this.paths, next, this.runId, this.#highestId);
  }

  /** It has a successor, or nobody knows: nothing more can be done with it. */
  get superseded(): boolean {
    return this.#superseded;
  }

  async #mayBeSuperseded(): Promise<boolean> {
    try {
      // Nothing was linked: this generation is still the newest, and the call may be repeated.
      return (await newestGeneration(this.#files, this.paths)) !== this.generation;
    } catch {
      // `owner/` cannot be read: the failure that is being reported says why.
      return true;
    }
  }

  /**
   * Starts checkpoint `checkpointId`: its directory exists when it resolves. Ids only grow, and attempts begin one after
   * another: whoever triggers one when it has begun triggers them in the order of their ids.
   */
  async beginAttempt(checkpointId: number): Promise<CheckpointAttempt> {
    assert(
      checkpointId > this.#highestId,
      `checkpoint id ${checkpointId} after ${this.#highestId}`,
    );
    this.#highestId = checkpointId;
    const begun = this.#lastBegun.then(async () =>
      this.#guarded(async () => CheckpointAttempt.begin(this.#attemptContext(), checkpointId)),
    );
    // Whoever asked for it hears of a failure; the next one begins all the same.
    this.#lastBegun = begun.catch(() => undefined);
    return begun;
  }

  /**
   * Decides whether these published checkpoints may go; none: only what nobody needs of `shared/`. Throws
   * CHECKPOINT_DAMAGED when any checkpoint's `_metadata` cannot be read: then nothing may be deleted. What a job of
   * another directory claimed stays, unless it is `by` that deletes.
   */
  async permitDeletion(
    checkpointIds: readonly number[],
    by: Claim | null = null,
  ): Promise<DeletePermit> {
    return this.#guarded(async () =>
      decideDeletion(this.#files, this.paths, this.#shared, checkpointIds, by, this.#useOf),
    );
  }

  /** Of all checkpoints of the directory. */
  async listHolds(): Promise<readonly Hold[]> {
    return this.#guarded(async () => listHolds(this.#files, this.paths));
  }

  /** From now on nobody deletes the checkpoint. Repeating it is fine. */
  async placeHold(hold: Hold): Promise<void> {
    await this.#guarded(async () =>
      placeHold(this.#files, this.paths, this.#nextRecordPath(), hold),
    );
  }

  /** Of this reason only: another hold of the checkpoint stays. Repeating it is fine. */
  async releaseHold(hold: Hold): Promise<void> {
    await this.#guarded(async () =>
      removeHold(this.#files, this.paths, this.paths.deleted(this.generation), hold),
    );
  }

  /** ALREADY_RUNNING when somebody works in that other job directory. */
  async requireUnused(jobDirectory: string): Promise<UnusedDirectory> {
    return requireUnused(this.#options, jobDirectory);
  }

  /**
   * Makes what lies at `path`, outside of this directory, the property of `lineage`; durable when it resolves. `unused`: what
   * `requireUnused` said of the directory around it; ALREADY_RUNNING, and no claim, when somebody came since.
   */
  async claim(path: string, lineage: string, unused: UnusedDirectory | null = null): Promise<void> {
    await this.requireNewest();
    const claim = {jobDirectory: this.jobDirectory, lineage};
    await writeClaim(this.#files, path, claim);
    if (unused === null) return;
    try {
      await requireStillUnused(this.#files, unused);
    } catch (error) {
      await this.withdrawClaim(path, lineage);
      throw error;
    }
  }

  /** Of a claim whose lineage is not recorded. FENCED: a successor may go on with it. */
  async withdrawClaim(path: string, lineage: string): Promise<void> {
    await this.requireNewest();
    await withdrawClaim(this.#files, path, {jobDirectory: this.jobDirectory, lineage});
  }

  /** `lineage` goes back to what lies at `path`, outside of this directory, until `removeUseMark`. Repeating it is fine. */
  async placeUseMark(path: string, lineage: string): Promise<void> {
    await this.requireNewest();
    const {host, pidNamespace} = this.#options.processes.self();
    const {jobDirectory, generation} = this;
    const mark = {jobDirectory, lineage, generation, host, pidNamespace};
    await placeUseMark(this.#files, path, mark);
  }

  /** Once `lineage` has a checkpoint of its own. Repeating it is fine. */
  async removeUseMark(path: string, lineage: string): Promise<void> {
    await this.requireNewest();
    await removeUseMark(this.#files, path, lineage);
  }

  /** The job of another directory that goes back to what lies there; null: none. */
  async useOf(path: string): Promise<CheckpointUse | null> {
    return this.#guarded(async () => this.#useOf(path));
  }

  /** Removes what `lineage` claimed. Only once it has a checkpoint of its own. */
  async removeClaimed(path: string, lineage: string): Promise<ClaimRemoval> {
    await this.requireNewest();
    const claim = {jobDirectory: this.jobDirectory, lineage};
    return removeClaimed(this.#files, path, claim, this.#useOf, async (jobDirectory) =>
      takeOver({...this.#options, jobDirectory, kind: 'prune', takeOver: false}),
    );
  }

  /** Before a deletion for `by` takes the checkpoint away: whoever resumes here hears of it. Once. */
  async recordClaimed(checkpointId: number, by: Claim): Promise<void> {
    const read = await this.#guarded(async () =>
      readMetadata(this.#files, this.paths.checkpoint(checkpointId)),
    );
    if (read.kind !== 'read') throw nothingDeleted(this.paths, checkpointId);
    const {lineage} = read.metadata;
    const bytes = encodeClaimedRecord({checkpointId, lineage, by});
    await this.#linkRecord(this.generation, 'claimed', bytes);
  }

  /** A file in `shared/` is needed by no checkpoint and no attempt: the next deletion takes it away. */
  hasUnreferencedFiles(): boolean {
    return this.#shared.hasUnreferenced();
  }

  /** By their digests: what nobody needs of `shared/` and stays all the same. Before anything is deleted or swept. */
  spareFiles(names: Iterable<string>): void {
    this.#shared.spare(names);
  }

  /** Deletes what the permit names, and the shared files that nobody needs without it; doing it again is fine. */
  async deleteCheckpoints(permit: DeletePermit): Promise<DeletionReport> {
    return this.#guarded(async () =>
      performDeletion(this.#files, this.paths, this.generation, this.#shared, permit, this.#useOf),
    );
  }

  /**
   * Removes what lies in work/<G>/deleted/, and in `shared/` without being needed: left by older generations, or by a
   * delete that was cut short. While a checkpoint cannot be read, nothing goes from `shared/`.
   */
  async sweepDeleted(): Promise<void> {
    await this.#guarded(async () => {
      // A rename into deleted/ whose sync failed could come back, without what was removed below it.
      await this.#files.syncDirectory(this.paths.root);
      // Before anything of theirs goes, also of shared/.
      await putBackUsed(this.#files, this.paths, this.generation, this.#useOf);
      // First, because what lies in deleted/ says to `prune` that files in shared/ are its business.
      await this.#shared.sweep();
      const directory = this.paths.deleted(this.generation);
      for (const {name, kind} of await this.#files.list(directory)) {
        const path = `${directory}/${name}`;
        if (kind === 'directory') await removeTree(this.#files, path);
        else await unlessMissing(async () => this.#files.unlink(path));
      }
    });
  }

  readonly #useOf: LookForUse = async (directory) =>
    useOf(this.#files, directory, () => this.#options.processes.self());

  #attemptContext(): AttemptContext {
    const {paths, generation} = this;
    return {files: this.#files, paths, generation, shared: this.#shared};
  }

  /** Writes a record into work/<G>/, syncs it, links it to `owner/`, syncs `owner/`. */
  async #linkRecord(generation: number, mark: OwnerMark, bytes: Uint8Array): Promise<void> {
    const target = this.paths.ownerMark(generation, mark);
    const once = mark === 'lineage' || mark === 'claimed' || mark === 'end';
    assert(!once || !this.#recorded.has(mark), `${target} is written once`);
    await this.#guarded(async () => {
      const aside = this.#nextRecordPath();
      await writeDurableBytes(this.#files, aside, bytes);
      try {
        await this.#files.link(aside, target);
      } catch (error) {
        // Nobody else writes records of this generation: an earlier call linked it and its reply was lost.
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
      await this.#files.syncDirectory(this.paths.ownerDirectory);
      await this.#files.unlink(aside);
    });
    this.#recorded.add(mark);
  }

  #nextRecordPath(): string {
    this.#recordCount += 1;
    return this.paths.workRecord(this.generation, this.#recordCount);
  }

  async #guarded<T>(act: () => Promise<T>): Promise<T> {
    assert(!this.#superseded, `generation ${this.generation} is superseded`);
    return guard(this.#files, this.paths, this.generation, act);
  }
}

/** Runs `act`; a system error becomes FENCED or STORAGE_FAILED. */
async function guard<T>(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof EngineError || systemErrorCode(error) === null) throw error;
    throw await fencedOr(files, paths, generation, error);
  }
}
