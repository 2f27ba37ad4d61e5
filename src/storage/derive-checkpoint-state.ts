// What a directory *is*, from what it contains; nothing stored says so. Looks at `_metadata`, SHA256SUMS,
// names and sizes, not at the bytes of state files: check-checkpoint.ts reads those.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {sha256Hex} from '../base/checksum.ts';
import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import {encodeChecksums} from './checksum-list.ts';
import {readWholeFile} from './durable-file.ts';
import type {FileStatus, FileSystem} from './file-system.ts';
import type {Finding} from './finding.ts';
import {decodeMetadata} from './metadata-decoder.ts';
import {distinctFilesOf, lengthOf, METADATA_BYTES_MAX} from './metadata-encoder.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  METADATA_FILE,
  parentOf,
  parseCheckpointName,
  parseSharedPath,
  stateFileAt,
} from './paths.ts';
import {brokenChainsOf} from './state-chain.ts';
import {storageFailed} from './storage-error.ts';

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

/** The state of a published checkpoint's directory. STORAGE_FAILED when it cannot be read at all. */
export async function deriveCheckpointState(
  files: FileSystem,
  directory: string,
): Promise<CheckpointState> {
  try {
    return await derive(files, directory);
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('reading', directory, error);
  }
}

async function derive(files: FileSystem, directory: string): Promise<CheckpointState> {
  const read = await readMetadata(files, directory);
  if (read.kind !== 'read') return read;
  const metadataSha256 = sha256Hex(read.bytes);
  const checksums = encodeChecksums(read.metadata, metadataSha256);
  const findings = [
    ...checkId(directory, read.metadata),
    ...brokenChainsOf(read.metadata).map(({path, message}) =>
      errorAt('chain-broken', stateFileAt(directory, path), `${directory}: ${message}`),
    ),
    ...(await checkChecksums(files, directory, checksums)),
    ...(await checkSizes(files, directory, read.metadata)),
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
export async function readMetadata(files: FileSystem, directory: string): Promise<MetadataReading> {
  // A link may lead anywhere, and what lies there is nobody's checkpoint here.
  if ((await statusOrNull(files, directory))?.kind === 'link') {
    return {kind: 'damaged', findings: [wrongKind(directory)], readable: null};
  }
  const path = `${directory}/${METADATA_FILE}`;
  const raw = await readBounded(files, path);
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

type BoundedRead =
  | {readonly kind: 'bytes'; readonly bytes: Uint8Array}
  | {readonly kind: 'absent'}
  | {readonly kind: 'wrong'; readonly finding: Finding};

/** Bad kinds and sizes are findings; only a failing disk throws. */
async function readBounded(files: FileSystem, path: string): Promise<BoundedRead> {
  try {
    return {kind: 'bytes', bytes: await readWholeFile(files, path, METADATA_BYTES_MAX)};
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return {kind: 'absent'};
    if (code === 'ELOOP' || code === 'EINVAL' || code === 'EISDIR') {
      return {kind: 'wrong', finding: wrongKind(path)};
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
  const raw = await readBounded(files, path);
  if (raw.kind === 'absent') return [errorAt('checksums-missing', path, `${path} is missing`)];
  if (raw.kind === 'wrong') return [raw.finding];
  if (Buffer.from(raw.bytes).equals(expected)) return [];
  let offset = 0;
  while (offset < expected.length && raw.bytes[offset] === expected[offset]) offset += 1;
  const message = `${path} does not agree with _metadata from byte ${offset}`;
  return [{...errorAt('checksums-differ', path, message), offset}];
}

/** Files that are looked at at once: one after another, ten thousand of them take longer than a person waits. */
const LOOKED_AT_ONCE = 256;

async function checkSizes(
  files: FileSystem,
  directory: string,
  metadata: CheckpointMetadata,
): Promise<readonly Finding[]> {
  const {own, shared} = distinctFilesOf(metadata);
  const all = [...own, ...shared];
  const above = new Map<string, Promise<FileStatus | null>>();
  const findings: Finding[] = [];
  for (let first = 0; first < all.length; first += LOOKED_AT_ONCE) {
    const batch = all.slice(first, first + LOOKED_AT_ONCE);
    const found = await Promise.all(
      batch.map(async (file) => checkSize(files, directory, file, above)),
    );
    findings.push(...found.filter((finding) => finding !== null));
  }
  return findings;
}

/**
 * A state file is a plain file, below plain directories, of the length that its handle says. `above`: those directories,
 * each looked at once.
 */
async function checkSize(
  files: FileSystem,
  directory: string,
  file: FileState,
  above: Map<string, Promise<FileStatus | null>>,
): Promise<Finding | null> {
  // What is above a shared file is above the checkpoint too, and has been passed through.
  const whole = stateFileAt(directory, file.path);
  const base = parseSharedPath(file.path) === null ? directory : parentOf(directory);
  const parts = whole.slice(base.length + 1).split('/');
  let path = base;
  for (const [index, part] of parts.entries()) {
    path = `${path}/${part}`;
    const last = index === parts.length - 1;
    const looking = (last ? undefined : above.get(path)) ?? statusOrNull(files, path);
    if (!last) above.set(path, looking);
    const status = await looking;
    if (status === null) {
      return errorAt('file-missing', whole, `${whole} is missing`);
    }
    if (status.kind !== (last ? 'file' : 'directory')) return wrongKind(path);
    if (last && status.size !== file.length) return wrongLength(path, status.size, file.length);
  }
  return null;
}

function wrongLength(path: string, found: number, expected: number): Finding {
  const code = found < expected ? 'file-truncated' : 'file-extended';
  return {
    ...errorAt(code, path, `${path} has ${found} bytes, it was written with ${expected}`),
    offset: Math.min(found, expected),
    expected: `${expected} bytes`,
    found: `${found} bytes`,
  };
}

export function wrongKind(path: string): Finding {
  return errorAt(
    'kind-refused',
    path,
    `${path} is a link, a pipe, a device or a directory: refused`,
  );
}

export async function statusOrNull(files: FileSystem, path: string): Promise<FileStatus | null> {
  try {
    return await files.status(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

async function isThere(files: FileSystem, directory: string): Promise<boolean> {
  return (await statusOrNull(files, directory)) !== null;
}

export function errorAt(code: Finding['code'], path: string, message: string): Finding {
  return {severity: 'error', code, path, offset: null, expected: null, found: null, message};
}
