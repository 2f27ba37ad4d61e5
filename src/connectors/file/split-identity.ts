// Is a file still the one that was found? Its size, head, and the bytes before a position are compared
// with what was recorded (HOSTILE H74, B55): never its inode or times, which a copy changes and a reused
// inode does not.

import {sha256Hex} from '../../base/checksum.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {closeQuietly} from '../../storage/durable-file.ts';
import type {FileHandle, FileSystem} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';
import {IDENTITY_BYTES, type Split} from './split.ts';

export interface SplitPlace {
  readonly files: FileSystem;
  readonly uid: string;
  /** Absolute. */
  readonly path: string;
}

export interface OpenedFile {
  readonly handle: FileHandle;
  readonly size: number;
  /** The first `IDENTITY_BYTES`, or all. */
  readonly head: Uint8Array;
}

/** Opens a file and reads its head. A file that is not there is null. */
export async function openFile(place: SplitPlace): Promise<OpenedFile | null> {
  const {files, uid, path} = place;
  try {
    const handle = await files.openForRead(path);
    try {
      const {size} = await handle.status();
      const head = new Uint8Array(Math.min(size, IDENTITY_BYTES));
      const count = await readAt(handle, head, 0);
      return {handle, size, head: head.subarray(0, count)};
    } catch (error) {
      await closeQuietly(handle);
      throw error;
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw storageError(uid, 'read', path, error);
  }
}

/** Opens the file of a known split; SOURCE_LOST_DATA when it is no longer that file. */
export async function openSplit(place: SplitPlace, split: Split): Promise<OpenedFile> {
  const {uid} = place;
  const opened = await openFile(place);
  if (opened === null) throw lostData(uid, split.path, 'it is gone');
  try {
    if (opened.size < split.size) {
      throw lostData(uid, split.path, `it had ${split.size} bytes, it has ${opened.size}`);
    }
    const head = opened.head.subarray(0, split.size);
    if (sha256Hex(head) !== split.head) {
      throw lostData(
        uid,
        split.path,
        `its first ${head.length} bytes are not those that were read`,
      );
    }
    return opened;
  } catch (error) {
    await closeQuietly(opened.handle);
    throw error;
  }
}

/** After it was read. */
export async function closeFile(file: {
  readonly handle: FileHandle;
  readonly uid: string;
  readonly path: string;
}): Promise<void> {
  try {
    await file.handle.close();
  } catch (error) {
    throw storageError(file.uid, 'close', file.path, error);
  }
}

/** The bytes before the position are not those that were read. */
export function tailDiffers(uid: string, path: string, offset: number): EngineError {
  return lostData(uid, path, `the bytes before position ${offset} are not those that were read`);
}

/** A file that was found whole has grown, in a source where files may only appear. */
export function hasGrown(
  uid: string,
  split: {path: string; size: number},
  size: number,
): EngineError {
  const change = `it had ${split.size} bytes when it was found, it has ${size}`;
  return lostData(uid, split.path, `${change}; files of a watched source appear whole, by rename`);
}

function lostData(uid: string, path: string, what: string): EngineError {
  return new EngineError('SOURCE_LOST_DATA', `${uid}: ${path} has changed: ${what}`, {
    hint: 'Put the file back as it was and run the job again, or start over with --fresh.',
    file: path,
    facts: {operator: uid, split: path},
  });
}

/** Fills `target` from `position` on; returns how much was there. */
async function readAt(handle: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const count = await handle.read(target, filled, target.length - filled, position + filled);
    if (count === 0) return filled;
    filled += count;
  }
  return filled;
}
