// Deleting a savepoint that its owner does not want any more. Everything is looked at first: what is no savepoint,
// holds something else, or is what a job began from and may go back to, stays. Then one rename takes it away, and a crash after
// that leaves a directory that nobody takes for a savepoint.

import {EngineError} from '../base/errors.ts';
import type {Random} from '../base/random.ts';
import {shellWord} from '../base/shell-word.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {PruneReason} from '../checkpoint/prune.ts';
import {readClaim} from '../storage/claims.ts';
import {readMetadata} from '../storage/derive-checkpoint-state.ts';
import {removeTree} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {isSavepointHeld} from '../storage/holds.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  disposedName,
  isMarkName,
  join,
  METADATA_FILE,
  parentOf,
} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {whyUsed} from '../storage/use-marks.ts';
import {useIn, userOf} from './job-origins.ts';
import type {RegisteredJob} from './job-registry.ts';

export interface DisposeSurroundings {
  readonly files: FileSystem;
  readonly random: Random;
  /** Of this user's registry, as it is when it is asked. */
  readonly jobs: () => readonly RegisteredJob[];
}

export type Disposal =
  | {readonly kind: 'disposed'}
  /** `why`: a sentence without a stop. */
  | {readonly kind: 'kept'; readonly reason: PruneReason; readonly why: string};

/** `path`: absolute, of the savepoint's directory. NOT_FOUND, or REFUSED with the reason. */
export async function disposeSavepoint(
  surroundings: DisposeSurroundings,
  path: string,
): Promise<void> {
  const disposal = await disposeUnlessNeeded(surroundings, path);
  if (disposal.kind === 'disposed') return;
  const release = `let it go first: tidemark checkpoint release ${shellWord(path)}`;
  throw refused(path, disposal.why, disposal.reason === 'held' ? release : undefined);
}

/** The same, and what somebody needs is no error. */
export async function disposeUnlessNeeded(
  {files, random, jobs}: DisposeSurroundings,
  path: string,
): Promise<Disposal> {
  try {
    await requireSavepointAlone(files, path, await savepointMetadata(files, path));
    // As late as can be: a job may have begun from it while the others were deleted.
    const user = await userOf(files, jobs(), path);
    if (user !== null) return inUse(user);
    const parent = parentOf(path);
    const aside = join(parent, disposedName(random.hex(8), baseName(path)));
    const needed = await neededBy(files, path);
    if (needed !== null) return needed;
    await files.rename(path, aside);
    // Until the rename a job could still begin from it, or claim it.
    const newcomer = await neededBy(files, aside);
    if (newcomer !== null) await files.rename(aside, path);
    await files.syncDirectory(parent);
    if (newcomer !== null) return newcomer;
    await removeTree(files, aside);
    return {kind: 'disposed'};
  } catch (error) {
    throw storageFailed('deleting', path, error);
  }
}

function inUse({live, jobId, record}: RegisteredJob): Disposal {
  const what = live ? 'is running' : 'goes back to it: it has no checkpoint of its own';
  const why = `job ${record.name} (${jobId}) began from it and ${what}`;
  return {kind: 'kept', reason: 'in-use', why};
}

/** What the marks in it say; null: nobody needs it. */
export async function neededBy(
  files: FileSystem,
  path: string,
): Promise<Extract<Disposal, {kind: 'kept'}> | null> {
  if (await isSavepointHeld(files, path)) {
    return {kind: 'kept', reason: 'held', why: 'it is held'};
  }
  const claim = await readClaim(files, path);
  if (claim !== null) {
    const why = `the job of ${claim.jobDirectory} has claimed it and owns it`;
    return {kind: 'kept', reason: 'claimed', why};
  }
  const use = await useIn(files)(path);
  return use === null ? null : {kind: 'kept', reason: 'in-use', why: whyUsed(use)};
}

async function savepointMetadata(files: FileSystem, path: string): Promise<CheckpointMetadata> {
  const read = await readMetadata(files, path);
  switch (read.kind) {
    case 'gone':
      throw new EngineError('NOT_FOUND', `no such savepoint: ${path}`, {file: path});
    case 'read':
      if (read.metadata.kind === 'savepoint') return read.metadata;
      throw refused(
        path,
        'it is a checkpoint, and no savepoint',
        'what a job owns is deleted by `tidemark checkpoint prune`; a copy is a directory of yours',
      );
    default:
      throw refused(path, `its ${METADATA_FILE} is ${read.kind}: nobody knows what belongs to it`);
  }
}

/** What `_metadata` does not name is not ours to delete. */
async function requireSavepointAlone(
  files: FileSystem,
  path: string,
  metadata: CheckpointMetadata,
): Promise<void> {
  const owned = new Set([METADATA_FILE, CHECKSUMS_FILE]);
  const directories = new Set<string>();
  for (const {uid, subtasks} of metadata.operators) {
    directories.add(uid);
    for (const state of subtasks.flatMap(({states}) => states)) {
      if (state.location === 'file') owned.add(state.path);
    }
  }
  const requireOwned = (name: string, isOwn: boolean): void => {
    if (!isOwn) throw refused(path, `it holds ${name}, which is not part of it`);
  };
  for (const entry of await files.list(path)) {
    if (entry.kind !== 'directory') {
      const isOwn = owned.has(entry.name) || isMarkName(entry.name);
      requireOwned(entry.name, entry.kind === 'file' && isOwn);
      continue;
    }
    requireOwned(entry.name, directories.has(entry.name));
    for (const inner of await files.list(join(path, entry.name))) {
      const name = `${entry.name}/${inner.name}`;
      requireOwned(name, inner.kind === 'file' && owned.has(name));
    }
  }
}

function refused(path: string, why: string, hint?: string): EngineError {
  return new EngineError('REFUSED', `${path} is not deleted: ${why}`, {file: path, hint});
}
