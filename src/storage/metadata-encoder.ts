// `_metadata` as bytes: sealed canonical JSON (sealed-json.ts), keys in snake_case, readable with jq.
// Field by field: FORMAT.md. The reader is metadata-decoder.ts.

import {assert, must} from '../base/assert.ts';
import {
  FEATURE_VERSIONS,
  type CheckpointMetadata,
  type FileState,
  type OperatorMetadata,
  type StateHandle,
  type SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import type {JsonObject} from './canonical-json.ts';
import {parseSharedPath} from './paths.ts';
import {sealJson} from './sealed-json.ts';

/** Of the layout of this directory and of `_metadata`. Written by this version of the code. */
export const FORMAT_MAJOR = 1;
export const FORMAT_MINOR = 0;

export const METADATA_BYTES_MAX = 64 * 1024 * 1024;
export function encodeMetadata(metadata: CheckpointMetadata): Uint8Array {
  const bytes = sealJson(toJson(metadata));
  assert(bytes.length <= METADATA_BYTES_MAX, `_metadata of ${bytes.length} bytes`);
  return bytes;
}

function toJson(metadata: CheckpointMetadata): JsonObject {
  return {
    format: {major: metadata.format.major, minor: metadata.format.minor},
    engine: metadata.engine,
    required_features: metadata.requiredFeatures,
    ...featureVersions(metadata.requiredFeatures),
    job_name: metadata.jobName,
    job_hash: metadata.jobHash,
    checkpoint_id: metadata.checkpointId,
    kind: metadata.kind,
    purpose: metadata.purpose,
    lineage: metadata.lineage,
    ancestors: metadata.ancestors.map(({lineage, checkpointId}) => ({
      lineage,
      checkpoint_id: checkpointId,
    })),
    run_id: metadata.runId,
    generation: metadata.generation,
    parent: metadata.parent,
    unaligned: metadata.unaligned,
    incremental: metadata.incremental,
    compression: metadata.compression,
    drained: metadata.drained,
    // Only where there is one: every other checkpoint has the bytes that it had before there were savepoints.
    ...(metadata.savepointTarget === null ? {} : {savepoint_target: {...metadata.savepointTarget}}),
    triggered: metadata.triggered,
    completed: metadata.completed,
    operators: metadata.operators.map(operatorToJson),
  };
}

/** Only where there are features: for readers that do not know them. */
function featureVersions(features: readonly string[]): JsonObject {
  if (features.length === 0) return {};
  const versions = features.map((name) => [name, must(FEATURE_VERSIONS[name], name)]);
  return {feature_versions: Object.fromEntries(versions) as JsonObject};
}

function operatorToJson(operator: OperatorMetadata): JsonObject {
  return {
    uid: operator.uid,
    type: operator.type,
    parallelism: operator.parallelism,
    max_parallelism: operator.maxParallelism,
    subtasks: operator.subtasks.map(subtaskToJson),
  };
}

function subtaskToJson(subtask: SubtaskMetadata): JsonObject {
  return {
    index: subtask.index,
    watermark: subtask.watermark,
    states: subtask.states.map(stateToJson),
  };
}

function stateToJson(state: StateHandle): JsonObject {
  switch (state.location) {
    case 'inline':
      return {
        location: 'inline',
        name: state.name,
        kind: state.kind,
        codec_version: state.codecVersion,
        value: state.value,
      };
    case 'file':
      return {
        location: 'file',
        name: state.name,
        kind: state.kind,
        codec_version: state.codecVersion,
        key_groups:
          state.keyGroups === null
            ? null
            : {start: state.keyGroups.start, end: state.keyGroups.end},
        path: state.path,
        length: state.length,
        sha256: state.sha256,
        chunk_crcs: state.chunkCrcs,
        description: state.description,
      };
  }
}

/** The handle of every state file, in the order of `_metadata`; several may name one shared file. */
export function stateFilesOf(metadata: CheckpointMetadata): readonly FileState[] {
  const files: FileState[] = [];
  for (const {subtasks} of metadata.operators) {
    for (const {states} of subtasks) {
      for (const state of states) if (state.location === 'file') files.push(state);
    }
  }
  return files;
}

/** The state files of a checkpoint, each once. */
export interface StateFiles {
  /** Below its own directory. */
  readonly own: readonly FileState[];
  readonly shared: readonly FileState[];
}

export function distinctFilesOf(metadata: CheckpointMetadata): StateFiles {
  const known = DISTINCT_FILES.get(metadata);
  if (known !== undefined) return known;
  const [own, shared]: [FileState[], FileState[]] = [[], []];
  for (const file of new Map(stateFilesOf(metadata).map((one) => [one.path, one])).values()) {
    (parseSharedPath(file.path) === null ? own : shared).push(file);
  }
  const found = {own, shared};
  DISTINCT_FILES.set(metadata, found);
  return found;
}

/** Metadata never changes, and whoever looks at one checkpoint asks several times. */
const DISTINCT_FILES = new WeakMap<CheckpointMetadata, StateFiles>();

export function lengthOf(files: readonly FileState[]): number {
  return files.reduce((sum, {length}) => sum + length, 0);
}
