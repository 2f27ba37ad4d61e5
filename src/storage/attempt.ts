// One attempt at a checkpoint, from its pending directory to the rename that makes it exist:
//
//   1. state files are written and synced below `directory` by whoever holds the state; those that later checkpoints
//      may refer to are set apart (share-file.ts), and linked into shared/ when the publish begins (shared-directory.ts)
//   2. and 3. `_metadata` and SHA256SUMS are written, everything is synced (seal-checkpoint.ts)
//   4. rename work/<G>/pending/chk-N → chk-N; sync the job directory
//   5. only then may anybody be told

import {assert} from '../base/assert.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {failpoint} from '../base/failpoint.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {removeTree} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {checkpointName, type JobPaths} from './paths.ts';
import {sealCheckpoint, type SealedCheckpoint} from './seal-checkpoint.ts';
import type {SharedDirectory} from './shared-directory.ts';
import {fencedOr} from './take-over.ts';

export interface AttemptContext {
  readonly files: FileSystem;
  readonly paths: JobPaths;
  readonly generation: number;
  readonly shared: SharedDirectory;
}

export interface PublishedCheckpoint extends SealedCheckpoint {
  readonly checkpointId: number;
  /** Absolute. */
  readonly path: string;
  readonly metadata: CheckpointMetadata;
  /** Absolute: files in `shared/` that were damaged, and are whole since it brought their bytes again. */
  readonly mended: readonly string[];
}

/**
 * A failed publish throws FENCED, or STORAGE_FAILED with `details.facts.outcome`: `not-published` (the job may
 * go on) or `undecided` (only the next run can tell: stop, and leave the sinks' temporaries in place).
 */
export type PublishOutcome = 'not-published' | 'undecided';

type AttemptState = 'open' | 'publishing' | 'published' | 'failed' | 'aborted';

export class CheckpointAttempt {
  readonly checkpointId: number;
  /** Absolute; state files go below it as `stateFilePath` says. */
  readonly directory: string;
  /** A file in `shared/`, absolute, that it may not refer to: what is written for it is all state. Null: none. */
  readonly lacking: string | null;
  readonly #context: AttemptContext;
  #state: AttemptState = 'open';

  private constructor(context: AttemptContext, checkpointId: number, lacking: string | null) {
    this.#context = context;
    this.checkpointId = checkpointId;
    this.lacking = lacking;
    this.directory = context.paths.attempt(context.generation, checkpointId);
  }

  static async begin(context: AttemptContext, checkpointId: number): Promise<CheckpointAttempt> {
    try {
      const lacking = await context.shared.begin(checkpointId);
      const attempt = new CheckpointAttempt(context, checkpointId, lacking);
      await context.files.makeDirectory(attempt.directory);
      return attempt;
    } catch (error) {
      context.shared.ended(checkpointId);
      throw error;
    }
  }

  /** All state files are durable and named in `metadata`. Once; after a failure only `abort`. */
  async publish(metadata: CheckpointMetadata): Promise<PublishedCheckpoint> {
    assert(this.#state === 'open', `publish of an attempt that is ${this.#state}`);
    assert(metadata.checkpointId === this.checkpointId, 'metadata of another checkpoint');
    assert(metadata.generation === this.#context.generation, 'metadata of another generation');
    this.#state = 'publishing';
    try {
      const published = await this.#prepare(metadata);
      await this.#rename();
      this.#context.shared.published(metadata);
      this.#state = 'published';
      return published;
    } finally {
      if (this.#state === 'publishing') this.#state = 'failed';
    }
  }

  /**
   * Removes what was written, and nothing that lies in `shared/`. After a failed publish too; repeating it is fine.
   * FENCED when taken over.
   */
  async abort(): Promise<void> {
    assert(this.#state !== 'published' && this.#state !== 'publishing', `abort: ${this.#state}`);
    if (this.#state === 'aborted') return;
    this.#state = 'aborted';
    const {files, paths, generation, shared} = this.#context;
    shared.ended(this.checkpointId);
    const deleted = `${paths.deleted(generation)}/${checkpointName(this.checkpointId)}`;
    try {
      await files.rename(this.directory, deleted);
      await removeTree(files, deleted);
    } catch (error) {
      const failure = await fencedOr(files, paths, generation, error);
      // A publish whose outcome is undecided, or that was renamed back, has no pending directory.
      if (failure.code === 'STORAGE_FAILED' && systemErrorCode(error) === 'ENOENT') return;
      throw failure;
    }
  }

  /** Steps 2 and 3, after what is shared has its place. */
  async #prepare(metadata: CheckpointMetadata): Promise<PublishedCheckpoint> {
    const {files, paths, shared} = this.#context;
    try {
      const mended = await shared.share(metadata, this.directory);
      failpoint('storage.publish.before-metadata');
      const sealed = await sealCheckpoint(files, this.directory, metadata);
      await shared.sync(metadata);
      const path = paths.checkpoint(this.checkpointId);
      return {checkpointId: this.checkpointId, path, metadata, mended, ...sealed};
    } catch (error) {
      throw await this.#failure(error, 'not-published');
    }
  }

  /** Step 4. */
  async #rename(): Promise<void> {
    const {files, paths} = this.#context;
    const target = paths.checkpoint(this.checkpointId);
    failpoint('storage.publish.before-rename');
    try {
      await files.rename(this.directory, target);
    } catch (error) {
      const code = systemErrorCode(error) ?? '';
      // These say that nothing was renamed; of any other failure nobody knows.
      const refused = ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS'].includes(code);
      throw await this.#failure(error, refused ? 'not-published' : 'undecided');
    }
    failpoint('storage.publish.after-rename');
    try {
      await files.syncDirectory(paths.root);
    } catch (error) {
      throw await this.#failure(error, await this.#takeBack(target));
    }
  }

  /** The rename happened and may not be durable: undo it, durably, or leave it to the next run to look. */
  async #takeBack(target: string): Promise<PublishOutcome> {
    const {files, paths, generation} = this.#context;
    try {
      const deleted = `${paths.deleted(generation)}/${checkpointName(this.checkpointId)}`;
      await files.rename(target, deleted);
      await files.syncDirectory(paths.root);
      return 'not-published';
    } catch {
      return 'undecided';
    }
  }

  async #failure(error: unknown, outcome: PublishOutcome): Promise<EngineError> {
    if (systemErrorCode(error) === null && !(error instanceof EngineError)) throw error;
    const {files, paths, generation} = this.#context;
    return fencedOr(files, paths, generation, error, {outcome, checkpoint_id: this.checkpointId});
  }
}
