// Taking the next generation of a job directory, in this order:
//
//   1. judge the newest owner; alive → ALREADY_RUNNING
//   2. write our record aside, sync, link it to owner/<judged + 1> (EEXIST → somebody else won), sync owner/
//   3. make work/<G>/{pending,deleted} once; look at owner/ again (a higher number → FENCED: our directory came
//      too late to be taken away); rename every older work/* into ours; sync work/, the job directory and
//      every directory above that was made
//   4. what those had taken away in their turn moves up beside them, so that starts that are refused or
//      killed one after another, before anything is swept, do not nest ever deeper; a checkpoint that went although a
//      job had begun from it comes back (put-back-used.ts)
//
// From then on an older process that publishes or deletes gets ENOENT: its work/<g>/ is not where it was.
// Only after that may anybody read how the last generation ended, or list checkpoints: it is final.

import type {Clock, Timers} from '../base/clock.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {failpoint} from '../base/failpoint.ts';
import {newRunId} from '../base/ids.ts';
import type {Random} from '../base/random.ts';
import {readWholeFile, unlessMissing, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {alreadyRunning, newestGeneration, requireDeadOwner} from './judge-owner.ts';
import {encodeOwnerRecord, type OwnerKind} from './owner-record.ts';
import type {JobPaths} from './paths.ts';
import {GENERATION_MAX, parentOf, parseGenerationName, parseOwnerName} from './paths.ts';
import type {ProcessTable} from './process-table.ts';
import {putBackUsed} from './put-back-used.ts';
import {readOwner} from './read-history.ts';
import {statusOrNull} from './status-or-null.ts';
import {storageFailed} from './storage-error.ts';
import {syncAbove} from './sync-above.ts';
import {useOf} from './use-marks.ts';

const FORMAT_TEXT = '{"format":"tidemark","major":1}\n';
const FORMAT_BYTES_MAX = 4096;

export interface TakeOverOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly processes: ProcessTable;
  /** `jobDirectoryOf(checkpoints.dir, job name)`, absolute. */
  readonly jobDirectory: string;
  readonly kind: OwnerKind;
  /** `--take-over`: the newest owner counts as dead without asking. */
  readonly takeOver: boolean;
}

/** A generation that was taken, and the fence behind it: all steps are done. */
export interface TakenGeneration {
  readonly generation: number;
  readonly runId: string;
}

export async function takeGeneration(
  options: TakeOverOptions,
  paths: JobPaths,
): Promise<TakenGeneration> {
  try {
    const made = await makeJobDirectory(options.files, paths);
    const runId = newRunId(options.random);
    await writeFormat(options.files, paths, runId);
    const newest = await newestGeneration(options.files, paths);
    if (newest > 0 && !options.takeOver) await requireDeadOwner(options, paths, newest);
    await linkOwner(options, paths, newest + 1, runId);
    await raiseFence(options, paths, newest + 1);
    await syncAbove(options.files, paths.root, made);
    return {generation: newest + 1, runId};
  } catch (error) {
    throw storageFailed('taking over', paths.root, error);
  }
}

/** A restart inside the process: links exactly `after + 1`; another process that was faster has fenced us. */
export async function takeNextGeneration(
  options: TakeOverOptions,
  paths: JobPaths,
  after: number,
  runId: string,
): Promise<void> {
  try {
    await linkOwner(options, paths, after + 1, runId);
    await raiseFence(options, paths, after + 1);
    // A checkpoint that was renamed into place, and whose sync failed, is listed and relied on from here.
    await options.files.syncDirectory(paths.root);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'ALREADY_RUNNING') {
      throw fenced(paths, after, error);
    }
    throw storageFailed('taking the next generation in', paths.root, error);
  }
}

/** Makes the job directory and what it needs, and every missing parent; returns what was made. */
async function makeJobDirectory(files: FileSystem, paths: JobPaths): Promise<ReadonlySet<string>> {
  const made = new Set<string>();
  await makeWithParents(files, paths.root, made);
  await makeWithParents(files, paths.ownerDirectory, made);
  await makeWithParents(files, paths.workDirectory, made);
  return made;
}

