// A directory that Flink wrote: what its `_metadata` says, and what is there of the files that it refers to. Reads names,
// kinds and sizes; never writes.

import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {errorAt, statusOrNull, wrongKind} from '../../storage/derive-checkpoint-state.ts';
import {closeQuietly, readWholeFile, unlessMissing} from '../../storage/durable-file.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import type {Finding} from '../../storage/finding.ts';
import {isFlinkMetadata} from '../../storage/metadata-decoder.ts';
import {METADATA_BYTES_MAX} from '../../storage/metadata-encoder.ts';
import {checkpointFiles} from '../../storage/open-below.ts';
import {METADATA_FILE, parentOf} from '../../storage/paths.ts';
import {systemErrorPath} from '../../storage/system-error.ts';
import {ByteCursor} from './byte-cursor.ts';
import {decodeFlinkMetadata} from './decode-flink-metadata.ts';
import type {FlinkFile, FlinkMetadata} from './flink-metadata.ts';
import {locateFile, type FileLocation, type PathMap} from './locate-file.ts';
import {fileUses, type FileUse} from './state-parts.ts';

export interface FlinkDirectoryOptions {
  readonly files: FileSystem;
  /** Absolute: with `_metadata` in it. */
  readonly directory: string;
  /** Where absolute paths are looked for; none: relative to the directory. */
  readonly maps: readonly PathMap[];
}

/** One file, which one or many handles refer to. */
export interface FlinkFileFacts {
  /** As the first of them says it. */
  readonly written: string;
  readonly location: FileLocation;
  /** Different lengths that they say; none: none says one. */
  readonly lengths: readonly number[];
  /** Where the last of the segments ends; null: they refer to it as a whole. */
  readonly segmentsEnd: number | null;
  /** That are referred to: of the file, or of the segments of it. */
  readonly bytes: number;
  /** Outside the checkpoint's own directory. */
  readonly shared: boolean;
  /** Ids of the operators that refer to it. */
  readonly operators: readonly string[];
  readonly found: FoundFile;
}

export type FoundFile =
  | {readonly kind: 'file'; readonly size: number}
  | {readonly kind: 'missing'}
  /** A link, a directory or a device, there or above it. */
  | {readonly kind: 'wrong'; readonly path: string}
  /** It was not looked for. */
  | {readonly kind: 'unknown'};

export interface FlinkDirectory {
  readonly metadata: FlinkMetadata;
  /** Of `_metadata`. */
  readonly bytes: Uint8Array;
  readonly files: readonly FlinkFileFacts[];
}

export type FlinkReading =
  | ({readonly kind: 'read'} & FlinkDirectory)
  | {readonly kind: 'damaged' | 'incompatible'; readonly finding: Finding}
  /** Deleted meanwhile. */
  | {readonly kind: 'gone'};

/** Does `directory` hold a `_metadata` of Flink? False where there is none, or none that may be opened. */
export async function isFlinkDirectory(files: FileSystem, directory: string): Promise<boolean> {
  const path = `${directory}/${METADATA_FILE}`;
  if ((await statusOrNull(files, directory))?.kind !== 'directory') return false;
  if ((await statusOrNull(files, path))?.kind !== 'file') return false;
  let isFlink = false;
  await unlessMissing(async () => {
    const handle = await checkpointFiles(files, directory).openForRead(path);
    try {
      const head = new Uint8Array(4);
      isFlink = (await handle.read(head, 0, 4, 0)) === 4 && isFlinkMetadata(head);
    } finally {
      await closeQuietly(handle);
    }
  });
  return isFlink;
}

/** `directory` holds a `_metadata` that begins as Flink's. STORAGE errors are thrown as they come. */
export async function readFlinkDirectory(options: FlinkDirectoryOptions): Promise<FlinkReading> {
  const reading = await readOnce(options);
  if (reading.kind !== 'read') return reading;
  // Flink removes `_metadata` before the files that it names: without it, what is missing is no damage.
  const path = `${options.directory}/${METADATA_FILE}`;
  return (await statusOrNull(options.files, path)) === null ? {kind: 'gone'} : reading;
}

