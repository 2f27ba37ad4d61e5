// What `checkpoint list` tells about what is on disk. Never writes.

import type {CheckpointItem} from '../inspection/checkpoint-item.ts';
import {listCheckpointDirectory} from '../inspection/list-checkpoints.ts';
import type {Environment} from '../runtime/run-types.ts';
import {blockingFileSystem} from '../storage/blocking-file-system.ts';
import {watchedMaps} from './path-maps.ts';
import {listedDirectory} from './resolve-report.ts';

export type CheckpointState =
  'complete' | 'incomplete' | 'damaged' | 'in-progress' | 'aborted' | 'foreign';

export interface CheckpointListItem {
  /** Null when the directory does not say. */
  readonly id: number | null;
  readonly kind: 'checkpoint' | 'savepoint';
  readonly state: CheckpointState;
  /** Absolute. */
  readonly path: string;
  /** Who wrote it; Flink's is never restored from here. */
  readonly format: 'tidemark' | 'flink';
  /** Null when the directory does not say. */
  readonly formatVersion: string | null;
  /** Milliseconds since the epoch. */
  readonly created: number | null;
  /** From its trigger to its completion; null: not known. */
  readonly durationMillis: number | null;
  readonly bytes: number;
  readonly ownBytes: number;
  readonly sharedBytes: number;
  readonly generation: number | null;
  readonly jobName: string | null;
  readonly unaligned: boolean;
  readonly incremental: boolean;
  /** The one that a resume would take. */
  readonly newestRestorable: boolean;
  /** No retention and no prune deletes it. */
  readonly held: boolean;
}

export interface CheckpointList {
  /** Newest first. */
  readonly items: readonly CheckpointListItem[];
  /** Files in `shared/` that no checkpoint needs. Absolute paths. */
  readonly orphans: readonly {readonly path: string; readonly bytes: number}[];
  readonly warnings: readonly string[];
}

export async function listCheckpoints(
  target: string,
  options: {readonly environment: Environment; readonly maps?: readonly string[] | undefined},
): Promise<CheckpointList> {
  const {maps, unused} = watchedMaps(options.maps);
  const directory = await listedDirectory(target, options.environment);
  const {items, orphans, warnings} = await listCheckpointDirectory(blockingFileSystem, directory, {
    maps,
  });
  return {items: items.map(toListItem), orphans, warnings: [...warnings, ...unused()]};
}

function toListItem(item: CheckpointItem): CheckpointListItem {
  return {
    id: item.id,
    kind: item.kind,
    state: item.state,
    path: item.path,
    format: item.format,
    formatVersion: item.format_version,
    created: item.created === null ? null : Date.parse(item.created),
    durationMillis: item.duration_ms,
    bytes: item.bytes,
    ownBytes: item.own_bytes,
    sharedBytes: item.shared_bytes,
    generation: item.generation,
    jobName: item.job_name,
    unaligned: item.unaligned ?? false,
    incremental: item.incremental ?? false,
    newestRestorable: item.newest_restorable,
    held: item.held,
  };
}
