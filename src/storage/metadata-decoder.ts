// Reads `_metadata`. Nothing is trusted: size and nesting are limited before anything is built, the
// seal is checked before anything is believed, and every count, length and name has a bound.

import {systemTimers} from '../base/clock.ts';
import {HAS_ZSTD} from '../base/compression.ts';
import type {JsonValue} from '../base/json.ts';
import {isJobName, isOperatorUid} from '../base/ids.ts';
import {MAX_PARALLELISM_LIMIT} from '../base/key-groups.ts';
import {
  FEATURE_VERSIONS,
  SHARED_FEATURE,
  type CheckpointMetadata,
  type FileState,
  type OperatorMetadata,
  type SavepointRecord,
  type StateHandle,
  type SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import type {JsonObject} from './canonical-json.ts';
import {findCaseClash, reasonToRefuseName} from './check-name.ts';
import {FieldError, Fields, isCount} from './json-fields.ts';
import {FORMAT_MAJOR, METADATA_BYTES_MAX, stateFilesOf} from './metadata-encoder.ts';
import {CHECKSUMS_FILE, GENERATION_MAX, METADATA_FILE, parseSharedPath} from './paths.ts';
import {checkSeal, parseSealed, type HeldSeal} from './sealed-json.ts';
import {CHUNK_BYTES} from './state-chunks.ts';

const ZSTD_FEATURE = 'compression-zstd';
/** Features that this version can read; a checkpoint that requires another one is refused. */
const KNOWN_FEATURES: readonly string[] = Object.keys(FEATURE_VERSIONS).filter(
  (feature) => feature !== ZSTD_FEATURE || HAS_ZSTD,
);

/** Big-endian, the first bytes of a `_metadata` file of Apache Flink. */
export const FLINK_MAGIC = 0x4960672d;

const REQUIRED_FEATURES_MAX = 100;
const ANCESTORS_MAX = 10_000;
const OPERATORS_MAX = 10_000;
const STATES_MAX = 10_000;
/** Milliseconds since the epoch: the last that a Date can be. */
const INSTANT_MAX = 8_640_000_000_000_000;
export const STATE_FILE_BYTES_MAX = 2 ** 44;
const HEX_64_BITS = /^[0-9a-f]{16}$/;
const HEX_256_BITS = /^[0-9a-f]{64}$/;

export type DecodedMetadata =
  | {readonly kind: 'decoded'; readonly metadata: CheckpointMetadata}
  | {
      readonly kind: 'damaged';
      readonly offset: number;
      readonly expected: string | null;
      readonly found: string | null;
      readonly message: string;
    }
  /** Whole, but of a format or with a feature that this version cannot read. */
  | {readonly kind: 'incompatible'; readonly needs: string; readonly message: string}
  /** A name in it leads out of its directory, or could. */
  | {readonly kind: 'refused'; readonly message: string}
  /** Written by another program. */
  | {readonly kind: 'foreign'; readonly program: 'flink'};

export function decodeMetadata(bytes: Uint8Array): DecodedMetadata {
  if (bytes.length > METADATA_BYTES_MAX) {
    return damaged(`${bytes.length} bytes, at most ${METADATA_BYTES_MAX} are possible`);
  }
  if (isFlinkMetadata(bytes)) return {kind: 'foreign', program: 'flink'};
  const seal = checkSeal(bytes);
  if (seal.kind === 'damaged') return seal;
  const known = last?.digest === seal.digest ? (last.held ?? last.weak?.deref()) : undefined;
  if (known !== undefined) return known;
  const decoded = decodeSealed(seal);
  last = {digest: seal.digest, held: decoded, weak: null};
  loosenSoon();
  return decoded;
}

/**
 * The last one, by the digest of all its fields: a verification and a restore ask for the same checkpoint two and three
 * times, and it may have 64 MiB. Nobody changes what was decoded; what nobody holds any more is not kept. `held` until other
 * events get their turn, and only then `weak`: a WeakRef keeps what it refers to up to that moment, so that one for each of
 * many that are read in one go would keep them all.
 */
let last: {
  readonly digest: string;
  readonly held: DecodedMetadata | null;
  readonly weak: WeakRef<DecodedMetadata> | null;
} | null = null;
let isLoosening = false;

function loosenSoon(): void {
  if (isLoosening) return;
  isLoosening = true;
  void systemTimers.yield().then(() => {
    isLoosening = false;
    if (last !== null && last.held !== null) {
      last = {digest: last.digest, held: null, weak: new WeakRef(last.held)};
    }
  });
}

function decodeSealed(seal: HeldSeal): DecodedMetadata {
  const opened = parseSealed(seal);
  if (opened.kind === 'damaged') return opened;
  try {
    return incompatibilityOf(opened.fields) ?? checkNames(toMetadata(opened.fields));
  } catch (error) {
    if (error instanceof FieldError) return damaged(error.message);
    throw error;
  }
}

export function isFlinkMetadata(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length >= 4 && view.getUint32(0) === FLINK_MAGIC;
}

function damaged(message: string): DecodedMetadata {
  return {kind: 'damaged', offset: 0, expected: null, found: null, message};
}

/** Looks at nothing but what every major of the format has: another major may have other fields. */
function incompatibilityOf(json: JsonObject): DecodedMetadata | null {
  const fields = new Fields(json, '');
  const major = fields.object('format').count('major', 1);
  const engine = fields.text('engine');
  if (major !== FORMAT_MAJOR) {
    return {
      kind: 'incompatible',
      needs: `tidemark ${engine}`,
      message: `its format is ${major}, this version reads ${FORMAT_MAJOR}; tidemark ${engine} wrote it`,
    };
  }
  const required = fields.list('required_features', REQUIRED_FEATURES_MAX);
  const unknown = required.map(featureName).filter((name) => !KNOWN_FEATURES.includes(name));
  if (unknown.length === 0) return null;
  if (unknown.length === 1 && unknown[0] === ZSTD_FEATURE) {
    const message = 'its state is compressed with zstd, which this Node does not have';
    return {kind: 'incompatible', needs: 'Node 22.15', message};
  }
  const first = firstReader(json, fields, unknown) ?? engine;
  return {
    kind: 'incompatible',
    needs: `tidemark ${first}`,
    message:
      `it requires ${unknown.join(', ')}, which this version does not know; ` +
      `tidemark ${first} does, and tidemark ${engine} wrote it`,
  };
}

/** The first version that reads all of these features; null: the checkpoint does not say. */
function firstReader(json: JsonObject, fields: Fields, features: readonly string[]): string | null {
  if (json['feature_versions'] === undefined) return null;
  const versions = fields.object('feature_versions');
  const named = features.map((feature) => versions.text(feature));
  return named.toSorted((left, right) => left.localeCompare(right, 'en', {numeric: true})).at(-1)!;
}

function featureName(value: JsonValue): string {
  if (typeof value === 'string') return value;
  throw new FieldError('required_features is not a list of strings');
}

function checkNames(metadata: CheckpointMetadata): DecodedMetadata {
  const byPath = new Map<string, FileState>();
  for (const file of stateFilesOf(metadata)) {
    const {path} = file;
    const digest = parseSharedPath(path);
    const reason =
      digest === null ? reasonToRefuseName(path) : reasonToRefuseShared(metadata, file, digest);
    if (reason !== null) {
      return {kind: 'refused', message: `the file name ${JSON.stringify(path)}: ${reason}`};
    }
    const same = byPath.get(path) ?? file;
    if (!isSameFile(same, file)) return damaged(`two handles of ${path} differ`);
    byPath.set(path, same);
  }
  const clash = findCaseClash([METADATA_FILE, CHECKSUMS_FILE, ...byPath.keys()]);
  if (clash !== null) return damaged(`the file names ${clash[0]} and ${clash[1]} are one`);
  return {kind: 'decoded', metadata};
}

/** The one form of a name that leads out of the checkpoint's directory. */
function reasonToRefuseShared(
  {requiredFeatures, kind}: CheckpointMetadata,
  file: FileState,
  digest: string,
): string | null {
  if (kind === 'savepoint') return 'a savepoint refers to nothing outside itself';
  if (!requiredFeatures.includes(SHARED_FEATURE)) return `${SHARED_FEATURE} is not required`;
  return file.sha256 === digest ? null : 'it is not the SHA-256 of the file';
}

/** Several subtasks may restore from one file, each its own key groups. */
function isSameFile(one: FileState, other: FileState): boolean {
  if (one === other) return true;
  const sameBytes = one.sha256 === other.sha256 && one.length === other.length;
  return sameBytes && one.chunkCrcs.join() === other.chunkCrcs.join();
}

function toMetadata(json: JsonObject): CheckpointMetadata {
  const fields = new Fields(json, '');
  const format = fields.object('format');
  const jobName = fields.text('job_name');
  if (!isJobName(jobName)) throw fields.wrong('job_name', 'the name of a job');
  const checkpointId = fields.count('checkpoint_id', 1);
  const parent = fields.countOrNull('parent', 1);
  if (parent !== null && parent >= checkpointId) throw fields.wrong('parent', 'an earlier id');
  const operators = fields.objects('operators', OPERATORS_MAX, toOperator);
  refuseRepeated(
    fields,
    'operators',
    operators.map((operator) => operator.uid),
  );
  return {
    format: {major: format.count('major', 1), minor: format.count('minor')},
    engine: fields.text('engine'),
    requiredFeatures: fields.list('required_features', REQUIRED_FEATURES_MAX).map(featureName),
    jobName,
    jobHash: fields.text('job_hash', HEX_256_BITS),
    checkpointId,
    kind: fields.oneOf('kind', ['checkpoint', 'savepoint']),
    purpose: fields.oneOf('purpose', ['periodic', 'requested', 'final', 'stop']),
    lineage: fields.text('lineage', HEX_64_BITS),
    ancestors: fields.objects('ancestors', ANCESTORS_MAX, (ancestor) => ({
      lineage: ancestor.text('lineage', HEX_64_BITS),
      checkpointId: ancestor.count('checkpoint_id', 1),
    })),
    runId: fields.text('run_id', HEX_64_BITS),
    generation: fields.count('generation', 1, GENERATION_MAX),
    parent,
    unaligned: fields.flag('unaligned'),
    incremental: fields.flag('incremental'),
    compression: fields.oneOf('compression', ['none', 'gzip', 'brotli', 'zstd']),
    drained: fields.flag('drained'),
    savepointTarget:
      json['savepoint_target'] === undefined
        ? null
        : toSavepointTarget(fields.object('savepoint_target')),
    triggered: fields.count('triggered', 0, INSTANT_MAX),
    completed: fields.count('completed', 0, INSTANT_MAX),
    operators,
  };
}

function toSavepointTarget(fields: Fields): SavepointRecord {
  // A path, which may be longer than any other text.
  const path = fields.value('path');
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw fields.wrong('path', 'an absolute path');
  }
  return {path, format: fields.oneOf('format', ['canonical', 'native'])};
}

