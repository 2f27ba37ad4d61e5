// What nobody needs in a job directory, and what it weighs: attempts that were given up, what was on its way out when a
// process died, and files in `shared/` that no checkpoint names. Never writes.

import {statusOrNull} from './derive-checkpoint-state.ts';
import {unlessMissing} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {listCheckpoints} from './list-checkpoints.ts';
import {orphansAmong, unclaimedFiles} from './list-orphans.ts';
import {parseGenerationName, type JobPaths} from './paths.ts';
import {pendingAttempts} from './pending-attempts.ts';
import {sharedNames} from './shared-directory.ts';

export interface Leftover {
  readonly kind: 'shared' | 'attempt' | 'deleted';
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** Since it was last written to. */
  readonly ageMillis: number;
}

/** `attemptsEnded`: nobody writes there any more, so attempts are left over too. `now`: wall clock, milliseconds. */
export async function listLeftovers(
  files: FileSystem,
  paths: JobPaths,
  attemptsEnded: boolean,
  now: number,
): Promise<readonly Leftover[]> {
  const lying = await sharedNames(files, paths);
  const attempts = await pendingAttempts(files, paths);
  const unclaimed = await unclaimedFiles(files, lying, attemptsEnded ? [] : attempts);
  const listed = await listCheckpoints(files, paths, null);
  const shared = (await orphansAmong(files, paths, unclaimed, listed)) ?? [];
  const leftovers: Leftover[] = [];
  const add = async (kind: Leftover['kind'], path: string): Promise<void> => {
    const status = await statusOrNull(files, path);
    if (status === null) return;
    const bytes = status.kind === 'directory' ? await bytesBelow(files, path) : status.size;
    // The empty work directory of a generation that ended in order.
    if (kind === 'deleted' && bytes === 0) return;
    leftovers.push({kind, path, bytes, ageMillis: Math.max(0, now - status.modifiedMillis)});
  };
  for (const {path} of shared) await add('shared', path);
  if (!attemptsEnded) return leftovers;
  for (const {path} of attempts) await add('attempt', path);
  await unlessMissing(async () => {
    for (const {name} of await files.list(paths.workDirectory)) {
      const generation = parseGenerationName(name);
      if (generation === null) continue;
      await unlessMissing(async () => {
        for (const entry of await files.list(paths.deleted(generation))) {
          await add('deleted', `${paths.deleted(generation)}/${entry.name}`);
        }
      });
    }
  });
  return leftovers;
}

/** Of all files in a directory; what goes meanwhile counts nothing. */
export async function bytesBelow(files: FileSystem, path: string): Promise<number> {
  let bytes = 0;
  // What a link leads to is not below it.
  if ((await statusOrNull(files, path))?.kind === 'link') return bytes;
  await unlessMissing(async () => {
    for (const {name, kind} of await files.list(path)) {
      const child = `${path}/${name}`;
      if (kind === 'directory') bytes += await bytesBelow(files, child);
      else if (kind === 'file') bytes += (await statusOrNull(files, child))?.size ?? 0;
    }
  });
  return bytes;
}
