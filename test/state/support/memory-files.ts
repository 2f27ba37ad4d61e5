import type {DirectoryEntry, FileHandle, FileStatus, FileSystem} from '#src/storage/file-system.js';

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), {code});
}

/** Files in memory; every call lets the event loop turn once, as a disk would. */
export class MemoryFiles implements FileSystem {
  readonly content = new Map<string, Uint8Array>();
  readonly directories = new Set<string>();
  /** Makes the n-th append from now on fail. */
  failAppendIn = Infinity;

  async openForRead(path: string): Promise<FileHandle> {
    await turn();
    if (!this.content.has(path)) throw systemError('ENOENT', path);
    return this.#handle(path);
  }

  async createNew(path: string): Promise<FileHandle> {
    await turn();
    if (this.content.has(path)) throw systemError('EEXIST', path);
    this.content.set(path, new Uint8Array(0));
    return this.#handle(path);
  }

  async makeDirectory(path: string): Promise<void> {
    await turn();
    if (this.directories.has(path)) throw systemError('EEXIST', path);
    this.directories.add(path);
  }

  #handle(path: string): FileHandle {
    const {content} = this;
    const countAppend = () => {
      this.failAppendIn -= 1;
      return this.failAppendIn > 0;
    };
    return {
      location: () => path,
      async read(buffer, offset, length, position) {
        await turn();
        const bytes = content.get(path)!.subarray(position, position + length);
        buffer.set(bytes, offset);
        return bytes.length;
      },
      async append(bytes) {
        await turn();
        if (!countAppend()) throw systemError('ENOSPC', path);
        content.set(path, Buffer.concat([content.get(path)!, bytes]));
      },
      sync: turn,
      async status() {
        await turn();
        return status(content.get(path)!.length);
      },
      close: turn,
    };
  }

  async list(path = ''): Promise<readonly DirectoryEntry[]> {
    await turn();
    if (!this.directories.has(path)) throw systemError('ENOENT', path);
    const below = (names: Iterable<string>, kind: DirectoryEntry['kind']): DirectoryEntry[] =>
      [...names].flatMap((name) => {
        const rest = name.startsWith(`${path}/`) ? name.slice(path.length + 1) : '';
        return rest === '' || rest.includes('/') ? [] : [{name: rest, kind}];
      });
    return [...below(this.directories, 'directory'), ...below(this.content.keys(), 'file')];
  }
  async status(path: string): Promise<FileStatus> {
    await turn();
    const bytes = this.content.get(path);
    if (bytes !== undefined) return status(bytes.length);
    const isDirectory =
      this.directories.has(path) ||
      [...this.content.keys()].some((file) => file.startsWith(`${path}/`));
    if (!isDirectory) throw systemError('ENOENT', path);
    return {...status(0), kind: 'directory'};
  }
  async rename(from: string, to: string): Promise<void> {
    await turn();
    const bytes = this.content.get(from);
    if (bytes === undefined) throw systemError('ENOENT', from);
    this.content.set(to, bytes);
    this.content.delete(from);
  }
  async link(source = '', target = ''): Promise<void> {
    await turn();
    if (this.content.has(target)) throw systemError('EEXIST', target);
    const bytes = this.content.get(source);
    if (bytes === undefined) throw systemError('ENOENT', source);
    this.content.set(target, bytes);
  }
  async unlink(path: string): Promise<void> {
    await turn();
    this.content.delete(path);
  }
  async removeDirectory(path = ''): Promise<void> {
    await turn();
    this.directories.delete(path);
  }
  async syncDirectory(): Promise<void> {
    await turn();
  }
  async freeBytes(): Promise<number> {
    await turn();
    return 2 ** 40;
  }
}

function status(size: number): FileStatus {
  return {kind: 'file', size, modifiedMillis: 0, device: 0, inode: 0, mode: 0o644};
}

async function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
