// REF, the same everywhere: a path, `JOB`, `JOB@latest`, `JOB@12`, or a unique prefix (4 characters or more) of a
// job's name or id, or of a savepoint's name. A path beats a job's name. Jobs are looked for by name beside the job file
// that is at hand, and among those that the registry knows, with the savepoints that were taken of them.

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {statusOrNull} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  join,
  METADATA_FILE,
  parentOf,
  parseCheckpointName,
  parseSavepointName,
} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {jobDirectoriesIn} from './list-checkpoints.ts';
import {linkHint} from './nothing-there.ts';

export const REFERENCE_PREFIX_CHARACTERS_MIN = 4;

/** A job that the registry knows. */
export interface KnownJob {
  /** 32 hexadecimal digits. */
  readonly jobId: string;
  readonly name: string;
  readonly live: boolean;
  /** Absolute: `<checkpoints directory>/<job name>`. */
  readonly directory: string;
  /** Absolute paths, in the order in which they were taken; one or the other may be gone. */
  readonly savepoints: readonly {readonly id: number; readonly path: string}[];
}

export interface ResolveOptions {
  readonly files: FileSystem;
  /** Absolute: relative paths start here. */
  readonly workingDirectory: string;
  /** Where jobs are looked for by name: `checkpoints.dir` of the job file. Null: not beside a job file. */
  readonly checkpointsDirectory: string | null;
  /** Asked only when REF is no path. Newest first. */
  readonly knownJobs: () => readonly KnownJob[] | Promise<readonly KnownJob[]>;
  /** Absent: checkpoints as well as savepoints. */
  readonly only?: 'savepoints' | undefined;
}

/** Where checkpoints of one job are. */
interface Place {
  /** What it may be called by: its name, and its id where the registry has one. */
  readonly names: readonly string[];
  /** In the directory of the job file that is at hand. */
  readonly beside: boolean;
  /** Its process runs. */
  readonly live: boolean;
  readonly directory: string;
  readonly savepoints: KnownJob['savepoints'];
}

/**
 * The absolute path of the checkpoint's directory. `latest` is the highest published id, also when it is
 * damaged: a newer one is never passed over silently; of a checkpoint and a savepoint of one id, whose state is the
 * same, the checkpoint. NOT_FOUND, or USAGE when it is ambiguous.
 */
export async function resolveReference(
  options: ResolveOptions,
  reference: string,
): Promise<string> {
  if (reference === '') throw new EngineError('USAGE', 'an empty REF', {hint: REFERENCE_HINT});
  try {
    const found = await resolvePath(options, reference);
    if (found?.kind === 'checkpoint') return found.path;
    return await resolveJob(options, reference, found?.path ?? null);
  } catch (error) {
    throw storageFailed('resolving', reference, error);
  }
}

/** The directory of the job that is meant, where its checkpoints are; null: no job is. */
export async function resolveJobDirectory(
  options: ResolveOptions,
  reference: string,
): Promise<string | null> {
  const found = choosePlace(await placesOf(options), reference);
  return found?.directory ?? null;
}

const KINDS = {file: 'a file', link: 'a link', other: 'a pipe, a device or a socket'} as const;

const REFERENCE_HINT =
  'REF is a path, JOB, JOB@latest or JOB@12; `tidemark checkpoint list` shows them.';

/** Where no job file says in which directory its jobs are. */
const PATH_HINT =
  'Name a path, or a job that `tidemark list --all` shows; `tidemark checkpoint list JOB.yaml` shows the paths of checkpoints.';

/** `directory`: one that is there, and holds nothing of a checkpoint. */
interface FoundPath {
  readonly kind: 'checkpoint' | 'directory';
  /** Absolute. */
  readonly path: string;
}