async function makeWithParents(files: FileSystem, path: string, made: Set<string>): Promise<void> {
  try {
    await files.makeDirectory(path);
    made.add(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST' && (await files.status(path)).kind === 'directory') return;
    if (code === 'EEXIST') {
      throw new EngineError('REFUSED', `${path} is not a directory (a link is not followed)`, {
        file: path,
        hint: 'Set execution.checkpointing.dir to a directory of its own.',
      });
    }
    if (code !== 'ENOENT' || path === '/') throw error;
    await makeWithParents(files, parentOf(path), made);
    await makeWithParents(files, path, made);
  }
}

/** FORMAT is linked into place whole, or checked. */
async function writeFormat(files: FileSystem, paths: JobPaths, runId: string): Promise<void> {
  if (await requireFormat(files, paths)) return;
  const aside = paths.formatAside(runId);
  await writeDurableBytes(files, aside, Buffer.from(FORMAT_TEXT));
  await linkUnlessThere(files, aside, paths.format);
  await files.unlink(aside);
}

/** False: there is none yet. INCOMPATIBLE when it says anything else. */
export async function requireFormat(files: FileSystem, paths: JobPaths): Promise<boolean> {
  if ((await statusOrNull(files, paths.format)) === null) return false;
  const text = Buffer.from(await readWholeFile(files, paths.format, FORMAT_BYTES_MAX));
  if (text.toString() === FORMAT_TEXT) return true;
  throw new EngineError(
    'INCOMPATIBLE',
    `${paths.format} does not say {"format":"tidemark","major":1}: written by another version or program`,
    {file: paths.format, hint: 'Use the version of tidemark that wrote this directory.'},
  );
}

async function linkUnlessThere(files: FileSystem, aside: string, path: string): Promise<void> {
  try {
    await linkOrRefuse(files, aside, path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}

/** Publishing by link is what makes two owners impossible: without it a job cannot run here at all. */
async function linkOrRefuse(files: FileSystem, aside: string, path: string): Promise<void> {
  try {
    await files.link(aside, path);
  } catch (error) {
    // `aside` was just made in the same directory, so it is not rights that are missing.
    if (!NO_HARD_LINKS.has(systemErrorCode(error) ?? '')) throw error;
    throw new EngineError(
      'JOB_INVALID',
      `${parentOf(path)} is on a file system without hard links`,
      {
        hint: 'Set checkpointing.dir (execution.checkpointing.dir) to a directory on another file system.',
        cause: error,
      },
    );
  }
}

const NO_HARD_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

async function linkOwner(
  options: TakeOverOptions,
  paths: JobPaths,
  generation: number,
  runId: string,
): Promise<void> {
  const {files} = options;
  if (generation > GENERATION_MAX) {
    throw new EngineError(
      'REFUSED',
      `${paths.root} has used up its ${GENERATION_MAX} generations`,
      {
        hint: 'Start in another directory from a checkpoint of this one: tidemark restore REF JOB.yaml',
      },
    );
  }
  const aside = paths.ownerAside(generation, runId);
  const record = encodeOwnerRecord({
    generation,
    kind: options.kind,
    runId,
    process: options.processes.self(),
    started: options.clock.wallMillis(),
  });
  // Left by an earlier call of ours that failed: the name carries our run id.
  await unlessMissing(async () => files.unlink(aside));
  await writeDurableBytes(files, aside, record);
  try {
    await linkOrRefuse(files, aside, paths.owner(generation));
  } catch (error) {
    await unlessMissing(async () => files.unlink(aside));
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    throw alreadyRunning(paths, generation, await readOwner(files, paths, generation));
  }
  failpoint('storage.fence.after-link');
  await files.unlink(aside);
  await files.syncDirectory(paths.ownerDirectory);
}

async function raiseFence(
  {files, processes}: TakeOverOptions,
  paths: JobPaths,
  generation: number,
): Promise<void> {
  try {
    await files.makeDirectory(paths.work(generation));
    await files.makeDirectory(paths.pending(generation));
    await files.makeDirectory(paths.deleted(generation));
    await requireNewest(files, paths, generation);
    for (const {name} of await files.list(paths.workDirectory)) {
      const older = parseGenerationName(name);
      if (older === null || older >= generation) continue;
      await unlessMissing(async () =>
        files.rename(paths.work(older), `${paths.deleted(generation)}/${name}`),
      );
    }
    await files.syncDirectory(paths.workDirectory);
    await flattenDeleted(files, paths.deleted(generation));
    await putBackUsed(files, paths, generation, async (path) =>
      useOf(files, path, () => processes.self()),
    );
  } catch (error) {
    throw await fencedOr(files, paths, generation, error);
  }
  await removeOldAsides(files, paths, generation);
  failpoint('storage.fence.after-work');
}

/**
 * Step 4. Every older work/<g>/ has a place directly in `deleted`, however deep it lay; no path below it
 * is ever longer than one level more. Not synced: before and after a move it is only to be removed.
 */
async function flattenDeleted(files: FileSystem, deleted: string): Promise<void> {
  const unseen = await olderGenerations(files, deleted);
  while (unseen.length > 0) {
    const inner = `${deleted}/${unseen.pop()}/deleted`;
    for (const name of await olderGenerations(files, inner)) {
      // A generation has one directory, so its name is free.
      await unlessMissing(async () => files.rename(`${inner}/${name}`, `${deleted}/${name}`));
      unseen.push(name);
    }
  }
}

/** Names of the work/<g>/ in a directory; none if it was never made. */
async function olderGenerations(files: FileSystem, directory: string): Promise<string[]> {
  const names: string[] = [];
  await unlessMissing(async () => {
    for (const {name, kind} of await files.list(directory)) {
      if (kind === 'directory' && parseGenerationName(name) !== null) names.push(name);
    }
  });
  return names;
}

/** Records that processes wrote aside and died before they could link them; the number is taken since. */
async function removeOldAsides(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
): Promise<void> {
  for (const {name} of await files.list(paths.ownerDirectory)) {
    const parsed = parseOwnerName(name);
    if (parsed?.kind === 'aside' && parsed.generation < generation) {
      await unlessMissing(async () => files.unlink(`${paths.ownerDirectory}/${name}`));
    }
  }
}

/** FENCED when `owner/` shows a higher generation than ours. */
export async function requireNewest(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
): Promise<void> {
  if ((await newestGeneration(files, paths)) > generation) throw fenced(paths, generation, null);
}

/** What a failure on our own `work/<G>/` means: FENCED if a higher generation is there, else STORAGE_FAILED. */
export async function fencedOr(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  error: unknown,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<EngineError> {
  if (error instanceof EngineError) return error;
  try {
    if ((await newestGeneration(files, paths)) > generation)
      return fenced(paths, generation, error);
  } catch {
    // `owner/` cannot be read either: the storage failed, and the first error says how.
  }
  return storageFailed('working in', paths.work(generation), error, facts);
}

export function fenced(paths: JobPaths, generation: number, cause: unknown): EngineError {
  return new EngineError(
    'FENCED',
    `another process has taken over ${paths.root} from generation ${generation}; this one stops and commits nothing more`,
    {
      file: paths.ownerDirectory,
      hint: 'Nothing to do when that was meant; see the newest record in owner/ for who it is.',
      cause: cause ?? undefined,
      facts: {generation},
    },
  );
}