function toOperator(fields: Fields): OperatorMetadata {
  const uid = fields.text('uid');
  if (!isOperatorUid(uid)) throw fields.wrong('uid', 'an operator uid');
  const maxParallelism = fields.count('max_parallelism', 1, MAX_PARALLELISM_LIMIT);
  const parallelism = fields.count('parallelism', 1, maxParallelism);
  const subtasks = fields.objects('subtasks', parallelism, (subtask) =>
    toSubtask(subtask, parallelism, maxParallelism),
  );
  refuseRepeated(
    fields,
    'subtasks',
    subtasks.map((subtask) => String(subtask.index)),
  );
  return {uid, type: fields.text('type'), parallelism, maxParallelism, subtasks};
}

function toSubtask(fields: Fields, parallelism: number, maxParallelism: number): SubtaskMetadata {
  return {
    index: fields.count('index', 0, parallelism - 1),
    watermark: toWatermark(fields),
    states: fields.objects('states', STATES_MAX, (state) => toState(state, maxParallelism)),
  };
}

function toWatermark(fields: Fields): number | 'end' | null {
  const value = fields.value('watermark');
  if (value === null || value === 'end') return value;
  if (isCount(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) return value;
  throw fields.wrong('watermark', 'a time in ms, "end" or null');
}

function toState(fields: Fields, maxParallelism: number): StateHandle {
  const location = fields.oneOf('location', ['inline', 'file']);
  const name = fields.text('name');
  const codecVersion = fields.count('codec_version');
  if (location === 'inline') {
    const kind = fields.oneOf('kind', ['position', 'committables', 'operator']);
    return {location, name, kind, codecVersion, value: fields.value('value')};
  }
  const length = fields.count('length', 0, STATE_FILE_BYTES_MAX);
  const chunkCrcs = fields.list('chunk_crcs', Math.ceil(length / CHUNK_BYTES)).map((crc) => {
    if (!isCount(crc, 0, 0xffff_ffff)) throw fields.wrong('chunk_crcs', 'a list of CRC-32');
    return crc;
  });
  if (chunkCrcs.length !== Math.ceil(length / CHUNK_BYTES)) {
    throw fields.wrong('chunk_crcs', `one CRC-32 for each ${CHUNK_BYTES} bytes of ${length}`);
  }
  return {
    location,
    name,
    kind: fields.oneOf('kind', ['keyed', 'operator', 'channel']),
    codecVersion,
    keyGroups: toKeyGroups(fields, maxParallelism),
    path: fields.text('path'),
    length,
    sha256: fields.text('sha256', HEX_256_BITS),
    chunkCrcs,
    description: fields.value('description'),
  };
}

function toKeyGroups(
  fields: Fields,
  maxParallelism: number,
): {readonly start: number; readonly end: number} | null {
  if (fields.value('key_groups') === null) return null;
  const range = fields.object('key_groups');
  const start = range.count('start', 0, maxParallelism - 1);
  return {start, end: range.count('end', start, maxParallelism - 1)};
}

function refuseRepeated(fields: Fields, key: string, names: readonly string[]): void {
  if (new Set(names).size !== names.length)
    throw new FieldError(`${fields.place(key)} repeats one`);
}