/** Null: nothing is there. */
async function resolvePath(options: ResolveOptions, reference: string): Promise<FoundPath | null> {
  const path = absolutePath(options.workingDirectory, withoutScheme(reference));
  const status = await statusOrNull(options.files, path);
  if (status === null) return null;
  if (status.kind === 'file' && baseName(path) === METADATA_FILE)
    return checkpointAt(parentOf(path));
  if (status.kind === 'file' && /\.ya?ml$/u.test(path)) {
    throw new EngineError('USAGE', `${path} is a job file; here one checkpoint is asked for`, {
      file: path,
      hint: `see those of the job: tidemark checkpoint list ${shellWord(reference)}`,
    });
  }
  if (status.kind !== 'directory') {
    throw new EngineError(
      'REFUSED',
      `${path} is ${KINDS[status.kind]}, not the directory of a checkpoint`,
      {
        file: path,
        hint: status.kind === 'link' ? linkHint(path) : REFERENCE_HINT,
      },
    );
  }
  if (parseCheckpointName(baseName(path)) !== null) return checkpointAt(path);
  if ((await statusOrNull(options.files, join(path, METADATA_FILE))) !== null) {
    return checkpointAt(path);
  }
  const jobs = await jobDirectoriesIn(options.files, path);
  const [job, ...others] = jobs;
  if (job === undefined) {
    // That its `_metadata` is gone is what will be said of it.
    return (await wasCheckpoint(options.files, path))
      ? checkpointAt(path)
      : {kind: 'directory', path};
  }
  if (others.length > 0) throw ambiguous(reference, jobs);
  return checkpointAt(await latestOf(options.files, job));
}

function checkpointAt(path: string): FoundPath {
  return {kind: 'checkpoint', path};
}

/** Without its `_metadata`: by its name, or by what else the engine writes. Any other directory is no damage. */
export async function wasCheckpoint(files: FileSystem, directory: string): Promise<boolean> {
  if (parseSavepointName(baseName(directory)) !== null) return true;
  return (await statusOrNull(files, join(directory, CHECKSUMS_FILE))) !== null;
}

/** `directory`: that lies where REF says as a path; null: none does. */
async function resolveJob(
  options: ResolveOptions,
  reference: string,
  directory: string | null,
): Promise<string> {
  const at = reference.lastIndexOf('@');
  const name = at < 0 ? reference : reference.slice(0, at);
  const which = at < 0 ? 'latest' : reference.slice(at + 1);
  const id = which === 'latest' ? null : parseCheckpointName(`chk-${which}`);
  if (which !== 'latest' && id === null) {
    throw new EngineError('USAGE', `${reference}: after @ stands a checkpoint's id, or latest`, {
      hint: REFERENCE_HINT,
    });
  }
  const all = await placesOf(options);
  const places =
    options.only === 'savepoints' ? all.filter(({savepoints}) => savepoints.length > 0) : all;
  const place = choosePlace(places, name);
  if (place === null) {
    const savepoint = at < 0 ? await savepointCalled(options, places, name) : null;
    if (savepoint !== null) return savepoint;
    throw nothingCalled(options, reference, directory);
  }
  const found = (await checkpointsOf(options, place)).filter((one) => id === null || one.id === id);
  const [newest] = found.toSorted((left, right) => right.id - left.id);
  if (newest !== undefined) return newest.path;
  throw new EngineError(
    'NOT_FOUND',
    id === null
      ? `no checkpoint ${reference}: none is in ${place.directory}`
      : `no checkpoint ${reference}: looked for ${join(place.directory, `chk-${id}`)}`,
    {hint: `see what lies there: tidemark checkpoint list ${shellWord(place.directory)}`},
  );
}

/** A directory beside the job file and an entry of the registry may be one job. */
async function placesOf(options: ResolveOptions): Promise<readonly Place[]> {
  const {files, checkpointsDirectory: root} = options;
  const known = await options.knownJobs();
  const isThere = root !== null && (await statusOrNull(files, root))?.kind === 'directory';
  const beside = isThere ? await jobDirectoriesIn(files, root) : [];
  const near = new Set(beside.filter((directory) => directory !== root));
  const all = new Set([...near, ...(await knownDirectories(files, known))]);
  return [...all].map((directory) => {
    const entries = known.filter((job) => job.directory === directory);
    return {
      beside: near.has(directory),
      names: [baseName(directory), ...entries.flatMap(({name, jobId}) => [name, jobId])],
      live: entries.some(({live}) => live),
      directory,
      savepoints: entries.flatMap(({savepoints}) => savepoints),
    };
  });
}

/** Of jobs whose checkpoints were deleted nothing is offered. */
async function knownDirectories(
  files: FileSystem,
  known: readonly KnownJob[],
): Promise<readonly string[]> {
  const there = await Promise.all(
    known.map(async ({directory, savepoints}) => {
      if (savepoints.length > 0) return [directory];
      return (await statusOrNull(files, directory))?.kind === 'directory' ? [directory] : [];
    }),
  );
  return there.flat();
}

