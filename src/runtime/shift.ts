// One generation at work: who we are, what it began with, what it keeps, and how it ends in the directory.

import type {Clock} from '../base/clock.ts';
import {asEngineError, EngineError} from '../base/errors.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {RunEnd} from '../checkpoint/retention.ts';
import type {JobSpec} from '../job/job-spec.ts';
import {DRAINED_FACT, SAVEPOINT_FACT} from '../recovery/directory-facts.ts';
import type {CheckpointAttempt} from '../storage/attempt.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {Ownership} from '../storage/job-directory.ts';
import {assembleMetadata, type MetadataContext} from './assemble-metadata.ts';
import type {CompleteDecision} from './checkpoint-driver.ts';
import {ClaimRemoval} from './claim-removal.ts';
import {CheckpointRetention} from './retain-checkpoints.ts';
import {settleStep} from './settle-sinks.ts';
import type {JobStart} from './start-job.ts';

export interface ShiftOptions {
  readonly job: JobSpec;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly ownership: Ownership;
  readonly start: JobStart;
  /** Checkpoints that something is being made from. */
  readonly inUse: ReadonlyMap<number, number>;
  /** Retention deleted these. */
  readonly deleted: (ids: ReadonlySet<number>) => void;
  /** Retention could not delete, which leaves the job alone. */
  readonly notDeleted: (error: unknown) => void;
  /** A checkpoint brought the bytes of this file in `shared/` again, which was damaged. */
  readonly mended: (path: string) => void;
  /** What the lineage claimed is still there, and why. */
  readonly claimLeft: (path: string, why: string) => void;
}

/** What the end record tells the next run. */
export interface EndFacts {
  readonly lastCheckpointId: number | null;
  readonly savepoint: string | null;
  readonly drained: boolean;
}

export class Shift {
  readonly ownership: Ownership;
  readonly start: JobStart;
  readonly retention: CheckpointRetention;
  readonly #claim: ClaimRemoval;
  readonly #options: ShiftOptions;
  #published: CheckpointMetadata | null = null;

  constructor(options: ShiftOptions) {
    const {job, ownership, start, inUse, deleted} = options;
    this.#options = options;
    this.ownership = ownership;
    this.start = start;
    this.retention = new CheckpointRetention(job, ownership, start, inUse, deleted);
    this.#claim = new ClaimRemoval(ownership, start.record, options.claimLeft);
  }

  /** Resolves when the checkpoint exists durably and the generation's mark says so. */
  async publish(
    attempt: CheckpointAttempt,
    decision: CompleteDecision,
    stop: MetadataContext['stop'],
  ): Promise<{path: string; bytes: number}> {
    const {job, clock} = this.#options;
    const now = clock.wallMillis();
    const age = clock.monotonicMillis() - decision.triggeredAt;
    const times = {triggered: Math.round(now - age), completed: now};
    const {runId, generation} = this.ownership;
    const context = {...this.start.record, job, runId, generation, stop};
    const metadata = assembleMetadata(context, decision, times);
    const {path, bytes, mended} = await attempt.publish(metadata);
    for (const file of mended) this.#options.mended(file);
    this.#published = metadata;
    try {
      await this.retention.published(decision.id);
    } catch (error) {
      // It exists: calling it failed would be wrong, and going on without the mark too.
      const cause = asEngineError(error);
      throw new EngineError(cause.code, cause.message, {
        ...cause.details,
        cause,
        facts: {...cause.details.facts, outcome: 'undecided'},
      });
    }
    return {path, bytes};
  }

  /** Output up to and with checkpoint `id` is committed. */
  async committed(id: number): Promise<void> {
    this.#claim.begin();
    await this.#retain(async () => this.retention.committed(id));
  }

  /**
   * Every task has been ended somewhere: what its newest checkpoint prepared is committed, what is younger goes. A start
   * has done the same for the checkpoint that it began from.
   */
  async settle(): Promise<void> {
    const {files, job} = this.#options;
    const {lineage} = this.start.record;
    const newest = this.#published;
    await this.ownership.requireNewest();
    const step = {
      lineage,
      commit: newest,
      keepPreparedBy: newest,
      directoriesOf: newest === null ? [] : [newest],
      mark: null,
      why: 'finished-lineage',
    } as const;
    await settleStep(files, job, step, this.ownership.generation);
    if (newest !== null) await this.committed(newest.checkpointId);
  }

  /** Everything is committed. The record of a run that nobody resumes unasked. */
  async end(how: Exclude<RunEnd, 'failed'>, facts: EndFacts): Promise<void> {
    await this.idle();
    await this.ownership.recordLineageOf(this.start.record);
    await this.ownership.markSettled(this.ownership.generation);
    const {lastCheckpointId, savepoint, drained} = facts;
    await this.ownership.writeEnd(how, {
      ...(lastCheckpointId === null ? {} : {last_checkpoint_id: lastCheckpointId}),
      ...(savepoint === null ? {} : {[SAVEPOINT_FACT]: savepoint}),
      ...(drained ? {[DRAINED_FACT]: true} : {}),
    });
    await this.#retain(async () => this.retention.ended(how, savepoint !== null));
  }

  /** It is resumable, with or without a record. */
  async endUnfinished(how: 'failed' | 'interrupted'): Promise<void> {
    // The next generation was begun and not reached: without an end record the run counts as crashed.
    if (this.ownership.superseded) return;
    await this.idle();
    await this.ownership.writeEnd(how, {});
  }

  /** Resolves when nothing is being deleted. */
  async idle(): Promise<void> {
    await this.retention.idle();
    await this.#claim.idle();
  }

  /** Retention that cannot delete leaves the job alone, unless somebody else is the owner. */
  async #retain(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof EngineError && error.code === 'FENCED') throw error;
      this.#options.notDeleted(error);
    }
  }
}
