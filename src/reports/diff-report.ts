// `checkpoint diff`: which two, and what is different in them.

import {diffCheckpoints, type CheckpointDiff} from '../inspection/diff-checkpoints.ts';
import type {Environment} from '../runtime/run-types.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {resolveCheckpoint} from './resolve-report.ts';
import {databasePlace} from './database-place.ts';

export type {CheckpointDiff};

/** `rowsMax`: of rows that differ, how many are told. */
export async function diffReport(
  from: string,
  to: string,
  {environment, rowsMax}: {readonly environment: Environment; readonly rowsMax: number},
): Promise<CheckpointDiff> {
  return diffCheckpoints({
    files,
    databases: databasePlace(),
    from: await resolveCheckpoint(from, {environment}),
    to: await resolveCheckpoint(to, {environment}),
    rowsMax,
  });
}
