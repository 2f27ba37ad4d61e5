// The thread of a store: answers the calls that mailbox.ts describes, out of one RocksDB database.

import {Database} from './database.ts';
import {encodeFrozen} from './encode-frozen.ts';
import {
  BROKEN,
  COUNT,
  DEAD,
  DONE,
  FAILED,
  LENGTH,
  Mailbox,
  PROGRESS,
  STATE,
  WAITING,
  WRITTEN,
  type StoreCall,
  type StoreNews,
  type StoreThreadData,
} from './mailbox.ts';
import type {FrozenRows} from './row-store.ts';
import {stageCheckpoint} from './stage-checkpoint.ts';
import {WriteBatch} from './write-batch.ts';
import {serializeError} from '../../base/errors.ts';
import type {FileSystem} from '../../storage/file-system.ts';

/** Keys of one multi-get; several are under way at once. */
const GET_KEYS = 512;
/** Operations of one write of frozen rows: small, so that lookups in between do not wait long. */
const FROZEN_OPERATIONS = 1024;
/** Those that are under way at once; no two have the same key. */
const FROZEN_WRITES = 3;

export class StoreServer {
  readonly #mailbox: Mailbox;
  readonly #data: StoreThreadData;
  readonly #files: FileSystem;
  readonly #tell: (news: StoreNews) => void;
  #database: Database | null = null;
  /** Resolves when no checkpoint is being staged: a write then belongs to the next one. */
  #staged: Promise<unknown> = Promise.resolve();
  /** Resolves when every write that came is done; rejects never: `#failure` says so. */
  #writes: Promise<void> = Promise.resolve();
  /** Of a write: what came after it was not done. */
  #failure: unknown = null;

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
        this.#staged = this.#news(async () => {
          await this.#written();
          const names = await stageCheckpoint(this.#opened, this.#files, call.directory);
          return {kind: 'checkpoint-done', names};
        });
        return;
      case 'close':
        void this.#news(async () => {
          await this.#writes;
          await this.#opened.close();
          return {kind: 'closed'};
        });
        return;
      case 'open-families':
        void this.#answer(async () => {
          await this.#staged;
          await this.#written();
          await this.#opened.openFamilies(call.names);
          return {length: 0, count: 0};
        });
        return;
      case 'get':
        void this.#answer(async () => this.#get(call.family, call.count));
        return;
      case 'write':
        this.#write(call.ticket, async () => this.#opened.write(call.batch));
        return;
      case 'write-frozen':
        this.#write(call.ticket, async () => this.#writeFrozen(call.rows));
        return;
      case 'settle':
        void this.#answer(async () => {
          await this.#written();
          return {length: 0, count: 0};
        });
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
    this.#getOn();
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

  /** After all that came before it; a checkpoint that is being staged does not get it. */
  #write(ticket: number, work: () => Promise<void>): void {
    const [before, staged] = [this.#writes, this.#staged];
    const {words} = this.#mailbox;
    this.#writes = (async () => {
      await before;
      await staged;
      if (this.#failure !== null) return;
      try {
        await work();
        Atomics.store(words, WRITTEN, ticket);
      } catch (error) {
        this.#failure = error;
        Atomics.store(words, BROKEN, 1);
        this.#tell({kind: 'failed', error: serializeError(error)});
      }
      this.#getOn();
    })();
  }

  async #writeFrozen(rows: FrozenRows): Promise<void> {
    const batch = new WriteBatch();
    const underWay: Promise<void>[] = [];
    const steps = encodeFrozen(rows, batch, FROZEN_OPERATIONS);
    while (steps.next().done !== true) {
      if (underWay.length === FROZEN_WRITES) await underWay.shift();
      const write = this.#opened.write(batch.take());
      // It is awaited later, if no other has failed before.
      write.catch(() => undefined);
      underWay.push(write);
      this.#getOn();
    }
    await Promise.all(underWay);
  }

  /** All writes that came so far are done. */
  async #written(): Promise<void> {
    await this.#writes;
    if (this.#failure !== null) throw this.#failure as Error;
  }

  /** Whoever waits for writes looks again. */
  #getOn(): void {
    const {words} = this.#mailbox;
    Atomics.add(words, PROGRESS, 1);
    Atomics.notify(words, PROGRESS);
  }

  async #scan(call: Extract<StoreCall, {kind: 'scan'}>): Promise<Answer> {
    const [from, to] = this.#takeItems(call.hasEnd ? 2 : 1);
    await this.#written();
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
      if (this.#failure !== null) throw this.#failure as Error;
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
