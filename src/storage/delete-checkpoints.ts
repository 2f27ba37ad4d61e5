// Deleting published checkpoints. Everything is decided first; a `_metadata` that cannot be read means that
// nothing is deleted, because nobody knows what it needs. Then, in this order:
//
//   1. rename each chk-N into work/<G>/deleted/ (ENOENT for a process that was taken over), and back when a job began
//      from it, or claimed it, meanwhile (use-marks.ts, claims.ts)
//   2. sync the job directory: from here on none of them comes back
//   3. take away the shared files that nobody needs any more (shared-directory.ts)
//   4. remove what lies in deleted/
//
// A crash anywhere leaves each checkpoint whole or gone; the next owner takes deleted/ away and removes it, and what
// is left in shared/. Before that it puts back what a job began from, and a deletion that died
// within step 1 did not see (put-back-used.ts).

import {assert} from '../base/assert.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {failpoint} from '../base/failpoint.ts';
import {readClaim, sameClaim, type Claim} from './claims.ts';
import {readMetadata, statusOrNull} from './derive-checkpoint-state.ts';
import {removeTree} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {listHolds} from './holds.ts';
import {
  CLAIM_FILE,
  checkpointName,
  parseCheckpointName,
  parseUseName,
  type JobPaths,
} from './paths.ts';
import {namesIn, type SharedDirectory} from './shared-directory.ts';
import type {LookForUse} from './use-marks.ts';

/** A checkpoint that the request named and that stays. */
export interface KeptCheckpoint {
  readonly checkpointId: number;
  /** `claimed`: by a job in another directory, which owns it. `in-use`: one began from it and may go back to it. */
  readonly reason: 'held' | 'claimed' | 'in-use' | 'absent';
}

export interface DeletionReport {
  /** Absolute paths. */
  readonly deleted: readonly string[];
  readonly kept: readonly KeptCheckpoint[];
}

/** The right to delete; only `decideDeletion` makes one. */
class Permit {
  readonly root: string;
  readonly checkpointIds: readonly number[];
  readonly kept: readonly KeptCheckpoint[];
  /** Whose claim may be deleted; null: nobody's. */
  readonly by: Claim | null;

  constructor(
    root: string,
    checkpointIds: readonly number[],
    kept: readonly KeptCheckpoint[],
    by: Claim | null,
  ) {
    this.root = root;
    this.checkpointIds = checkpointIds;
    this.kept = kept;
    this.by = by;
  }
}
export type DeletePermit = Permit;

/** `by`: whose claim may be deleted; null: nobody's. */
export async function decideDeletion(
  files: FileSystem,
  paths: JobPaths,
  shared: SharedDirectory,
  checkpointIds: readonly number[],
  by: Claim | null,
  useOf: LookForUse,
): Promise<DeletePermit> {
  const present = new Set<number>();
  for (const {name} of await files.list(paths.root)) {
    const id = parseCheckpointName(name);
    if (id === null) continue;
    present.add(id);
    const read = await readMetadata(files, paths.checkpoint(id));
    if (read.kind === 'gone') {
      present.delete(id);
      continue;
    }
    if (read.kind !== 'read' && read.kind !== 'foreign') throw nothingDeleted(paths, id);
    if (read.kind === 'read') shared.learnt(id, read.metadata);
  }
  const held = new Set((await listHolds(files, paths)).map((hold) => hold.checkpointId));
  const permitted: number[] = [];
  const kept: KeptCheckpoint[] = [];
  for (const checkpointId of new Set(checkpointIds)) {
    if (!present.has(checkpointId)) kept.push({checkpointId, reason: 'absent'});
    else if (held.has(checkpointId)) kept.push({checkpointId, reason: 'held'});
    else {
      const reason = await whyNeeded(files, paths.checkpoint(checkpointId), by, useOf);
      if (reason === null) permitted.push(checkpointId);
      else kept.push({checkpointId, reason});
    }
  }
  return new Permit(paths.root, permitted, kept, by);
}

/** By a job in another directory; null: by none. `names`: what is in it, if that is known. */
async function whyNeeded(
  files: FileSystem,
  path: string,
  by: Claim | null,
  useOf: LookForUse,
  names: readonly string[] | null = null,
): Promise<'claimed' | 'in-use' | null> {
  const claim = names?.includes(CLAIM_FILE) === false ? null : await readClaim(files, path);
  if (claim !== null && (by === null || !sameClaim(claim, by))) return 'claimed';
  if (names?.every((name) => parseUseName(name) === null) === true) return null;
  return (await useOf(path)) === null ? null : 'in-use';
}

export async function performDeletion(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  shared: SharedDirectory,
  permit: DeletePermit,
  useOf: LookForUse,
): Promise<DeletionReport> {
  assert(permit instanceof Permit && permit.root === paths.root, 'a permit of this directory');
  const gone: number[] = [];
  const kept = [...permit.kept];
  for (const checkpointId of permit.checkpointIds) {
    await setAside(files, paths, generation, checkpointId);
    const aside = asidePath(paths, generation, checkpointId);
    // Until the rename a job could still begin from it, and claim it when it took us, who slept, for dead.
    const reason = await whyNeeded(files, aside, permit.by, useOf, await namesIn(files, aside));
    if (reason === null) gone.push(checkpointId);
    else {
      await files.rename(aside, paths.checkpoint(checkpointId));
      kept.push({checkpointId, reason});
    }
  }
  failpoint('storage.delete.after-rename');
  await files.syncDirectory(paths.root);
  await shared.removeWithout(gone);
  for (const checkpointId of gone) {
    await removeTree(files, asidePath(paths, generation, checkpointId));
  }
  return {deleted: gone.map((checkpointId) => paths.checkpoint(checkpointId)), kept};
}

async function setAside(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  checkpointId: number,
): Promise<void> {
  try {
    await files.rename(paths.checkpoint(checkpointId), asidePath(paths, generation, checkpointId));
  } catch (error) {
    const gone =
      systemErrorCode(error) === 'ENOENT' &&
      (await statusOrNull(files, paths.checkpoint(checkpointId))) === null &&
      (await statusOrNull(files, paths.deleted(generation))) !== null;
    // Deleted before, by a call that was cut short. Without our deleted/ we were taken over.
    if (!gone) throw error;
  }
}

function asidePath(paths: JobPaths, generation: number, checkpointId: number): string {
  return `${paths.deleted(generation)}/${checkpointName(checkpointId)}`;
}

/** Beside others in a directory of savepoints. */
export function unreadableSavepoint(path: string): EngineError {
  return new EngineError(
    'CHECKPOINT_DAMAGED',
    `nothing is deleted beside ${path}: its _metadata cannot be read, so nobody knows what it is`,
    {
      file: path,
      hint: `Run \`tidemark checkpoint verify ${shellWord(path)}\`; move the directory away if it is of no use.`,
    },
  );
}

export function nothingDeleted(paths: JobPaths, checkpointId: number): EngineError {
  const path = paths.checkpoint(checkpointId);
  return new EngineError(
    'CHECKPOINT_DAMAGED',
    `nothing is deleted in ${paths.root}: the _metadata of ${path} cannot be read, so nobody knows what it needs`,
    {
      file: path,
      hint: `Run \`tidemark checkpoint verify ${shellWord(path)}\`; move the directory away if it is of no use.`,
    },
  );
}
