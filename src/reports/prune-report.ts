// `checkpoint prune`: every job directory in a directory, and the savepoints in it. Everything is looked at before
// anything is deleted: one `_metadata` that cannot be read, wherever it is, and nothing goes.

import type {PruneReason} from '../checkpoint/prune.ts';
import {isOfJob, pruneDirectory, type PruneOptions} from '../control/prune-checkpoints.ts';
import {pruneCopies} from '../control/prune-copies.ts';
import {pruneSavepoints} from '../control/prune-savepoints.ts';
import {jobDirectoriesIn, snapshotsIn} from '../inspection/list-checkpoints.ts';
import {nothingThere} from '../inspection/nothing-there.ts';
import type {Environment} from '../runtime/run-types.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {baseName, parentOf, parseCheckpointName} from '../storage/paths.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {unfinishedCopies} from '../storage/unfinished-copies.ts';
import {listedDirectory} from './resolve-report.ts';

export type {PruneReason};

export interface PruneRequest {
  readonly environment: Environment;
  readonly keepLast: number | null;
  readonly keepWithinMillis: number | null;
  readonly keepSavepoints: boolean;
  /** Null: orphans stay. */
  readonly orphanAgeMillis: number | null;
  readonly takeOver: boolean;
  /** Absolute paths that a person agreed to; null: whatever the rules say. */
  readonly among: readonly string[] | null;
  readonly dryRun: boolean;
}

/** Paths are absolute. */
export interface PruneReport {
  readonly dryRun: boolean;
  readonly deleted: readonly string[];
  readonly kept: readonly {readonly path: string; readonly reason: PruneReason}[];
  readonly orphans: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly ageMillis: number;
    /** It goes; else it is too young, or was not asked for. */
    readonly deleted: boolean;
  }[];
  readonly freedBytes: number;
}

export async function pruneCheckpoints(
  target: string,
  request: PruneRequest,
): Promise<PruneReport> {
  const directory = await listedDirectory(target, request.environment);
  try {
    const jobs = await jobDirectoriesIn(files, directory);
    const planned = await pruneAll(directory, jobs, {...request, dryRun: true});
    const {deleted, kept, orphans} = planned;
    if (jobs.length === 0 && deleted.length + kept.length + orphans.length === 0) {
      throw await nothingThere(files, directory);
    }
    return request.dryRun ? planned : await pruneAll(directory, jobs, request);
  } catch (error) {
    throw storageFailed('pruning', directory, error);
  }
}

async function pruneAll(
  directory: string,
  jobs: readonly string[],
  request: PruneRequest,
): Promise<PruneReport> {
  const {environment, keepLast, keepWithinMillis, keepSavepoints, among, dryRun} = request;
  const policy = {keepLast, keepWithinMillis};
  const reports: PruneReport[] = [];
  for (const job of jobs) {
    // Copied there, or another program's: beside what else can be pruned it is left; alone it is refused.
    if (!(await isOfJob(files, job)) && (job !== directory || (await hasMore(directory)))) {
      const kept = [{path: job, reason: 'no-job' as const}];
      reports.push({dryRun, deleted: [], kept, orphans: [], freedBytes: 0});
      continue;
    }
    const options: PruneOptions = {
      environment,
      order: {policy, among: among === null ? null : idsIn(job, among)},
      orphanAgeMillis: request.orphanAgeMillis,
      dryRun,
      takeOver: request.takeOver,
    };
    reports.push({dryRun, ...(await pruneDirectory(job, options))});
  }
  const savepoints = await pruneSavepoints(directory, {
    environment,
    policy,
    keepAll: keepSavepoints,
    among,
    dryRun,
  });
  const leftovers = savepoints.leftovers.map((one) => ({...one, deleted: true}));
  reports.push({dryRun, ...savepoints, orphans: leftovers});
  reports.push({dryRun, ...(await pruneCopies(directory, request))});
  return {
    dryRun,
    deleted: reports.flatMap(({deleted}) => deleted),
    kept: reports.flatMap(({kept}) => kept),
    orphans: reports.flatMap(({orphans}) => orphans),
    freedBytes: reports.reduce((sum, {freedBytes}) => sum + freedBytes, 0),
  };
}

/** Savepoints, or copies that are under way or were killed. */
async function hasMore(directory: string): Promise<boolean> {
  const copies = await unfinishedCopies(files, directory, systemProcessTable);
  return copies.length > 0 || (await snapshotsIn(files, directory)).length > 0;
}

function idsIn(job: string, paths: readonly string[]): readonly number[] {
  return paths.flatMap((path) => {
    const id = parentOf(path) === job ? parseCheckpointName(baseName(path)) : null;
    return id === null ? [] : [id];
  });
}