/** Of one name: beside the job file comes first, then the one that lives; null: none. */
function choosePlace(places: readonly Place[], name: string): Place | null {
  const exact = places.filter(({names}) => names.includes(name));
  const narrowed = [
    exact.filter(({beside}) => beside),
    exact.filter(({live}) => live),
    exact,
    begunWith(places, name),
  ];
  const [place, ...others] = narrowed.find((found) => found.length > 0) ?? [];
  if (place === undefined) return null;
  if (others.length === 0) return place;
  throw ambiguous(
    name,
    [place, ...others].map(({directory}) => directory),
  );
}

function begunWith(places: readonly Place[], prefix: string): readonly Place[] {
  if (prefix.length < REFERENCE_PREFIX_CHARACTERS_MIN) return [];
  return places.filter(({names}) => names.some((name) => name.startsWith(prefix)));
}

/** By the name of its directory, or the beginning of that. */
async function savepointCalled(
  {files}: ResolveOptions,
  places: readonly Place[],
  name: string,
): Promise<string | null> {
  if (name.length < REFERENCE_PREFIX_CHARACTERS_MIN) return null;
  const paths = new Set(places.flatMap(({savepoints}) => savepoints.map(({path}) => path)));
  const called = [];
  for (const path of paths) {
    if (baseName(path).startsWith(name) && (await statusOrNull(files, path)) !== null) {
      called.push(path);
    }
  }
  const [path, ...others] = called;
  if (others.length > 0) throw ambiguous(name, called);
  return path ?? null;
}

/** Checkpoints before savepoints. What is recorded and no longer there is passed over. */
async function checkpointsOf(
  {files, only}: ResolveOptions,
  {directory, savepoints}: Place,
): Promise<readonly {readonly id: number; readonly path: string}[]> {
  const found = only === 'savepoints' ? [] : await publishedIn(files, directory);
  for (const {id, path} of savepoints.toReversed()) {
    if ((await statusOrNull(files, path)) !== null) found.push({id, path});
  }
  return found;
}

async function publishedIn(
  files: FileSystem,
  directory: string,
): Promise<{readonly id: number; readonly path: string}[]> {
  if ((await statusOrNull(files, directory))?.kind !== 'directory') return [];
  const entries = await files.list(directory);
  return entries.flatMap(({name}) => {
    const id = parseCheckpointName(name);
    return id === null ? [] : [{id, path: join(directory, name)}];
  });
}

async function latestOf(files: FileSystem, job: string): Promise<string> {
  const published = await publishedIn(files, job);
  const [latest] = published.toSorted((left, right) => right.id - left.id);
  if (latest !== undefined) return latest.path;
  throw notFound(job, 'looked for chk-N in it');
}

function nothingCalled(
  options: ResolveOptions,
  reference: string,
  directory: string | null,
): EngineError {
  const {checkpointsDirectory: root, workingDirectory} = options;
  if (directory !== null) {
    return new EngineError(
      'NOT_FOUND',
      `no checkpoint in ${directory}: it has no ${METADATA_FILE}`,
      {
        file: directory,
        hint: `see what lies there: tidemark checkpoint list ${shellWord(reference)}`,
      },
    );
  }
  const id = /^(?:chk-)?(latest|\d+)$/u.exec(reference)?.[1];
  if (id !== undefined) return notFound(reference, `of which job? JOB@${id}, or its path`);
  if (root !== null)
    return notFound(reference, `no such path, and no job of that name in ${root} or the registry`);
  return new EngineError(
    'NOT_FOUND',
    `no checkpoint ${reference}: no such path in ${workingDirectory}, and no job of that name`,
    {hint: PATH_HINT},
  );
}

/** A path behind `file:`, as Flink prints it and a job file may have it. */
export function withoutScheme(path: string): string {
  return path.replace(/^file:(?:\/\/(?=\/))?(?=.)/u, '');
}

/** Absolute, without `.` and `..` parts: they are a user's, and mean what a shell means by them. */
function absolutePath(workingDirectory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : join(workingDirectory, path)).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function notFound(reference: string, looked: string): EngineError {
  return new EngineError('NOT_FOUND', `no checkpoint ${reference}: ${looked}`, {
    hint: REFERENCE_HINT,
  });
}

function ambiguous(reference: string, candidates: readonly string[]): EngineError {
  const areNames = new Set(candidates.map(baseName)).size === candidates.length;
  return new EngineError(
    'USAGE',
    `${reference} is ambiguous: ${(areNames ? candidates.map(baseName) : candidates).join(', ')}`,
    {hint: areNames ? 'Write the whole name.' : 'Write a path.', facts: {candidates}},
  );
}
