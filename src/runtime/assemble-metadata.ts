import {must} from '../base/assert.ts';
import {
  formFeaturesOf,
  IN_FLIGHT_FEATURE,
  SHARED_FEATURE,
  type CheckpointMetadata,
  type SavepointRecord,
  type LineageAncestor,
  type OperatorMetadata,
  type OperatorSnapshot,
  type StateHandle,
  type SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import type {JobSpec} from '../job/job-spec.ts';
import {FORMAT_MAJOR, FORMAT_MINOR} from '../storage/metadata-encoder.ts';
import {parseSharedPath} from '../storage/paths.ts';
import type {CompleteDecision} from './checkpoint-driver.ts';
import {IN_FLIGHT_STATE} from '../state/in-flight.ts';

/** Version of this program, as checkpoints name it. */
export const ENGINE_VERSION = '0.1.0';

export interface MetadataContext {
  readonly job: JobSpec;
  readonly lineage: string;
  readonly ancestors: readonly LineageAncestor[];
  readonly runId: string;
  readonly generation: number;
  /** The stop that ends with this checkpoint; null: it ends with none, or of itself. */
  readonly stop: {readonly drain: boolean; readonly savepoint: SavepointRecord | null} | null;
}

/** What a completed attempt says of itself. Times are wall clock, milliseconds since the epoch. */
export function assembleMetadata(
  context: MetadataContext,
  decision: CompleteDecision,
  times: {readonly triggered: number; readonly completed: number},
): CheckpointMetadata {
  const {job, stop} = context;
  const drained = decision.purpose === 'final';
  const snapshots = decision.acknowledgements.flatMap(({snapshot}) => snapshot);
  return {
    format: {major: FORMAT_MAJOR, minor: FORMAT_MINOR},
    engine: ENGINE_VERSION,
    requiredFeatures: featuresOf(snapshots),
    jobName: job.name,
    jobHash: job.hash,
    checkpointId: decision.id,
    kind: 'checkpoint',
    // The final checkpoint of a job that was drained on request is what its stop is made of.
    purpose: drained && stop !== null ? 'stop' : decision.purpose,
    lineage: context.lineage,
    ancestors: context.ancestors,
    runId: context.runId,
    generation: context.generation,
    parent: decision.parent,
    unaligned: decision.alignment.kind === 'unaligned' || hasInFlight(snapshots),
    incremental: snapshots.some(({subtask}) => isIncremental(subtask)),
    compression: job.checkpointing.snapshotCompression,
    drained,
    savepointTarget: drained ? (stop?.savepoint ?? null) : null,
    triggered: times.triggered,
    completed: times.completed,
    operators: groupByOperator(job, snapshots),
  };
}

function featuresOf(snapshots: readonly OperatorSnapshot[]): string[] {
  const states = snapshots.flatMap(({subtask}) => subtask.states);
  return [
    ...(hasInFlight(snapshots) ? [IN_FLIGHT_FEATURE] : []),
    ...(states.some(isShared) ? [SHARED_FEATURE] : []),
    ...formFeaturesOf(states),
  ];
}

/** Deltas, or files of a database that other checkpoints may have too. */
function isIncremental({states}: SubtaskMetadata): boolean {
  const ofShared = formFeaturesOf(states.filter(isShared));
  return formFeaturesOf(states).includes('state-deltas') || ofShared.includes('rocksdb-state');
}

function isShared(state: StateHandle): boolean {
  return state.location === 'file' && parseSharedPath(state.path) !== null;
}

function hasInFlight(snapshots: readonly OperatorSnapshot[]): boolean {
  return snapshots.some(({subtask}) => subtask.states.some(({name}) => name === IN_FLIGHT_STATE));
}

function groupByOperator(job: JobSpec, snapshots: readonly OperatorSnapshot[]): OperatorMetadata[] {
  const uids = [...new Set(snapshots.map(({uid}) => uid))];
  return uids.map((uid) => {
    const own = snapshots.filter((snapshot) => snapshot.uid === uid);
    return {
      uid,
      type: must(own[0], uid).type,
      parallelism: job.parallelism,
      maxParallelism: job.maxParallelism,
      subtasks: own.map(({subtask}) => subtask).sort((left, right) => left.index - right.index),
    };
  });
}
