import {PackedList} from './packed-list.ts';

/** What of a batch goes to another thread: memory of its own. */
export interface TakenBatch {
  /** Per operation: the index of its family, times 2, + 1: a put. */
  readonly operations: Int32Array;
  /** Per operation the key, and for a put the value behind it. */
  readonly bytes: Uint8Array;
  /** Where each item ends in `bytes`. */
  readonly ends: Int32Array;
}

/** Puts and deletes that become visible together. */
export class WriteBatch {
  /** The caller adds key and value of an operation here, and says so to `noteDone`. */
  readonly items = new PackedList(64 * 1024, 1024);
  operationCount = 0;
  #operations = new Int32Array(1024);

  noteDone(family: number, isPut: boolean): void {
    if (this.operationCount === this.#operations.length) {
      const grown = new Int32Array(this.operationCount * 2);
      grown.set(this.#operations);
      this.#operations = grown;
    }
    this.#operations[this.operationCount] = family * 2 + (isPut ? 1 : 0);
    this.operationCount += 1;
  }

  delete(family: number, key: Uint8Array): void {
    this.items.add(key);
    this.noteDone(family, false);
  }

  /** Its content; it is empty then. */
  take(): TakenBatch {
    const {bytes, ends} = this.items.take();
    const operations = this.#operations.slice(0, this.operationCount);
    this.operationCount = 0;
    return {operations, bytes, ends};
  }
}
