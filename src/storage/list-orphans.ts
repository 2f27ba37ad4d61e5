// Files in `shared/` that no checkpoint needs: what attempts that were given up, or processes that died, left behind. The
// owner of the directory removes them when it starts and with each deletion.
//
// The directory may be a live one, so in this order: what lies there, then what attempts under way have brought, then
// the published checkpoints. A file that an attempt links meanwhile is not looked for; one that is published meanwhile
// is found in its checkpoint.

import {readMetadata, statusOrNull, type CheckpointState} from './derive-checkpoint-state.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from './file-system.ts';
import type {ListedCheckpoint} from './list-checkpoints.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {toShareDirectory, type JobPaths} from './paths.ts';
import {namesIn} from './shared-directory.ts';

/** As `checkpoint list --json` prints it. */
export interface Orphan {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Of what lay in `shared/`, what no attempt under way has brought; before the published checkpoints are read. `lying`: digests,
 * that were listed before `attempts`.
 */
export async function unclaimedFiles(
  files: FileSystem,
  lying: readonly string[],
  attempts: readonly {readonly path: string}[],
): Promise<Set<string>> {
  const unclaimed = new Set(lying);
  if (unclaimed.size === 0) return unclaimed;
  for (const {path} of attempts) {
    // Until its publish has written `_metadata`, they have a place in the attempt.
    for (const name of await namesIn(files, toShareDirectory(path))) unclaimed.delete(name);
    const read = await readMetadata(files, path);
    if (read.kind === 'read') release(unclaimed, read.metadata);
  }
  return unclaimed;
}

/** `listed`: read after `unclaimed`. Null: a checkpoint cannot be read, so nobody knows what it needs. */
export async function orphansAmong(
  files: FileSystem,
  paths: JobPaths,
  unclaimed: ReadonlySet<string>,
  listed: readonly ListedCheckpoint[],
): Promise<readonly Orphan[] | null> {
  const left = new Set(unclaimed);
  for (const {state} of listed) {
    if (!releaseNeeded(left, state)) return null;
  }
  return weighOrphans(files, paths, left);
}

/** Takes out of `left` what a checkpoint needs; false: that is not known, and there is something left. */
export function releaseNeeded(left: Set<string>, state: CheckpointState): boolean {
  const metadata = metadataOf(state);
  if (metadata === 'unknown') return left.size === 0;
  if (metadata !== null && left.size > 0) release(left, metadata);
  return true;
}

export async function weighOrphans(
  files: FileSystem,
  paths: JobPaths,
  left: ReadonlySet<string>,
): Promise<readonly Orphan[]> {
  const orphans: Orphan[] = [];
  for (const name of left) {
    const path = paths.sharedFile(name);
    const status = await statusOrNull(files, path);
    if (status !== null) orphans.push({path, bytes: status.size});
  }
  return orphans;
}

function release(names: Set<string>, metadata: CheckpointMetadata): void {
  for (const {sha256} of distinctFilesOf(metadata).shared) names.delete(sha256);
}

/** Null: it refers to nothing of ours. */
function metadataOf(state: CheckpointState): CheckpointMetadata | 'unknown' | null {
  switch (state.kind) {
    case 'complete':
      return state.metadata;
    case 'damaged':
      return state.readable?.metadata ?? 'unknown';
    case 'incomplete':
    case 'incompatible':
      return 'unknown';
    case 'foreign':
    case 'gone':
    case 'in-progress':
      return null;
  }
}
