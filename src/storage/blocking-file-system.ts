// The FileSystem contract for a process that reads thousands of small files and does nothing else meanwhile, as
// `checkpoint list` does: what reads, blocks. A call through the pool of threads costs several times what the kernel
// does for it. Not for the engine, whose threads have other work; what writes is as in node-file-system.ts.

import {closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync} from 'node:fs';
import {join} from 'node:path';

import type {DirectoryEntry, FileHandle, FileStatus, FileSystem} from './file-system.ts';
import {kindOf, locationOf, nodeFileSystem, sortByName, toStatus} from './node-file-system.ts';
import {systemError} from './system-error.ts';

const {O_RDONLY, O_NOFOLLOW, O_NONBLOCK} = constants;

/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous, these calls are not: what they throw must reject */

export const blockingFileSystem: FileSystem = {
  ...nodeFileSystem,
  async openForRead(path) {
    const descriptor = openWithoutWaiting(path);
    try {
      const stats = fstatSync(descriptor);
      if (stats.isDirectory()) throw systemError('EISDIR', 'open', path);
      if (!stats.isFile()) throw systemError('EINVAL', 'open', path);
      return new BlockingFileHandle(descriptor, path, toStatus(stats));
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  },
  async list(path) {
    const listed: DirectoryEntry[] = [];
    for (const entry of readdirSync(path, {withFileTypes: true})) {
      const kind = kindOf(entry);
      // Some file systems do not say the type in the listing.
      const known = kind === 'other' ? kindIfThere(join(path, entry.name)) : kind;
      if (known !== null) listed.push({name: entry.name, kind: known});
    }
    return sortByName(listed);
  },
  async status(path) {
    return toStatus(lstatSync(path));
  },
  async statuses(paths) {
    return paths.map(statusIfThere);
  },
};

class BlockingFileHandle implements FileHandle {
  readonly #descriptor: number;
  readonly #path: string;
  /** Of a moment ago; null: it was asked for. */
  #opened: FileStatus | null;

  constructor(descriptor: number, path: string, opened: FileStatus) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.#opened = opened;
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    let done = 0;
    while (done < length) {
      const count = readSync(
        this.#descriptor,
        buffer,
        offset + done,
        length - done,
        position + done,
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async append(): Promise<void> {
    throw systemError('EBADF', 'write', this.#path);
  }

  async sync(): Promise<void> {
    throw systemError('EBADF', 'fsync', this.#path);
  }

  async status(): Promise<FileStatus> {
    const status = this.#opened ?? toStatus(fstatSync(this.#descriptor));
    this.#opened = null;
    return status;
  }

  location(): string | null {
    return locationOf(this.#descriptor);
  }

  async close(): Promise<void> {
    closeSync(this.#descriptor);
  }
}

/* eslint-enable @typescript-eslint/require-await */

function openWithoutWaiting(path: string): number {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // A socket, or a device without a driver.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO')
      throw systemError('EINVAL', 'open', path);
    throw error;
  }
}

function statusIfThere(path: string): FileStatus | null {
  try {
    // ENOENT and ENOTDIR, without the cost of an error.
    const stats = lstatSync(path, {throwIfNoEntry: false});
    return stats === undefined ? null : toStatus(stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return null;
    throw error;
  }
}

function kindIfThere(path: string): FileStatus['kind'] | null {
  try {
    return kindOf(lstatSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
