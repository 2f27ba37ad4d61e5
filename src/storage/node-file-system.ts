// The FileSystem contract over node:fs.

import {constants, readlinkSync, type Dirent, type Stats} from 'node:fs';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';

import type {DirectoryEntry, FileHandle, FileStatus, FileSystem} from './file-system.ts';
import {systemError} from './system-error.ts';

const {O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY} = constants;

export const nodeFileSystem: FileSystem = {
  async openForRead(path) {
    // O_NONBLOCK: opening a FIFO without a writer would wait for ever.
    const handle = await openWithoutWaiting(path);
    try {
      const status = await handle.stat();
      if (status.isDirectory()) throw systemError('EISDIR', 'open', path);
      if (!status.isFile()) throw systemError('EINVAL', 'open', path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new NodeFileHandle(handle, path);
  },
  async createNew(path) {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    return new NodeFileHandle(await fs.open(path, flags, 0o666), path);
  },
  async makeDirectory(path) {
    await fs.mkdir(path);
  },
  async list(path) {
    const entries = await fs.readdir(path, {withFileTypes: true});
    const listed = await Promise.all(entries.map(async (entry) => describeEntry(path, entry)));
    return sortByName(listed.filter((entry) => entry !== null));
  },
  async status(path) {
    return toStatus(await fs.lstat(path));
  },
  async realPath(path) {
    return fs.realpath(path);
  },
  async rename(source, target) {
    await fs.rename(source, target);
  },
  async link(source, target) {
    await fs.link(source, target);
  },
  async unlink(path) {
    await fs.unlink(path);
  },
  async removeDirectory(path) {
    await fs.rmdir(path);
  },
  async syncDirectory(path) {
    const handle = await fs.open(path, O_RDONLY | O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(path) {
    const {bavail, bsize} = await fs.statfs(path);
    return bavail * bsize;
  },
};

class NodeFileHandle implements FileHandle {
  readonly #handle: fs.FileHandle;
  readonly #path: string;
  #failed = false;

  constructor(handle: fs.FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    this.#refuseAfterFailure('read');
    let done = 0;
    while (done < length) {
      const {bytesRead} = await this.#handle.read(
        buffer,
        offset + done,
        length - done,
        position + done,
      );
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#refuseAfterFailure('write');
    let done = 0;
    try {
      while (done < bytes.length) {
        const {bytesWritten} = await this.#handle.write(bytes, done, bytes.length - done, null);
        if (bytesWritten === 0) throw systemError('EIO', 'write', this.#path);
        done += bytesWritten;
      }
    } catch (error) {
      // How much of `bytes` arrived is unknown: nothing may be appended behind it.
      this.#failed = true;
      throw error;
    }
  }

  async sync(): Promise<void> {
    this.#refuseAfterFailure('fsync');
    try {
      await this.#handle.sync();
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  async status(): Promise<FileStatus> {
    return toStatus(await this.#handle.stat());
  }

  location(): string | null {
    return locationOf(this.#handle.fd);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #refuseAfterFailure(call: string): void {
    if (this.#failed) throw systemError('EIO', call, this.#path);
  }
}

async function openWithoutWaiting(path: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // A socket, or a device without a driver.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO')
      throw systemError('EINVAL', 'open', path);
    throw error;
  }
}

async function describeEntry(directory: string, entry: Dirent): Promise<DirectoryEntry | null> {
  const kind = kindOf(entry);
  if (kind !== 'other') return {name: entry.name, kind};
  // Some file systems do not say the type in the listing.
  try {
    return {name: entry.name, kind: kindOf(await fs.lstat(join(directory, entry.name)))};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The kernel knows it without a disk: no thread waits for one. Null on systems without /proc. */
export function locationOf(descriptor: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return null;
  }
}

export function kindOf(entry: Dirent | Stats): FileStatus['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

export function toStatus(stats: Stats): FileStatus {
  return {
    kind: kindOf(stats),
    size: stats.size,
    modifiedMillis: stats.mtimeMs,
    device: stats.dev,
    inode: stats.ino,
    mode: stats.mode,
  };
}

/** Text of nothing else is in the same order as its bytes. */
const ASCII = /^[\0-\x7f]*$/;

export function sortByName(entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
  if (entries.every(({name}) => ASCII.test(name))) {
    return entries.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }
  return entries
    .map((entry) => ({entry, bytes: Buffer.from(entry.name)}))
    .sort((left, right) => Buffer.compare(left.bytes, right.bytes))
    .map(({entry}) => entry);
}
