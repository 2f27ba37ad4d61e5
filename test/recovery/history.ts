// The vocabulary of recovery's tests: runs of a job as they leave facts behind.

import type {CheckpointMetadata, OperatorMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {RunEnd} from '#src/checkpoint/retention.js';
import type {StartFacts, StartRequest} from '#src/recovery/choose-start.js';
import type {
  CheckpointFacts,
  CompleteCheckpoint,
  GenerationFacts,
  LineageRecord,
} from '#src/recovery/facts.js';

export const JOB = 'delays';

export function metadata(changes: Partial<CheckpointMetadata>): CheckpointMetadata {
  return {
    format: {major: 1, minor: 0},
    engine: '0.1.0',
    requiredFeatures: [],
    jobName: JOB,
    jobHash: '0'.repeat(64),
    checkpointId: 1,
    kind: 'checkpoint',
    purpose: 'periodic',
    lineage: 'L1',
    ancestors: [],
    runId: 'run-1',
    generation: 1,
    parent: null,
    unaligned: false,
    incremental: false,
    compression: 'none',
    drained: false,
    savepointTarget: null,
    triggered: 0,
    completed: 1,
    operators: [],
    ...changes,
  };
}

export function complete(
  id: number,
  changes: Partial<CheckpointMetadata> = {},
): CompleteCheckpoint {
  return {
    state: 'complete',
    id,
    path: `/state/${JOB}/chk-${id}`,
    metadata: metadata({checkpointId: id, ...changes}),
    metadataSha256: `sha-${id}`,
  };
}

/** `known`: its metadata can still be read. */
export function damaged(
  checkpoint: CheckpointFacts,
  known = true,
  state: 'damaged' | 'incomplete' | 'incompatible' | 'refused' = 'damaged',
): CheckpointFacts {
  const {id, path} = checkpoint;
  return {
    state,
    id,
    path,
    metadata: known ? checkpoint.metadata : null,
    damage: `chk-${id}/_metadata differs`,
  };
}

export function lineage(name: string, from: CompleteCheckpoint | null = null): LineageRecord {
  if (from === null) {
    return {lineage: name, origin: {kind: 'fresh'}, ancestors: [], outputAhead: null};
  }
  const {id, path, metadataSha256} = from;
  return {
    lineage: name,
    origin: {kind: 'checkpoint', checkpointId: id, path, metadataSha256, claimed: false},
    ancestors: [...from.metadata.ancestors, {lineage: from.metadata.lineage, checkpointId: id}],
    outputAhead: 'refuse',
  };
}

export function generation(
  number: number,
  record: LineageRecord | null,
  changes: Partial<Omit<GenerationFacts, 'end'>> & {readonly end?: RunEnd | null} = {},
): GenerationFacts {
  const {end = null, ...others} = changes;
  return {
    generation: number,
    kind: 'run',
    runId: `run-${number}`,
    lineage: record,
    published: false,
    settled: false,
    claimed: null,
    end: end === null ? null : {how: end, savepoint: null, drained: false},
    ...others,
  };
}

export function facts(
  generations: readonly GenerationFacts[],
  checkpoints: readonly CheckpointFacts[] = [],
  changes: Partial<StartFacts> = {},
): StartFacts {
  return {jobName: JOB, generations, checkpoints, running: null, origin: null, ...changes};
}

export function request(changes: Partial<StartRequest> = {}): StartRequest {
  return {
    start: {kind: 'auto'},
    onDamaged: 'stop',
    allowDrained: false,
    restartCause: null,
    jobFile: 'delays.job.yaml',
    ...changes,
  };
}

export function operator(uid: string, changes: Partial<OperatorMetadata> = {}): OperatorMetadata {
  return {uid, type: 'aggregate', parallelism: 1, maxParallelism: 128, subtasks: [], ...changes};
}
