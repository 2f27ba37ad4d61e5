// `checkpoint hold` and `release`: a live job is asked over its socket, because only the owner of a directory changes
// it; of a dead one the command takes a generation of its own, of kind `prune`. A savepoint is its user's: the command
// marks it itself.

import {EngineError} from '../base/errors.ts';
import {systemClock, systemTimers} from '../base/clock.ts';
import {systemRandom} from '../base/random.ts';
import {shellWord} from '../base/shell-word.ts';
import {readMetadata, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {holdSavepoint, listHolds, releaseSavepoint} from '../storage/holds.ts';
import {takeOver} from '../storage/job-directory.ts';
import {nodeFileSystem} from '../storage/node-file-system.ts';
import {
  baseName,
  JobPaths,
  METADATA_FILE,
  parentOf,
  parseCheckpointName,
} from '../storage/paths.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {endedAfter} from '../storage/remove-claimed.ts';
import {storageFailed} from '../storage/storage-error.ts';
import type {ClientOptions} from './client-types.ts';
import {order, readJobs} from './job-client.ts';
import {ownerOf} from './job-origins.ts';

export interface HeldCheckpoint {
  readonly checkpointId: number;
  /** Absolute. */
  readonly path: string;
  /** Null: of a savepoint, which no job owns. */
  readonly jobDirectory: string | null;
  readonly held: boolean;
  /** A lineage that was restored from it keeps it, held or not. */
  readonly inUse: boolean;
  /** Who did it: the job that works there, or this command. */
  readonly by: 'job' | 'command';
}

/**
 * `path`: absolute, of a `chk-N` or a savepoint. NOT_FOUND, REFUSED when nothing would delete it anyway, ALREADY_RUNNING when its owner
 * lives and cannot be asked.
 */
export async function setHold(
  path: string,
  held: boolean,
  options: ClientOptions & {readonly takeOver: boolean},
): Promise<HeldCheckpoint> {
  const jobDirectory = parentOf(path);
  const checkpointId = parseCheckpointName(baseName(path));
  const paths = new JobPaths(jobDirectory);
  const isInJob = (await statusOrNull(nodeFileSystem, paths.format))?.kind === 'file';
  if (checkpointId === null || !isInJob) {
    const savepointId = await savepointIdOf(path);
    if (savepointId !== null) return setSavepointHold(path, savepointId, held);
    throw await notHeld(path, checkpointId === null ? null : paths);
  }
  const done = async (by: HeldCheckpoint['by']): Promise<HeldCheckpoint> => {
    const holds = await listHolds(nodeFileSystem, paths);
    const inUse = holds.some((hold) => hold.checkpointId === checkpointId && hold.lineage !== null);
    return {checkpointId, path, jobDirectory, held, inUse, by};
  };
  const job = await ownerOf(nodeFileSystem, readJobs(options), jobDirectory);
  if (job !== null) {
    const body = {checkpointId, held};
    const reached = await order(job, 'POST', '/tidemark/holds', body, options, null);
    if (reached === 'accepted') return done('job');
  }
  const owner = await takeOver({
    files: nodeFileSystem,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    processes: systemProcessTable,
    jobDirectory,
    kind: 'prune',
    takeOver: options.takeOver,
  });
  const hold = {checkpointId, lineage: null};
  await endedAfter(owner, async () => {
    if (held) {
      if ((await statusOrNull(nodeFileSystem, path)) === null) {
        throw new EngineError('NOT_FOUND', `no checkpoint ${path}`, {file: path});
      }
      await owner.placeHold(hold);
    } else await owner.releaseHold(hold);
  });
  return done('command');
}

/** `paths`: of the directory that a `chk-N` lies in; null: it is called otherwise. */
async function notHeld(path: string, paths: JobPaths | null): Promise<EngineError> {
  const look = `see what it is: tidemark checkpoint inspect ${shellWord(path)}`;
  const refused = (why: string, hint: string): EngineError =>
    new EngineError('REFUSED', `${path} cannot be held: ${why}`, {file: path, hint});
  const {kind} = await readMetadata(nodeFileSystem, path);
  if (kind === 'foreign') {
    return refused('Apache Flink wrote it, and no command here deletes it', look);
  }
  const worked =
    paths !== null && (await statusOrNull(nodeFileSystem, paths.ownerDirectory)) !== null;
  if (paths !== null && worked) {
    const why = `a job worked in ${paths.root}, and its FORMAT is not there (any more)`;
    return refused(why, 'the next run of the job writes it again; hold it then');
  }
  if (kind !== 'read') {
    const see = `see what is wrong: tidemark checkpoint verify ${shellWord(path)}`;
    return refused(`its ${METADATA_FILE} is ${kind}: nobody knows what it is`, see);
  }
  return refused('it is no savepoint, and in no directory of a job: nothing deletes it', look);
}

/** Null: it is none. */
async function savepointIdOf(path: string): Promise<number | null> {
  const read = await readMetadata(nodeFileSystem, path);
  if (read.kind !== 'read' || read.metadata.kind !== 'savepoint') return null;
  return read.metadata.checkpointId;
}

async function setSavepointHold(
  path: string,
  checkpointId: number,
  held: boolean,
): Promise<HeldCheckpoint> {
  try {
    await (held ? holdSavepoint : releaseSavepoint)(nodeFileSystem, path);
  } catch (error) {
    throw storageFailed(held ? 'holding' : 'releasing', path, error);
  }
  return {checkpointId, path, jobDirectory: null, held, inUse: false, by: 'command'};
}
