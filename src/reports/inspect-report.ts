// What `checkpoint inspect` tells about one checkpoint, and whether a job could go on from it. Never writes.

import type {ErrorCode} from '../base/errors.ts';
import {inspectCheckpoint, type CheckpointDetails} from '../inspection/inspect-checkpoint.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {Environment} from '../runtime/run-types.ts';
import {blockingFileSystem as files} from '../storage/blocking-file-system.ts';
import {errorCodeOf} from '../storage/finding.ts';
import {resolveCheckpoint} from './resolve-report.ts';
import type {RestorePlan} from './job-reports.ts';

export type {CheckpointDetails};

export interface InspectReport {
  readonly details: CheckpointDetails;
  /** For a person: where each source goes on, a line per split. */
  readonly positions: RestorePlan['positions'];
  /** Against `job`; null: none was named. */
  readonly plan: RestorePlan | null;
}

export async function inspectReport(
  ref: string,
  options: {
    readonly environment: Environment;
    /** A job file; null: none. */
    readonly job: string | null;
    /** `positions` is asked for. */
    readonly describePositions: boolean;
  },
): Promise<InspectReport> {
  const {environment, job, describePositions} = options;
  const directory = await resolveCheckpoint(ref, {environment});
  const {details, metadata, metadataSha256} = await inspectCheckpoint(files, directory);
  const {id, path} = details;
  if (job === null) {
    const positions = describePositions ? await positionsIn(metadata) : [];
    return {details, positions, plan: null};
  }
  // Only now: the engine is most of what an inspection would otherwise load.
  const {planFor} = await import('./job-reports.ts');
  const checkpoint = {state: 'complete', id, path, metadata, metadataSha256} as const;
  const plan = await planFor(job, checkpoint, environment);
  return {details, positions: plan.positions, plan};
}

async function positionsIn(metadata: CheckpointMetadata): Promise<RestorePlan['positions']> {
  const hasPosition = metadata.operators.some(({subtasks}) =>
    subtasks.some(({states}) => states.some(({kind}) => kind === 'position')),
  );
  if (!hasPosition) return [];
  const {positionsOf} = await import('./source-positions.ts');
  return positionsOf(metadata);
}

/** Which error findings make together, as `verify` has it; null: they are hints, or none. */
export function findingsError(findings: CheckpointDetails['findings']): ErrorCode | null {
  const errors = findings.filter(({severity}) => severity === 'error');
  return errorCodeOf(new Set(errors.map(({code}) => code)));
}
