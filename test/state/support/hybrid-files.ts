import {nodeFileSystem} from '#src/storage/node-file-system.js';
import type {DirectoryEntry, FileHandle, FileStatus} from '#src/storage/file-system.js';
import {MemoryFiles} from './memory-files.ts';

/** Checkpoints in memory, and below one directory the files of this machine, where RocksDB has its own. */
export class HybridFiles extends MemoryFiles {
  readonly #directory: string;

  constructor(directory: string) {
    super();
    this.#directory = directory;
  }

  override async openForRead(path: string): Promise<FileHandle> {
    return this.#isReal(path) ? nodeFileSystem.openForRead(path) : super.openForRead(path);
  }
  override async createNew(path: string): Promise<FileHandle> {
    return this.#isReal(path) ? nodeFileSystem.createNew(path) : super.createNew(path);
  }
  override async makeDirectory(path: string): Promise<void> {
    await (this.#isReal(path) ? nodeFileSystem.makeDirectory(path) : super.makeDirectory(path));
  }
  override async list(path = ''): Promise<readonly DirectoryEntry[]> {
    return this.#isReal(path) ? nodeFileSystem.list(path) : super.list(path);
  }
  override async status(path: string): Promise<FileStatus> {
    return this.#isReal(path) ? nodeFileSystem.status(path) : super.status(path);
  }
  override async link(source = '', target = ''): Promise<void> {
    if (this.#isReal(source) && this.#isReal(target)) await nodeFileSystem.link(source, target);
    else throw Object.assign(new Error('two file systems'), {code: 'EXDEV'});
  }
  override async unlink(path: string): Promise<void> {
    await (this.#isReal(path) ? nodeFileSystem.unlink(path) : super.unlink(path));
  }
  override async removeDirectory(path = ''): Promise<void> {
    await (this.#isReal(path) ? nodeFileSystem.removeDirectory(path) : super.removeDirectory(path));
  }

  #isReal(path: string): boolean {
    return path === this.#directory || path.startsWith(`${this.#directory}/`);
  }
}
