// What nobody needs in a job directory, and what it weighs: attempts that were given up, what was on its way out when a
// process died, and files in `shared/` that no checkpoint names. Never writes.

import {readMetadata, statusOrNull} from './derive-checkpoint-state.ts';
import {unlessMissing} from './durable-file.ts';
import type {DirectoryEntry, FileSystem} from './file-system.ts';
import {listCheckpoints} from './list-checkpoints.ts';
import {orphansAmong, unclaimedFiles} from './list-orphans.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {parseCheckpointName, parseGenerationName, type JobPaths} from './paths.ts';
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

/**
 * What checkpoints on their way out refer to in `shared/`, by digest: whoever deleted them and was cut short would have
 * taken it along, as far as nobody else needs it.
 */
export async function sharedOfDeleted(
  files: FileSystem,
  paths: JobPaths,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const look = async (deleted: string): Promise<void> => {
    for (const {name, kind} of await entriesOf(files, deleted)) {
      if (kind !== 'directory') continue;
      const path = `${deleted}/${name}`;
      // A take-over takes the work of older generations away whole, with what they had on its way out.
      if (parseGenerationName(name) !== null) await look(`${path}/deleted`);
      if (parseCheckpointName(name) === null) continue;
      const read = await readMetadata(files, path);
      if (read.kind !== 'read') continue;
      for (const {sha256} of distinctFilesOf(read.metadata).shared) names.add(sha256);
    }
  };
  for (const {name} of await entriesOf(files, paths.workDirectory)) {
    const generation = parseGenerationName(name);
    if (generation !== null) await look(paths.deleted(generation));
  }
  return names;
}

async function entriesOf(files: FileSystem, path: string): Promise<readonly DirectoryEntry[]> {
  let entries: readonly DirectoryEntry[] = [];
  await unlessMissing(async () => {
    entries = await files.list(path);
  });
  return entries;
}

/** Of all files in a directory; what goes meanwhile counts nothing. */
export async function bytesBelow(files: FileSystem, path: string): Promise<number> {
  let bytes = 0;
  // What a link leads to is not below it, and nothing is below a file or a pipe.
  if ((await statusOrNull(files, path))?.kind !== 'directory') return bytes;
  await unlessMissing(async () => {
    for (const {name, kind} of await files.list(path)) {
      const child = `${path}/${name}`;
      if (kind === 'directory') bytes += await bytesBelow(files, child);
      else if (kind === 'file') bytes += (await statusOrNull(files, child))?.size ?? 0;
    }
  });
  return bytes;
}
