// What `checkpoint verify` tells about what is on disk. Never writes.

import {availableParallelism} from 'node:os';
import {resolve} from 'node:path';

import {systemClock} from '../base/clock.ts';
import {EngineError, type ErrorCode} from '../base/errors.ts';
import type {FileCheckers} from '../engine.ts';
import {jobDirectoriesIn} from '../inspection/list-checkpoints.ts';
import {parseSample, type Sample} from '../inspection/sample-files.ts';
import {verifyCheckpoints as verifyDirectories} from '../inspection/verify-checkpoint.ts';
import type {Environment} from '../runtime/run-types.ts';
import {readMetadata, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {listCheckpoints as listPublished} from '../storage/list-checkpoints.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {baseName, JobPaths, METADATA_FILE, parseCheckpointName} from '../storage/paths.ts';
import {databasePlace} from './database-place.ts';
import {pathMaps} from './path-maps.ts';
import {directoryOf, resolveCheckpoint} from './resolve-report.ts';

export type VerifyLevel = 'manifest' | 'checksum' | 'decode' | 'restore';

export type VerifyEvent =
  | {
      readonly type: 'finding';
      readonly at: number;
      /** The REF that it belongs to, as given. */
      readonly ref: string;
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

export interface VerifySummary {
  readonly at: number;
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
  /** What the exit status says: damage, refused, of another version, unreadable; null: nothing is wrong. */
  readonly errorCode: ErrorCode | null;
  readonly durationMillis: number;
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
}

export async function verifyCheckpoints(
  refs: readonly string[],
  options: VerifyRequest,
): Promise<VerifySummary> {
  const {level, environment, onEvent, failFast, strict} = options;
  const maps = pathMaps(options.maps);
  const sample = sampleOf(options.sample);
  const now = (): number => systemClock.wallMillis();
  const owners = new Map<string, string>();
  for (const ref of refs) {
    for (const directory of await checkpointsOf(ref, environment)) owners.set(directory, ref);
  }
  const directories = [...owners.keys()];
  const threads = level === 'manifest' ? null : await checkersFor(directories);
  const {summary, errorCode} = await verifyDirectories({
    ...{files, clock: systemClock, directories, level, maps, sample, failFast, strict},
    ...{checkFile: threads?.checkFile, filesAtOnce: threads?.count},
    databases: databasePlace(),
    onFinding(finding, directory) {
      const ref = owners.get(directory) ?? '';
      onEvent({type: 'finding', at: now(), ref, ...finding});
    },
    onProgress({bytes_done, bytes_total}) {
      onEvent({type: 'progress', at: now(), bytesDone: bytes_done, bytesTotal: bytes_total});
    },
  }).finally(async () => threads?.close());
  const {duration_ms, ...rest} = summary;
  return {at: now(), ...rest, errorCode, durationMillis: duration_ms};
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
  }
  if (bytes < THREADED_BYTES_MIN) return null;
  const {fileCheckers} = await import('../engine.ts');
  const count = availableParallelism();
  return {...fileCheckers(count), count};
}

/** One checkpoint, or all of the job whose file or directory is named. */
async function checkpointsOf(ref: string, environment: Environment): Promise<readonly string[]> {
  const path = resolve(ref);
  if (baseName(path) !== METADATA_FILE) {
    const directory = await directoryOf(path, environment);
    const isDirectory = (await statusOrNull(files, directory))?.kind === 'directory';
    if (isDirectory && parseCheckpointName(baseName(directory)) === null) {
      const all = [];
      for (const job of await jobDirectoriesIn(files, directory)) {
        all.push(...(await listPublished(files, new JobPaths(job), null)).map((one) => one.path));
      }
      if (all.length > 0) return all;
    }
  }
  return [await resolveCheckpoint(ref, {environment})];
}
