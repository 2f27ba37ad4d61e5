// A store in another thread, seen from the task's: mailbox.ts says how they talk. The task sleeps while RocksDB works, but
// never for ever: a thread that dies wakes it, and one that does not answer is given up.

import {
  BROKEN,
  COUNT,
  DEAD,
  DONE,
  IDLE,
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
import {PackedList} from './packed-list.ts';
import type {FoundValues, FrozenRows, OpenStoreRequest, RowStore, ScanRange} from './row-store.ts';
import type {WriteBatch} from './write-batch.ts';
import {assert} from '../../base/assert.ts';
import {deserializeError, EngineError, messageOf, type SerializedError} from '../../base/errors.ts';

/** Below the default heartbeat timeout, which knows less. */
const ANSWER_MILLIS_MAX = 40_000;
/** Writes that are handed over and not done. */
const WRITES_MAX = 64;

export interface StoreThread {
  /** The buffers in `moved` belong to the thread then. */
  post(call: StoreCall, moved?: readonly ArrayBuffer[]): void;
  /** Ends the thread wherever it is. */
  terminate(): Promise<void>;
}

export interface StoreThreadListener {
  news(news: StoreNews): void;
  /** The thread is gone; called once. */
  exited(error: unknown): void;
}

/** Starts the thread of one store; `store-server.ts` is its inside. */
export type StartStoreThread = (
  data: StoreThreadData,
  listener: StoreThreadListener,
) => StoreThread;

interface Waiting {
  readonly resolve: (news: StoreNews) => void;
  readonly reject: (error: unknown) => void;
}

export class MailboxStore implements RowStore {
  readonly #what: string;
  readonly #answerMillisMax: number;
  readonly #mailbox: Mailbox;
  readonly #thread: StoreThread;
  readonly #values = new PackedList();
  readonly #keys = new PackedList();
  #found = new Uint8Array(64);
  /** Ticket of the newest write. */
  #ticket = 0;
  /** Who waits for the next news: the opening, a checkpoint, the closing. */
  #waiting: Waiting | null = null;
  #failure: unknown = null;
  #closed = false;

  private constructor(request: OpenStoreRequest, start: StartStoreThread, answerMillisMax: number) {
    this.#what = request.what;
    this.#answerMillisMax = answerMillisMax;
    const memory = Mailbox.newMemory(request.what);
    this.#mailbox = new Mailbox(memory);
    this.#thread = start(
      {memory, open: request},
      {
        news: (news) => this.#hear(news),
        exited: (error) => this.#lose(error),
      },
    );
  }

  /** `answerMillisMax`: a call or a write that gets on no further for so long is given up. */
  static async open(
    request: OpenStoreRequest,
    start: StartStoreThread,
    answerMillisMax = ANSWER_MILLIS_MAX,
  ): Promise<RowStore> {
    const store = new MailboxStore(request, start, answerMillisMax);
    try {
      await store.#nextNews();
    } catch (error) {
      await store.#thread.terminate();
      throw error;
    }
    return store;
  }

  openFamilies(names: readonly string[]): void {
    this.#call({kind: 'open-families', names});
  }

  getMany(family: number, keys: PackedList): FoundValues {
    const {count} = keys;
    this.#mailbox.writeList(keys);
    this.#call({kind: 'get', family, count});
    if (this.#found.length < count) this.#found = new Uint8Array(count * 2);
    const [found, values] = [this.#found, this.#values];
    values.clear();
    let index = 0;
    this.#mailbox.readList(count, (bytes, start, length) => {
      found[index++] = length < 0 ? 0 : 1;
      values.add(bytes, start, start + Math.max(0, length));
    });
    return {found, values};
  }

  get written(): number {
    // At most WRITES_MAX behind.
    return this.#ticket - ((this.#ticket - Atomics.load(this.#mailbox.words, WRITTEN)) | 0);
  }

  write(batch: WriteBatch): number {
    const taken = batch.take();
    const {operations, bytes, ends} = taken;
    return this.#hand((ticket) => {
      const moved = [operations.buffer, bytes.buffer, ends.buffer] as ArrayBuffer[];
      this.#thread.post({kind: 'write', batch: taken, ticket}, moved);
    });
  }

  writeFrozen(rows: FrozenRows): number {
    return this.#hand((ticket) => {
      this.#thread.post({kind: 'write-frozen', rows, ticket}, [rows.flags.buffer as ArrayBuffer]);
    });
  }

  settle(ticket: number): void {
    const {words} = this.#mailbox;
    for (;;) {
      this.#refuseAfterFailure();
      const progress = Atomics.load(words, PROGRESS);
      if (this.written >= ticket) return;
      // It says what has failed.
      if (Atomics.load(words, BROKEN) === 1) this.#call({kind: 'settle'});
      if (Atomics.load(words, STATE) === DEAD) this.#die(null);
      const outcome = Atomics.wait(words, PROGRESS, progress, this.#answerMillisMax);
      if (outcome === 'timed-out') this.#dieSilent();
    }
  }

  scan(range: ScanRange): {readonly keys: PackedList; readonly values: PackedList} {
    const {family, from, isAfter, to, limit} = range;
    // It sees them, so they are awaited as writes are: for as long as they get on. A barrier may have left gigabytes.
    this.settle(this.#ticket);
    this.#mailbox.writeItems(to === null ? [from] : [from, to]);
    this.#call({kind: 'scan', family, isAfter, hasEnd: to !== null, limit});
    const [keys, values] = [this.#keys, this.#values];
    keys.clear();
    values.clear();
    let isKey = true;
    this.#mailbox.readList(this.#mailbox.words[COUNT]! * 2, (bytes, start, length) => {
      (isKey ? keys : values).add(bytes, start, start + length);
      isKey = !isKey;
    });
    return {keys, values};
  }

  async checkpoint(directory: string): Promise<readonly string[]> {
    this.#refuseAfterFailure();
    this.#thread.post({kind: 'checkpoint', directory});
    const news = await this.#nextNews();
    assert(news.kind === 'checkpoint-done', `${news.kind} after a checkpoint`);
    return news.names;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#failure === null && this.#waiting === null) {
      this.#thread.post({kind: 'close'});
      // What it says while it closes is of no use to anybody: the state is in a checkpoint, or lost.
      await this.#nextNews().catch(() => undefined);
    }
    await this.#thread.terminate();
  }

  /** Its bytes are in the mailbox. Sleeps until the answer is there. */
  #call(call: StoreCall): void {
    this.#refuseAfterFailure();
    const {words} = this.#mailbox;
    if (Atomics.compareExchange(words, STATE, IDLE, WAITING) === DEAD) this.#die(null);
    this.#thread.post(call);
    const state = this.#sleep();
    if (state === DEAD) this.#die(null);
    // Not over DEAD: a thread that dies behind its answer is found by the next call.
    Atomics.compareExchange(words, STATE, state, IDLE);
    if (state === DONE) return;
    const text = new TextDecoder().decode(this.#mailbox.read(Atomics.load(words, LENGTH)));
    this.#failure = deserializeError(JSON.parse(text) as SerializedError);
    throw this.#failure;
  }

  /** Until the state is another one than WAITING; returns it. */
  #sleep(): number {
    const {words} = this.#mailbox;
    for (;;) {
      const outcome = Atomics.wait(words, STATE, WAITING, this.#answerMillisMax);
      const state = Atomics.load(words, STATE);
      if (state !== WAITING) return state;
      // Else woken for the call before: its answer was seen before its thread came to notify.
      if (outcome === 'timed-out') this.#dieSilent();
    }
  }

  #hand(post: (ticket: number) => void): number {
    this.#refuseAfterFailure();
    this.settle(this.#ticket - WRITES_MAX + 1);
    this.#ticket += 1;
    post(this.#ticket);
    return this.#ticket;
  }

  #dieSilent(): never {
    this.#die(`has not answered for ${this.#answerMillisMax / 1000} s`);
  }

  #die(what: string | null): never {
    this.#failure = gone(this.#what, what, null);
    throw this.#failure;
  }

  /** A store that failed once is not used again: nobody knows what of a batch it has done. */
  #refuseAfterFailure(): void {
    if (this.#failure !== null) throw this.#failure as Error;
  }

  async #nextNews(): Promise<StoreNews> {
    assert(this.#waiting === null, `two wait for news of ${this.#what}`);
    return new Promise((resolve, reject) => {
      this.#waiting = {resolve, reject};
    });
  }

  #hear(news: StoreNews): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (news.kind !== 'failed') {
      waiting?.resolve(news);
      return;
    }
    const error = deserializeError(news.error as SerializedError);
    this.#failure ??= error;
    waiting?.reject(error);
  }

  #lose(error: unknown): void {
    this.#failure ??= gone(this.#what, null, error);
    this.#waiting?.reject(this.#failure);
    this.#waiting = null;
  }
}

function gone(what: string, how: string | null, cause: unknown): EngineError {
  const reason = cause === null ? '' : `: ${messageOf(cause)}`;
  return new EngineError(
    'STORAGE_FAILED',
    `the RocksDB thread of ${what} ${how ?? 'is gone'}${reason}`,
    {
      hint: 'The job resumes from its newest checkpoint. Look at the memory and the disk of this machine.',
      cause: cause ?? undefined,
    },
  );
}
