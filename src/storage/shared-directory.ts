// The files in `shared/` of one job directory, for the generation that owns it: only a generation behind the fence puts
// files there for good or takes them away. Who needs which is shared-references.ts's to know.
//
//   shared/ab/<sha256>      written once, never changed; its name says its content
//
// Share, as part of a publish:
//   1. register what the attempt brings; wait while one of these is just being removed
//   2. make shared/ and shared/ab/; link each file out of the attempt (ENOENT for a process that was taken over);
//      EEXIST: what is there is read. It is the content, or it is damaged: then the attempt's own file takes its place,
//      by a rename, which mends every checkpoint that refers to it
//   3. what the attempt refers to and does not bring is there, with its length: it was looked for when the attempt began, too,
//      while it could still be told to bring all
//   4. sync each shared/ab/ in which a file was linked or found by its link, then shared/ and the job directory when
//      a directory in it was made or found. Referred files need none: their own checkpoint's publish was synced
//
// Remove, after checkpoints were renamed away and the job directory was synced: what nobody needs is renamed into
// work/<G>/deleted/ (ENOENT for a process that was taken over), then unlinked. Without a sync: a file that comes back
// after a power loss is whole, and needed by nobody.

import {assert} from '../base/assert.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import {checkFile} from './check-file.ts';
import {readMetadata, statusOrNull} from './derive-checkpoint-state.ts';
import {unlessMissing} from './durable-file.ts';
import type {FileStatus, FileSystem} from './file-system.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {isSharedName, parseCheckpointName, toShareDirectory, type JobPaths} from './paths.ts';
import {SharedReferences, type SharedFiles} from './shared-references.ts';

export class SharedDirectory {
  readonly #files: FileSystem;
  readonly #paths: JobPaths;
  readonly #generation: number;
  readonly #references = new SharedReferences();
  /** Directories that were made, or found, since the generation began. */
  readonly #made = new Map<string, Promise<void>>();
  /** Changes in a directory, and how many of them a sync has made durable. */
  readonly #changes = new Map<string, {made: number; synced: number}>();
  #loaded: Promise<void> | null = null;
  /** A checkpoint could not be read when this generation began: nobody knows what it needs. */
  #isUnreadable = false;
  #removal: Promise<void> = Promise.resolve();

  constructor(files: FileSystem, paths: JobPaths, generation: number) {
    this.#files = files;
    this.#paths = paths;
    this.#generation = generation;
  }

