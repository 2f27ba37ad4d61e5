// Whose the checkpoint is that a lineage begins from: RELIABILITY "Claim". Before the lineage is recorded it is
// claimed, held so that no retention of this directory deletes it, or marked as used where it lies elsewhere; each is
// repeated by each generation that begins from it again.

import type {FileSystem} from '../storage/file-system.ts';
import type {Ownership} from '../storage/job-directory.ts';
import type {UnusedDirectory} from '../storage/judge-owner.ts';
import {claimedByAnother, readClaim} from '../storage/claims.ts';
import {parentOf} from '../storage/paths.ts';
import {jobDirectoryAround} from '../storage/remove-claimed.ts';
import type {CompleteCheckpoint, JobDirectoryFacts, LineageRecord} from '../recovery/facts.ts';
import {chosenCheckpoint} from '../recovery/choose-verified-start.ts';
import {judgeClaim} from '../recovery/judge-claim.ts';
import type {Deployment} from './task-messages.ts';
import {restoredCheckpoint, type StartsWork} from '../recovery/plan-settlement.ts';

/**
 * Throws ALREADY_RUNNING when what `start` rests on belongs to somebody else. The id that the new lineage must have,
 * because its claim is written already; null: any. Changes nothing.
 */
export async function requireUnclaimed(
  files: FileSystem,
  jobDirectory: string,
  {generations}: Pick<JobDirectoryFacts, 'generations'>,
  start: StartsWork,
): Promise<string | null> {
  // Also what it resumes in its own directory: whoever claimed that goes on from it.
  const origin = chosenCheckpoint(start);
  if (origin === null) return null;
  const claim = await readClaim(files, origin.path);
  const knownLineages = new Set(generations.flatMap(({lineage}) => lineage?.lineage ?? []));
  const judged = judgeClaim({claim, jobDirectory, knownLineages, start});
  if (judged.kind === 'refuse') throw claimedByAnother(origin.path, claim);
  return judged.newLineage;
}

/**
 * Of a claim before its lineage is recorded: ALREADY_RUNNING when the owner of the checkpoint lives, in whatever directory; null
 * when there is none that could.
 */
export async function requireDeadOwnerOf(
  files: FileSystem,
  ownership: Pick<Ownership, 'jobDirectory' | 'requireUnused'>,
  start: StartsWork,
): Promise<UnusedDirectory | null> {
  if (start.kind !== 'restored' || !start.claimed) return null;
  const around = await jobDirectoryAround(files, start.checkpoint.path);
  if (around === null || around === ownership.jobDirectory) return null;
  return ownership.requireUnused(around);
}

/** Before `record` is: what it begins from stays until the lineage does not need it any more. `unused`: of `requireDeadOwnerOf`. */
export async function takeOrigin(
  ownership: Ownership,
  start: StartsWork,
  {lineage, origin}: LineageRecord,
  unused: UnusedDirectory | null,
): Promise<void> {
  if (restoredCheckpoint(start) === null || origin.kind === 'fresh') return;
  if (isOwn(ownership, origin.path)) {
    if (!origin.claimed) await ownership.placeHold({checkpointId: origin.checkpointId, lineage});
  } else if (origin.claimed) {
    await ownership.claim(origin.path, lineage, unused);
  } else {
    await ownership.placeUseMark(origin.path, lineage);
  }
}

/**
 * Only the lineage that is resumed unasked may go back to its origin, and that is the one at work: what the others were
 * restored from is kept or deleted as any other checkpoint of its lineage. After `lineage` is recorded.
 */
export async function releaseOldOrigins(ownership: Ownership, lineage: string): Promise<void> {
  for (const hold of await ownership.listHolds()) {
    if (hold.lineage !== null && hold.lineage !== lineage) await ownership.releaseHold(hold);
  }
}

/** The checkpoint of its own directory that a lineage claimed; null: none. */
export function claimedHere(ownership: Ownership, {origin}: LineageRecord): number | null {
  if (origin.kind === 'fresh' || !origin.claimed) return null;
  return isOwn(ownership, origin.path) ? origin.checkpointId : null;
}

/** What it claimed elsewhere, and removes once it has a checkpoint of its own; null: nothing. */
export function claimedElsewhere(ownership: Ownership, {origin}: LineageRecord): string | null {
  if (origin.kind === 'fresh' || !origin.claimed) return null;
  return isOwn(ownership, origin.path) ? null : origin.path;
}

/** For the tasks: what they restore, and whose it is. */
export function deployedFrom(
  ownership: Ownership,
  record: LineageRecord,
  restored: CompleteCheckpoint | null,
): Deployment['restored'] {
  if (restored === null) return null;
  const {path, metadata} = restored;
  return {directory: path, metadata, isOwn: isItsOwn(ownership, record, restored)};
}

/** Of this directory, and of the lineage or claimed by it: it stays until the lineage has a newer one. */
function isItsOwn(
  ownership: Ownership,
  record: LineageRecord,
  {id, path, metadata}: CompleteCheckpoint,
): boolean {
  if (!isOwn(ownership, path)) return false;
  return metadata.lineage === record.lineage || claimedHere(ownership, record) === id;
}

/** What it was restored from elsewhere without a claim, and marked as used; null: nothing. */
export function usedElsewhere(ownership: Ownership, {origin}: LineageRecord): string | null {
  if (origin.kind === 'fresh' || origin.claimed) return null;
  return isOwn(ownership, origin.path) ? null : origin.path;
}

function isOwn(ownership: Ownership, path: string): boolean {
  return parentOf(path) === ownership.jobDirectory;
}
