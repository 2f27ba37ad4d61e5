// Opens files of a checkpoint so that no link leads elsewhere, not one that takes a directory's place for the moment of opening
// either. O_NOFOLLOW holds for the last part of a path only, and a look at the parts above says nothing of the moment after it.
// So the file is opened first; then the system is asked where what was opened lies: a place that is not the path itself was
// reached through a link, or was moved meanwhile, and what was opened is closed unread. Where the system does not tell, the parts
// above are looked at, before and after the open file is compared with what lies at the path.

import {systemErrorCode} from '../base/errors.ts';
import {closeQuietly} from './durable-file.ts';
import type {FileHandle, FileSystem} from './file-system.ts';
import {parentOf} from './paths.ts';
import {systemError} from './system-error.ts';

/** Somebody may delete a checkpoint, or put it back, while it is read; nobody does that again and again. */
const ATTEMPTS_MAX = 3;

/** What reads files and nothing else. */
export type FileOpener = Pick<FileSystem, 'openForRead'>;

/**
 * As `openForRead`. `below`: absolute, above `path`; parts behind it are plain directories, or it is ELOOP with the path of what is
 * none. Links in `below` itself are its owner's.
 */
export async function openBelow(
  files: FileSystem,
  path: string,
  below: string,
): Promise<FileHandle> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const handle = await open(files, path, below);
    try {
      if (await liesAt(files, handle, path, below)) return handle;
    } catch (error) {
      await closeQuietly(handle);
      throw error;
    }
    await closeQuietly(handle);
    // Says what is in the way. What was moved or deleted is looked for once more.
    await refuseLinks(files, path, below);
  }
  throw systemError('ELOOP', 'open', path);
}

/** Of the checkpoint in `directory`: files in it, and those in `shared/` beside it. */
export function checkpointFiles(files: FileSystem, directory: string): FileOpener {
  return {openForRead: async (path) => openBelow(files, path, parentOf(directory))};
}

async function open(files: FileSystem, path: string, below: string): Promise<FileHandle> {
  try {
    return await files.openForRead(path);
  } catch (error) {
    const code = systemErrorCode(error);
    // A link that leads nowhere is a link all the same.
    if (code === 'ENOENT' || code === 'ENOTDIR') await refuseLinks(files, path, below);
    throw error;
  }
}

async function liesAt(
  files: FileSystem,
  handle: FileHandle,
  path: string,
  below: string,
): Promise<boolean> {
  const location = handle.location?.() ?? null;
  if (location === path) return true;
  if (location !== null && files.realPath !== undefined) {
    return location === `${await files.realPath(below)}${path.slice(below.length)}`;
  }
  await refuseLinks(files, path, below);
  const [opened, there] = [await handle.status(), await files.status(path)];
  // Once more: between the two a link may have come and gone.
  await refuseLinks(files, path, below);
  return opened.inode === there.inode && opened.device === there.device;
}

async function refuseLinks(files: FileSystem, path: string, below: string): Promise<void> {
  const above: string[] = [];
  for (let one = parentOf(path); one.length > below.length; one = parentOf(one)) above.unshift(one);
  for (const one of above) {
    if ((await files.status(one)).kind !== 'directory') throw systemError('ELOOP', 'open', one);
  }
}
