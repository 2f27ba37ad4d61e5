// The one file that knows the binding. It is loaded at the first use: without the package everything but this backend works.
//
// What the binding does not have, and what follows from it: no checkpoints (stage-checkpoint.ts makes them), no way to switch
// the write-ahead log off (it is written and never read: a live database outlives no deployment), one column family per write
// batch (nobody reads between two of them, and after a crash nobody reads at all), no synchronous calls (mailbox.ts).

import type {FamilyName, OpenStoreRequest, StoreOptions} from './row-store.ts';
import type {TakenBatch} from './write-batch.ts';
import {assert, must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type RocksDB from 'rocksdb-native';
import type {ColumnFamily, RootSession, Session} from 'rocksdb-native';

export const BINDING_VERSION = '3.18.1';
const DEFAULT_FAMILY = 'default';
/** Entries that an iterator fetches at once. */
const ITERATOR_ENTRIES = 1024;

type Binding = typeof RocksDB;

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface EntryRange {
  readonly family: number;
  readonly from: Uint8Array;
  readonly isAfter: boolean;
  readonly to: Uint8Array | null;
  readonly limit: number;
}

/** USAGE when the binding is not installed, or not for this machine. */
export async function loadBinding(): Promise<Binding> {
  try {
    return (await import('rocksdb-native')).default;
  } catch (error) {
    const isMissing = (error as {code?: unknown}).code === 'ERR_MODULE_NOT_FOUND';
    throw new EngineError(
      'USAGE',
      isMissing
        ? 'state.backend: rocksdb needs the package rocksdb-native, which is not installed'
        : `state.backend: rocksdb: the package rocksdb-native does not load on ${process.platform}-${process.arch}`,
      {
        hint: `Install it beside tidemark: npm install rocksdb-native@${BINDING_VERSION}. Or write state: {backend: hashmap}.`,
        cause: error,
      },
    );
  }
}

export class Database {
  readonly #binding: Binding;
  readonly #request: OpenStoreRequest;
  readonly #names: FamilyName[];
  #root: RootSession | null = null;
  #families: Session[] = [];

  private constructor(binding: Binding, request: OpenStoreRequest) {
    this.#binding = binding;
    this.#request = request;
    this.#names = [...request.families];
  }

  static async open(request: OpenStoreRequest): Promise<Database> {
    const database = new Database(await loadBinding(), request);
    // One that is expected is never made: it would be empty where state should be.
    const isNew = request.families.length === 0;
    await database.#guard('opening', async () => database.#open(isNew, isNew));
    return database;
  }

  get directory(): string {
    return this.#request.directory;
  }

  /** Opens the database again: the binding takes families only then. */
  async openFamilies(names: readonly FamilyName[]): Promise<void> {
    const further = names.filter((name) => !this.#names.includes(name));
    if (further.length === 0) return;
    await this.#guard('opening', async () => {
      await this.close();
      this.#names.push(...further);
      await this.#open(false, true);
    });
  }

  async getMany(family: number, keys: readonly Uint8Array[]): Promise<(Uint8Array | null)[]> {
    return this.#guard('reading', async () => {
      const batch = this.#family(family).read({capacity: keys.length});
      try {
        const pending: Promise<Uint8Array | null>[] = [];
        // Without an asynchronous function for each key, which would be a quarter of what a lookup leaves for the collector.
        for (const key of keys) pending.push(batch.get(key));
        const values = Promise.all(pending);
        // Both say so when one fails; the first to be awaited throws.
        values.catch(() => undefined);
        await batch.flush();
        return await values;
      } finally {
        batch.destroy();
      }
    });
  }

  async write(batch: TakenBatch): Promise<void> {
    await this.#guard('writing', async () => {
      const counts = this.#families.map(() => 0);
      for (const operation of batch.operations) {
        const family = operation >> 1;
        assert(family < counts.length, `column family ${family}`);
        counts[family]! += 1;
      }
      for (const [family, session] of this.#families.entries()) {
        const count = counts[family]!;
        if (count > 0) await writeFamily(session, family, count, batch);
      }
    });
  }

  async scan({family, from, isAfter, to, limit}: EntryRange): Promise<Entry[]> {
    return this.#guard('reading', async () => {
      const lower = isAfter ? {gt: from} : {gte: from};
      const range = {...lower, ...(to === null ? {} : {lt: to}), limit};
      const entries: Entry[] = [];
      const capacity = Math.min(limit, ITERATOR_ENTRIES);
      for await (const entry of this.#family(family).iterator(range, {capacity})) {
        entries.push(entry);
      }
      return entries;
    });
  }

  /** What was written is in SST files when it resolves. */
  async flush(): Promise<void> {
    await this.#guard('writing', async () => {
      for (const session of this.#families) await session.flush();
    });
  }

  async close(): Promise<void> {
    const root = this.#root;
    this.#root = null;
    this.#families = [];
    await root?.close({force: true});
  }

  async #open(createIfMissing: boolean, createFamilies: boolean): Promise<void> {
    const {options, directory} = this.#request;
    const families = this.#names.map((name) => this.#newFamily(name, options));
    const root = new this.#binding(directory, {
      columnFamily: this.#newFamily(DEFAULT_FAMILY, options),
      columnFamilies: families,
      createIfMissing,
      createMissingColumnFamilies: createFamilies,
      maxBackgroundJobs: options.backgroundThreads,
      maxOpenFiles: options.openFiles,
    });
    await root.ready();
    this.#root = root;
    this.#families = families.map((family) => root.session({columnFamily: family}));
  }

  #newFamily(name: FamilyName, options: StoreOptions): ColumnFamily {
    const {ColumnFamily, BloomFilterPolicy} = this.#binding;
    return new ColumnFamily(name, {
      writeBufferSize: options.writeBufferSize,
      maxWriteBufferNumber: options.writeBufferCount,
      tableBlockSize: options.blockSize,
      filterPolicy:
        options.bloomBitsPerKey === 0 ? null : new BloomFilterPolicy(options.bloomBitsPerKey),
    });
  }

  #family(index: number): Session {
    return must(this.#families[index], `column family ${index}`);
  }

  /** Null: it says nothing of contents. Files are named without the directory. */
  #corruptionIn(reason: string): string | null {
    return CORRUPTION.test(reason) ? reason.replaceAll(`${this.directory}/`, '') : null;
  }

  async #guard<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EngineError) throw error;
      const cause = causeOf(error);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError(
        'STORAGE_FAILED',
        `${doing} ${this.#request.what} in the RocksDB database ${this.directory} failed: ${reason}`,
        {
          file: this.directory,
          hint: 'The live database is thrown away, and the job resumes from its newest checkpoint. Check the space and the disk there.',
          facts: {corruption: this.#corruptionIn(reason)},
          cause: error,
        },
      );
    }
  }
}

