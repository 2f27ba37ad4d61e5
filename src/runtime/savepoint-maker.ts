// Savepoints of one run of the process: where they go, and how they come about from a checkpoint. What one is made from
// is in use until it exists durably: retention keeps it, also over a restart of the deployment.

import type {Clock} from '../base/clock.ts';
import {EngineError, messageOf} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import type {Random} from '../base/random.ts';
import type {SavepointRecord} from '../checkpoint/checkpoint-metadata.ts';
import type {JobSpec} from '../job/job-spec.ts';
import {writeSavepoint, type ConvertState} from '../savepoints/write-savepoint.ts';
import {deriveCheckpointState} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {join, savepointName} from '../storage/paths.ts';
import {findSavepoint, SavepointAttempt} from '../storage/savepoint-attempt.ts';
import type {CompletedCheckpoint} from './checkpoint-driver.ts';
import type {SavepointFormat, SavepointTarget, TakenSavepoint} from './job-commands.ts';
import {jobIdOf} from './job-id.ts';

export interface SavepointMakerOptions {
  readonly job: JobSpec;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly convert: ConvertState;
  /** A savepoint exists durably; the checkpoint's facts with its own path and size. */
  readonly taken: (savepoint: CompletedCheckpoint, format: SavepointFormat) => void;
  readonly warning: (code: string, message: string) => void;
}

/** Which run writes: its lineage makes the job's id, its generation tells whose leftovers may go. */
export interface SavepointWriter {
  readonly lineage: string;
  readonly generation: number;
}

/** A savepoint that has a place and no content. */
export interface PlannedSavepoint {
  readonly record: SavepointRecord;
  readonly attempt: SavepointAttempt;
  /** Monotonic milliseconds. */
  readonly askedAt: number;
}

/** What a savepoint is made from. */
export type SavepointBase = Pick<
  CompletedCheckpoint,
  'id' | 'path' | 'stats' | 'subtasks' | 'purpose'
>;

export class SavepointMaker {
  readonly #options: SavepointMakerOptions;
  /** By checkpoint: how many savepoints are being made from it. */
  readonly #inUse = new Map<number, number>();
  #generation: number | null = null;

  constructor(options: SavepointMakerOptions) {
    this.#options = options;
  }

  /** Checkpoints that may not be deleted, as they are at each look. */
  get inUse(): ReadonlyMap<number, number> {
    return this.#inUse;
  }

  /**
   * Makes its place: a target that cannot be written is refused before anything is taken. USAGE when there is none,
   * REFUSED, STORAGE_FAILED.
   */
  async plan(target: SavepointTarget, writer: SavepointWriter): Promise<PlannedSavepoint> {
    const {random, job} = this.#options;
    const directory = this.#directoryOf(target);
    const name = savepointName(jobIdOf(job.name, writer.lineage), random.hex(6));
    return this.#begin({path: join(directory, name), format: target.format}, writer);
  }

  /** Fills it from a published checkpoint whose output is committed. After a failure nothing of it is left. */
  async make(planned: PlannedSavepoint, base: SavepointBase): Promise<TakenSavepoint> {
    const release = this.hold(base.id);
    try {
      return await this.#make(planned, base);
    } finally {
      release();
    }
  }

  /** The savepoint of a drained stop that a run before this one did not get to; or did. */
  async complete(
    record: SavepointRecord,
    base: SavepointBase,
    writer: SavepointWriter,
  ): Promise<TakenSavepoint> {
    const {files, clock} = this.#options;
    const askedAt = clock.monotonicMillis();
    const of = {lineage: writer.lineage, checkpointId: base.id};
    const found = await findSavepoint(files, record.path, of);
    switch (found.kind) {
      case 'there':
        return this.#told(record, base, found.bytes, askedAt);
      case 'other':
        throw new EngineError(
          'REFUSED',
          `${record.path} is there and is not the savepoint of checkpoint ${base.id}`,
          {file: record.path, hint: 'Move it away, then run the job again.'},
        );
      case 'absent':
        return this.make(await this.#begin(record, writer), base);
    }
  }

  /** Nothing was made of it. What cannot be removed is hidden, and the next savepoint there tries again. */
  async discard({attempt}: PlannedSavepoint): Promise<void> {
    try {
      await attempt.discard();
    } catch (error) {
      this.#options.warning('SAVEPOINT', messageOf(error));
    }
  }

  /** Checkpoint `id` stays until the returned function is called. */
  hold(id: number): () => void {
    this.#inUse.set(id, (this.#inUse.get(id) ?? 0) + 1);
    return () => {
      const left = (this.#inUse.get(id) ?? 0) - 1;
      if (left > 0) this.#inUse.set(id, left);
      else this.#inUse.delete(id);
    };
  }

  async #begin(record: SavepointRecord, writer: SavepointWriter): Promise<PlannedSavepoint> {
    const {files, clock, job} = this.#options;
    const askedAt = clock.monotonicMillis();
    const jobId = jobIdOf(job.name, writer.lineage);
    // Of the process, not of the deployment: a restart goes on with what was begun before it.
    this.#generation ??= writer.generation;
    const place = {path: record.path, jobId, generation: this.#generation};
    return {record, attempt: await SavepointAttempt.begin(files, place), askedAt};
  }

  async #make(planned: PlannedSavepoint, base: SavepointBase): Promise<TakenSavepoint> {
    const {files, convert} = this.#options;
    const {attempt, record, askedAt} = planned;
    try {
      const state = await deriveCheckpointState(files, base.path);
      if (state.kind !== 'complete') {
        throw new EngineError(
          'CHECKPOINT_DAMAGED',
          `${base.path}, from which the savepoint is made, is ${state.kind}`,
          {
            file: base.path,
            hint: `see what is wrong: tidemark checkpoint verify ${shellWord(base.path)}`,
          },
        );
      }
      const source = {directory: base.path, metadata: state.metadata};
      const bytes = await writeSavepoint(files, source, attempt, record.format, convert);
      return this.#told(record, base, bytes, askedAt);
    } catch (error) {
      await this.discard(planned);
      throw error;
    }
  }

  #told(
    record: SavepointRecord,
    base: SavepointBase,
    bytes: number,
    askedAt: number,
  ): TakenSavepoint {
    const {clock, taken} = this.#options;
    const {path, format} = record;
    const durationMillis = clock.monotonicMillis() - askedAt;
    taken({...base, path, bytes, durationMillis}, format);
    return {id: base.id, path, bytes, durationMillis, format};
  }

  #directoryOf({directory}: SavepointTarget): string {
    const {savepointDirectory} = this.#options.job.checkpointing;
    const chosen = directory ?? savepointDirectory;
    if (chosen === null) {
      throw new EngineError(
        'USAGE',
        'no directory for the savepoint: none was named, and the job has none',
        {
          hint: 'name one, or set checkpointing.savepoint-dir in the job file',
        },
      );
    }
    if (!chosen.startsWith('/')) {
      throw new EngineError('USAGE', `the directory for the savepoint is not absolute: ${chosen}`);
    }
    return chosen.length > 1 ? chosen.replace(/\/+$/, '') : chosen;
  }
}
