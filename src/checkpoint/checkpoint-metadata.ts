// What a checkpoint says of itself: the content of `_metadata`, as types. The bytes are
// `storage/`'s (FORMAT.md); the decisions about them are `recovery/`'s.

import type {OperatorUid} from '../base/ids.ts';
import type {JsonValue} from '../base/json.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';

/** In `requiredFeatures` when there is in-flight data: a reader that passed over it would lose records. */
export const IN_FLIGHT_FEATURE = 'in-flight-data';
/** In `requiredFeatures` of a savepoint whose keyed state is in the canonical form. */
export const CANONICAL_FEATURE = 'canonical-state';
/** In `requiredFeatures` when a state file lies in `shared/`: a reader that does not know of it could delete it. */
export const SHARED_FEATURE = 'shared-files';

/** In `requiredFeatures` where the form of a state file asks for it: that it is compressed, a delta, or of RocksDB. */
export const FORM_FEATURES = [
  'compression-gzip',
  'compression-brotli',
  'compression-zstd',
  'state-deltas',
  'rocksdb-state',
] as const;

/** Those that a reader of these states must have. */
export function formFeaturesOf(states: readonly StateHandle[]): string[] {
  const found = new Set(states.flatMap(formOf));
  return FORM_FEATURES.filter((feature) => found.has(feature));
}

function formOf(state: StateHandle): string[] {
  if (state.location !== 'file') return [];
  const {compression, delta, encoding} = (state.description ?? {}) as Readonly<
    Record<string, JsonValue>
  >;
  return [
    ...(typeof compression === 'string' ? [`compression-${compression}`] : []),
    ...(delta === undefined ? [] : ['state-deltas']),
    ...(encoding === 'rocksdb' ? ['rocksdb-state'] : []),
  ];
}

/** Every feature with the first version that reads it; an older one names it when it refuses. Only added to. */
export const FEATURE_VERSIONS: Readonly<Record<string, string>> = {
  [IN_FLIGHT_FEATURE]: '0.1.0',
  [CANONICAL_FEATURE]: '0.1.0',
  [SHARED_FEATURE]: '0.1.0',
  ...Object.fromEntries(FORM_FEATURES.map((feature) => [feature, '0.1.0'])),
};

/** A lineage and the checkpoint id at which the next younger one branched off. */
export interface LineageAncestor {
  readonly lineage: string;
  readonly checkpointId: number;
}

/** State small enough to stand in `_metadata` itself: positions, committables. */
export interface InlineState {
  readonly location: 'inline';
  readonly name: string;
  /** `position`: of a source; `committables`: of a sink; `operator`: any other, not keyed. */
  readonly kind: 'position' | 'committables' | 'operator';
  readonly codecVersion: number;
  readonly value: JsonValue;
}

/** State in a file: of this checkpoint alone, below its own directory, or in `shared/`. */
export interface FileState {
  readonly location: 'file';
  readonly name: string;
  /** `channel`: in-flight data that an unaligned checkpoint overtook. */
  readonly kind: 'keyed' | 'operator' | 'channel';
  readonly codecVersion: number;
  /** Of keyed state; null otherwise. */
  readonly keyGroups: KeyGroupRange | null;
  /**
   * Relative to the checkpoint's directory, `/` between parts: `<uid>/<subtask>.<name>`, or `../shared/ab/<sha256>`,
   * which several handles and several checkpoints may have.
   */
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  /** Lower-case hexadecimal digits. */
  readonly sha256: string;
  /** CRC-32 of each 1 MiB of the file, in order; the last may be shorter. */
  readonly chunkCrcs: readonly number[];
  /** What a reader needs before it opens the file (schema of keys and values, row count); small. */
  readonly description: JsonValue;
}

export type StateHandle = InlineState | FileState;

export interface SubtaskMetadata {
  readonly index: number;
  readonly states: readonly StateHandle[];
  /** Milliseconds since the epoch; null: none yet. "end": the input was at its end. */
  readonly watermark: number | 'end' | null;
}

export interface OperatorMetadata {
  readonly uid: OperatorUid;
  /** `source:file`, `aggregate`, `sink:file`, …; */
  readonly type: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly subtasks: readonly SubtaskMetadata[];
}

/** Why a checkpoint was taken. */
export type CheckpointPurpose = 'periodic' | 'requested' | 'final' | 'stop';

/**
 * The form of keyed state in a savepoint: that of the state backend, copied byte by byte, or the one that every backend
 * reads.
 */
export type SavepointFormat = 'canonical' | 'native';

/** Where a savepoint goes: the absolute path of its own directory, as it is named once it exists. */
export interface SavepointRecord {
  readonly path: string;
  readonly format: SavepointFormat;
}

export interface CheckpointMetadata {
  readonly format: {readonly major: number; readonly minor: number};
  /** Version of tidemark that wrote it. */
  readonly engine: string;
  /** Features without which a reader must refuse (exit 12). */
  readonly requiredFeatures: readonly string[];
  readonly jobName: string;
  /** SHA-256 of the job file's text. */
  readonly jobHash: string;
  readonly checkpointId: number;
  readonly kind: 'checkpoint' | 'savepoint';
  readonly purpose: CheckpointPurpose;
  readonly lineage: string;
  /** Oldest first. */
  readonly ancestors: readonly LineageAncestor[];
  readonly runId: string;
  readonly generation: number;
  /** The checkpoint of this lineage before it; null for the first. */
  readonly parent: number | null;
  readonly unaligned: boolean;
  readonly incremental: boolean;
  /** The job's `snapshot-compression`; of a savepoint `none` where none of its files is compressed. */
  readonly compression: 'none' | 'gzip' | 'brotli' | 'zstd';
  /** Windows were flushed and the input will not go on: true for `final` and drained ones. */
  readonly drained: boolean;
  /** Of a drained stop: the savepoint that is still to be made from it, by the next run if this one dies. */
  readonly savepointTarget: SavepointRecord | null;
  /** Wall clock, milliseconds since the epoch. */
  readonly triggered: number;
  readonly completed: number;
  readonly operators: readonly OperatorMetadata[];
}

/** What one operator of one subtask hands over for a checkpoint. */
export interface OperatorSnapshot {
  readonly uid: OperatorUid;
  readonly type: string;
  readonly subtask: SubtaskMetadata;
}
