// `checkpoint prune` of one job directory: what lies there, what is decided about it (checkpoint/prune.ts), and the deletion
// under the ownership of a generation. The same for the owner of a live job and for a command that took a dead job's
// directory over; `planDirectory` alone writes nothing.

import {must} from '../base/assert.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {
  planPrune,
  type PrunePlan,
  type PrunePolicy,
  type PruneReason,
} from '../checkpoint/prune.ts';
import {readClaim} from '../storage/claims.ts';
import {nothingDeleted} from '../storage/delete-checkpoints.ts';
import type {CheckpointState} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {listHolds} from '../storage/holds.ts';
import type {Ownership} from '../storage/job-directory.ts';
import {listCheckpoints} from '../storage/list-checkpoints.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {baseName, type JobPaths} from '../storage/paths.ts';
import type {JobHistory} from '../storage/read-history.ts';
import {storageFailed} from '../storage/storage-error.ts';
import type {LookForUse} from '../storage/use-marks.ts';

export interface PruneOrder {
  readonly policy: PrunePolicy;
  /** Nothing else is deleted: what a person agreed to; null: whatever the policy says. */
  readonly among: readonly number[] | null;
  /** What other jobs began from, as whoever asks knows it: it stays. */
  readonly inUse: readonly number[];
}

/** Paths are absolute. */
export interface PrunedDirectory {
  readonly deleted: readonly string[];
  readonly kept: readonly {readonly path: string; readonly reason: PruneReason}[];
  /** Of what is deleted, and of the files in `shared/` that nothing else needs. */
  readonly freedBytes: number;
}

export interface DirectoryPlan {
  readonly plan: PrunePlan;
  readonly report: PrunedDirectory;
}

interface Readable {
  readonly id: number;
  readonly metadata: CheckpointMetadata;
  readonly restorable: boolean;
  readonly ownBytes: number;
}

export interface PlanRequest {
  readonly files: FileSystem;
  readonly paths: JobPaths;
  readonly history: JobHistory;
  readonly order: PruneOrder;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What its owner knows to be needed. */
  readonly more?: ReadonlyMap<number, PruneReason>;
  readonly useOf: LookForUse;
}

/** CHECKPOINT_DAMAGED while any `_metadata` cannot be read: nobody knows what that checkpoint needs. STORAGE_FAILED. */
export async function planDirectory(request: PlanRequest): Promise<DirectoryPlan> {
  try {
    return await planOf(request);
  } catch (error) {
    throw storageFailed('reading', request.paths.root, error);
  }
}

async function planOf({
  files,
  paths,
  history,
  order: {policy, among, inUse},
  now,
  more = new Map(),
  useOf,
}: PlanRequest): Promise<DirectoryPlan> {
  const readable = (await listCheckpoints(files, paths, null)).flatMap(({checkpointId, state}) =>
    readableOf(paths, checkpointId, state),
  );
  const pinned = new Map<number, PruneReason>([
    ...(among === null ? [] : newcomers(readable, among)),
    ...strangers(readable, baseName(paths.root)),
    ...notCommitted(readable, history),
    ...(await claimedOnes(files, paths, readable)),
    ...(await usedOnes(paths, readable, useOf)),
    ...inUse.map((id) => [id, 'in-use'] as const),
    ...more,
    ...(await heldOnes(files, paths)),
  ]);
  const candidates = readable.map(({id, metadata, restorable}) => ({
    id,
    completed: metadata.completed,
    restorable: restorable && metadata.jobName === baseName(paths.root),
  }));
  const plan = planPrune(candidates, pinned, policy, now);
  return {
    plan,
    report: {
      deleted: plan.remove.map((id) => paths.checkpoint(id)),
      kept: plan.keep.map(({id, reason}) => ({path: paths.checkpoint(id), reason})),
      freedBytes: freedBytes(readable, new Set(plan.remove)),
    },
  };
}

/**
 * By a generation that took a dead job's directory over: nothing is decided before that, and what dead attempts and
 * deletions that were cut short have left goes too. `spared`: digests of files in `shared/` that stay, needed or not.
 */
export async function pruneTakenOver(
  files: FileSystem,
  owner: Ownership,
  order: PruneOrder,
  now: number,
  spared: readonly string[],
): Promise<PrunedDirectory> {
  owner.spareFiles(spared);
  const history = await owner.readHistory();
  const planned = await planDirectory({
    ...{files, paths: owner.paths, history, order, now},
    useOf: async (path) => owner.useOf(path),
  });
  await owner.sweepDeleted();
  return carryOut(owner, planned);
}

