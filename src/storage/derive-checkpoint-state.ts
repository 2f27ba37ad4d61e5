// What a directory *is*, from what it contains; nothing stored says so. Looks at `_metadata`, SHA256SUMS,
// names and sizes, not at the bytes of state files: check-checkpoint.ts reads those.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {sha256Hex} from '../base/checksum.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {encodeChecksums} from './checksum-list.ts';
import {readWholeFile} from './durable-file.ts';
import {checkSizes, type KnownPaths} from './check-sizes.ts';
import type {FileStatus, FileSystem} from './file-system.ts';
import {errorAt, wrongKind, type Finding} from './finding.ts';
import {decodeMetadata} from './metadata-decoder.ts';
import {checkpointFiles} from './open-below.ts';
import {distinctFilesOf, lengthOf, METADATA_BYTES_MAX} from './metadata-encoder.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  METADATA_FILE,
  parseCheckpointName,
  stateFileAt,
} from './paths.ts';
import {brokenChainsOf} from './state-chain.ts';
import {statusOrNull} from './status-or-null.ts';
import {storageFailed} from './storage-error.ts';
import {systemErrorPath} from './system-error.ts';

export {errorAt, wrongKind} from './finding.ts';
export {statusOrNull} from './status-or-null.ts';

/** A checkpoint whose `_metadata` was read and is whole. */
export interface ReadableCheckpoint {
  readonly metadata: CheckpointMetadata;
  readonly metadataSha256: string;
  /** Of all its files, the shared ones too. */
  readonly bytes: number;
  /** Of those of its files that lie in `shared/`. */
  readonly sharedBytes: number;
}

export type CheckpointState =
  | ({readonly kind: 'complete'} & ReadableCheckpoint)
  /** No `_metadata`: it was never published here, or somebody removed it. */
  | {readonly kind: 'incomplete'; readonly findings: readonly Finding[]}
  /** `readable`: its `_metadata` is whole and something else is not. */
  | {
      readonly kind: 'damaged';
      readonly findings: readonly Finding[];
      readonly readable: ReadableCheckpoint | null;
    }
  /** An attempt of a generation: in its pending/. */
  | {readonly kind: 'in-progress'}
  /** Of another program. */
  | {readonly kind: 'foreign'; readonly program: 'flink'}
  /** Of a version of tidemark that this one cannot read. */
  | {readonly kind: 'incompatible'; readonly needs: string; readonly findings: readonly Finding[]}
  /** It was there when it was listed: deleted meanwhile, which is no damage. */
  | {readonly kind: 'gone'};

/**
 * The state of a published checkpoint's directory. STORAGE_FAILED when it cannot be read at all.
 * `known`: what was found on the way to others, and on the way to this one.
 */
export async function deriveCheckpointState(
  files: FileSystem,
  directory: string,
  known?: KnownPaths,
): Promise<CheckpointState> {
  try {
    return await derive(files, directory, known);
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('reading', directory, error);
  }
}

async function derive(
  files: FileSystem,
  directory: string,
  known: KnownPaths | undefined,
): Promise<CheckpointState> {
  const read = await readMetadata(files, directory, known);
  if (read.kind !== 'read') return read;
  const metadataSha256 = sha256Hex(read.bytes);
  const checksums = encodeChecksums(read.metadata, metadataSha256);
  const findings = [
    ...checkId(directory, read.metadata),
    ...brokenChainsOf(read.metadata).map(({path, message}) =>
      errorAt('chain-broken', stateFileAt(directory, path), `${directory}: ${message}`),
    ),
    ...(await checkChecksums(files, directory, checksums)),
    ...(await checkSizes(files, directory, read.metadata, known)),
  ];
  const {own, shared} = distinctFilesOf(read.metadata);
  const sharedBytes = lengthOf(shared);
  const readable: ReadableCheckpoint = {
    metadata: read.metadata,
    metadataSha256,
    bytes: lengthOf(own) + sharedBytes + read.bytes.length + checksums.length,
    sharedBytes,
  };
  if (findings.length === 0) return {kind: 'complete', ...readable};
  if (!(await isThere(files, directory))) return {kind: 'gone'};
  return {kind: 'damaged', findings, readable};
}

export type MetadataReading =
  | {readonly kind: 'read'; readonly metadata: CheckpointMetadata; readonly bytes: Uint8Array}
  | Exclude<CheckpointState, {kind: 'complete' | 'in-progress'}>;

