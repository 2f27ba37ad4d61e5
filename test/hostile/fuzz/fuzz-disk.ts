// A disk in memory that watches who reads it: links lead on, as on a real one, and what is opened, how often and how much at once
// is bounded. What breaks a bound is kept, also when the reader swallows the error.

import {posix} from 'node:path';

import type {DirectoryEntry, FileHandle, FileStatus, FileSystem} from '#src/storage/file-system.js';

export type Entry =
  | {readonly kind: 'file'; readonly data: Uint8Array}
  | {readonly kind: 'directory' | 'other'}
  | {readonly kind: 'link'; readonly target: string};

/** By absolute path, directories too. */
export type Tree = ReadonlyMap<string, Entry>;

/** Of one reader over one checkpoint: many times what the kept ones need. */
const CALLS_MAX = 5000;
/** The longest read: a chunk, or `_metadata`, which is read whole and is no longer than its file. */
const READ_BYTES_MAX = 1024 * 1024;

export class FuzzDisk implements FileSystem {
  readonly #entries: Map<string, Entry>;
  /** In order; empty: every bound was kept. */
  readonly violations: string[] = [];
  /** Directories below which something may be opened; they, and those above them, may be looked at. */
  allowed: readonly string[] = [''];
  #calls = 0;
  /** Without one a path of an entry leads to that entry. */
  #hasLinks: boolean;

  constructor(tree: Tree) {
    this.#entries = new Map(tree);
    this.#hasLinks = [...tree.values()].some(({kind}) => kind === 'link');
  }

  /** For the next reader. */
  allow(directories: readonly string[]): void {
    this.allowed = directories;
    this.#calls = 0;
  }

