// `checkpoint prune --orphans` of what copies that were killed left behind: of this machine when the process is dead, of another
// when it is old enough. A copy that is under way is never touched.

import {systemClock} from '../base/clock.ts';
import {bytesBelow} from '../storage/list-leftovers.ts';
import {statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {removeTree} from '../storage/durable-file.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {unfinishedCopies} from '../storage/unfinished-copies.ts';

export interface PrunedCopies {
  readonly deleted: readonly string[];
  readonly kept: readonly {readonly path: string; readonly reason: 'too-young'}[];
  readonly orphans: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly ageMillis: number;
    readonly deleted: boolean;
  }[];
  readonly freedBytes: number;
}

/** `orphanAgeMillis`: null: they were not asked for, and all stay. */
export async function pruneCopies(
  directory: string,
  options: {readonly orphanAgeMillis: number | null; readonly dryRun: boolean},
): Promise<PrunedCopies> {
  const {orphanAgeMillis, dryRun} = options;
  const orphans: PrunedCopies['orphans'][number][] = [];
  for (const {path, writer} of await unfinishedCopies(files, directory, systemProcessTable)) {
    const status = writer === 'alive' ? null : await statusOrNull(files, path);
    if (status === null) continue;
    const ageMillis = Math.max(0, systemClock.wallMillis() - status.modifiedMillis);
    const isOld = writer === 'dead' || ageMillis >= (orphanAgeMillis ?? Infinity);
    const deleted = orphanAgeMillis !== null && isOld;
    orphans.push({path, bytes: await bytesBelow(files, path), ageMillis, deleted});
    if (deleted && !dryRun) await removeTree(files, path);
  }
  const gone = orphans.filter((orphan) => orphan.deleted);
  return {
    deleted: [],
    kept: orphans
      .filter((orphan) => !orphan.deleted && orphanAgeMillis !== null)
      .map(({path}) => ({path, reason: 'too-young'})),
    orphans,
    freedBytes: gone.reduce((sum, {bytes}) => sum + bytes, 0),
  };
}
