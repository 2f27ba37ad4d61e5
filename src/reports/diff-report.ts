// `checkpoint diff`: which two, and what is different in them.

import {diffCheckpoints, type CheckpointDiff} from '../inspection/diff-checkpoints.ts';
import {openCheckpoint} from '../inspection/state/open-checkpoint.ts';
import type {Environment} from '../runtime/run-types.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {resolveCheckpoint} from './resolve-report.ts';

/** `positions`: of `sources` in words, a line per split, without the lines that both have. */
export interface DiffReport extends CheckpointDiff {
  readonly positions: readonly {
    readonly operator: string;
    readonly from: readonly string[];
    readonly to: readonly string[];
  }[];
}

/** `rowsMax`: of rows that differ, how many are told. */
export async function diffReport(
  from: string,
  to: string,
  {environment, rowsMax}: {readonly environment: Environment; readonly rowsMax: number},
): Promise<DiffReport> {
  const diff = await diffCheckpoints({
    files,
    from: await resolveCheckpoint(from, {environment}),
    to: await resolveCheckpoint(to, {environment}),
    rowsMax,
  });
  if (diff.sources.length === 0) return {...diff, positions: []};
  // Only here: what describes a position loads the connectors.
  const {positionsOf} = await import('./source-positions.ts');
  const before = positionsOf(await openCheckpoint(files, diff.from));
  const after = positionsOf(await openCheckpoint(files, diff.to));
  const positions = diff.sources.map(({operator}) => {
    const [left = [], right = []] = [before, after].map(
      (side) => side.find((own) => own.operator === operator)?.at,
    );
    return {
      operator,
      from: left.filter((line) => !right.includes(line)),
      to: right.filter((line) => !left.includes(line)),
    };
  });
  return {...diff, positions};
}
