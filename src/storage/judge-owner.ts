// Whether the newest owner of a job directory still lives. A wrong answer is safe, because the fence
// decides who publishes; but a right one spares a running job.

import type {Clock, Timers} from '../base/clock.ts';
import {sleep} from '../base/clock.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {judgeProcess, type Liveness} from '../base/process-identity.ts';
import {unlessMissing} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import type {OwnerRecord} from './owner-record.ts';
import {JobPaths, parseGenerationName, parseOwnerName} from './paths.ts';
import type {ProcessTable} from './process-table.ts';
import {readOwner} from './read-history.ts';
import {storageFailed} from './storage-error.ts';

/** An owner whose beat did not change for this long of our monotonic clock counts as dead. */
export const SILENT_BEAT_MILLIS = 15_000;
const BEAT_POLL_MILLIS = 1_000;

export interface JudgeOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly processes: ProcessTable;
}

/** Resolves when the owner of `generation` counts as dead; ALREADY_RUNNING when it lives. */
export async function requireDeadOwner(
  options: JudgeOptions,
  paths: JobPaths,
  generation: number,
): Promise<void> {
  const record = await readOwner(options.files, paths, generation);
  let liveness: Liveness = 'unknown';
  if (record !== null) {
    liveness = judgeProcess(record.process, options.processes.self(), (pid) =>
      options.processes.look(pid),
    );
  }
  if (liveness === 'dead') return;
  // A written end: the process may still be closing down, but it does nothing to this directory.
  if (await exists(options.files, paths.ownerMark(generation, 'end'))) return;
  if (liveness === 'alive' || (await beats(options, paths, generation))) {
    throw alreadyRunning(paths, generation, record);
  }
}

/**
 * May the owner of `generation`, the newest, still write there, for all that can be seen without waiting for its beat? Of
 * earlier ones nobody does: the fence.
 */
export async function mayStillWork(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  processes: ProcessTable,
): Promise<boolean> {
  if (await exists(files, paths.ownerMark(generation, 'end'))) return false;
  const record = await readOwner(files, paths, generation);
  if (record === null) return true;
  return judgeProcess(record.process, processes.self(), (pid) => processes.look(pid)) !== 'dead';
}

/**
 * ALREADY_RUNNING when somebody works in a job directory; a directory that is not there has no owner. The generation that
 * was judged; 0: there is none.
 */
export async function requireNoOwner(options: JudgeOptions, paths: JobPaths): Promise<number> {
  if (!(await exists(options.files, paths.ownerDirectory))) return 0;
  const newest = await newestGeneration(options.files, paths);
  if (newest > 0) await requireDeadOwner(options, paths, newest);
  return newest;
}

/** Nobody worked there when `generation` was the newest. */
export interface UnusedDirectory {
  readonly jobDirectory: string;
  readonly generation: number;
}

/** As `requireNoOwner`, of a directory that something is to be claimed in. */
export async function requireUnused(
  options: JudgeOptions,
  jobDirectory: string,
): Promise<UnusedDirectory> {
  try {
    return {jobDirectory, generation: await requireNoOwner(options, new JobPaths(jobDirectory))};
  } catch (error) {
    if (error instanceof EngineError && error.code === 'ALREADY_RUNNING') {
      throw notToBeClaimed(error.message, error.details);
    }
    throw storageFailed('looking for the owner of', jobDirectory, error);
  }
}

/** Once something there is claimed: ALREADY_RUNNING when somebody came since, who may not have seen the claim. */
export async function requireStillUnused(
  files: FileSystem,
  {jobDirectory, generation}: UnusedDirectory,
): Promise<void> {
  const paths = new JobPaths(jobDirectory);
  let newest: number;
  try {
    newest = (await exists(files, paths.ownerDirectory)) ? await newestGeneration(files, paths) : 0;
  } catch (error) {
    throw storageFailed('looking for the owner of', jobDirectory, error);
  }
  if (newest === generation) return;
  throw notToBeClaimed(`${jobDirectory} was taken over (generation ${newest}) meanwhile`, {
    file: paths.ownerDirectory,
  });
}

function notToBeClaimed(why: string, details: EngineError['details']): EngineError {
  // `--take-over` is about the own directory.
  return new EngineError('ALREADY_RUNNING', `${why}: nothing there can be claimed`, {
    ...details,
    hint: 'Stop that run first, or restore without a claim: --claim-mode no-claim.',
  });
}

/** Watches the beat until it changes (true) or was silent for long enough (false). */
async function beats(options: JudgeOptions, paths: JobPaths, generation: number): Promise<boolean> {
  const path = paths.ownerMark(generation, 'beat');
  const first = await beatOf(options.files, path);
  const begin = options.clock.monotonicMillis();
  while (options.clock.monotonicMillis() - begin < SILENT_BEAT_MILLIS) {
    await sleep(options.timers, BEAT_POLL_MILLIS);
    if ((await beatOf(options.files, path)) !== first) return true;
    // Another process is taking over meanwhile: our judgement is about an owner of the past.
    if ((await newestGeneration(options.files, paths)) > generation) return true;
  }
  return false;
}

async function beatOf(files: FileSystem, path: string): Promise<string> {
  try {
    const {inode, modifiedMillis} = await files.status(path);
    return `${inode} ${modifiedMillis}`;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 'none';
    throw error;
  }
}

/**
 * The highest generation that left a trace; 0: none. A power loss may keep the directory in work/ and lose the
 * record in owner/ that was made before it: the number is used all the same.
 */
export async function newestGeneration(files: FileSystem, paths: JobPaths): Promise<number> {
  let newest = 0;
  for (const entry of await files.list(paths.ownerDirectory)) {
    const parsed = parseOwnerName(entry.name);
    if (parsed !== null && parsed.kind !== 'aside') newest = Math.max(newest, parsed.generation);
  }
  // Empty, it may be missing: archives and object stores keep no directory without a file.
  await unlessMissing(async () => {
    for (const {name} of await files.list(paths.workDirectory)) {
      newest = Math.max(newest, parseGenerationName(name) ?? 0);
    }
  });
  return newest;
}

async function exists(files: FileSystem, path: string): Promise<boolean> {
  try {
    await files.status(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

export function alreadyRunning(
  paths: JobPaths,
  generation: number,
  record: OwnerRecord | null,
): EngineError {
  const who =
    record === null
      ? 'another process'
      : `process ${record.process.pid} on ${record.process.host} (run ${record.runId})`;
  return new EngineError(
    'ALREADY_RUNNING',
    `${paths.root} is in use: ${who} works there as generation ${generation}`,
    {
      file: paths.owner(generation),
      hint: 'Stop that run first; if you know that it is dead, add --take-over.',
      facts: {generation, pid: record?.process.pid ?? null, host: record?.process.host ?? null},
    },
  );
}
