// The registry's files: how each is named, written and read. Published by writing a temporary and renaming it, so
// that a reader sees all of a file or none. Not synced, except the journal (trigger-journal.ts): after a power loss
// the processes are gone too, and a file that is half there reads as none.

import {
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';

import {systemErrorCode} from '../base/errors.ts';
import {
  decodeJobEnd,
  decodeJobRecord,
  encodeRecord,
  JOB_ID_PATTERN,
  type JobEnd,
  type JobRecord,
} from './job-record.ts';
import {makePrivateDirectory} from './state-directory.ts';

/** A record has some hundred bytes; what is longer is none of ours. */
const RECORD_BYTES_MAX = 256 * 1024;

/** Every path below `jobs/<job id>/`. */
export class JobEntryPaths {
  readonly root: string;

  constructor(jobsDirectory: string, jobId: string) {
    this.root = join(jobsDirectory, jobId);
  }

  get record(): string {
    return join(this.root, 'job.json');
  }

  get beat(): string {
    return join(this.root, 'beat');
  }

  get logs(): string {
    return join(this.root, 'logs');
  }

  get triggers(): string {
    return join(this.root, 'triggers');
  }

  end(runId: string): string {
    return join(this.root, `end-${runId}.json`);
  }
}

/** Writes `text` so that `path` is all of it or what it was before. */
export function writeWhole(path: string, text: string): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, text, {mode: 0o600});
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, {force: true});
    throw error;
  }
}

export function writeJobRecord(paths: JobEntryPaths, record: JobRecord): void {
  writeWhole(paths.record, encodeRecord(record));
}

export function writeJobEnd(paths: JobEntryPaths, end: JobEnd): void {
  writeWhole(paths.end(end.runId), encodeRecord(end));
}

/** The entry's directories, and nothing left of how its earlier runs ended. */
export function prepareEntry(paths: JobEntryPaths): void {
  for (const path of [paths.root, paths.logs, paths.triggers]) makePrivateDirectory(path);
  for (const name of readdirSync(paths.root)) {
    if (name.startsWith('end-') || name.endsWith('.tmp')) unlinkSync(join(paths.root, name));
  }
}

export function touchBeat(paths: JobEntryPaths, wallMillis: number): void {
  const seconds = wallMillis / 1000;
  try {
    utimesSync(paths.beat, seconds, seconds);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    writeFileSync(paths.beat, '', {mode: 0o600});
  }
}

export interface ReadEntry {
  readonly record: JobRecord;
  readonly end: JobEnd | null;
  /** Wall clock; null: it never beat. */
  readonly beat: number | null;
}

/** Null: it is no entry, or half of one. */
export function readEntry(paths: JobEntryPaths): ReadEntry | null {
  const text = readSmall(paths.record);
  const record = text === null ? null : decodeJobRecord(text);
  if (record === null) return null;
  const endText = readSmall(paths.end(record.runId));
  return {
    record,
    end: endText === null ? null : decodeJobEnd(endText),
    beat: statSync(paths.beat, {throwIfNoEntry: false})?.mtimeMs ?? null,
  };
}

export function readSmall(path: string): string | null {
  try {
    if (statSync(path).size > RECORD_BYTES_MAX) return null;
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    // Removed by another process between the listing and now, or not a file.
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Ids of all entries. */
export function listEntries(jobsDirectory: string): string[] {
  try {
    return readdirSync(jobsDirectory).filter((name) => JOB_ID_PATTERN.test(name));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

export function removeEntry(paths: JobEntryPaths): void {
  rmSync(paths.root, {recursive: true, force: true});
}

/** The socket of a process that is dead; anything else at that path is left alone. */
export function removeSocket(path: string): void {
  const status = lstatSync(path, {throwIfNoEntry: false});
  if (status?.isSocket() === true) rmSync(path, {force: true});
}
