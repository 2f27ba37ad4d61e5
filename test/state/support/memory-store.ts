// A store in memory with files like RocksDB's: what was written since the last checkpoint becomes an SST file with a number of its
// own, which is never changed; some checkpoints first compact, which makes one file of all and removes the others. The MANIFEST has
// the layout of RocksDB's (read-manifest.ts). So backends can be tested, and simulated, without RocksDB.
//
// It is as lazy as it may be: a write gets on by one step whenever somebody looks, a lookup sees no further, and frozen rows are read
// only when their turn comes.
import {encodeFrozen} from '#src/state/rocksdb/encode-frozen.js';
import {PackedList} from '#src/state/rocksdb/packed-list.js';
import {readManifest, tableFileName} from '#src/state/rocksdb/read-manifest.js';
import type {
  FoundValues,
  FrozenRows,
  OpenStore,
  RowStore,
  ScanRange,
} from '#src/state/rocksdb/row-store.js';
import {WriteBatch, type TakenBatch} from '#src/state/rocksdb/write-batch.js';
import {readWholeFile} from '#src/storage/durable-file.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {storageFailed} from '#src/storage/storage-error.js';
import {manifestBytes, sstBytes, type ManifestTable} from './write-sst.ts';

/** By key, in hexadecimal digits. */
type Family = Map<string, Uint8Array>;
type Step = Generator<void, void>;
/** Null: deleted. */
type Changes = Map<string, Map<string, string | null>>;

/** Of a file: by family, keys and values in hexadecimal digits. */
type Content = readonly [family: string, [key: string, value: string | null][]][];

interface TakenFile {
  readonly changes: Changes;
  readonly content: string;
  readonly isCompacted: boolean;
}

const MANIFEST = 'MANIFEST-000001';
const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Of a file with several families. */
const NO_KEYS = {
  ...{family: 'default', level: 0},
  ...{smallest: new Uint8Array(0), largest: new Uint8Array(0)},
};

/** What a test may do to it. */
export interface StoreFaults {
  /** Calls of `getMany`, so that a test sees whether the store was asked. */
  lookups: number;
  /** Writes get on only when somebody waits for them. */
  neverOnItsOwn?: boolean;
  /** Files at which a checkpoint compacts. */
  compactAt?: number;
  /** SST files are RocksDB's too, one for each column family: for who reads them; this store cannot open them. */
  asRocksdb?: boolean;
}

export function memoryStores(files: FileSystem, faults: StoreFaults = {lookups: 0}): OpenStore {
  return async ({directory, families}) => {
    const store = new MemoryStore(files, faults, directory, families);
    try {
      // One that is expected is never made.
      if (families.length > 0) await store.load();
    } catch (error) {
      throw storageFailed('opening the store', directory, error);
    }
    return store;
  };
}

class MemoryStore implements RowStore {
  readonly #files: FileSystem;
  readonly #faults: StoreFaults;
  readonly #directory: string;
  readonly #names: string[];
  readonly #families = new Map<string, Family>();
  readonly #values = new PackedList();
  readonly #keys = new PackedList();
  /** Writes that are not done, and checkpoints that are not taken; the first is at work. */
  readonly #queue: Step[] = [];
  #ticket = 0;
  #done = 0;
  #changes: Changes = new Map();
  #tables: readonly ManifestTable[] = [];
  #lastNumber = 1;

  constructor(files: FileSystem, faults: StoreFaults, directory: string, names: readonly string[]) {
    this.#files = files;
    this.#faults = faults;
    this.#directory = directory;
    this.#names = [...names];
  }

