import {statusOrNull} from './derive-checkpoint-state.ts';
import {unlessMissing} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {mayStillWork, newestGeneration} from './judge-owner.ts';
import {parseCheckpointName, parseGenerationName, type JobPaths} from './paths.ts';
import type {ProcessTable} from './process-table.ts';

export interface PendingAttempt {
  readonly id: number;
  readonly generation: number;
  readonly path: string;
}

/** Attempts of all generations whose work directory has not been taken away. */
export async function pendingAttempts(
  files: FileSystem,
  paths: JobPaths,
): Promise<readonly PendingAttempt[]> {
  const attempts: PendingAttempt[] = [];
  await unlessMissing(async () => {
    for (const work of await files.list(paths.workDirectory)) {
      const generation = parseGenerationName(work.name);
      if (generation === null) continue;
      await unlessMissing(async () => {
        for (const {name} of await files.list(paths.pending(generation))) {
          const id = parseCheckpointName(name);
          if (id === null) continue;
          attempts.push({id, generation, path: paths.attempt(generation, id)});
        }
      });
    }
  });
  return attempts;
}

/**
 * Those that can still be published, for all that can be seen without waiting: of the newest generation, unless its process
 * is dead or has written its end. The others are left over, and go with the next run or prune.
 */
export async function attemptsUnderWay(
  files: FileSystem,
  paths: JobPaths,
  attempts: readonly PendingAttempt[],
  processes: ProcessTable,
): Promise<ReadonlySet<PendingAttempt>> {
  if (attempts.length === 0) return new Set();
  // Without it nobody knows; a copy of a directory may lack it.
  if ((await statusOrNull(files, paths.ownerDirectory)) === null) return new Set(attempts);
  const newest = await newestGeneration(files, paths);
  const own = attempts.filter(({generation}) => generation === newest);
  const isAlive = own.length > 0 && (await mayStillWork(files, paths, newest, processes));
  return new Set(isAlive ? own : []);
}