async function readOnce(options: FlinkDirectoryOptions): Promise<FlinkReading> {
  const {directory} = options;
  const path = `${directory}/${METADATA_FILE}`;
  // A link may lead anywhere, and what lies there is nobody's checkpoint here.
  if ((await statusOrNull(options.files, directory))?.kind === 'link') {
    return {kind: 'damaged', finding: wrongKind(directory)};
  }
  let bytes: Uint8Array;
  try {
    bytes = await readWholeFile(
      checkpointFiles(options.files, directory),
      path,
      METADATA_BYTES_MAX,
    );
  } catch (error) {
    return judgeFailure(path, error);
  }
  const decoded = decodeFlinkMetadata(new ByteCursor(bytes));
  switch (decoded.kind) {
    case 'incompatible': {
      const finding = errorAt('metadata-incompatible', path, `${path}: ${decoded.message}`);
      return {kind: 'incompatible', finding};
    }
    case 'damaged': {
      const {offset, expected, found, message} = decoded;
      const finding = errorAt('metadata-damaged', path, `${path} is damaged: ${message}`);
      return {kind: 'damaged', finding: {...finding, offset, expected, found}};
    }
    case 'decoded':
      return {
        kind: 'read',
        metadata: decoded.metadata,
        bytes,
        files: await readFiles(options, decoded.metadata),
      };
  }
}

function judgeFailure(path: string, error: unknown): FlinkReading {
  const code = systemErrorCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return {kind: 'gone'};
  if (code === 'ELOOP' || code === 'EINVAL' || code === 'EISDIR') {
    return {kind: 'damaged', finding: wrongKind(systemErrorPath(error, path))};
  }
  if (error instanceof EngineError && error.code === 'CHECKPOINT_DAMAGED') {
    return {kind: 'damaged', finding: errorAt('file-too-long', path, error.message)};
  }
  throw error;
}

async function readFiles(
  {files, directory, maps}: FlinkDirectoryOptions,
  metadata: FlinkMetadata,
): Promise<readonly FlinkFileFacts[]> {
  const place = {directory, checkpointId: metadata.checkpointId, maps};
  const byKey = new Map<string, {location: FileLocation; uses: FileUse[]}>();
  for (const use of fileUses(metadata)) {
    const location = locateFile(use.file, place);
    const key = location.kind === 'here' ? location.path : `:${use.file.path}`;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, {location, uses: [use]});
    else known.uses.push(use);
  }
  const facts: FlinkFileFacts[] = [];
  for (const {location, uses} of byKey.values()) {
    const handles = uses.map(({file}) => file);
    const known = uses.filter(({isLog}) => !isLog).map(({file}) => file);
    const lengths = lengthsOf(known);
    const found = await findFile(files, location);
    facts.push({
      written: handles[0]!.path,
      location,
      lengths,
      segmentsEnd: segmentsEndOf(known),
      bytes: lengths[0] ?? segmentBytesOf(known) ?? sizeOf(found, handles),
      shared: !(location.kind === 'here' && location.path.startsWith(`${directory}/`)),
      operators: [...new Set(uses.map(({operator}) => operator.id))],
      found,
    });
  }
  return facts;
}

/** Of a file of which no length is recorded, or not its own. */
function sizeOf(found: FoundFile, handles: readonly FlinkFile[]): number {
  if (found.kind === 'file') return found.size;
  return Math.max(0, ...handles.map(({size}) => size));
}

/** Each segment once; null: there is none. */
function segmentBytesOf(handles: readonly FlinkFile[]): number | null {
  const segments = new Map<string, number>();
  for (const handle of handles) {
    if (handle.kind === 'segment') segments.set(`${handle.start} ${handle.size}`, handle.size);
  }
  if (segments.size === 0) return null;
  return [...segments.values()].reduce((sum, size) => sum + size, 0);
}

function lengthsOf(handles: readonly FlinkFile[]): readonly number[] {
  const whole = handles.filter(({kind, size}) => kind !== 'segment' && size >= 0);
  return [...new Set(whole.map(({size}) => size))];
}

function segmentsEndOf(handles: readonly FlinkFile[]): number | null {
  let end: number | null = null;
  for (const handle of handles) {
    if (handle.kind === 'segment') end = Math.max(end ?? 0, handle.start + handle.size);
  }
  return end;
}

/** A plain file below plain directories, from the root on. */
async function findFile(files: FileSystem, location: FileLocation): Promise<FoundFile> {
  if (location.kind !== 'here') return {kind: 'unknown'};
  const {path, root} = location;
  const above: string[] = [];
  for (let one = parentOf(path); one.length > root.length; one = parentOf(one)) above.unshift(one);
  for (const directory of above) {
    const status = await statusOrNull(files, directory);
    if (status === null) return {kind: 'missing'};
    if (status.kind !== 'directory') return {kind: 'wrong', path: directory};
  }
  const status = await statusOrNull(files, path);
  if (status === null) return {kind: 'missing'};
  return status.kind === 'file' ? {kind: 'file', size: status.size} : {kind: 'wrong', path};
}
