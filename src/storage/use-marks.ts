// `used-by-<lineage>` in a checkpoint or savepoint that lies outside of the job directory that restores it without a
// claim: that lineage goes back to it until it has a checkpoint of its own, and nobody deletes it until then, whoever's
// registry knows of the job. Sealed JSON {job_directory, lineage, generation, host, pid_namespace}:
//
//   1. written aside under a name with the lineage, synced
//   2. renamed to `used-by-<lineage>`; the directory synced, and the one above it: a living owner may have published the
//      checkpoint, and not synced it yet
//   3. removed once that lineage has a checkpoint of its own
//
// Whether a mark still counts is what the job directory that it names says, so one that was left behind holds nothing
// for ever. Nobody can mark a directory that has been renamed away: who deletes looks before the rename and after it.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {ProcessIdentity} from '../base/process-identity.ts';
import {statusOrNull} from './derive-checkpoint-state.ts';
import {readWholeFile, unlessMissing, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {FieldError, Fields} from './json-fields.ts';
import {nextOrigin} from './next-origin.ts';
import {checkpointFiles, type FileOpener} from './open-below.ts';
import {
  GENERATION_MAX,
  join,
  JobPaths,
  parentOf,
  parseUseName,
  useAsideName,
  useName,
} from './paths.ts';
import {readHistory} from './read-history.ts';
import {openSealedJson, sealJson} from './sealed-json.ts';
import {storageFailed} from './storage-error.ts';

const MARK_BYTES_MAX = 64 * 1024;

export interface UseMark {
  /** Absolute. */
  readonly jobDirectory: string;
  readonly lineage: string;
  /** That placed it, before its lineage was recorded. */
  readonly generation: number;
  readonly host: string;
  readonly pidNamespace: string | null;
}

/** Of a checkpoint that is in use. */
export interface CheckpointUse {
  /** Absolute, of the mark. */
  readonly path: string;
  /** Null: the mark is damaged, and says not whose it is. */
  readonly jobDirectory: string | null;
}

/** What `isUsed` asks of. */
export type LookForUse = (directory: string) => Promise<CheckpointUse | null>;

/** Where a file system refuses it: then nothing is marked. */
const REFUSALS: ReadonlySet<string | null> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Durable when it resolves; placing it again is fine. Where this user may write nothing, there is none: the same user
 * cannot delete it, and who can is told by the registry only. NOT_FOUND when `directory` has gone.
 */
export async function placeUseMark(
  files: FileSystem,
  directory: string,
  mark: UseMark,
): Promise<void> {
  const aside = join(directory, useAsideName(mark.lineage));
  const bytes = sealJson({
    job_directory: mark.jobDirectory,
    lineage: mark.lineage,
    generation: mark.generation,
    host: mark.host,
    pid_namespace: mark.pidNamespace,
  });
  try {
    // Left by an attempt of this lineage that died.
    await unlessMissing(async () => files.unlink(aside));
    await writeDurableBytes(files, aside, bytes);
    await files.rename(aside, join(directory, useName(mark.lineage)));
    await files.syncDirectory(directory);
    await files.syncDirectory(parentOf(directory));
  } catch (error) {
    const code = systemErrorCode(error);
    if (REFUSALS.has(code)) return;
    if (code !== 'ENOENT') throw storageFailed('marking', directory, error);
    throw new EngineError('NOT_FOUND', `${directory} has gone while the job began from it`, {
      file: directory,
      cause: error,
    });
  }
}

/** Gone for good when it resolves; removing it again is fine. */
export async function removeUseMark(
  files: FileSystem,
  directory: string,
  lineage: string,
): Promise<void> {
  const path = join(directory, useName(lineage));
  try {
    if ((await statusOrNull(files, path)) === null) return;
    await unlessMissing(async () => files.unlink(path));
    await unlessMissing(async () => files.syncDirectory(directory));
  } catch (error) {
    throw storageFailed('removing', path, error);
  }
}

/** The first mark in it that counts; null: nobody goes back to it, or it is not there. */
export async function useOf(
  files: FileSystem,
  directory: string,
  self: () => Pick<ProcessIdentity, 'host' | 'pidNamespace'>,
): Promise<CheckpointUse | null> {
  let names: readonly string[] = [];
  await unlessMissing(async () => {
    names = (await files.list(directory)).map(({name}) => name);
  });
  for (const name of names) {
    if (parseUseName(name) === null) continue;
    const path = join(directory, name);
    const mark = await readUseMark(checkpointFiles(files, directory), path);
    if (mark === 'gone') continue;
    if (mark === 'damaged') return {path, jobDirectory: null};
    if (await counts(files, mark, self)) return {path, jobDirectory: mark.jobDirectory};
  }
  return null;
}

/** Its lineage is the one that its job resumes, or may still be recorded. True when nobody can say. */
async function counts(
  files: FileSystem,
  mark: UseMark,
  self: () => Pick<ProcessIdentity, 'host' | 'pidNamespace'>,
): Promise<boolean> {
  const isElsewhere = (): boolean => {
    const here = self();
    // A container may see another directory under that path, or none.
    return mark.host !== here.host || mark.pidNamespace !== here.pidNamespace;
  };
  try {
    const history = await readHistory(files, new JobPaths(mark.jobDirectory), Infinity);
    if (history.lineages.some(({lineage}) => lineage === mark.lineage)) {
      const isNext = history.lastRun?.lineage?.lineage === mark.lineage;
      return isNext && nextOrigin(history) !== null;
    }
    if (isElsewhere()) return true;
    const newest = history.generations.at(-1);
    return newest?.generation === mark.generation && newest.end === null;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return isElsewhere();
    if (code === null) throw error;
    return true;
  }
}

async function readUseMark(files: FileOpener, path: string): Promise<UseMark | 'gone' | 'damaged'> {
  try {
    const opened = openSealedJson(await readWholeFile(files, path, MARK_BYTES_MAX));
    if (opened.kind === 'damaged') return 'damaged';
    const fields = new Fields(opened.fields, '');
    const jobDirectory = fields.value('job_directory');
    if (typeof jobDirectory !== 'string' || !jobDirectory.startsWith('/')) return 'damaged';
    return {
      jobDirectory,
      lineage: fields.text('lineage', /^[0-9a-f]{16}$/),
      generation: fields.count('generation', 1, GENERATION_MAX),
      host: fields.text('host'),
      pidNamespace: fields.textOrNull('pid_namespace'),
    };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 'gone';
    if (error instanceof FieldError || systemErrorCode(error) !== null) return 'damaged';
    throw error;
  }
}

/** One sentence without a stop. */
export function whyUsed({path, jobDirectory}: CheckpointUse): string {
  if (jobDirectory === null) return `${path} is damaged: it says which job began from it`;
  return `the job of ${jobDirectory} began from it and has no checkpoint of its own (${path})`;
}
