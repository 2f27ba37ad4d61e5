// One checkpoint or savepoint, as far as it can be told without opening its state files: what it holds, what of it
// others need too, and what is wrong with it. Never writes.

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import type {JsonValue} from '../base/json.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {
  deriveCheckpointState,
  readMetadata,
  type CheckpointState,
  type ReadableCheckpoint,
} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {ERROR_OF_FINDING, type Finding} from '../storage/finding.ts';
import {isSavepointHeld, listHolds} from '../storage/holds.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {
  baseName,
  join,
  JobPaths,
  parentOf,
  parseCheckpointName,
  stateFileAt,
} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {
  describeOperator,
  sourcePositions,
  watermarkOf,
  type OperatorDetails,
} from './describe-states.ts';
import {hasMetadata} from './list-checkpoints.ts';
import {pendingAttempts} from '../storage/pending-attempts.ts';

/** As `checkpoint inspect --json` prints it. */
export interface CheckpointDetails {
  readonly id: number;
  /** `kind` is what the object is. */
  readonly checkpoint_kind: 'checkpoint' | 'savepoint';
  readonly state: 'complete' | 'damaged';
  /** Absolute. */
  readonly path: string;
  readonly format: 'tidemark';
  /** `1.0` */
  readonly format_version: string;
  readonly engine: string;
  readonly job_name: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly duration_ms: number;
  readonly purpose: CheckpointMetadata['purpose'];
  readonly lineage: string;
  readonly generation: number;
  readonly parent: number | null;
  readonly unaligned: boolean;
  readonly incremental: boolean;
  readonly drained: boolean;
  readonly held: boolean;
  readonly bytes: number;
  readonly own_bytes: number;
  readonly shared_bytes: number;
  /** Null: another checkpoint beside it cannot be read, so nobody knows what that needs. */
  readonly freed_if_dropped_bytes: number | null;
  /** Names no file outside its own directory. */
  readonly self_contained: boolean;
  readonly watermark: string | null;
  readonly parallelism: number;
  readonly max_parallelism: number;
  readonly sources: readonly {readonly operator: string; readonly position: JsonValue}[];
  readonly operators: readonly OperatorDetails[];
  /** Paths absolute; each once. */
  readonly files: readonly FileDetails[];
  /** What is wrong: names, sizes and checksums of the list, not of the bytes. */
  readonly findings: readonly Finding[];
}

export interface FileDetails {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly shared: boolean;
  /** Uids of those that name it. */
  readonly operators: readonly string[];
}

export interface Inspection {
  readonly details: CheckpointDetails;
  readonly metadata: CheckpointMetadata;
  readonly metadataSha256: string;
}

/**
 * `directory`: absolute. NOT_FOUND; CHECKPOINT_DAMAGED or REFUSED when its `_metadata` cannot be read; INCOMPATIBLE when another
 * version or program wrote it.
 */
export async function inspectCheckpoint(files: FileSystem, directory: string): Promise<Inspection> {
  try {
    const state = await deriveCheckpointState(files, directory);
    const readable = requireReadable(state, directory);
    const {metadata, metadataSha256} = readable;
    const findings = state.kind === 'damaged' ? state.findings : [];
    const details = await describe(files, directory, readable, findings);
    return {details, metadata, metadataSha256};
  } catch (error) {
    throw storageFailed('reading', directory, error);
  }
}

async function describe(
  files: FileSystem,
  directory: string,
  {metadata, bytes, sharedBytes}: ReadableCheckpoint,
  findings: readonly Finding[],
): Promise<CheckpointDetails> {
  const {own, shared} = distinctFilesOf(metadata);
  const around = await lookAround(files, directory, shared.length > 0);
  const alone = shared.filter(({sha256}) => around.needed?.has(sha256) !== true);
  const {operators} = metadata;
  const users = usersOf(operators);
  return {
    id: metadata.checkpointId,
    checkpoint_kind: metadata.kind,
    state: findings.length === 0 ? 'complete' : 'damaged',
    path: directory,
    format: 'tidemark',
    format_version: `${metadata.format.major}.${metadata.format.minor}`,
    engine: metadata.engine,
    job_name: metadata.jobName,
    created: new Date(metadata.completed).toISOString(),
    duration_ms: Math.max(0, metadata.completed - metadata.triggered),
    purpose: metadata.purpose,
    lineage: metadata.lineage,
    generation: metadata.generation,
    parent: metadata.parent,
    unaligned: metadata.unaligned,
    incremental: metadata.incremental,
    drained: metadata.drained,
    held: around.held,
    bytes,
    own_bytes: bytes - sharedBytes,
    shared_bytes: sharedBytes,
    freed_if_dropped_bytes: around.needed === null ? null : bytes - sharedBytes + lengthOf(alone),
    self_contained: shared.length === 0,
    watermark: watermarkOf(operators),
    parallelism: operators.reduce((most, one) => Math.max(most, one.parallelism), 0),
    max_parallelism: operators.reduce((most, one) => Math.max(most, one.maxParallelism), 0),
    sources: sourcePositions(operators),
    operators: operators.map(describeOperator),
    files: [...own, ...shared].map((file, index) => ({
      path: stateFileAt(directory, file.path),
      bytes: file.length,
      sha256: file.sha256,
      shared: index >= own.length,
      operators: [...(users.get(file.path) ?? [])],
    })),
    findings,
  };
}

