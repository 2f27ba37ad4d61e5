import {unlessMissing} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {parseCheckpointName, parseGenerationName, type JobPaths} from './paths.ts';

/** Attempts of all generations whose work directory has not been taken away. */
export async function pendingAttempts(
  files: FileSystem,
  paths: JobPaths,
): Promise<readonly {readonly id: number; readonly path: string}[]> {
  const attempts: {id: number; path: string}[] = [];
  await unlessMissing(async () => {
    for (const work of await files.list(paths.workDirectory)) {
      const generation = parseGenerationName(work.name);
      if (generation === null) continue;
      await unlessMissing(async () => {
        for (const {name} of await files.list(paths.pending(generation))) {
          const id = parseCheckpointName(name);
          if (id !== null) attempts.push({id, path: paths.attempt(generation, id)});
        }
      });
    }
  });
  return attempts;
}
