// `checkpoint prune` of one job directory: a live job is asked over its socket, because only the owner of a directory
// changes it; of a dead one the command takes a generation of its own, of kind `prune`, which also sweeps what dead
// attempts and deletions that were cut short have left.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {systemClock, systemTimers} from '../base/clock.ts';
import {systemRandom} from '../base/random.ts';
import {
  planDirectory,
  pruneTakenOver,
  type PrunedDirectory,
  type PruneOrder,
} from '../runtime/prune-checkpoints.ts';
import {statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {takeOver} from '../storage/job-directory.ts';
import {mayStillWork, newestGeneration} from '../storage/judge-owner.ts';
import {publishedIds} from '../storage/list-checkpoints.ts';
import {listLeftovers, sharedOfDeleted, type Leftover} from '../storage/list-leftovers.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {baseName, JobPaths, parseCheckpointName} from '../storage/paths.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {endedAfter} from '../storage/remove-claimed.ts';
import {readHistory} from '../storage/read-history.ts';
import type {ClientOptions} from './client-types.ts';
import type {RegisteredJob} from './job-registry.ts';
import {orderJson, readJobs} from './job-client.ts';
import {ownerOf, useIn, userOf} from './job-origins.ts';

/** A deletion may take as long as its disk needs. */
const ANSWER_MILLIS = 600_000;

export interface PruneOptions extends ClientOptions {
  readonly order: Omit<PruneOrder, 'inUse'>;
  /** Files in `shared/` that nobody needs go when they are older; null: none of them does. */
  readonly orphanAgeMillis: number | null;
  readonly dryRun: boolean;
  readonly takeOver: boolean;
}

export interface PrunedJob extends PrunedDirectory {
  readonly orphans: readonly (Leftover & {readonly deleted: boolean})[];
  /** Who deleted: the job that works there, or this command; null: nobody, nothing was to be deleted. */
  readonly by: 'job' | 'command' | null;
}

/**
 * `jobDirectory`: absolute. CHECKPOINT_DAMAGED while a `_metadata` in it cannot be read; ALREADY_RUNNING when its owner
 * lives and cannot be asked.
 */
export async function pruneDirectory(
  jobDirectory: string,
  options: PruneOptions,
): Promise<PrunedJob> {
  const paths = new JobPaths(jobDirectory);
  if (!(await isOfJob(files, jobDirectory))) {
    throw new EngineError(
      'REFUSED',
      `${jobDirectory} holds checkpoints, and no ${baseName(paths.format)}: no job of tidemark works there`,
      {
        file: jobDirectory,
        hint: 'What was copied there, or written by another program, is removed by hand; a job writes FORMAT again with its next run.',
      },
    );
  }
  const jobs = readJobs(options);
  const live = await ownerOf(files, jobs, jobDirectory);
  const order = {...options.order, inUse: await restoredFrom(jobs, paths)};
  const attemptsEnded = live === null && (await hasEnded(paths));
  const leftovers = await listLeftovers(files, paths, attemptsEnded, systemClock.wallMillis());
  const history = await readHistory(files, paths, Infinity);
  const now = systemClock.wallMillis();
  const planned = await planDirectory({files, paths, history, order, now, useOf: useIn(files)});
  const ofDeleted = live === null ? await sharedOfDeleted(files, paths) : new Set<string>();
  const {orphanAgeMillis} = options;
  const isOld = leftovers.some(
    ({kind, ageMillis}) =>
      kind === 'shared' && orphanAgeMillis !== null && ageMillis >= orphanAgeMillis,
  );
  const goes = (leftover: Leftover): boolean => {
    if (leftover.kind !== 'shared') return true;
    // The job itself knows for sure who needs it, and takes all of them along with whatever it deletes.
    if (live !== null) return isOld || planned.plan.remove.length > 0;
    // A prune that was cut short would have taken it along.
    if (ofDeleted.has(baseName(leftover.path))) return true;
    return orphanAgeMillis !== null && leftover.ageMillis >= orphanAgeMillis;
  };
  const orphans = leftovers.map((leftover) => ({...leftover, deleted: goes(leftover)}));
  if (options.dryRun) return {...withOrphans(planned.report, orphans), by: null};
  const isNothing = planned.plan.remove.length === 0 && !orphans.some(({deleted}) => deleted);
  if (isNothing) return {...withOrphans(planned.report, orphans), by: null};
  if (live !== null) {
    const pruned = await askOwner(live, order, options);
    if (pruned !== null) return {...withOrphans(pruned, orphans), by: 'job'};
  }
  const spared = orphans.filter(({deleted, kind}) => !deleted && kind === 'shared');
  const done = await takeOverAndPrune(paths, options, spared);
  return {...withOrphans(done, await stillLeft(paths, orphans)), by: 'command'};
}

async function takeOverAndPrune(
  paths: JobPaths,
  options: PruneOptions,
  spared: readonly Leftover[],
): Promise<PrunedDirectory> {
  const owner = await takeOver({
    files,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
    jobDirectory: paths.root,
    kind: 'prune',
    takeOver: options.takeOver,
  }).catch((error: unknown) => {
    throw systemErrorCode(error) === 'ALREADY_RUNNING' ? whereItRuns(paths, error) : error;
  });
  return endedAfter(owner, async () => {
    const names = spared.map(({path}) => baseName(path));
    // Only now: the take-over may have waited, and a job may have begun from one of them meanwhile.
    const order = {...options.order, inUse: await restoredFrom(readJobs(options), paths)};
    const now = systemClock.wallMillis();
    return await pruneTakenOver(files, owner, order, now, names);
  });
}

/** Without a checkpoint that was on its way out, and that the take-over put back: a job had begun from it. */
async function stillLeft(
  paths: JobPaths,
  orphans: PrunedJob['orphans'],
): Promise<PrunedJob['orphans']> {
  const left: PrunedJob['orphans'][number][] = [];
  for (const orphan of orphans) {
    const id = orphan.kind === 'deleted' ? parseCheckpointName(baseName(orphan.path)) : null;
    if (id === null || (await statusOrNull(files, paths.checkpoint(id))) === null)
      left.push(orphan);
  }
  return left;
}

/** A job of ours works there, or did. */
export async function isOfJob(files: FileSystem, jobDirectory: string): Promise<boolean> {
  return (await statusOrNull(files, new JobPaths(jobDirectory).format)) !== null;
}

/** Null: nobody is at the socket any more. */
async function askOwner(
  job: RegisteredJob,
  {policy, among, inUse}: PruneOrder,
  options: PruneOptions,
): Promise<PrunedDirectory | null> {
  const body = {...policy, among, inUse};
  const answerMillis = options.answerMillis ?? ANSWER_MILLIS;
  const fields = await orderJson(job, 'POST', '/tidemark/prune', body, {...options, answerMillis});
  return fields === null ? null : (fields as unknown as PrunedDirectory);
}

/** What a job of this user began from, and goes back to until it has a checkpoint of its own. */
async function restoredFrom(
  jobs: readonly RegisteredJob[],
  paths: JobPaths,
): Promise<readonly number[]> {
  const inUse: number[] = [];
  for (const id of await publishedIds(files, paths)) {
    if ((await userOf(files, jobs, paths.checkpoint(id))) !== null) inUse.push(id);
  }
  return inUse;
}

/** Nobody is writing attempts there, for all that can be seen without waiting. */
async function hasEnded(paths: JobPaths): Promise<boolean> {
  // Attempts are written there. A copy of a directory may lack what was empty.
  if ((await statusOrNull(files, paths.workDirectory)) === null) return true;
  const generation = await newestGeneration(files, paths);
  return generation === 0 || !(await mayStillWork(files, paths, generation, systemProcessTable));
}

function withOrphans(
  pruned: PrunedDirectory,
  orphans: PrunedJob['orphans'],
): Omit<PrunedJob, 'by'> {
  const gone = orphans.filter(({deleted}) => deleted);
  const young = orphans.filter(({deleted}) => !deleted);
  return {
    ...pruned,
    kept: [...pruned.kept, ...young.map(({path}) => ({path, reason: 'too-young' as const}))],
    freedBytes: pruned.freedBytes + gone.reduce((sum, {bytes}) => sum + bytes, 0),
    orphans,
  };
}

function whereItRuns(paths: JobPaths, error: unknown): EngineError {
  const {message, details} = error as EngineError;
  const {host = null} = (details.facts ?? {}) as {host?: string | null};
  const where = host === null ? 'where that job runs' : `on ${host}, as the user who runs it`;
  return new EngineError('ALREADY_RUNNING', message, {
    ...details,
    hint: `Only the job itself may delete there, and it cannot be asked from here: run \`tidemark checkpoint prune ${shellWord(paths.root)}\` ${where}; if you know that it is dead, add --take-over.`,
  });
}