/** Deletes what `plan` says, by the one protocol that there is. What is not there any more is not deleted again. */
export async function carryOut(
  ownership: Ownership,
  {plan, report}: DirectoryPlan,
): Promise<PrunedDirectory> {
  const permit = await ownership.permitDeletion(plan.remove);
  const {deleted, kept} = await ownership.deleteCheckpoints(permit);
  const stayed = kept.flatMap(({checkpointId, reason}) =>
    reason === 'absent' ? [] : [{path: ownership.paths.checkpoint(checkpointId), reason}],
  );
  return {...report, deleted, kept: [...report.kept, ...stayed]};
}

function readableOf(paths: JobPaths, id: number, state: CheckpointState): readonly Readable[] {
  const restorable = state.kind === 'complete';
  switch (state.kind) {
    case 'complete':
    case 'damaged': {
      const found = state.kind === 'damaged' ? state.readable : state;
      if (found === null) throw nothingDeleted(paths, id);
      const {metadata, bytes, sharedBytes} = found;
      return [{id, metadata, restorable, ownBytes: bytes - sharedBytes}];
    }
    case 'incomplete':
    case 'incompatible':
      throw nothingDeleted(paths, id);
    // Flink's: it needs nothing of ours, and is not ours to delete.
    case 'foreign':
    case 'gone':
    case 'in-progress':
      return [];
  }
}

type Pins = readonly (readonly [number, PruneReason])[];

function newcomers(readable: readonly Readable[], among: readonly number[]): Pins {
  const agreed = new Set(among);
  return readable.flatMap(({id}) => (agreed.has(id) ? [] : [[id, 'appeared-since'] as const]));
}

function strangers(readable: readonly Readable[], jobName: string): Pins {
  return readable.flatMap(({id, metadata}) =>
    metadata.jobName === jobName ? [] : [[id, 'another-job'] as const],
  );
}

/**
 * Of each lineage that is not settled the newest: the next run commits what it prepared. And what the last lineage began
 * from while it has none of its own: a run that crashed goes back to it.
 */
function notCommitted(readable: readonly Readable[], {lineages, lastRun}: JobHistory): Pins {
  const newestOf = (lineage: string): readonly number[] => {
    const own = readable.filter(({metadata}) => metadata.lineage === lineage);
    const ids = [
      own.map(({id}) => id),
      own.filter(({restorable}) => restorable).map(({id}) => id),
    ].filter((found) => found.length > 0);
    return ids.map((found) => Math.max(...found));
  };
  const pins = lineages
    .filter(({settled}) => !settled)
    .flatMap(({lineage}) => newestOf(lineage).map((id) => [id, 'not-committed'] as const));
  const last = lastRun?.lineage ?? null;
  if (last === null || last.origin.kind === 'fresh' || newestOf(last.lineage).length > 0) {
    return pins;
  }
  return [...pins, [last.origin.checkpointId, 'in-use']];
}

async function claimedOnes(
  files: FileSystem,
  paths: JobPaths,
  readable: readonly Readable[],
): Promise<Pins> {
  const pins: (readonly [number, PruneReason])[] = [];
  for (const {id} of readable) {
    if ((await readClaim(files, paths.checkpoint(id))) !== null) pins.push([id, 'claimed']);
  }
  return pins;
}

async function usedOnes(
  paths: JobPaths,
  readable: readonly Readable[],
  useOf: LookForUse,
): Promise<Pins> {
  const pins: (readonly [number, PruneReason])[] = [];
  for (const {id} of readable) {
    if ((await useOf(paths.checkpoint(id))) !== null) pins.push([id, 'in-use']);
  }
  return pins;
}

/** What a lineage began from is in use by it: `checkpoint release` does not let that go. */
async function heldOnes(files: FileSystem, paths: JobPaths): Promise<Pins> {
  const holds = await listHolds(files, paths);
  const [asked, begun] = [
    holds.filter(({lineage}) => lineage === null),
    holds.filter(({lineage}) => lineage !== null),
  ];
  return [
    ...begun.map(({checkpointId}) => [checkpointId, 'in-use'] as const),
    ...asked.map(({checkpointId}) => [checkpointId, 'held'] as const),
  ];
}

function freedBytes(readable: readonly Readable[], removed: ReadonlySet<number>): number {
  const needed = new Set<string>();
  const freed = new Map<string, number>();
  let bytes = 0;
  for (const {id, metadata, ownBytes} of readable) {
    const {shared} = distinctFilesOf(metadata);
    if (!removed.has(id)) for (const {sha256} of shared) needed.add(sha256);
    else {
      bytes += ownBytes;
      for (const file of shared) freed.set(file.sha256, lengthOf([file]));
    }
  }
  for (const name of freed.keys()) {
    if (!needed.has(name)) bytes += must(freed.get(name), name);
  }
  return bytes;
}
