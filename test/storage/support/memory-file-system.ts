// A disk in memory that tells what is durable from what is not. Every change is an operation in a log; a
// sync marks the operations of one file or directory as durable. From the log the disk after a power loss
// is built for any subset of the operations that were not synced, at any point.
//
// Harsher than a journaling file system: the two halves of a rename (gone here, there there) are durable
// only with the sync of their own directory, appends may be lost in any order, and half of one may be there.
// Only a directory is never in two places: no file system comes back with one that has two parents.

import {createHash} from 'node:crypto';

import type {DirectoryEntry, FileHandle, FileStatus, FileSystem} from '#src/storage/file-system.js';

interface Inode {
  readonly number: number;
  readonly kind: FileStatus['kind'];
  /** Files: content. */
  data: Buffer;
  /** Files of a disk after a crash: which appends made it, in order. */
  appends: string;
  /** Directories. */
  readonly entries: Map<string, Inode>;
  modified: number;
}

export type Change =
  | {
      readonly kind: 'append';
      readonly inode: Inode;
      readonly offset: number;
      readonly bytes: Buffer;
    }
  | {readonly kind: 'add'; readonly inode: Inode; readonly name: string; readonly entry: Inode}
  | {readonly kind: 'remove'; readonly inode: Inode; readonly name: string};

type LogEntry = {
  /** What the test was doing. */
  readonly phase?: string;
} & (
  | {readonly kind: 'change'; readonly change: Change}
  | {readonly kind: 'sync'; readonly inode: Inode}
);

/** Decides before the n-th call (from 1) what happens to it. */
export type Fault = (call: {
  readonly count: number;
  readonly name: string;
  readonly path: string;
}) =>
  | null
  /** Nothing happens, and the caller is told so. */
  | {readonly kind: 'fail'; readonly code: string}
  /** It happens, and the caller is told that it did not. */
  | {readonly kind: 'reply-lost'; readonly code: string}
  /** The caller is killed here: it never hears again. */
  | {readonly kind: 'hang'};

export interface MemoryOptions {
  readonly fault?: Fault;
  /** Awaited before each call: lets other tasks run in between. */
  readonly pause?: () => Promise<void>;
  /** Syncs (numbered from 1) that do nothing, without telling. */
  readonly droppedSyncs?: ReadonlySet<number>;
}

let inodeCount = 0;
const EMPTY = Buffer.alloc(0);

export class MemoryFileSystem implements FileSystem {
  readonly #root: Inode;
  /** The whole history; positions in it are crash points. */
  readonly log: LogEntry[] = [];
  /** What was synced, and in which phase, in order: a sync's number is its place from 1. */
  readonly syncs: {readonly phase: string; readonly path: string}[] = [];
  /** What the test is doing; goes into `syncs`. */
  phase = '';
  callCount = 0;
  options: MemoryOptions;
  #time = 1_000_000;

  constructor(options: MemoryOptions = {}, root: Inode = makeInode('directory')) {
    this.options = options;
    this.#root = root;
  }