  async openForRead(path: string): Promise<FileHandle> {
    const real = this.#call(path);
    const entry = this.#at(real, path);
    if (entry.kind === 'link') throw failure('ELOOP', path);
    if (entry.kind === 'other') throw failure('EINVAL', path);
    this.#watch(real);
    if (entry.kind === 'directory') throw failure('EISDIR', path);
    return Promise.resolve(this.#handle(real));
  }

  async createNew(path: string): Promise<FileHandle> {
    const real = this.#call(path);
    if (this.#entries.has(real)) throw failure('EEXIST', path);
    this.#writes(real);
    this.#entries.set(real, {kind: 'file', data: new Uint8Array()});
    return Promise.resolve(this.#handle(real));
  }

  async makeDirectory(path: string): Promise<void> {
    const real = this.#call(path);
    if (this.#entries.has(real)) throw failure('EEXIST', path);
    this.#writes(real);
    this.#entries.set(real, {kind: 'directory'});
    return Promise.resolve();
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    const real = this.#call(`${path}/.`);
    const entry = this.#at(real, path);
    if (entry.kind !== 'directory') throw failure('ENOTDIR', path);
    this.#watch(real);
    const prefix = `${real}/`;
    const found = [...this.#entries].flatMap(([below, {kind}]): DirectoryEntry[] => {
      const name = below.startsWith(prefix) ? below.slice(prefix.length) : '';
      return name === '' || name.includes('/') ? [] : [{name, kind}];
    });
    return Promise.resolve(found.sort((left, right) => (left.name < right.name ? -1 : 1)));
  }

  async status(path: string): Promise<FileStatus> {
    const asked = posix.normalize(path);
    if (!this.#isAllowed(asked) && !this.#isAbove(asked)) throw this.#refuse(`looks at ${path}`);
    const real = this.#call(path);
    const entry = this.#at(real, path);
    return Promise.resolve(statusOf(entry));
  }

  /** Of what was written here: a copy. */
  async rename(source: string, target: string): Promise<void> {
    const [from, to] = [this.#call(source), this.#real(target)];
    this.#at(from, source);
    this.#writes(from);
    this.#writes(to);
    for (const [path, entry] of [...this.#entries]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#entries.delete(path);
      this.#entries.set(`${to}${path.slice(from.length)}`, entry);
    }
    return Promise.resolve();
  }

  /** Only out of the scratch directory's point of view: a database is put together of links. */
  async link(source: string, target: string): Promise<void> {
    const from = this.#call(source);
    const entry = this.#at(from, source);
    this.#watch(from);
    const real = this.#real(target);
    this.#writes(real);
    this.#entries.set(real, entry);
    this.#hasLinks ||= entry.kind === 'link';
    return Promise.resolve();
  }

  async unlink(path: string): Promise<void> {
    const real = this.#call(path);
    this.#at(real, path);
    this.#writes(real);
    this.#entries.delete(real);
    return Promise.resolve();
  }

  async removeDirectory(path: string): Promise<void> {
    return this.unlink(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#call(path);
    return Promise.resolve();
  }

  async freeBytes(): Promise<number> {
    return Promise.resolve(2 ** 40);
  }

  #handle(real: string): FileHandle {
    const file = (): Uint8Array => {
      const entry = this.#entries.get(real);
      return entry?.kind === 'file' ? entry.data : new Uint8Array();
    };
    return {
      location: () => real,
      read: async (buffer, offset, length, position) => {
        this.#call(real);
        if (length > Math.max(READ_BYTES_MAX, file().length) || buffer.length < offset + length) {
          throw this.#refuse(`reads ${length} bytes of ${real}, which has ${file().length}`);
        }
        if (!Number.isSafeInteger(position) || position < 0) {
          throw this.#refuse(`reads ${real} at ${position}`);
        }
        const part = file().subarray(position, position + length);
        buffer.set(part, offset);
        return Promise.resolve(part.length);
      },
      append: async (bytes) => {
        this.#call(real);
        this.#entries.set(real, {kind: 'file', data: Buffer.concat([file(), bytes])});
        return Promise.resolve();
      },
      sync: async () => Promise.resolve(),
      status: async () => Promise.resolve(statusOf({kind: 'file', data: file()})),
      close: async () => Promise.resolve(),
    };
  }

  /** Where a path leads: a link in it is followed, but not in its last part. */
  #call(path: string): string {
    this.#calls += 1;
    if (this.#calls > CALLS_MAX) throw this.#refuse(`makes more than ${CALLS_MAX} calls`);
    return this.#real(path);
  }

  #real(path: string): string {
    if (!this.#hasLinks && this.#entries.has(path)) return path;
    let real = '';
    const parts = path.split('/').filter((part) => part !== '');
    for (const [index, part] of parts.entries()) {
      if (part === '.') break;
      real = part === '..' ? real.slice(0, real.lastIndexOf('/')) : `${real}/${part}`;
      const entry = this.#entries.get(real);
      if (index === parts.length - 1) break;
      if (entry?.kind === 'link') real = entry.target;
      else if (entry?.kind === 'file' || entry?.kind === 'other') throw failure('ENOTDIR', path);
      else if (entry === undefined) throw failure('ENOENT', path);
    }
    return real;
  }

  #at(real: string, path: string): Entry {
    const entry = this.#entries.get(real);
    if (entry === undefined) throw failure('ENOENT', path);
    return entry;
  }

  #watch(real: string): void {
    if (!this.#isAllowed(real)) throw this.#refuse(`opens ${real}`);
  }

  /** Who may write into what a checkpoint lies in is asked of whoever reads it, and is no word of the checkpoint's. */
  #isAbove(path: string): boolean {
    return this.allowed.some((directory) => directory.startsWith(`${path}/`));
  }

  #isAllowed(path: string): boolean {
    return this.allowed.some((directory) => path === directory || path.startsWith(`${directory}/`));
  }

  #writes(real: string): void {
    if (!real.startsWith('/scratch/')) throw this.#refuse(`writes ${real}`);
  }

  #refuse(what: string): Error {
    this.violations.push(what);
    return new Error(`a bound is broken: ${what}`);
  }
}

function statusOf(entry: Entry): FileStatus {
  const size = entry.kind === 'file' ? entry.data.length : 0;
  return {kind: entry.kind, size, modifiedMillis: 0, device: 1, inode: 1, mode: 0o644};
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), {code, path});
}
