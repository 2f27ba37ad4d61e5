import type {RowEncoder} from './row-encoder.ts';
import {DIRTY, STORED, type RowFlags} from './row-flags.ts';
import type {RowStore} from './row-store.ts';
import {WriteBatch} from './write-batch.ts';
import type {HashTable} from '../hashmap/hash-table.ts';

/** Operations that go down at once where more may come. */
const LARGE_OPERATIONS = 4096;

/** Collects what of the rows in memory goes down to the store, until `flush`. */
export class RowWriter {
  /** Rows in memory that the store does not have. */
  unstoredCount = 0;
  /** Of the newest write. */
  ticket = 0;
  /** Of the newest write that deletes: no key may be looked up before it is done. */
  deleteTicket = 0;
  readonly #options: RowWriterOptions;
  readonly #batch = new WriteBatch();
  #hasDeletes = false;

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.ticket = options.store.written;
    this.deleteTicket = this.ticket;
  }

  put(row: number): void {
    const {flags, encoder, table} = this.#options;
    const isStored = flags.has(row, STORED);
    encoder.put(table.memory(), table.arena(), row, isStored, this.#batch);
    if (!isStored) this.noteStored(row);
    flags.clear(row, DIRTY);
  }

  /** All dirty rows go down: the store then holds the table. */
  putDirty(): void {
    this.#putRows((row) => this.#options.flags.has(row, DIRTY));
  }

  /** So that the index knows every row. */
  putUnstored(): void {
    if (this.unstoredCount > 0) this.#putRows((row) => !this.#options.flags.has(row, STORED));
  }

  #putRows(isWanted: (row: number) => boolean): void {
    const {flags, table} = this.#options;
    const end = Math.min(table.rowCount, flags.length);
    for (let row = 0; row < end; row += 1) {
      if (!isWanted(row) || !table.isLive(row)) continue;
      this.put(row);
      this.flushWhenLarge();
    }
    this.flush();
  }

  putChanged(row: number): void {
    const {encoder, table} = this.#options;
    encoder.putChanged(table.memory(), table.arena(), row, this.#batch);
  }

  /** Rows are no longer noted as changed. */
  forgetChanged(rows: Int32Array, from: number, to: number): void {
    const {encoder, table} = this.#options;
    const [memory, arena] = [table.memory(), table.arena()];
    for (let at = from; at < to; at += 1) {
      encoder.deleteChanged(memory, arena, rows[at]!, this.#batch);
    }
  }

  /** Rows leave the table: what the store has of them is deleted. */
  forget(rows: Int32Array, from: number, to: number): void {
    const {flags, encoder, table} = this.#options;
    const [memory, arena] = [table.memory(), table.arena()];
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      if (flags.has(row, STORED)) {
        encoder.delete(memory, arena, row, this.#batch);
        this.#hasDeletes = true;
      } else this.unstoredCount -= 1;
      flags.reset(row);
    }
  }

  deleteKey(family: number, key: Uint8Array): void {
    this.#batch.delete(family, key);
  }

  noteStored(row: number): void {
    this.#options.flags.set(row, STORED);
    this.unstoredCount -= 1;
  }

  flushWhenLarge(): void {
    if (this.#batch.operationCount >= LARGE_OPERATIONS) this.flush();
  }

  flush(): void {
    if (this.#batch.operationCount === 0) return;
    this.ticket = this.#options.store.write(this.#batch);
    if (this.#hasDeletes) this.deleteTicket = this.ticket;
    this.#hasDeletes = false;
  }
}

interface RowWriterOptions {
  readonly table: HashTable;
  readonly flags: RowFlags;
  readonly encoder: RowEncoder;
  readonly store: RowStore;
}
