// Removing what a lineage claimed, once that lineage has a checkpoint of its own: by whichever generation gets
// there, so every step may run again after a crash. Nothing is removed that the claim does not name: an unknown file
// beside the state, another claim, a hold, another user, or a living owner leave it where it is, with the reason.
//
//   a savepoint, or a checkpoint that was moved away: rename to a hidden name beside it, sync the parent, remove
//   a chk-N of another job directory: a `prune` generation there records that it goes, and whose it was, and deletes it
//     by that directory's rules

import {EngineError} from '../base/errors.ts';
import {failpoint} from '../base/failpoint.ts';
import {readClaim, sameClaim, type Claim} from './claims.ts';
import type {DeletePermit, DeletionReport} from './delete-checkpoints.ts';
import {readMetadata, statusOrNull} from './derive-checkpoint-state.ts';
import {removeTree} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {isSavepointHeld} from './holds.ts';
import {stateFilesOf} from './metadata-encoder.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  isMarkName,
  join,
  METADATA_FILE,
  parentOf,
  parseCheckpointName,
  removedClaimName,
} from './paths.ts';
import {storageFailed} from './storage-error.ts';
import {whyUsed, type LookForUse} from './use-marks.ts';

export type ClaimRemoval =
  | {readonly kind: 'removed'}
  /** A generation before this one did it. */
  | {readonly kind: 'absent'}
  /** `why`: a sentence without a stop. */
  | {readonly kind: 'left'; readonly why: string};

/** A `prune` generation of another job directory. */
export interface Pruner {
  permitDeletion(checkpointIds: readonly number[], by: Claim): Promise<DeletePermit>;
  recordClaimed(checkpointId: number, by: Claim): Promise<void>;
  deleteCheckpoints(permit: DeletePermit): Promise<DeletionReport>;
  writeEnd(how: 'finished', facts: Record<string, never>): Promise<void>;
}

/** The job directory of a `chk-N`; null: it lies somewhere else, and belongs to none. STORAGE_FAILED: nobody can say. */
export async function jobDirectoryAround(files: FileSystem, path: string): Promise<string | null> {
  if (parseCheckpointName(baseName(path)) === null) return null;
  const parent = parentOf(path);
  try {
    return (await statusOrNull(files, join(parent, 'FORMAT'))) === null ? null : parent;
  } catch (error) {
    throw storageFailed('looking at', parent, error);
  }
}

/**
 * `path`: absolute, of the directory that `claim` claimed. `prune` takes a generation of the job directory that it is
 * given. STORAGE_FAILED when it could not be done.
 */
export async function removeClaimed(
  files: FileSystem,
  path: string,
  claim: Claim,
  useOf: LookForUse,
  prune: (jobDirectory: string) => Promise<Pruner>,
): Promise<ClaimRemoval> {
  const hidden = join(parentOf(path), removedClaimName(claim.lineage, baseName(path)));
  try {
    const status = await statusOrNull(files, path);
    if (status === null) {
      // A run that died between the rename and its second look: a job may have begun from it before.
      const user = await useOf(hidden);
      if (user === null) await removeTree(files, hidden);
      else await putBack(files, hidden, path);
      return user === null ? {kind: 'absent'} : {kind: 'left', why: whyUsed(user)};
    }
    if (status.kind !== 'directory') return {kind: 'left', why: `it is a ${status.kind} by now`};
    const there = await readClaim(files, path);
    if (there === null || !sameClaim(there, claim)) {
      return {kind: 'left', why: 'it is not claimed by this run any more'};
    }
    const jobDirectory = await jobDirectoryAround(files, path);
    if (jobDirectory !== null) {
      const id = parseCheckpointName(baseName(path))!;
      return await removeThere(await prune(jobDirectory), id, claim);
    }
    const strange = await strangeNameIn(files, path);
    if (strange !== null)
      return {kind: 'left', why: `it holds ${strange}, which is not part of it`};
    if (await isSavepointHeld(files, path)) return {kind: 'left', why: 'it is held'};
    const user = await useOf(path);
    if (user !== null) return {kind: 'left', why: whyUsed(user)};
    await files.rename(path, hidden);
    failpoint('storage.claim.after-rename');
    // Until the rename a job could still begin from it.
    const newcomer = await useOf(hidden);
    if (newcomer !== null) {
      await putBack(files, hidden, path);
      return {kind: 'left', why: whyUsed(newcomer)};
    }
    // From here on it does not come back with a part of its files.
    await files.syncDirectory(parentOf(path));
    await removeTree(files, hidden);
    return {kind: 'removed'};
  } catch (error) {
    if (error instanceof EngineError && LEAVING.has(error.code)) {
      return {kind: 'left', why: error.message};
    }
    throw storageFailed('removing the claimed', path, error);
  }
}

async function putBack(files: FileSystem, hidden: string, path: string): Promise<void> {
  await files.rename(hidden, path);
  await files.syncDirectory(parentOf(path));
}

/** The other directory's owner lives, or nobody can say what its checkpoints need. */
const LEAVING: ReadonlySet<string> = new Set(['ALREADY_RUNNING', 'FENCED', 'CHECKPOINT_DAMAGED']);

async function removeThere(
  owner: Pruner,
  checkpointId: number,
  claim: Claim,
): Promise<ClaimRemoval> {
  const {kept} = await endedAfter(owner, async () => {
    const permit = await owner.permitDeletion([checkpointId], claim);
    // Without it, whoever resumes there would go on from an older one, and make again what the claimer goes on from.
    if (permit.checkpointIds.includes(checkpointId)) await owner.recordClaimed(checkpointId, claim);
    return owner.deleteCheckpoints(permit);
  });
  const reason = kept.find((one) => one.checkpointId === checkpointId)?.reason;
  if (reason === 'held') return {kind: 'left', why: 'it is held there'};
  if (reason === 'in-use') return {kind: 'left', why: 'another job began from it'};
  if (reason === 'claimed') return {kind: 'left', why: 'it is not claimed by this run any more'};
  return reason === 'absent' ? {kind: 'absent'} : {kind: 'removed'};
}

/** Also when nothing was deleted: our process lives on, and whoever asks for the owner must not find it at work there. */
export async function endedAfter<T>(
  owner: Pick<Pruner, 'writeEnd'>,
  act: () => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    result = await act();
  } catch (error) {
    // The first failure is the one to report.
    await owner.writeEnd('finished', {}).catch(() => undefined);
    throw error;
  }
  await owner.writeEnd('finished', {});
  return result;
}

/** The first name in it that neither `_metadata` nor a claim accounts for; null: there is none. */
async function strangeNameIn(files: FileSystem, path: string): Promise<string | null> {
  const read = await readMetadata(files, path);
  if (read.kind !== 'read') return METADATA_FILE;
  const owned = new Set(stateFilesOf(read.metadata).map((file) => file.path));
  const directories = new Set(read.metadata.operators.map(({uid}): string => uid));
  for (const {name, kind} of await files.list(path)) {
    if (kind !== 'directory') {
      const isOwn = name === METADATA_FILE || name === CHECKSUMS_FILE || isMarkName(name);
      if (kind !== 'file' || !isOwn) return name;
      continue;
    }
    if (!directories.has(name)) return name;
    for (const inner of await files.list(join(path, name))) {
      if (inner.kind !== 'file' || !owned.has(`${name}/${inner.name}`)) {
        return `${name}/${inner.name}`;
      }
    }
  }
  return null;
}