  async load(): Promise<void> {
    const read = async (name: string): Promise<Uint8Array> =>
      readWholeFile(this.#files, `${this.#directory}/${name}`, FILE_BYTES_MAX);
    const manifest = new TextDecoder().decode(await read('CURRENT')).trim();
    const {liveFiles} = readManifest(await read(manifest), manifest);
    for (const number of liveFiles) {
      const text = new TextDecoder().decode(await read(tableFileName(number)));
      this.#loadTable(JSON.parse(text) as Content);
    }
    this.#tables = liveFiles.map((number) => ({...NO_KEYS, number}));
    this.#lastNumber = Math.max(1, ...liveFiles);
  }

  openFamilies(names: readonly string[]): void {
    this.#names.push(...names.filter((name) => !this.#names.includes(name)));
  }

  getMany(family: number, keys: PackedList): FoundValues {
    this.#faults.lookups += 1;
    const rows = this.#family(family);
    const found = new Uint8Array(keys.count);
    this.#values.clear();
    for (let at = 0; at < keys.count; at += 1) {
      const value = rows.get(hex(keys.item(at)));
      if (value !== undefined) found[at] = 1;
      this.#values.add(value ?? new Uint8Array(0));
    }
    return {found, values: this.#values};
  }

  get written(): number {
    if (this.#faults.neverOnItsOwn !== true) this.#getOn();
    return this.#done;
  }

  write(batch: WriteBatch): number {
    const taken = batch.take();
    const work = function* (this: MemoryStore): Step {
      this.#apply(taken);
      yield;
    };
    return this.#hand(work.call(this));
  }

  writeFrozen(rows: FrozenRows): number {
    const work = function* (this: MemoryStore): Step {
      const batch = new WriteBatch();
      for (const _ of encodeFrozen(rows, batch, 1)) {
        this.#apply(batch.take());
        yield;
      }
    };
    return this.#hand(work.call(this));
  }

  settle(ticket: number): void {
    while (this.#done < ticket) this.#getOn();
  }

  #hand(work: Step): number {
    this.#ticket += 1;
    const ticket = this.#ticket;
    const noted = function* (this: MemoryStore): Step {
      yield* work;
      this.#done = ticket;
    };
    this.#queue.push(noted.call(this));
    return ticket;
  }

  /** One step of what is at work. */
  #getOn(): void {
    if (this.#queue[0]?.next().done === true) this.#queue.shift();
  }

  #apply({operations, bytes, ends}: TakenBatch): void {
    let [item, start] = [0, 0];
    const next = (): Uint8Array => {
      const from = start;
      start = ends[item]!;
      item += 1;
      return bytes.slice(from, start);
    };
    for (const operation of operations) {
      const family = operation >> 1;
      const key = hex(next());
      const value = (operation & 1) === 1 ? next() : null;
      if (value === null) this.#family(family).delete(key);
      else this.#family(family).set(key, value);
      this.#changesOf(family).set(key, value === null ? null : hex(value));
    }
  }

  scan({family, from, isAfter, to, limit}: ScanRange): {keys: PackedList; values: PackedList} {
    this.settle(this.#ticket);
    const [first, last] = [hex(from), to === null ? null : hex(to)];
    this.#keys.clear();
    this.#values.clear();
    const keys = [...this.#family(family).keys()]
      .filter((key) => (isAfter ? key > first : key >= first) && (last === null || key < last))
      .sort();
    for (const key of keys.slice(0, limit)) {
      this.#keys.add(Buffer.from(key, 'hex'));
      this.#values.add(this.#family(family).get(key)!);
    }
    return {keys: this.#keys, values: this.#values};
  }

  async checkpoint(directory: string): Promise<readonly string[]> {
    const {changes, content, isCompacted} = await this.#taken();
    try {
      return await this.#stage(directory, content, isCompacted, changes.size > 0);
    } catch (error) {
      // They are in no file that counts.
      for (const [name, rows] of changes) {
        const newer = this.#changes.get(name) ?? new Map<string, string | null>();
        this.#changes.set(name, new Map([...rows, ...newer]));
      }
      throw storageFailed('linking the files of the store', directory, error);
    }
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  /** What the next file holds, once all is done that came before. */
  async #taken(): Promise<TakenFile> {
    const taken: TakenFile[] = [];
    const work = function* (this: MemoryStore): Step {
      yield;
      const changes = this.#changes;
      const isCompacted = this.#tables.length >= (this.#faults.compactAt ?? 3);
      const content = isCompacted ? this.#everything() : textOf(changes);
      taken.push({changes, content, isCompacted});
      this.#changes = new Map();
    };
    this.#queue.push(work.call(this));
    for (;;) {
      const [file] = taken;
      if (file !== undefined) return file;
      await Promise.resolve();
      this.#getOn();
    }
  }

  async #stage(
    target: string,
    content: string,
    isCompacted: boolean,
    isChanged: boolean,
  ): Promise<readonly string[]> {
    const before = this.#tables;
    let tables = before;
    if (isCompacted || isChanged) {
      const made = await this.#tablesOf(content);
      for (const {number, content: bytes} of made) {
        await this.#writeFile(`${this.#directory}/${tableFileName(number)}`, bytes);
      }
      tables = [...(isCompacted ? [] : before), ...made];
    }
    await this.#files.makeDirectory(target);
    await this.#writeFile(`${target}/CURRENT`, new TextEncoder().encode(`${MANIFEST}\n`));
    await this.#writeFile(
      `${target}/${MANIFEST}`,
      manifestBytes(this.#faults.asRocksdb === true ? this.#names : [], tables),
    );
    const names = tables.map(({number}) => tableFileName(number));
    for (const name of names) {
      await this.#files.link(`${this.#directory}/${name}`, `${target}/${name}`);
    }
    this.#tables = tables;
    if (isCompacted) {
      for (const {number} of before) {
        await this.#files.unlink(`${this.#directory}/${tableFileName(number)}`);
      }
    }
    return ['CURRENT', MANIFEST, ...names];
  }

  async #writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const handle = await this.#files.createNew(path);
    try {
      await handle.append(bytes);
    } finally {
      await handle.close();
    }
  }

  async #tablesOf(
    content: string,
  ): Promise<readonly (ManifestTable & {readonly content: Uint8Array})[]> {
    const next = (): number => {
      this.#lastNumber += 1;
      return this.#lastNumber;
    };
    if (this.#faults.asRocksdb !== true) {
      return [{...NO_KEYS, number: next(), content: new TextEncoder().encode(content)}];
    }
    const made: (ManifestTable & {readonly content: Uint8Array})[] = [];
    for (const [family, rows] of JSON.parse(content) as Content) {
      if (rows.length === 0) continue;
      const number = next();
      const entries = rows
        .map(([key, value]) => ({
          key: Buffer.from(key, 'hex'),
          value: value === null ? null : Buffer.from(value, 'hex'),
          sequence: number,
        }))
        .sort((left, right) => Buffer.compare(left.key, right.key));
      const [smallest, largest] = [entries[0]!.key, entries.at(-1)!.key];
      const content = await sstBytes(entries, {number});
      const bytes = content.length;
      made.push({family, number, level: 0, bytes, smallest, largest, content});
    }
    return made;
  }

  #everything(): string {
    const all = [...this.#families].map(([name, rows]): [string, Map<string, string>] => [
      name,
      new Map([...rows].map(([key, value]) => [key, hex(value)])),
    ]);
    return textOf(new Map(all));
  }

  #loadTable(content: Content): void {
    for (const [name, entries] of content) {
      const rows = this.#families.get(name) ?? new Map<string, Uint8Array>();
      this.#families.set(name, rows);
      for (const [key, value] of entries) {
        if (value === null) rows.delete(key);
        else rows.set(key, Buffer.from(value, 'hex'));
      }
    }
  }

  #changesOf(index: number): Map<string, string | null> {
    const name = this.#names[index]!;
    const rows = this.#changes.get(name) ?? new Map<string, string | null>();
    this.#changes.set(name, rows);
    return rows;
  }

  #family(index: number): Family {
    const name = this.#names[index]!;
    const rows = this.#families.get(name) ?? new Map<string, Uint8Array>();
    this.#families.set(name, rows);
    return rows;
  }
}

function textOf(changes: Changes): string {
  return JSON.stringify([...changes].map(([name, rows]) => [name, [...rows]]));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