  async openForRead(path: string): Promise<FileHandle> {
    return this.#call('openForRead', path, () => {
      const inode = this.#find(path);
      if (inode.kind === 'link') throw failure('ELOOP', path);
      if (inode.kind === 'directory') throw failure('EISDIR', path);
      if (inode.kind === 'other') throw failure('EINVAL', path);
      return this.#handle(inode, path);
    });
  }

  async createNew(path: string): Promise<FileHandle> {
    return this.#call('createNew', path, () => this.#handle(this.#create(path, 'file'), path));
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#call('makeDirectory', path, () => this.#create(path, 'directory'));
  }

  /** For tests only: a link, or a pipe. */
  plant(path: string, kind: 'link' | 'other'): void {
    this.#create(path, kind);
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    return this.#call('list', path, () => {
      const inode = this.#directory(path);
      return [...inode.entries]
        .map(([name, entry]) => ({name, kind: entry.kind}))
        .sort((left, right) => Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)));
    });
  }

  async status(path: string): Promise<FileStatus> {
    return this.#call('status', path, () => toStatus(this.#find(path)));
  }

  async rename(source: string, target: string): Promise<void> {
    await this.#call('rename', source, () => {
      const moved = this.#find(source);
      const [from, fromName] = this.#parent(source);
      const [to, toName] = this.#parent(target);
      const there = to.entries.get(toName);
      if (there === moved) return;
      if (there !== undefined) {
        if (moved.kind === 'directory' && there.kind !== 'directory')
          throw failure('ENOTDIR', target);
        if (moved.kind !== 'directory' && there.kind === 'directory')
          throw failure('EISDIR', target);
        if (there.entries.size > 0) throw failure('ENOTEMPTY', target);
      }
      this.#change({kind: 'add', inode: to, name: toName, entry: moved});
      this.#change({kind: 'remove', inode: from, name: fromName});
    });
  }

  async link(source: string, target: string): Promise<void> {
    await this.#call('link', target, () => {
      const inode = this.#find(source);
      const [to, name] = this.#parent(target);
      if (inode.kind === 'directory') throw failure('EPERM', source);
      if (to.entries.has(name)) throw failure('EEXIST', target);
      this.#change({kind: 'add', inode: to, name, entry: inode});
    });
  }

  async unlink(path: string): Promise<void> {
    await this.#call('unlink', path, () => {
      if (this.#find(path).kind === 'directory') throw failure('EISDIR', path);
      const [from, name] = this.#parent(path);
      this.#change({kind: 'remove', inode: from, name});
    });
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#call('removeDirectory', path, () => {
      if (this.#directory(path).entries.size > 0) throw failure('ENOTEMPTY', path);
      const [from, name] = this.#parent(path);
      this.#change({kind: 'remove', inode: from, name});
    });
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#call('syncDirectory', path, () => this.#sync(this.#directory(path), path));
  }

  async freeBytes(path: string): Promise<number> {
    return this.#call('freeBytes', path, () => (this.#find(path), 2 ** 40));
  }

  /**
   * The disk after a power loss at `position` of the log: what was synced before it, and of the rest
   * what `survives` says (number within `changes`, the unsynced ones) — whole, half or not at all.
   */
  afterCrash(
    position: number,
    survives: (index: number) => 'whole' | 'half' | 'lost',
    changes: readonly Change[] = this.unsyncedAt(position),
  ): MemoryFileSystem {
    const unsynced = new Map(changes.map((change, index) => [change, index]));
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const made = {...makeInode(inode.kind), number: inode.number};
      copies.set(inode, made);
      return made;
    };
    const root = copy(this.#root);
    const places = new Map<Inode, {readonly parent: Inode; readonly name: string}>();
    for (const entry of this.log.slice(0, position)) {
      if (entry.kind === 'sync') continue;
      const index = unsynced.get(entry.change);
      const fate = index === undefined ? 'whole' : survives(index);
      if (fate === 'lost') continue;
      applyChange(entry.change, copy, fate === 'half');
      if (entry.change.kind === 'append')
        copy(entry.change.inode).appends += idOf(entry.change, fate);
      if (entry.change.kind !== 'add' || entry.change.entry.kind !== 'directory') continue;
      const moved = copy(entry.change.entry);
      const before = places.get(moved);
      const place = {parent: copy(entry.change.inode), name: entry.change.name};
      places.set(moved, place);
      const isElsewhere = before?.parent !== place.parent || before.name !== place.name;
      if (before?.parent.entries.get(before.name) === moved && isElsewhere) {
        before.parent.entries.delete(before.name);
      }
    }
    return new MemoryFileSystem({}, root);
  }

  /** Changes before `position` that no sync before it made durable. */
  unsyncedAt(position: number): readonly Change[] {
    const pending: Change[] = [];
    for (const entry of this.log.slice(0, position)) {
      if (entry.kind === 'change') pending.push(entry.change);
      else {
        for (let index = pending.length - 1; index >= 0; index -= 1) {
          if (pending[index]?.inode === entry.inode) pending.splice(index, 1);
        }
      }
    }
    return pending;
  }

  /** Makes the log tell how this tree came about, so that a disk that lived through a crash may crash again. */
  rebase(): void {
    const seen = new Set<Inode>();
    const visit = (inode: Inode): void => {
      if (seen.has(inode)) return;
      seen.add(inode);
      if (inode.data.length > 0) {
        const change = {kind: 'append', inode, offset: 0, bytes: inode.data} as const;
        this.log.push({kind: 'change', change});
      }
      for (const [name, entry] of inode.entries) {
        this.log.push({kind: 'change', change: {kind: 'add', inode, name, entry}});
        visit(entry);
      }
      this.log.push({kind: 'sync', inode});
    };
    visit(this.#root);
  }

  /** Everything is durable from here on, as after a long time. */
  settle(): void {
    const inodes = new Set<Inode>();
    for (const entry of this.log) if (entry.kind === 'change') inodes.add(entry.change.inode);
    for (const inode of inodes) this.log.push({kind: 'sync', inode});
  }

  /** All paths with their content (null: a directory), for comparing disks. */
  snapshot(): Map<string, string | null> {
    const seen = new Map<string, string | null>();
    const visit = (path: string, inode: Inode): void => {
      for (const [name, entry] of inode.entries) {
        seen.set(`${path}/${name}`, entry.kind === 'directory' ? null : entry.data.toString('hex'));
        visit(`${path}/${name}`, entry);
      }
    };
    visit('', this.#root);
    return seen;
  }

  /** The same for two disks after crashes that have the same paths with the same content, and the same of them as links. */
  fingerprint(): string {
    const numbers = new Map<Inode, number>();
    const visit = (inode: Inode): string => {
      const known = numbers.get(inode);
      if (known !== undefined) return `=${known}`;
      numbers.set(inode, numbers.size);
      let text = `${inode.kind}${inode.appends}`;
      for (const [name, entry] of inode.entries) text += `/${name}:${visit(entry)}`;
      return `${text}^`;
    };
    return createHash('sha1').update(visit(this.#root)).digest('base64');
  }

  /** The same disk without faults, for whoever looks at it from outside; not to be written to. */
  view(): MemoryFileSystem {
    return new MemoryFileSystem({}, this.#root);
  }

  /** Names in a directory, in no order; none when it is not there. */
  namesIn(path: string): readonly string[] {
    try {
      return [...this.#directory(path).entries.keys()];
    } catch {
      return [];
    }
  }

  /** The content itself, which never changes: a change makes another buffer. */
  dataOf(path: string): Buffer {
    return this.#find(path).data;
  }

  /** Every file below a directory with its content, sorted. */
  filesBelow(path: string): readonly (readonly [string, Buffer])[] {
    const found: [string, Buffer][] = [];
    const visit = (prefix: string, inode: Inode): void => {
      for (const [name, entry] of inode.entries) {
        if (entry.kind === 'directory') visit(`${prefix}/${name}`, entry);
        else found.push([`${prefix}/${name}`, entry.data]);
      }
    };
    visit(path, this.#directory(path));
    return found.sort(([left], [right]) => (left < right ? -1 : 1));
  }

  contentOf(path: string): Buffer {
    return Buffer.from(this.#find(path).data);
  }

  /** Damage: replaces the content behind everybody's back. */
  overwrite(path: string, data: Uint8Array): void {
    this.#find(path).data = Buffer.from(data);
  }

  #handle(inode: Inode, path: string): FileHandle {
    let failed = false;
    const refuse = (): void => {
      if (failed) throw failure('EIO', path);
    };
    return {
      // No link leads anywhere here.
      location: () => path,
      read: async (buffer, offset, length, position) =>
        this.#call('read', path, () => {
          refuse();
          const part = inode.data.subarray(position, position + length);
          buffer.set(part, offset);
          return part.length;
        }),
      append: async (bytes) => {
        try {
          await this.#call('append', path, () => {
            refuse();
            this.#change({
              kind: 'append',
              inode,
              offset: inode.data.length,
              bytes: Buffer.from(bytes),
            });
          });
        } catch (error) {
          failed = true;
          throw error;
        }
      },
      sync: async () => {
        try {
          await this.#call('sync', path, () => {
            refuse();
            this.#sync(inode, path);
          });
        } catch (error) {
          failed = true;
          throw error;
        }
      },
      status: async () => this.#call('handle.status', path, () => toStatus(inode)),
      close: async () => this.#call('close', path, () => undefined),
    };
  }

  #create(path: string, kind: Inode['kind']): Inode {
    const [directory, name] = this.#parent(path);
    if (directory.entries.has(name)) throw failure('EEXIST', path);
    const entry = makeInode(kind);
    this.#change({kind: 'add', inode: directory, name, entry});
    return entry;
  }

  #change(change: Change): void {
    this.log.push({kind: 'change', change, phase: this.phase});
    applyChange(change, (inode) => inode, false);
    this.#time += 1;
    change.inode.modified = this.#time;
  }

  #sync(inode: Inode, path: string): void {
    this.syncs.push({phase: this.phase, path});
    if (this.options.droppedSyncs?.has(this.syncs.length) === true) return;
    this.log.push({kind: 'sync', inode, phase: this.phase});
  }

  async #call<T>(name: string, path: string, act: () => T): Promise<T> {
    await this.options.pause?.();
    this.callCount += 1;
    const fault = this.options.fault?.({count: this.callCount, name, path}) ?? null;
    if (fault?.kind === 'fail') throw failure(fault.code, path);
    if (fault?.kind === 'hang') return new Promise<never>(() => undefined);
    const result = act();
    if (fault?.kind === 'reply-lost') throw failure(fault.code, path);
    return result;
  }

  #find(path: string): Inode {
    let inode = this.#root;
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (inode.kind === 'file') throw failure('ENOTDIR', path);
      const next = inode.entries.get(part);
      if (next === undefined) throw failure('ENOENT', path);
      inode = next;
    }
    return inode;
  }

  #directory(path: string): Inode {
    const inode = this.#find(path);
    if (inode.kind !== 'directory') throw failure('ENOTDIR', path);
    return inode;
  }

  #parent(path: string): [Inode, string] {
    const end = path.lastIndexOf('/');
    if (path === '/') throw failure('EEXIST', path);
    return [this.#directory(path.slice(0, end)), path.slice(end + 1)];
  }
}

