// One savepoint in a directory of the user's, from its hidden directory to the rename that makes it exist:
//
//   1. the target directory and its missing parents are made; the hidden directory in it: so a target that cannot be
//      written is known before the job does anything
//   2. state files are written and synced below `directory`
//   3. `_metadata`, SHA256SUMS, all directories: seal-checkpoint.ts
//   4. rename to the savepoint's name; sync the target directory and everything above it
//   5. only then may anybody be told
//
// Whatever fails, nothing visible is left behind. A crash leaves the hidden directory, which the job's next savepoint
// into the same target removes: it carries the job's id and a generation, and older generations write no more.

import {assert} from '../base/assert.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {failpoint} from '../base/failpoint.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {deriveCheckpointState} from './derive-checkpoint-state.ts';
import {removeTree} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {
  baseName,
  parentOf,
  parseSavepointName,
  parseUnfinishedSavepoint,
  unfinishedSavepointName,
} from './paths.ts';
import {sealCheckpoint, type SealedCheckpoint} from './seal-checkpoint.ts';
import {storageFailed} from './storage-error.ts';
import {syncAbove} from './sync-above.ts';

export interface SavepointPlace {
  /** Absolute path of the savepoint itself, as `savepointName` named it. */
  readonly path: string;
  /** 32 hexadecimal digits. */
  readonly jobId: string;
  readonly generation: number;
}

type AttemptState = 'open' | 'publishing' | 'published' | 'failed' | 'discarded';

export class SavepointAttempt {
  /** Absolute; the savepoint's own, once it is published. */
  readonly path: string;
  /** Absolute; state files go below it as `stateFilePath` says. */
  readonly directory: string;
  readonly #files: FileSystem;
  readonly #made: ReadonlySet<string>;
  #state: AttemptState = 'open';

  private constructor(files: FileSystem, path: string, directory: string, made: Set<string>) {
    this.#files = files;
    this.path = path;
    this.directory = directory;
    this.#made = made;
  }

  /** REFUSED when something else than a directory is in the way; STORAGE_FAILED when it cannot be written. */
  static async begin(files: FileSystem, place: SavepointPlace): Promise<SavepointAttempt> {
    const {path, jobId, generation} = place;
    const random = parseSavepointName(baseName(path));
    assert(random !== null, `the name of a savepoint: ${path}`);
    const target = parentOf(path);
    const made = new Set<string>();
    await makeWithParents(files, target, made);
    const directory = `${target}/${unfinishedSavepointName(jobId, generation, random)}`;
    try {
      await sweep(files, target, place);
      await files.makeDirectory(directory);
    } catch (error) {
      throw failed('making the savepoint in', target, error);
    }
    return new SavepointAttempt(files, path, directory, made);
  }

  /** Once; after a failure only `discard`. */
  async publish(metadata: CheckpointMetadata): Promise<SealedCheckpoint> {
    assert(this.#state === 'open', `publish of a savepoint that is ${this.#state}`);
    assert(metadata.kind === 'savepoint', 'a savepoint says so');
    this.#state = 'failed';
    try {
      const sealed = await sealCheckpoint(this.#files, this.directory, metadata);
      this.#state = 'publishing';
      await this.#rename();
      this.#state = 'published';
      return sealed;
    } catch (error) {
      throw failed('writing the savepoint', this.path, error);
    }
  }

  /** Removes what was written, also after a failed publish; repeating it is fine. */
  async discard(): Promise<void> {
    if (this.#state === 'published' || this.#state === 'discarded') return;
    const mayBeThere = this.#state === 'publishing';
    this.#state = 'discarded';
    try {
      if (mayBeThere) await this.#takeBack();
      await removeTree(this.#files, this.directory);
    } catch (error) {
      throw failed('removing the unfinished savepoint', this.directory, error);
    }
  }

  async #rename(): Promise<void> {
    const files = this.#files;
    // A rename would replace an empty directory without a word.
    if (await isThere(files, this.path)) {
      throw new EngineError('REFUSED', `${this.path} is there already`, {file: this.path});
    }
    failpoint('storage.savepoint.before-rename');
    await files.rename(this.directory, this.path);
    failpoint('storage.savepoint.after-rename');
    await syncAbove(files, parentOf(this.path), this.#made);
  }

  /** The rename may have happened, and may not be durable: nobody was told of it, so it goes. */
  async #takeBack(): Promise<void> {
    const files = this.#files;
    if (await isThere(files, this.directory)) return;
    try {
      await files.rename(this.path, this.directory);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
    await files.syncDirectory(parentOf(this.path));
  }
}

export type FoundSavepoint =
  | {readonly kind: 'absent'}
  /** Whole, and durable once this has been said. */
  | {readonly kind: 'there'; readonly bytes: number}
  | {readonly kind: 'other'};

/** Is the savepoint of checkpoint `id` of `lineage` at `path`? A run that died may have made it. */
export async function findSavepoint(
  files: FileSystem,
  path: string,
  of: {readonly lineage: string; readonly checkpointId: number},
): Promise<FoundSavepoint> {
  try {
    if (!(await isThere(files, path))) return {kind: 'absent'};
    const state = await deriveCheckpointState(files, path);
    if (state.kind !== 'complete') return {kind: 'other'};
    const {kind, lineage, checkpointId} = state.metadata;
    const isIt = kind === 'savepoint' && lineage === of.lineage && checkpointId === of.checkpointId;
    if (!isIt) return {kind: 'other'};
    // Renamed, and perhaps not synced: everything in it was, before the rename.
    await syncAbove(files, parentOf(path), new Set());
    return {kind: 'there', bytes: state.bytes};
  } catch (error) {
    throw failed('looking for the savepoint', path, error);
  }
}

/** Removes what older generations of this job left unfinished in `target`. */
async function sweep(
  files: FileSystem,
  target: string,
  {jobId, generation}: SavepointPlace,
): Promise<void> {
  for (const {name, kind} of await files.list(target)) {
    const parsed = parseUnfinishedSavepoint(name);
    if (parsed === null || kind !== 'directory' || parsed.jobId !== jobId) continue;
    if (parsed.generation < generation) await removeTree(files, `${target}/${name}`);
  }
}

/** Also adds to `made` what it made, topmost first. REFUSED when something else is in the way. */
export async function makeWithParents(
  files: FileSystem,
  directory: string,
  made: Set<string>,
): Promise<void> {
  const missing: string[] = [];
  try {
    for (let path = directory; path !== '/'; path = parentOf(path)) {
      const kind = await kindOf(files, path);
      if (kind === 'directory') break;
      if (kind !== null) {
        throw new EngineError('REFUSED', `${path} is not a directory`, {
          file: path,
          hint: 'Name a directory for savepoints: it is made when it is missing.',
        });
      }
      missing.unshift(path);
    }
    for (const path of missing) {
      try {
        await files.makeDirectory(path);
      } catch (error) {
        // Another savepoint may be quicker.
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
      made.add(path);
    }
  } catch (error) {
    throw failed('making the directory', directory, error);
  }
}

/** Of what a link leads to; null: nothing is there. */
async function kindOf(files: FileSystem, path: string): Promise<string | null> {
  try {
    const {kind} = await files.status(path);
    if (kind !== 'link') return kind;
    await files.list(`${path}/.`);
    return 'directory';
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return null;
    if (code === 'ENOTDIR') return 'other';
    throw error;
  }
}

async function isThere(files: FileSystem, path: string): Promise<boolean> {
  try {
    await files.status(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function failed(doing: string, path: string, error: unknown): unknown {
  return systemErrorCode(error) === null ? error : storageFailed(doing, path, error);
}
