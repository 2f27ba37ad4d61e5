// A store in memory: a sorted map for each family. Its checkpoint is one file, written through the file system it is given,
// so that backends can be tested without RocksDB.
//
// It is as lazy as it may be: a write gets on by one step whenever somebody looks, a lookup sees no further, and frozen rows are read
// only when their turn comes.
import {encodeFrozen} from '#src/state/rocksdb/encode-frozen.js';
import {PackedList} from '#src/state/rocksdb/packed-list.js';
import type {
  FoundValues,
  FrozenRows,
  OpenStore,
  RowStore,
  ScanRange,
} from '#src/state/rocksdb/row-store.js';
import {WriteBatch, type TakenBatch} from '#src/state/rocksdb/write-batch.js';
import type {FileSystem} from '#src/storage/file-system.js';

type Family = Map<string, Uint8Array>;
type Step = Generator<void, void>;

/** What a test may do to it. */
export interface StoreFaults {
  /** Calls of `getMany`, so that a test sees whether the store was asked. */
  lookups: number;
  /** Writes get on only when somebody waits for them. */
  neverOnItsOwn?: boolean;
}

export function memoryStores(files: FileSystem, faults: StoreFaults = {lookups: 0}): OpenStore {
  return async ({directory, families}) => {
    const store = new MemoryStore(files, faults, families);
    await store.load(`${directory}/CURRENT`);
    return store;
  };
}

class MemoryStore implements RowStore {
  readonly #files: FileSystem;
  readonly #faults: StoreFaults;
  readonly #names: string[];
  readonly #families = new Map<string, Family>();
  readonly #values = new PackedList();
  readonly #keys = new PackedList();
  /** Writes that are not done, and checkpoints that are not taken; the first is at work. */
  readonly #queue: Step[] = [];
  #ticket = 0;
  #done = 0;

  constructor(files: FileSystem, faults: StoreFaults, names: readonly string[]) {
    this.#files = files;
    this.#faults = faults;
    this.#names = [...names];
  }

  async load(path: string): Promise<void> {
    let text: string;
    try {
      const handle = await this.#files.openForRead(path);
      const bytes = new Uint8Array((await handle.status()).size);
      await handle.read(bytes, 0, bytes.length, 0);
      await handle.close();
      text = new TextDecoder().decode(bytes);
    } catch {
      return;
    }
    for (const [name, entries] of JSON.parse(text) as [string, [string, string][]][]) {
      const decoded = entries.map(([key, value]): [string, Uint8Array] => [
        key,
        Buffer.from(value, 'hex'),
      ]);
      this.#families.set(name, new Map(decoded));
    }
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
      const rows = this.#family(operation >> 1);
      const key = hex(next());
      if ((operation & 1) === 1) rows.set(key, next());
      else rows.delete(key);
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
    let content: unknown = null;
    const work = function* (this: MemoryStore): Step {
      yield;
      content = [...this.#families].map(([name, rows]) => [
        name,
        [...rows].map(([key, value]) => [key, hex(value)]),
      ]);
    };
    this.#queue.push(work.call(this));
    while (content === null) {
      await Promise.resolve();
      this.#getOn();
    }
    await this.#files.makeDirectory(directory);
    const handle = await this.#files.createNew(`${directory}/CURRENT`);
    await handle.append(new TextEncoder().encode(JSON.stringify(content)));
    await handle.close();
    return ['CURRENT'];
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  #family(index: number): Family {
    const name = this.#names[index]!;
    const rows = this.#families.get(name) ?? new Map<string, Uint8Array>();
    this.#families.set(name, rows);
    return rows;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
