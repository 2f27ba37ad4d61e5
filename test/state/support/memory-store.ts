// A store in memory: a sorted map for each family. Its checkpoint is one file, written through the file system it is given,
// so that backends can be tested without RocksDB.
import {PackedList} from '#src/state/rocksdb/packed-list.js';
import type {
  FoundValues,
  OpenStore,
  RowStore,
  ScanRange,
  WriteBatch,
} from '#src/state/rocksdb/row-store.js';
import type {FileSystem} from '#src/storage/file-system.js';

type Family = Map<string, Uint8Array>;

/** What a test may do to it. */
export interface StoreFaults {
  /** Calls of `getMany`, so that a test sees whether the store was asked. */
  lookups: number;
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

  write(batch: WriteBatch): void {
    let item = 0;
    batch.families.forEach((family, at) => {
      const key = hex(batch.items.item(item));
      if (batch.puts[at] === true) {
        this.#family(family).set(key, batch.items.item(item + 1).slice());
        item += 2;
      } else {
        this.#family(family).delete(key);
        item += 1;
      }
    });
  }

  scan({family, from, isAfter, to, limit}: ScanRange): {keys: PackedList; values: PackedList} {
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
    const content = [...this.#families].map(([name, rows]) => [
      name,
      [...rows].map(([key, value]) => [key, hex(value)]),
    ]);
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
