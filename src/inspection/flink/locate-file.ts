// Where a file lies that `_metadata` refers to. Flink writes the files of a savepoint, and the own files of a checkpoint, as
// names beside `_metadata`; what is shared it writes with all its path, which is wrong as soon as the directory was moved.
// Such a path is looked for where `--map FROM=TO` says; as it is written, when it lies where Flink puts files below the
// directory of the checkpoints; else in the same place relative to this checkpoint. It is looked for nowhere else: bytes that
// nobody vouches for do not choose what is opened, not among what else lies near them either.

import {EngineError} from '../../base/errors.ts';
import {
  baseName,
  join,
  parentOf,
  parseCheckpointName,
  parseSavepointName,
} from '../../storage/paths.ts';
import type {FlinkFile} from './flink-metadata.ts';

/** What begins with `from` is looked for below `to`. */
export interface PathMap {
  /** As Flink wrote it, without `file:` and without a slash at the end. */
  readonly from: string;
  /** Absolute. */
  readonly to: string;
  /** A path begins with it. */
  readonly onMatch?: (() => void) | undefined;
}

export interface FlinkPlace {
  /** Absolute: that of `_metadata`. */
  readonly directory: string;
  readonly checkpointId: number;
  readonly maps: readonly PathMap[];
}

export type FileLocation =
  | {
      readonly kind: 'here';
      /** Absolute. Below `root`, whose parts above are not judged. */
      readonly path: string;
      readonly root: string;
      readonly how: 'relative' | 'as-written' | 'moved' | 'mapped';
    }
  /** On another machine, in an object store, or where it may not be looked for. */
  | {readonly kind: 'elsewhere'; readonly reason: string}
  | {readonly kind: 'refused'; readonly reason: string};

const JOB_ID = /^[0-9a-f]{32}$/;
const PART_BYTES_MAX = 255;
const PARTS_MAX = 64;
const CONTROL = /[\u0000-\u001f\u007f\\]/; // eslint-disable-line no-control-regex -- finding control characters is what it is for

/** `FROM=TO` of a command line. USAGE when it is none. `to` is relative to `workingDirectory`. */
export function parsePathMap(text: string, absolute: (path: string) => string): PathMap {
  const at = text.indexOf('=');
  const from = withoutSlashes(withoutFileScheme(text.slice(0, Math.max(0, at))));
  const to = text.slice(at + 1);
  if (at <= 0 || from === '' || to === '') {
    throw new EngineError('USAGE', `--map ${text}: not of the form FROM=TO`, {
      hint: 'FROM is the beginning of a path as Flink wrote it, TO a directory here: --map s3://bucket/checkpoints=/backup.',
    });
  }
  return {from, to: absolute(to)};
}

export function locateFile(file: FlinkFile, place: FlinkPlace): FileLocation {
  if (file.kind === 'relative') return below(place.directory, file.path.split('/'), 'relative');
  const path = withoutFileScheme(file.path);
  const mapped = place.maps
    .filter(({from}) => path === from || path.startsWith(`${from}/`))
    .toSorted((left, right) => right.from.length - left.from.length)[0];
  if (mapped !== undefined) {
    mapped.onMatch?.();
    return below(mapped.to, path.slice(mapped.from.length + 1).split('/'), 'mapped');
  }
  if (!path.startsWith('/')) return {kind: 'elsewhere', reason: 'it is not on a file system'};
  const parts = path.slice(1).split('/');
  const reason = reasonToRefuse(parts);
  if (reason !== null) return {kind: 'refused', reason};
  return locateAbsolute(path, parts, place);
}

function locateAbsolute(path: string, parts: readonly string[], place: FlinkPlace): FileLocation {
  const {directory, checkpointId} = place;
  const around = surroundingsOf(directory);
  const {top, job, isCheckpoint, isNamedByJob} = around;
  const isBelow = path.startsWith(`${withoutSlashes(top)}/`);
  if (isBelow && isFlinksOwn(path, place, around)) {
    return {kind: 'here', path, root: top, how: 'as-written'};
  }
  const [parent = '', name = ''] = parts.slice(-2);
  const isOwn =
    parent === baseName(directory) ||
    parent === `chk-${checkpointId}` ||
    (!isCheckpoint && parseSavepointName(parent) !== null);
  if (isOwn) return below(directory, [name], 'moved');
  const at = parts.findLastIndex(isOfFlink);
  const jobId = parts[at - 1] ?? '';
  if (at < 0) return nowhere(isBelow);
  if (isNamedByJob && JOB_ID.test(jobId)) return below(top, parts.slice(at - 1), 'moved');
  return below(job, parts.slice(at), 'moved');
}

function nowhere(isBelow: boolean): FileLocation {
  return isBelow
    ? {kind: 'refused', reason: 'Flink puts no files of checkpoints there'}
    : {kind: 'elsewhere', reason: 'it lies outside the directory of the checkpoints'};
}

interface Surroundings {
  /** The directory of the checkpoints. */
  readonly top: string;
  readonly job: string;
  readonly isCheckpoint: boolean;
  readonly isNamedByJob: boolean;
}

function surroundingsOf(directory: string): Surroundings {
  const isCheckpoint = parseCheckpointName(baseName(directory)) !== null;
  const job = isCheckpoint ? parentOf(directory) : directory;
  const isNamedByJob = isCheckpoint && JOB_ID.test(baseName(job));
  return {top: isNamedByJob ? parentOf(job) : job, job, isCheckpoint, isNamedByJob};
}

/** Is a path below `top` in this checkpoint or savepoint itself, or in a directory that a job of Flink has for its files? */
function isFlinksOwn(
  path: string,
  {directory}: FlinkPlace,
  {top, isCheckpoint, isNamedByJob}: Surroundings,
): boolean {
  if (path.startsWith(`${directory}/`)) return true;
  if (!isCheckpoint) return false;
  const [first = '', second = '', ...rest] = path.slice(withoutSlashes(top).length + 1).split('/');
  if (!isNamedByJob) return isOfFlink(first) && second !== '';
  // A changelog may be kept below the directory of the checkpoints as well.
  return JOB_ID.test(first) && (isOfFlink(second) || second === 'dstl') && rest.length > 0;
}

function isOfFlink(part: string): boolean {
  return part === 'shared' || part === 'taskowned' || parseCheckpointName(part) !== null;
}

function below(
  root: string,
  parts: readonly string[],
  how: 'relative' | 'moved' | 'mapped',
): FileLocation {
  const reason = reasonToRefuse(parts);
  if (reason !== null) return {kind: 'refused', reason};
  return {kind: 'here', path: join(root, parts.join('/')), root, how};
}

/** Parts may have any character that a file name may, as URIs and resource ids put them there. */
function reasonToRefuse(parts: readonly string[]): string | null {
  if (parts.length > PARTS_MAX) return `more than ${PARTS_MAX} parts`;
  for (const part of parts) {
    if (part === '') return 'a part of it is empty';
    if (part === '.' || part === '..') return `it has a part '${part}'`;
    if (CONTROL.test(part)) return 'it has a control character or a backslash';
    if (Buffer.byteLength(part) > PART_BYTES_MAX)
      return `a part is longer than ${PART_BYTES_MAX} bytes`;
  }
  return null;
}

/** `file:/a`, `file:///a` and `/a` are one; a host makes it another file system. */
function withoutFileScheme(path: string): string {
  if (!path.startsWith('file:')) return path;
  const rest = path.slice('file:'.length);
  if (rest.startsWith('///')) return rest.slice(2);
  return rest.startsWith('/') && !rest.startsWith('//') ? rest : path;
}

function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}
