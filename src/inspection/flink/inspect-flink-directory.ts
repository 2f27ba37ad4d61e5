// One checkpoint or savepoint that Flink wrote, as far as `_metadata` and the names and lengths of files tell: what it holds,
// what of it others need too, what is wrong with it. Never writes.

import {EngineError} from '../../base/errors.ts';
import {shellWord} from '../../base/shell-word.ts';
import type {Finding} from '../../storage/finding.ts';
import {
  baseName,
  METADATA_FILE,
  parentOf,
  parseCheckpointName,
  parseSavepointName,
} from '../../storage/paths.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import {errorsOf, hintsOf} from './check-flink-directory.ts';
import {flinkWriter} from './decode-flink-metadata.ts';
import {describeFlinkOperators, type FlinkOperatorDetails} from './describe-flink-operators.ts';
import type {FlinkKeyedState, FlinkMetadata} from './flink-metadata.ts';
import {
  isFlinkDirectory,
  readFlinkDirectory,
  type FlinkDirectory,
  type FlinkDirectoryOptions,
  type FlinkFileFacts,
} from './read-flink-directory.ts';
import {sizesOf} from './state-parts.ts';

/** `CheckpointDetails` of a directory that Flink wrote. Null: Flink does not write it down. */
export interface FlinkCheckpointDetails {
  readonly id: number;
  /** Null: up to version 3 only the name of the directory says it, and this one has another. */
  readonly checkpoint_kind: 'checkpoint' | 'savepoint' | null;
  readonly savepoint_format: 'canonical' | 'native' | null;
  /** `incomplete`: a file lies where it was not looked for. */
  readonly state: 'complete' | 'incomplete' | 'damaged';
  /** Absolute. */
  readonly path: string;
  readonly format: 'flink';
  /** Of `_metadata`: `2` to `6`. */
  readonly format_version: string;
  /** Which versions of Flink write that. */
  readonly engine: string;
  readonly job_name: null;
  /** Of the directory above. */
  readonly job_id: string | null;
  readonly created: null;
  readonly duration_ms: null;
  readonly unaligned: boolean;
  readonly incremental: boolean;
  /** Of the state and of `_metadata`; what is in that and what is in files. */
  readonly bytes: number;
  readonly own_bytes: number;
  readonly shared_bytes: number;
  /** Null: a checkpoint beside it cannot be read, so nobody knows what that needs. */
  readonly freed_if_dropped_bytes: number | null;
  /** Refers to files by their names beside `_metadata` only, so that Flink finds them wherever the directory is. */
  readonly self_contained: boolean;
  readonly watermark: null;
  readonly parallelism: number;
  readonly max_parallelism: number;
  /** As Flink's REST counts them. */
  readonly state_size: number;
  readonly checkpointed_size: number;
  readonly persisted_data: number;
  readonly sources: readonly [];
  readonly operators: readonly FlinkOperatorDetails[];
  /** Of hooks on the master. */
  readonly master_states: readonly {readonly name: string; readonly bytes: number}[];
  readonly files: readonly FlinkFileDetails[];
  /** Errors, then hints. */
  readonly findings: readonly Finding[];
}

export interface FlinkFileDetails {
  /** Absolute where it was looked for, else as Flink wrote it. */
  readonly path: string;
  /** As Flink wrote it. */
  readonly written: string;
  readonly bytes: number;
  readonly sha256: null;
  /** Outside the directory of the checkpoint. */
  readonly shared: boolean;
  /** Ids of those that refer to it. */
  readonly operators: readonly string[];
}

/**
 * `uids`: of operators of a job; their ids are looked for. CHECKPOINT_DAMAGED when `_metadata` cannot be read, REFUSED when
 * it or the directory is a link or no file, INCOMPATIBLE when it is of a version that is not read here, NOT_FOUND, STORAGE_FAILED.
 */
export async function inspectFlinkDirectory(
  options: FlinkDirectoryOptions & {readonly uids: readonly string[]},
): Promise<FlinkCheckpointDetails> {
  const {directory, uids} = options;
  try {
    const read = await openFlinkDirectory(options);
    return describe(directory, read, uids, await bytesOnlyHere(options, read));
  } catch (error) {
    throw storageFailed('reading', directory, error);
  }
}

/** What can be read of it; anything else is thrown. */
export async function openFlinkDirectory(options: FlinkDirectoryOptions): Promise<FlinkDirectory> {
  const {directory} = options;
  const reading = await readFlinkDirectory(options);
  switch (reading.kind) {
    case 'read':
      return reading;
    case 'gone':
      throw new EngineError('NOT_FOUND', `no checkpoint at ${directory}`, {
        file: directory,
        hint: `Run \`tidemark checkpoint list ${shellWord(parentOf(directory))}\` to see what there is.`,
      });
    case 'damaged':
    case 'incompatible': {
      const {message, offset, expected, found} = reading.finding;
      const isRefused = reading.finding.code === 'kind-refused';
      const compared =
        expected === null ? '' : ` (expected ${expected}, found ${found ?? 'nothing'})`;
      const at = offset === null ? '' : ` at byte ${offset}`;
      const damage = isRefused ? 'REFUSED' : 'CHECKPOINT_DAMAGED';
      const code = reading.kind === 'damaged' ? damage : 'INCOMPATIBLE';
      throw new EngineError(code, `${message}${at}${compared}`, {
        file: `${directory}/${METADATA_FILE}`,
        hint: `Run \`tidemark checkpoint list ${shellWord(parentOf(directory))}\` for others.`,
        facts: {offset, expected, found},
      });
    }
  }
}