  /**
   * The attempt begins: from here on all that a completed checkpoint refers to stays for it. Returns the path of a file that
   * it would refer to and that is not there, or of another length: it has to bring all of its state. Null: it may refer.
   */
  async begin(checkpointId: number): Promise<string | null> {
    await this.#load();
    this.#references.begun(checkpointId);
    for (const [sha256, length] of this.#references.referable()) {
      if (!isThere(await this.#statusOf(sha256), length)) return this.#paths.sharedFile(sha256);
    }
    return null;
  }

  /** Nothing will be published of the attempt. Removes nothing: an earlier checkpoint may have the same files. */
  ended(checkpointId: number): void {
    this.#references.ended(checkpointId);
  }

  /**
   * Steps 1 to 3. Every shared file that `metadata` names is in its place when it resolves. CHECKPOINT_DAMAGED when one
   * is not what it has to be, REFUSED when something is in the way of a directory, or a system error. Returns the paths of
   * those that were damaged and are whole now.
   */
  async share(metadata: CheckpointMetadata, attemptDirectory: string): Promise<readonly string[]> {
    const {shared} = distinctFilesOf(metadata);
    const mended: string[] = [];
    if (shared.length === 0) return mended;
    const {checkpointId} = metadata;
    const brought = new Set(await namesIn(this.#files, toShareDirectory(attemptDirectory)));
    const bring = shared.filter(({sha256}) => brought.has(sha256));
    this.#references.brings(
      checkpointId,
      bring.map(({sha256}) => sha256),
    );
    for (const file of bring) {
      if (await this.#link(file, attemptDirectory)) continue;
      mended.push(await this.#replace(file, attemptDirectory));
    }
    const referred = shared.filter(({sha256}) => !brought.has(sha256));
    if (referred.length === 0) return mended;
    // A successor has taken the attempt away, and perhaps what it refers to: ENOENT, which says so.
    await this.#files.status(attemptDirectory);
    for (const file of referred) {
      assert(
        this.#references.mayRefer(checkpointId, file.sha256),
        `checkpoint ${checkpointId} refers to ${file.sha256}, which no completed checkpoint here has`,
      );
      await this.#requireThere(file);
    }
    return mended;
  }

  /** Step 4, once every file of the checkpoint is in its place. */
  async sync(metadata: CheckpointMetadata): Promise<void> {
    const {shared} = distinctFilesOf(metadata);
    const directories = new Set(shared.map(({sha256}) => this.#paths.sharedSubdirectory(sha256)));
    for (const directory of directories) await this.#syncChanges(directory);
    await this.#syncChanges(this.#paths.sharedDirectory);
    await this.#syncChanges(this.#paths.root);
  }

  /** It exists; not before, and before anything else can be deleted. */
  published(metadata: CheckpointMetadata): void {
    this.#references.published(metadata.checkpointId, sharedFilesOf(metadata));
  }

  /** What is there of which checkpoint, as it was read before something is deleted. */
  learnt(checkpointId: number, metadata: CheckpointMetadata): void {
    this.#references.learnt(checkpointId, sharedFilesOf(metadata));
  }

  /** Their renames into deleted/ are durable, and every other checkpoint could be read. */
  async removeWithout(deletedIds: readonly number[]): Promise<void> {
    await this.#load();
    for (const id of deletedIds) this.#references.deleted(id);
    const removal = this.#removal.then(async () => this.#removeUnreferenced());
    // Whoever waits for a file that goes looks again; the failure is the caller's.
    this.#removal = removal.catch(() => undefined);
    await removal;
  }

  /** What dead attempts and deletions that were cut short left behind. The job directory is synced. */
  async sweep(): Promise<void> {
    await this.#load();
    if (!this.#isUnreadable && this.hasUnreferenced()) await this.removeWithout([]);
  }

  /** By their digests: this generation leaves them where they are, also when nobody needs them. */
  spare(names: Iterable<string>): void {
    for (const name of names) this.#references.spare(name);
  }

  /** Something lies there that nobody needs. False until it is known. */
  hasUnreferenced(): boolean {
    return this.#references.unreferenced().length > 0;
  }

  /** Once: what lies there, and who needs it. A generation that shares nothing pays one look. */
  async #load(): Promise<void> {
    this.#loaded ??= this.#look();
    try {
      await this.#loaded;
    } catch (error) {
      this.#loaded = null;
      throw error;
    }
  }

  async #look(): Promise<void> {
    const {sharedDirectory, root} = this.#paths;
    if ((await statusOrNull(this.#files, sharedDirectory))?.kind !== 'directory') return;
    for (const name of await sharedNames(this.#files, this.#paths)) this.#references.found(name);
    for (const {name} of await this.#files.list(root)) {
      const id = parseCheckpointName(name);
      if (id === null) continue;
      const read = await readMetadata(this.#files, this.#paths.checkpoint(id));
      if (read.kind === 'read') this.learnt(id, read.metadata);
      else if (read.kind !== 'foreign' && read.kind !== 'gone') this.#isUnreadable = true;
    }
  }

  /** False: what is there is damaged. */
  async #link(file: FileState, attemptDirectory: string): Promise<boolean> {
    const {sha256, length} = file;
    const source = `${toShareDirectory(attemptDirectory)}/${sha256}`;
    const {size} = await this.#files.status(source);
    assert(size === length, `${source} has ${size} bytes, its handle says ${length}`);
    const directory = this.#paths.sharedSubdirectory(sha256);
    await this.#makeDirectory(this.#paths.sharedDirectory, this.#paths.root);
    await this.#makeDirectory(directory, this.#paths.sharedDirectory);
    // It is registered, so no later removal takes it.
    if (this.#references.isLeaving(sha256)) await this.#removal;
    try {
      await this.#files.link(source, this.#paths.sharedFile(sha256));
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
      if (!(await this.#isWhole(file))) return false;
    }
    // Also when it was there: whoever linked it may have died before it synced.
    this.#changed(directory);
    return true;
  }

  /** CHECKPOINT_DAMAGED when it is no file. */
  async #isWhole(file: FileState): Promise<boolean> {
    const path = this.#paths.sharedFile(file.sha256);
    const {kind, size} = await this.#files.status(path);
    if (kind !== 'file') await this.#requireThere(file);
    if (size !== file.length) return false;
    const {findings, unreadable} = await checkFile(this.#files, {
      ...{path, expected: file},
      below: this.#paths.root,
    });
    // Also what cannot be read: its bytes are in hand once more.
    return findings.length === 0 && unreadable === null;
  }

  /** Each name leads to the damaged file or to the whole one, at every moment; returns its path. */
  async #replace({sha256}: FileState, attemptDirectory: string): Promise<string> {
    const source = `${toShareDirectory(attemptDirectory)}/${sha256}`;
    const path = this.#paths.sharedFile(sha256);
    // The attempt's own place stays: it says whose file that is, until `_metadata` does.
    await this.#files.link(source, `${source}.again`);
    await this.#files.rename(`${source}.again`, path);
    this.#changed(this.#paths.sharedSubdirectory(sha256));
    return path;
  }

  async #statusOf(sha256: string): Promise<FileStatus | null> {
    return statusOrNull(this.#files, this.#paths.sharedFile(sha256));
  }

  async #requireThere({sha256, length}: FileState): Promise<void> {
    const path = this.#paths.sharedFile(sha256);
    const status = await this.#statusOf(sha256);
    if (isThere(status, length)) return;
    const found = status === null ? 'missing' : `a ${status.kind} of ${status.size} bytes`;
    throw new EngineError(
      'CHECKPOINT_DAMAGED',
      `${path} is ${found}; the checkpoints that refer to it need ${length} bytes`,
      {
        file: path,
        hint: 'Run `tidemark checkpoint verify` on the job to see which checkpoints that concerns; move the file away when it is of none.',
        facts: {expected: length, found: status?.size ?? null},
      },
    );
  }

  /** Once for each generation, also when it is there: who made it may have died before it synced. */
  async #makeDirectory(directory: string, parent: string): Promise<void> {
    const making = this.#made.get(directory) ?? this.#makeOrFind(directory, parent);
    this.#made.set(directory, making);
    try {
      await making;
    } catch (error) {
      this.#made.delete(directory);
      throw error;
    }
  }

  async #makeOrFind(directory: string, parent: string): Promise<void> {
    try {
      await this.#files.makeDirectory(directory);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
      if ((await this.#files.status(directory)).kind !== 'directory') {
        throw new EngineError('REFUSED', `${directory} is not a directory`, {
          file: directory,
          hint: 'A link is not followed. Move it away.',
        });
      }
    }
    this.#changed(parent);
  }

  #changed(directory: string): void {
    const changes = this.#changes.get(directory) ?? {made: 0, synced: 0};
    changes.made += 1;
    this.#changes.set(directory, changes);
  }

  /** A change that comes while it syncs is not counted as durable. */
  async #syncChanges(directory: string): Promise<void> {
    const changes = this.#changes.get(directory);
    if (changes === undefined || changes.synced === changes.made) return;
    const {made} = changes;
    await this.#files.syncDirectory(directory);
    changes.synced = Math.max(changes.synced, made);
  }

  async #removeUnreferenced(): Promise<void> {
    const names = this.#references.takeUnreferenced();
    let removed = 0;
    try {
      for (const name of names) {
        await this.#remove(name);
        this.#references.left(name, true);
        removed += 1;
      }
    } finally {
      for (const name of names.slice(removed)) this.#references.left(name, false);
    }
  }

  async #remove(name: string): Promise<void> {
    const deleted = this.#paths.deleted(this.#generation);
    const aside = `${deleted}/${name}`;
    try {
      await this.#files.rename(this.#paths.sharedFile(name), aside);
    } catch (error) {
      const gone =
        systemErrorCode(error) === 'ENOENT' &&
        (await statusOrNull(this.#files, this.#paths.sharedFile(name))) === null &&
        (await statusOrNull(this.#files, deleted)) !== null;
      // Without our deleted/ we were taken over.
      if (!gone) throw error;
    }
    await unlessMissing(async () => this.#files.unlink(aside));
  }
}

/** What lies in `shared/`; names that are none of ours are left alone. A link in its place is not followed. */
export async function sharedNames(files: FileSystem, paths: JobPaths): Promise<readonly string[]> {
  const names: string[] = [];
  if ((await statusOrNull(files, paths.sharedDirectory))?.kind !== 'directory') return names;
  for (const {name: digits, kind} of await listIfThere(files, paths.sharedDirectory)) {
    if (kind !== 'directory') continue;
    for (const {name, kind: inner} of await listIfThere(
      files,
      `${paths.sharedDirectory}/${digits}`,
    )) {
      const isOurs = isSharedName(name) && name.slice(0, 2) === digits;
      if (isOurs && inner !== 'directory') names.push(name);
    }
  }
  return names;
}

function isThere(status: FileStatus | null, length: number): boolean {
  return status?.kind === 'file' && status.size === length;
}

function sharedFilesOf(metadata: CheckpointMetadata): SharedFiles {
  return new Map(distinctFilesOf(metadata).shared.map(({sha256, length}) => [sha256, length]));
}

/** None when there is no such directory. */
export async function namesIn(files: FileSystem, directory: string): Promise<readonly string[]> {
  return (await listIfThere(files, directory)).map(({name}) => name);
}

async function listIfThere(files: FileSystem, directory: string): ReturnType<FileSystem['list']> {
  try {
    return await files.list(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