function makeInode(kind: Inode['kind']): Inode {
  inodeCount += 1;
  return {number: inodeCount, kind, data: EMPTY, appends: '', entries: new Map(), modified: 0};
}

const digests = new WeakMap<Buffer, string>();

/** Equal for appends of the same bytes to the same place that came as far. */
function idOf({offset, bytes}: Change & {readonly kind: 'append'}, fate: 'whole' | 'half'): string {
  const digest = digests.get(bytes) ?? createHash('sha1').update(bytes).digest('base64');
  digests.set(bytes, digest);
  return `+${offset},${fate},${digest}`;
}

function applyChange(change: Change, copy: (inode: Inode) => Inode, half: boolean): void {
  const inode = copy(change.inode);
  switch (change.kind) {
    case 'append': {
      const bytes = half ? change.bytes.subarray(0, change.bytes.length >> 1) : change.bytes;
      // What lies between a lost append and a later one reads as zeros.
      const size = Math.max(inode.data.length, change.offset + bytes.length);
      const grown = Buffer.alloc(size);
      inode.data.copy(grown);
      bytes.copy(grown, change.offset);
      inode.data = grown;
      return;
    }
    case 'add':
      inode.entries.set(change.name, copy(change.entry));
      return;
    case 'remove':
      inode.entries.delete(change.name);
      return;
  }
}

function toStatus(inode: Inode): FileStatus {
  return {
    kind: inode.kind,
    size: inode.data.length,
    modifiedMillis: inode.modified,
    device: 1,
    inode: inode.number,
    mode: 0o644,
  };
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), {code, path});
}
