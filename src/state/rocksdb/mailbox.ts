// How a task's thread and the thread of its store talk: a call of the task goes as a message with small facts, its bytes lie
// in shared memory; the task sleeps on the state word until the answer lies there instead. So a call is synchronous for the
// task and asynchronous for RocksDB, whose binding has no other calls.
//
// Writes are not answered: their bytes are handed over with the message, and their ticket is noted when they are done.
//
//   words     0  state: IDLE, WAITING (the task sleeps), DONE, FAILED (the answer is an error as JSON), DEAD (no thread)
//             1  bytes of the answer
//             2  a count that belongs to the answer
//             3  ticket of the newest write that is done with all before it, its low 32 bits
//             4  changes whenever a write gets on, and when one fails
//             5  1: a write has failed; every later call is answered with its error
//   data      the bytes of the call, then of the answer; grows in place
//
// A list of items lies as `count` lengths (4 bytes each, -1: not there), then the items.

import type {PackedList} from './packed-list.ts';
import type {FrozenRows, OpenStoreRequest} from './row-store.ts';
import type {TakenBatch} from './write-batch.ts';
import {SharedRegion} from '../hashmap/shared-region.ts';

export const STATE = 0;
export const LENGTH = 1;
export const COUNT = 2;
export const WRITTEN = 3;
export const PROGRESS = 4;
export const BROKEN = 5;
export const IDLE = 0;
export const WAITING = 1;
export const DONE = 2;
export const FAILED = 3;
export const DEAD = 4;

/** What one call or answer can have. */
const DATA_BYTES_MAX = 2 ** 30;

export interface MailboxMemory {
  readonly words: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
}

/** What the thread of a store starts from. */
export interface StoreThreadData {
  readonly memory: MailboxMemory;
  readonly open: OpenStoreRequest;
}

export type StoreCall =
  | {readonly kind: 'open-families'; readonly names: readonly string[]}
  /** Data: the keys. Answer: the values. */
  | {readonly kind: 'get'; readonly family: number; readonly count: number}
  /** Not answered; `batch` is the thread's own. */
  | {readonly kind: 'write'; readonly batch: TakenBatch; readonly ticket: number}
  | {readonly kind: 'write-frozen'; readonly rows: FrozenRows; readonly ticket: number}
  /** Answered when all writes before it are done. */
  | {readonly kind: 'settle'}
  /** Data: `from`, and `to` when there is one. Answer: keys and values in turn. */
  | {
      readonly kind: 'scan';
      readonly family: number;
      readonly isAfter: boolean;
      readonly hasEnd: boolean;
      readonly limit: number;
    }
  /** Answered by a message. */
  | {readonly kind: 'checkpoint'; readonly directory: string}
  | {readonly kind: 'close'};

/** Told by messages: nobody sleeps for them. */
export type StoreNews =
  | {readonly kind: 'opened'}
  | {readonly kind: 'checkpoint-done'; readonly names: readonly string[]}
  | {readonly kind: 'failed'; readonly error: unknown}
  | {readonly kind: 'closed'};

/** One side of the shared memory. */
export class Mailbox {
  readonly words: Int32Array;
  readonly #data: SharedArrayBuffer;
  #bytes: Uint8Array;
  #view: DataView;

  constructor(memory: MailboxMemory) {
    this.words = new Int32Array(memory.words);
    this.#data = memory.data;
    this.#bytes = new Uint8Array(this.#data, 0, this.#data.byteLength);
    this.#view = new DataView(this.#data, 0, this.#data.byteLength);
  }

  static newMemory(what: string): MailboxMemory {
    const region = new SharedRegion(`calls to ${what}`, DATA_BYTES_MAX);
    region.ensure(64 * 1024);
    return {words: new SharedArrayBuffer(24), data: region.buffer};
  }

  /** The first `length` bytes, copied out of shared memory: the binding takes no shared bytes. */
  read(length: number): Buffer {
    this.#follow();
    const copy = Buffer.allocUnsafeSlow(length);
    copy.set(this.#bytes.subarray(0, length));
    return copy;
  }

  writeBytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes);
  }

  /** Writes the lengths and items of `list`; returns the bytes. */
  writeList(list: PackedList): number {
    const {count, length} = list;
    const head = count * 4;
    this.#room(head + length);
    let start = 0;
    for (let index = 0; index < count; index += 1) {
      const end = list.ends[index]!;
      this.#view.setInt32(index * 4, end - start, true);
      start = end;
    }
    this.#bytes.set(list.bytes.subarray(0, length), head);
    return head + length;
  }

  /** As `writeList`; null: not there. */
  writeItems(items: readonly (Uint8Array | null)[]): number {
    let length = items.length * 4;
    for (const item of items) length += item?.length ?? 0;
    this.#room(length);
    let at = items.length * 4;
    for (const [index, item] of items.entries()) {
      this.#view.setInt32(index * 4, item?.length ?? -1, true);
      if (item === null) continue;
      this.#bytes.set(item, at);
      at += item.length;
    }
    return length;
  }

  /** Reads `count` items that are followed by nothing; `take` gets the place of each, -1 as length: not there. */
  readList(count: number, take: (bytes: Uint8Array, start: number, length: number) => void): void {
    this.#follow();
    let at = count * 4;
    for (let index = 0; index < count; index += 1) {
      const length = this.#view.getInt32(index * 4, true);
      take(this.#bytes, at, length);
      if (length > 0) at += length;
    }
  }

  /** Makes room; the buffer may also have been grown by the other side. */
  #room(length: number): void {
    if (length > this.#data.byteLength) {
      const wanted = Math.ceil((length * 5) / 4 / 65536) * 65536;
      if (wanted > this.#data.maxByteLength) {
        throw new RangeError(`${length} bytes in one call to a store`);
      }
      this.#data.grow(wanted);
    }
    this.#follow();
  }

  #follow(): void {
    if (this.#bytes.length === this.#data.byteLength) return;
    this.#bytes = new Uint8Array(this.#data, 0, this.#data.byteLength);
    this.#view = new DataView(this.#data, 0, this.#data.byteLength);
  }
}