/** Only `_metadata`. */
export async function readMetadata(
  files: FileSystem,
  directory: string,
  known?: KnownPaths,
): Promise<MetadataReading> {
  // A link may lead anywhere, and what lies there is nobody's checkpoint here. One that came after the look is seen by the open.
  const isDirectory = known?.directories.has(directory) === true;
  const kind = isDirectory ? 'directory' : await kindOrDirectory(files, directory);
  if (kind !== 'directory') {
    return {kind: 'damaged', findings: [wrongKind(directory)], readable: null};
  }
  const path = `${directory}/${METADATA_FILE}`;
  const raw = await readBounded(files, directory, METADATA_FILE);
  if (raw.kind === 'absent') {
    if (!(await isThere(files, directory))) return {kind: 'gone'};
    return {
      kind: 'incomplete',
      findings: [errorAt('metadata-missing', path, `${path} is missing`)],
    };
  }
  if (raw.kind === 'wrong') return {kind: 'damaged', findings: [raw.finding], readable: null};
  const decoded = decodeMetadata(raw.bytes);
  switch (decoded.kind) {
    case 'decoded':
      return {kind: 'read', metadata: decoded.metadata, bytes: raw.bytes};
    case 'foreign':
      return decoded;
    case 'incompatible':
      return {
        kind: 'incompatible',
        needs: decoded.needs,
        findings: [errorAt('metadata-incompatible', path, `${path}: ${decoded.message}`)],
      };
    case 'refused':
      return {
        kind: 'damaged',
        findings: [errorAt('name-refused', path, `${path} is refused: ${decoded.message}`)],
        readable: null,
      };
    case 'damaged':
      return {
        kind: 'damaged',
        findings: [
          {
            ...errorAt('metadata-damaged', path, `${path} is damaged: ${decoded.message}`),
            offset: decoded.offset,
            expected: decoded.expected,
            found: decoded.found,
          },
        ],
        readable: null,
      };
  }
}

/** Of what is not there: so that opening it says so. */
async function kindOrDirectory(files: FileSystem, path: string): Promise<FileStatus['kind']> {
  return (await statusOrNull(files, path))?.kind ?? 'directory';
}

type BoundedRead =
  | {readonly kind: 'bytes'; readonly bytes: Uint8Array}
  | {readonly kind: 'absent'}
  | {readonly kind: 'wrong'; readonly finding: Finding};

/** Bad kinds and sizes are findings; only a failing disk throws. */
async function readBounded(
  files: FileSystem,
  directory: string,
  name: string,
): Promise<BoundedRead> {
  const path = `${directory}/${name}`;
  try {
    const own = checkpointFiles(files, directory);
    return {kind: 'bytes', bytes: await readWholeFile(own, path, METADATA_BYTES_MAX)};
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return {kind: 'absent'};
    if (code === 'ELOOP' || code === 'EINVAL' || code === 'EISDIR') {
      return {kind: 'wrong', finding: wrongKind(systemErrorPath(error, path))};
    }
    if (error instanceof EngineError && error.code === 'CHECKPOINT_DAMAGED') {
      return {kind: 'wrong', finding: errorAt('file-too-long', path, error.message)};
    }
    throw error;
  }
}

/** A directory that is named like a checkpoint holds that checkpoint, not a copy of another. */
function checkId(directory: string, metadata: CheckpointMetadata): readonly Finding[] {
  const named = parseCheckpointName(baseName(directory));
  if (named === null || named === metadata.checkpointId) return [];
  const message = `${directory} holds checkpoint ${metadata.checkpointId}`;
  return [
    {
      ...errorAt('id-differs', `${directory}/${METADATA_FILE}`, message),
      expected: String(named),
      found: String(metadata.checkpointId),
    },
  ];
}

async function checkChecksums(
  files: FileSystem,
  directory: string,
  expected: Uint8Array,
): Promise<readonly Finding[]> {
  const path = `${directory}/${CHECKSUMS_FILE}`;
  const raw = await readBounded(files, directory, CHECKSUMS_FILE);
  if (raw.kind === 'absent') return [errorAt('checksums-missing', path, `${path} is missing`)];
  if (raw.kind === 'wrong') return [raw.finding];
  if (Buffer.compare(raw.bytes, expected) === 0) return [];
  let offset = 0;
  while (offset < expected.length && raw.bytes[offset] === expected[offset]) offset += 1;
  const message = `${path} does not agree with _metadata from byte ${offset}`;
  return [{...errorAt('checksums-differ', path, message), offset}];
}

async function isThere(files: FileSystem, directory: string): Promise<boolean> {
  return (await statusOrNull(files, directory)) !== null;
}
