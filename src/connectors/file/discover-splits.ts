import {relative, resolve, sep} from 'node:path';
import {crc32} from '../../base/checksum.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';
import {glob, type GlobMatch} from './glob.ts';

/** A file that matches, before it was looked into. */
export interface FoundFile {
  /** Relative to the job file, `/` between parts. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

export interface Discovery {
  readonly files: FileSystem;
  /** Of the source, for errors. */
  readonly uid: string;
  readonly jobDirectory: string;
  /** Absolute paths or patterns. */
  readonly patterns: readonly string[];
}

/**
 * The files that the patterns match, sorted by path. A directory that a pattern matches is passed over; one
 * that is named, and anything that is no regular file, is refused.
 */
export async function discoverFiles(discovery: Discovery): Promise<readonly FoundFile[]> {
  const {files, uid, jobDirectory, patterns} = discovery;
  const found = new Map<string, FoundFile>();
  for (const pattern of patterns) {
    for (const match of await matchesOf(discovery, pattern)) {
      if (match.kind === 'directory' && match.path !== pattern) continue;
      if (match.kind !== 'file') throw notAFile(uid, match);
      const path = relative(jobDirectory, match.path).split(sep).join('/');
      const size = await sizeOf(files, uid, match.path);
      if (size !== null) found.set(path, {path, size});
    }
  }
  return [...found.values()].sort((left, right) =>
    Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)),
  );
}

/** Which subtask reads a file: by its path, so that all agree whenever they look. */
export function ownerOf(path: string, parallelism: number): number {
  return parallelism === 1 ? 0 : crc32(Buffer.from(path)) % parallelism;
}

export function absolutePath(jobDirectory: string, path: string): string {
  return resolve(jobDirectory, path);
}

async function matchesOf(discovery: Discovery, pattern: string): Promise<readonly GlobMatch[]> {
  try {
    return await glob(discovery.files, pattern);
  } catch (error) {
    throw storageError(discovery.uid, 'look for', pattern, error);
  }
}

/** Null: it has gone since it was listed. */
async function sizeOf(files: FileSystem, uid: string, path: string): Promise<number | null> {
  try {
    return (await files.status(path)).size;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw storageError(uid, 'look at', path, error);
  }
}

function notAFile(uid: string, match: GlobMatch): EngineError {
  if (match.kind === 'directory') {
    return new EngineError('NOT_FOUND', `${uid}: ${match.path} is a directory, not a file`, {
      hint: `To read its files, write \`path: ${match.path}/*\`.`,
      file: match.path,
    });
  }
  const what = match.kind === 'link' ? 'a symbolic link' : 'no regular file';
  return new EngineError(
    'REFUSED',
    `${uid}: ${match.path} is ${what}; a source reads regular files`,
    {
      hint: match.kind === 'link' ? 'Name the file that it leads to.' : 'Name a regular file.',
      file: match.path,
    },
  );
}