/** What RocksDB says of contents. The binding hands out words and no code; a system call that failed begins with "While". */
const CORRUPTION =
  /^(?!While ).*(checksum|corrupt|magic number|bad (block|entry)|truncated|size mismatch|malformed)/is;

/** What RocksDB said. Of a batch of reads the first that failed: all together say only that there was one. */
function causeOf(error: unknown): unknown {
  const failed = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const first = failed.find((one) => one instanceof Error) ?? error;
  return first instanceof Error ? (first.cause ?? first) : first;
}

async function writeFamily(
  session: Session,
  family: number,
  count: number,
  {operations, bytes, ends}: TakenBatch,
): Promise<void> {
  const batch = session.write({capacity: count});
  const {buffer} = bytes;
  try {
    let item = 0;
    let start = 0;
    for (const operation of operations) {
      const isPut = (operation & 1) === 1;
      const keyEnd = ends[item]!;
      const end = isPut ? ends[item + 1]! : keyEnd;
      if (operation >> 1 === family) {
        const key = new Uint8Array(buffer, start, keyEnd - start);
        if (isPut) batch.tryPut(key, new Uint8Array(buffer, keyEnd, end - keyEnd));
        else batch.tryDelete(key);
      }
      item += isPut ? 2 : 1;
      start = end;
    }
    await batch.flush();
  } finally {
    batch.destroy();
  }
}
