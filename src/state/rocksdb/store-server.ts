// The thread of a store: answers the calls that mailbox.ts describes, out of one RocksDB database.

import {Database} from './database.ts';
import {
  COUNT,
  DEAD,
  DONE,
  FAILED,
  LENGTH,
  Mailbox,
  STATE,
  WAITING,
  type StoreCall,
  type StoreNews,
  type StoreThreadData,
} from './mailbox.ts';
import {stageCheckpoint} from './stage-checkpoint.ts';
import {serializeError} from '../../base/errors.ts';
import type {FileSystem} from '../../storage/file-system.ts';

/** Keys of one multi-get; several are under way at once. */
const GET_KEYS = 512;

export class StoreServer {
  readonly #mailbox: Mailbox;
  readonly #data: StoreThreadData;
  readonly #files: FileSystem;
  readonly #tell: (news: StoreNews) => void;
  #database: Database | null = null;
  /** Resolves when no checkpoint is being staged: a write then belongs to the next one. */
  #staged: Promise<unknown> = Promise.resolve();

  constructor(data: StoreThreadData, files: FileSystem, tell: (news: StoreNews) => void) {
    this.#mailbox = new Mailbox(data.memory);
    this.#data = data;
    this.#files = files;
    this.#tell = tell;
  }

  async open(): Promise<void> {
    try {
      this.#database = await Database.open(this.#data.open);
      this.#tell({kind: 'opened'});
    } catch (error) {
      this.#tell({kind: 'failed', error: serializeError(error)});
    }
  }

  /** Each call as it comes; the caller sends no second one before the answer, but for a checkpoint. */
  take(call: StoreCall): void {
    switch (call.kind) {
      case 'checkpoint':
        this.#staged = this.#news(async () => ({
          kind: 'checkpoint-done',
          names: await stageCheckpoint(this.#opened, this.#files, call.directory),
        }));
        return;
      case 'close':
        void this.#news(async () => {
          await this.#opened.close();
          return {kind: 'closed'};
        });
        return;
      case 'open-families':
        void this.#answer(async () => {
          await this.#staged;
          await this.#opened.openFamilies(call.names);
          return {length: 0, count: 0};
        });
        return;
      case 'get':
        void this.#answer(async () => this.#get(call.family, call.count));
        return;
      case 'write':
        void this.#answer(async () => this.#write(call.operations, call.count));
        return;
      case 'scan':
        void this.#answer(async () => this.#scan(call));
    }
  }

  /** The thread ends: nobody may sleep on for an answer. */
  die(): void {
    const {words} = this.#mailbox;
    Atomics.store(words, STATE, DEAD);
    Atomics.notify(words, STATE);
  }

  get #opened(): Database {
    if (this.#database === null) throw new Error('the database is not open');
    return this.#database;
  }

  async #get(family: number, count: number): Promise<Answer> {
    const keys = this.#takeItems(count);
    const parts: Promise<(Uint8Array | null)[]>[] = [];
    for (let from = 0; from < count; from += GET_KEYS) {
      parts.push(this.#opened.getMany(family, keys.slice(from, from + GET_KEYS)));
    }
    const values = (await Promise.all(parts)).flat();
    return {length: this.#mailbox.writeItems(values), count};
  }

  async #write(operations: Int32Array, count: number): Promise<Answer> {
    const items = this.#takeItems(count);
    await this.#staged;
    await this.#opened.write(operations, items);
    return {length: 0, count: 0};
  }

  async #scan(call: Extract<StoreCall, {kind: 'scan'}>): Promise<Answer> {
    const [from, to] = this.#takeItems(call.hasEnd ? 2 : 1);
    const {family, isAfter, limit} = call;
    const entries = await this.#opened.scan({
      family,
      from: from!,
      isAfter,
      to: to ?? null,
      limit,
    });
    const items = entries.flatMap(({key, value}) => [key, value]);
    return {length: this.#mailbox.writeItems(items), count: entries.length};
  }

  /** Views of one copy that is nobody else's. */
  #takeItems(count: number): Buffer[] {
    let total = count * 4;
    const lengths: number[] = [];
    this.#mailbox.readList(count, (_bytes, _start, length) => {
      lengths.push(length);
      total += length;
    });
    const all = this.#mailbox.read(total);
    let at = count * 4;
    return lengths.map((length) => {
      const item = all.subarray(at, at + length);
      at += length;
      return item;
    });
  }

  async #answer(work: () => Promise<Answer>): Promise<void> {
    const {words} = this.#mailbox;
    let state = DONE;
    try {
      const {length, count} = await work();
      Atomics.store(words, LENGTH, length);
      Atomics.store(words, COUNT, count);
    } catch (error) {
      state = FAILED;
      const text = new TextEncoder().encode(JSON.stringify(serializeError(error)));
      this.#mailbox.writeBytes(text);
      Atomics.store(words, LENGTH, text.length);
    }
    Atomics.compareExchange(words, STATE, WAITING, state);
    Atomics.notify(words, STATE);
  }

  async #news(work: () => Promise<StoreNews>): Promise<void> {
    try {
      this.#tell(await work());
    } catch (error) {
      this.#tell({kind: 'failed', error: serializeError(error)});
    }
  }
}

interface Answer {
  readonly length: number;
  readonly count: number;
}
