import {PackedList} from './packed-list.ts';
import type {RowCodec} from './row-codec.ts';
import {DIRTY, STORED, type RowFlags} from './row-flags.ts';
import {WriteBatch, type RowStore} from './row-store.ts';
import type {TableKeys} from './table-keys.ts';
import type {HashTable} from '../hashmap/hash-table.ts';
import type {TableSpec} from '../state-backend.ts';

/** Operations that go down at once where more may come. */
const LARGE_OPERATIONS = 4096;

/** Indexes of a table's families in its store. */
export interface TableFamilies {
  readonly rows: number;
  readonly index: number;
  readonly changed: number;
}

/** Collects what of the rows in memory goes down to the store, until `flush`. */
export class RowWriter {
  /** Rows in memory that the store does not have. */
  unstoredCount = 0;
  readonly #options: RowWriterOptions;
  readonly #batch = new WriteBatch(new PackedList(64 * 1024, 1024));

  constructor(options: RowWriterOptions) {
    this.#options = options;
  }

  put(row: number): void {
    const {families, flags, spec, keys, codec, table} = this.#options;
    const {items} = this.#batch;
    const [memory, arena] = [table.memory(), table.arena()];
    if (!flags.has(row, STORED)) {
      if (spec.byNamespace === true) {
        keys.beginIndexKey(table.shape, memory, row, items);
        codec.encodeKey(memory, arena, row, items);
        items.endItem();
        items.endItem();
        this.#batch.noteDone(families.index, true);
      }
      this.noteStored(row);
    }
    codec.encodeKey(memory, arena, row, items);
    items.endItem();
    codec.encodeValues(memory, arena, row, items);
    items.endItem();
    this.#batch.noteDone(families.rows, true);
    flags.clear(row, DIRTY);
  }

  putChanged(row: number): void {
    const {families, codec, table} = this.#options;
    const {items} = this.#batch;
    codec.encodeKey(table.memory(), table.arena(), row, items);
    items.endItem();
    items.endItem();
    this.#batch.noteDone(families.changed, true);
  }

  /** Rows are no longer noted as changed. */
  forgetChanged(rows: Int32Array, from: number, to: number): void {
    const {families, codec, table} = this.#options;
    const {items} = this.#batch;
    const [memory, arena] = [table.memory(), table.arena()];
    for (let at = from; at < to; at += 1) {
      codec.encodeKey(memory, arena, rows[at]!, items);
      items.endItem();
      this.#batch.noteDone(families.changed, false);
    }
  }

  /** Rows leave the table: what the store has of them is deleted. */
  forget(rows: Int32Array, from: number, to: number): void {
    const {families, flags, spec, keys, codec, table} = this.#options;
    const {items} = this.#batch;
    const [memory, arena] = [table.memory(), table.arena()];
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      if (flags.has(row, STORED)) {
        codec.encodeKey(memory, arena, row, items);
        items.endItem();
        this.#batch.noteDone(families.rows, false);
        if (spec.byNamespace === true) {
          keys.beginIndexKey(table.shape, memory, row, items);
          codec.encodeKey(memory, arena, row, items);
          items.endItem();
          this.#batch.noteDone(families.index, false);
        }
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
    this.#options.store.write(this.#batch);
    this.#batch.clear();
  }
}

interface RowWriterOptions {
  readonly spec: TableSpec;
  readonly table: HashTable;
  readonly flags: RowFlags;
  readonly codec: RowCodec;
  readonly keys: TableKeys;
  readonly store: RowStore;
  readonly families: TableFamilies;
}