function describe(
  directory: string,
  read: FlinkDirectory,
  uids: readonly string[],
  onlyHere: number | null,
): FlinkCheckpointDetails {
  const {metadata} = read;
  const {operators} = metadata;
  const summary = summarise(directory, read);
  const job = baseName(parentOf(directory));
  const sizes = sizesOf(metadata);
  return {
    id: metadata.checkpointId,
    checkpoint_kind: kindOf(directory, metadata),
    savepoint_format: metadata.properties?.format ?? null,
    state: summary.state,
    path: directory,
    format: 'flink',
    format_version: String(metadata.version),
    engine: flinkWriter(metadata.version),
    job_name: null,
    job_id: /^[0-9a-f]{32}$/.test(job) ? job : null,
    created: null,
    duration_ms: null,
    unaligned: summary.unaligned,
    incremental: summary.incremental,
    bytes: summary.ownBytes + summary.sharedBytes,
    own_bytes: summary.ownBytes,
    shared_bytes: summary.sharedBytes,
    freed_if_dropped_bytes: onlyHere === null ? null : summary.ownBytes + onlyHere,
    self_contained: read.files.every(
      ({location}) => location.kind === 'here' && location.how === 'relative',
    ),
    watermark: null,
    parallelism: operators.reduce((max, {parallelism}) => Math.max(max, parallelism), 0),
    max_parallelism: operators.reduce((max, one) => Math.max(max, one.maxParallelism), 0),
    state_size: sizes.state,
    checkpointed_size: sizes.checkpointed,
    persisted_data: sizes.persisted,
    sources: [],
    operators: describeFlinkOperators(operators, uids),
    master_states: metadata.masterStates.map(({name, size}) => ({name, bytes: size})),
    files: read.files.map(describeFile),
    findings: summary.findings,
  };
}

function describeFile(file: FlinkFileFacts): FlinkFileDetails {
  const {location, written, bytes, shared, operators} = file;
  const path = location.kind === 'here' ? location.path : written;
  return {path, written, bytes, sha256: null, shared, operators};
}

export interface FlinkSummary {
  readonly state: 'complete' | 'incomplete' | 'damaged';
  /** In its directory, `_metadata` with what is inline too. */
  readonly ownBytes: number;
  readonly sharedBytes: number;
  readonly unaligned: boolean;
  readonly incremental: boolean;
  readonly findings: readonly Finding[];
}

/** What `list` and `inspect` both tell. */
export function summarise(directory: string, read: FlinkDirectory): FlinkSummary {
  const errors = errorsOf(directory, read);
  const subtasks = read.metadata.operators.flatMap((operator) => operator.subtasks);
  const keyed = subtasks.flatMap(({managedKeyed}) => (managedKeyed === null ? [] : [managedKeyed]));
  const onlyElsewhere = errors.every(({code}) => code === 'file-elsewhere');
  return {
    state: errors.length === 0 ? 'complete' : onlyElsewhere ? 'incomplete' : 'damaged',
    ownBytes: read.bytes.length + bytesOf(read.files.filter(({shared}) => !shared)),
    sharedBytes: bytesOf(read.files.filter(({shared}) => shared)),
    unaligned: subtasks.some(({channels}) => channels.length > 0),
    incremental: keyed.some(isIncremental),
    findings: [...errors, ...hintsOf(directory, read)],
  };
}

/** Does a later checkpoint use files of this state, or this one those of an earlier? */
function isIncremental(state: FlinkKeyedState): boolean {
  if (state.kind === 'changelog') return true;
  return (
    state.kind === 'rocksdb' &&
    state.shared.some(({stream}) => stream.kind === 'absolute' || stream.kind === 'segment')
  );
}

function bytesOf(files: readonly FlinkFileFacts[]): number {
  return files.reduce((sum, {bytes}) => sum + bytes, 0);
}

/** From version 4 on `_metadata` says it; before, what Flink calls the directory. */
export function kindOf(
  directory: string,
  {properties}: FlinkMetadata,
): 'checkpoint' | 'savepoint' | null {
  if (properties !== null) return properties.kind;
  if (parseCheckpointName(baseName(directory)) !== null) return 'checkpoint';
  return parseSavepointName(baseName(directory)) === null ? null : 'savepoint';
}

/** Of its shared files, those that no other checkpoint of the job refers to; null: one of those cannot be read. */
async function bytesOnlyHere(
  options: FlinkDirectoryOptions,
  read: FlinkDirectory,
): Promise<number | null> {
  const {files, directory} = options;
  const shared = read.files.filter((file) => file.shared);
  const ownId = parseCheckpointName(baseName(directory));
  if (shared.length === 0 || ownId === null) return bytesOf(shared);
  const needed = new Set<string>();
  const job = parentOf(directory);
  for (const {name} of await files.list(job)) {
    const id = parseCheckpointName(name);
    if (id === null || id === ownId) continue;
    const other = `${job}/${name}`;
    // Without `_metadata` it is under way or was given up: what it brings lies in no list.
    if (!(await isFlinkDirectory(files, other))) continue;
    const beside = await readFlinkDirectory({...options, directory: other});
    if (beside.kind === 'damaged' || beside.kind === 'incompatible') return null;
    if (beside.kind === 'read') {
      for (const {location} of beside.files)
        if (location.kind === 'here') needed.add(location.path);
    }
  }
  return bytesOf(
    shared.filter(({location}) => location.kind !== 'here' || !needed.has(location.path)),
  );
}
