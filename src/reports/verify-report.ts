// What `checkpoint verify` tells about what is on disk. Never writes.

import {availableParallelism} from 'node:os';
import {resolve} from 'node:path';

import {systemClock} from '../base/clock.ts';
import {EngineError, type ErrorCode} from '../base/errors.ts';
import type {FileCheckers} from '../engine.ts';
import {isFlinkDirectory} from '../inspection/flink/read-flink-directory.ts';
import {
  hasMetadata,
  jobDirectoriesIn,
  snapshotsIn,
  type OnUnread,
} from '../inspection/list-checkpoints.ts';
import {nothingThere} from '../inspection/nothing-there.ts';
import {wasCheckpoint, withoutScheme} from '../inspection/resolve-reference.ts';
import {parseSample, type Sample} from '../inspection/sample-files.ts';
import {
  verifyCheckpoints as verifyDirectories,
  type VerifySummary as VerifiedCounts,
} from '../inspection/verify-checkpoint.ts';
import type {Environment} from '../runtime/run-types.ts';
import {readMetadata, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {publishedIds} from '../storage/list-checkpoints.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {notRead} from '../storage/not-read.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {
  baseName,
  JobPaths,
  METADATA_FILE,
  parseCheckpointName,
  parseSavepointName,
} from '../storage/paths.ts';
import {restorePlace} from './restore-place.ts';
import {watchedMaps} from './path-maps.ts';
import {directoryOf, resolveCheckpoint} from './resolve-report.ts';

export type VerifyLevel = 'manifest' | 'checksum' | 'decode' | 'restore';

export type VerifyEvent =
  | {
      readonly type: 'finding';
      readonly at: number;
      /** The REF that it belongs to, as given. */
      readonly ref: string;
      /** Absolute path of the checkpoint that it concerns. */
      readonly checkpoint: string;
      readonly severity: 'error' | 'hint';
      readonly code: string;
      /** Absolute path of the file. */
      readonly path: string;
      /** Bytes from its start; null: the whole file. */
      readonly offset: number | null;
      readonly expected: string | null;
      readonly found: string | null;
      readonly message: string;
    }
  | {
      readonly type: 'progress';
      readonly at: number;
      readonly bytesDone: number;
      readonly bytesTotal: number;
    };

/** What was looked at, and what was found. */
export interface VerifyCounts {
  readonly level: VerifyLevel;
  readonly checkpoints: number;
  readonly files: number;
  readonly bytes: number;
  /** That were read at the levels decode and restore. */
  readonly rows: number;
  /** What the level asks for and was not read: state files, states. */
  readonly skipped: number;
  readonly errors: number;
  readonly hints: number;
  readonly verdict: 'ok' | 'damaged' | 'incomplete';
  readonly durationMillis: number;
}

export interface VerifySummary extends VerifyCounts {
  readonly at: number;
  /** What the exit status says: damage, refused, of another version, unreadable; null: nothing is wrong. */
  readonly errorCode: ErrorCode | null;
  /** What each REF stood for, in their order. */
  readonly refs: readonly VerifiedRef[];
}

export interface VerifiedRef {
  readonly ref: string;
  /** Absolute paths of checkpoints; two REFs may have some in common. */
  readonly checkpoints: readonly string[];
  /** Of those, how many were not read as far as was asked. */
  readonly skipped: number;
}

export interface VerifyRequest {
  readonly level: VerifyLevel;
  /** `10%`, `2/5`, `500MiB`: files to be read; all by default. The same seed chooses the same. */
  readonly sample?: {readonly text: string; readonly seed: number} | undefined;
  /** The first error ends it. */
  readonly failFast?: boolean | undefined;
  /** Directories that every user of the machine may write are errors; else hints. */
  readonly strict?: boolean | undefined;
  readonly environment: Environment;
  /** `FROM=TO`: where files of Flink's checkpoints are looked for that have moved. */
  readonly maps?: readonly string[] | undefined;
  readonly onEvent: (event: VerifyEvent) => void;
  /** Told once, before anything is read: what was found up to the moment of the call. */
  readonly onBegin?: ((soFar: () => VerifyCounts) => void) | undefined;
  /** What was given and changed nothing. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

export async function verifyCheckpoints(
  refs: readonly string[],
  options: VerifyRequest,
): Promise<VerifySummary> {
  const {level, environment, onEvent, failFast, strict} = options;
  const {maps, unused} = watchedMaps(options.maps);
  const sample = sampleOf(options.sample);
  if (sample !== undefined && level === 'manifest') throw nothingToSample();
  const now = (): number => systemClock.wallMillis();
  const owners = new Map<string, string>();
  const listed = new Set<string>();
  const named = new Set<string>();
  const asked: {ref: string; checkpoints: readonly string[]}[] = [];
  for (const ref of refs) {
    const {paths, isListing} = await checkpointsOf(ref, environment);
    asked.push({ref, checkpoints: paths});
    for (const directory of paths) {
      if (!owners.has(directory)) owners.set(directory, ref);
      (isListing ? listed : named).add(directory);
    }
  }
  for (const directory of named) listed.delete(directory);
  const directories = [...owners.keys()];
  if (sample !== undefined) await refuseSampleOfFlink(directories);
  const threads = level === 'manifest' ? null : await checkersFor(directories);
  const {summary, errorCode, incomplete} = await verifyDirectories({
    ...{files, clock: systemClock, directories, listed, level, maps, sample, failFast, strict},
    ...{checkFile: threads?.checkFile, filesAtOnce: threads?.count},
    place: restorePlace(),
    onBegin: (soFar) => options.onBegin?.(() => toCounts(soFar())),
    onFinding(finding, directory) {
      const ref = owners.get(directory) ?? '';
      onEvent({type: 'finding', at: now(), ref, checkpoint: directory, ...finding});
    },
    onProgress({bytes_done, bytes_total}) {
      onEvent({type: 'progress', at: now(), bytesDone: bytes_done, bytesTotal: bytes_total});
    },
  }).finally(async () => threads?.close());
  for (const text of unused()) options.onWarning?.(text);
  const verified = asked.map(({ref, checkpoints}) => {
    const skipped = checkpoints.filter((directory) => incomplete.has(directory)).length;
    return {ref, checkpoints, skipped};
  });
  return {at: now(), ...toCounts(summary), errorCode, refs: verified};
}

function toCounts({duration_ms, ...rest}: VerifiedCounts): VerifyCounts {
  return {...rest, durationMillis: duration_ms};
}

function sampleOf(
  given: {readonly text: string; readonly seed: number} | undefined,
): {readonly of: Sample; readonly seed: number} | undefined {
  if (given === undefined) return undefined;
  const of = parseSample(given.text);
  if (of !== null) return {of, seed: given.seed};
  throw new EngineError('USAGE', `--sample ${given.text} is no sample`, {
    hint: 'write a share (10%), a part (2/5: the second of five) or a size (500MiB)',
  });
}

function nothingToSample(): EngineError {
  return new EngineError(
    'USAGE',
    '--sample is of files that are read, and level manifest reads none',
    {
      hint: 'Leave --sample out, or ask for --level checksum.',
    },
  );
}

async function refuseSampleOfFlink(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    // What cannot be read is told of when its turn comes.
    const isFlink = await isFlinkDirectory(files, directory).catch((error: unknown) => {
      if (notRead(directory, error) === null) throw error;
      return false;
    });
    if (!isFlink) continue;
    throw new EngineError(
      'USAGE',
      `--sample: ${directory} is of Apache Flink: no file of it is read`,
      {
        hint: 'Leave --sample out: names and sizes are compared for all of them.',
      },
    );
  }
}

/** Below so many bytes threads take longer to start than they save. */
const THREADED_BYTES_MIN = 32 * 1024 * 1024;

/** Null: this thread reads them. */
async function checkersFor(
  directories: readonly string[],
): Promise<(FileCheckers & {readonly count: number}) | null> {
  let bytes = 0;
  for (const directory of directories) {
    const read = await readMetadata(files, directory).catch(() => null);
    if (read?.kind !== 'read') continue;
    const {own, shared} = distinctFilesOf(read.metadata);
    bytes += lengthOf(own) + lengthOf(shared);
    // Enough is known: each is read again when its turn comes.
    if (bytes >= THREADED_BYTES_MIN) break;
  }
  if (bytes < THREADED_BYTES_MIN) return null;
  const {fileCheckers} = await import('../engine.ts');
  const count = availableParallelism();
  return {...fileCheckers(count), count};
}

/** One checkpoint, or all of the job whose file or directory is named, and the savepoints that lie there: what `list` shows. */
async function checkpointsOf(
  ref: string,
  environment: Environment,
): Promise<{readonly paths: readonly string[]; readonly isListing: boolean}> {
  const path = resolve(withoutScheme(ref));
  if (baseName(path) !== METADATA_FILE) {
    const directory = await directoryOf(path, environment);
    const isDirectory = (await statusOrNull(files, directory))?.kind === 'directory';
    // What its name says needs no look into it, which may be refused.
    if (isDirectory && parseCheckpointName(baseName(directory)) !== null) {
      return {paths: [directory], isListing: false};
    }
    if (isDirectory) {
      const all = await checkpointsIn(directory);
      if (all !== null) return {paths: all, isListing: true};
      return {paths: [directory], isListing: false};
    }
  }
  return {paths: [await resolveCheckpoint(ref, {environment})], isListing: false};
}

/** Null: it is one itself. */
async function checkpointsIn(directory: string): Promise<readonly string[] | null> {
  const unread = new Set<string>();
  const onUnread: OnUnread = (_, path) => unread.add(path);
  try {
    const jobs = await jobDirectoriesIn(files, directory, onUnread);
    const all: string[] = [];
    for (const paths of jobs.map((job) => new JobPaths(job))) {
      for (const id of await publishedIds(files, paths)) all.push(paths.checkpoint(id));
    }
    // What has `_metadata` itself is one checkpoint, whatever else lies in it.
    const isOne = await hasMetadata(files, directory);
    if (jobs.length > 0 || !isOne) {
      for (const path of await snapshotsIn(files, directory, onUnread)) all.push(path);
      // There may be some in it: each is told of as not read, once.
      for (const path of unread) if (!all.includes(path)) all.push(path);
    }
    if (all.length > 0) return all;
    if (!isOne && !(await wasCheckpoint(files, directory)))
      throw await nothingThere(files, directory);
  } catch (error) {
    if (parseSavepointName(baseName(directory)) === null || notRead(directory, error) === null) {
      throw error;
    }
  }
  return null;
}