/** By path: who names it. */
function usersOf(
  operators: CheckpointMetadata['operators'],
): ReadonlyMap<string, ReadonlySet<string>> {
  const users = new Map<string, Set<string>>();
  for (const {uid, subtasks} of operators) {
    for (const state of subtasks.flatMap(({states}) => states)) {
      if (state.location !== 'file') continue;
      const found = users.get(state.path) ?? new Set();
      users.set(state.path, found.add(uid));
    }
  }
  return users;
}

interface Surroundings {
  readonly held: boolean;
  /** Digests that others than this one name, also attempts under way; null: one of them cannot be read. */
  readonly needed: ReadonlySet<string> | null;
}

/** The rest of its directory, a job's or of copies. What is held there is a checkpoint as well. */
async function lookAround(
  files: FileSystem,
  directory: string,
  shares: boolean,
): Promise<Surroundings> {
  const ownId = parseCheckpointName(baseName(directory));
  const paths = new JobPaths(parentOf(directory));
  const held =
    ownId === null
      ? await isSavepointHeld(files, directory)
      : (await listHolds(files, paths)).some(({checkpointId}) => checkpointId === ownId);
  if (!shares) return {held, needed: new Set()};
  const needed = new Set<string>();
  const need = (metadata: CheckpointMetadata): void => {
    for (const {sha256} of distinctFilesOf(metadata).shared) needed.add(sha256);
  };
  for (const {path} of await pendingAttempts(files, paths)) {
    const read = await readMetadata(files, path);
    if (read.kind === 'read') need(read.metadata);
  }
  for (const {name, kind} of await files.list(paths.root)) {
    const beside = join(paths.root, name);
    if (beside === directory || kind !== 'directory') continue;
    // A copy may have any name; without `_metadata` only what is called a checkpoint is one.
    const isOne = parseCheckpointName(name) !== null || (await hasMetadata(files, beside));
    if (!isOne) continue;
    const read = await readMetadata(files, beside);
    if (read.kind === 'read') need(read.metadata);
    else if (read.kind !== 'gone' && read.kind !== 'foreign') return {held, needed: null};
  }
  return {held, needed};
}

/** What can be read of it; else an error that says why nothing can. */
export function requireReadable(state: CheckpointState, directory: string): ReadableCheckpoint {
  const hint = `see all that is wrong: tidemark checkpoint verify ${shellWord(directory)}`;
  switch (state.kind) {
    case 'complete':
      return state;
    case 'damaged':
      if (state.readable !== null) return state.readable;
      throw unreadable(state.findings[0], directory, hint);
    case 'incomplete':
      throw unreadable(state.findings[0], directory, hint);
    case 'incompatible':
      throw new EngineError('INCOMPATIBLE', state.findings[0]?.message ?? directory, {
        file: directory,
        hint: `It needs ${state.needs}.`,
      });
    case 'foreign':
      throw new EngineError(
        'INCOMPATIBLE',
        `${directory} was written by Apache Flink, not by tidemark`,
        {file: directory, hint: 'Inspect it with Flink.'},
      );
    case 'gone':
    case 'in-progress':
      throw new EngineError('NOT_FOUND', `no checkpoint at ${directory}`, {
        file: directory,
        hint: 'Run `tidemark checkpoint list DIR` to see what there is.',
      });
  }
}

function unreadable(finding: Finding | undefined, directory: string, hint: string): EngineError {
  const {message = `${directory} cannot be read`, path = directory, offset = null} = finding ?? {};
  const code = ERROR_OF_FINDING[finding?.code ?? 'metadata-damaged'];
  return new EngineError(code, message, {file: path, hint, facts: {offset}});
}
