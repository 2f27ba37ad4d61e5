import {RowCodec} from './row-codec.ts';
import type {TableFamilies} from './row-store.ts';
import {TableKeys} from './table-keys.ts';
import type {WriteBatch} from './write-batch.ts';
import type {RowLayout} from '../hashmap/row-layout.ts';
import type {RowMemory, TableSpec} from '../state-backend.ts';

/** Rows of a table as operations of a batch. */
export class RowEncoder {
  readonly codec: RowCodec;
  readonly keys: TableKeys;
  readonly #layout: RowLayout;
  readonly #families: TableFamilies;
  readonly #isIndexed: boolean;

  constructor(spec: TableSpec, layout: RowLayout, families: TableFamilies) {
    this.codec = new RowCodec(spec, layout);
    this.keys = new TableKeys(spec);
    this.#layout = layout;
    this.#families = families;
    this.#isIndexed = spec.byNamespace === true;
  }

  /** `isStored`: the store has a row of this key, and knows its namespace. */
  put(
    memory: RowMemory,
    arena: Uint8Array,
    row: number,
    isStored: boolean,
    batch: WriteBatch,
  ): void {
    const {items} = batch;
    if (!isStored && this.#isIndexed) {
      this.#addIndexKey(memory, arena, row, batch);
      items.endItem();
      batch.noteDone(this.#families.index, true);
    }
    this.codec.encodeKey(memory, arena, row, items);
    items.endItem();
    this.codec.encodeValues(memory, arena, row, items);
    items.endItem();
    batch.noteDone(this.#families.rows, true);
  }

  putChanged(memory: RowMemory, arena: Uint8Array, row: number, batch: WriteBatch): void {
    const {items} = batch;
    this.codec.encodeKey(memory, arena, row, items);
    items.endItem();
    items.endItem();
    batch.noteDone(this.#families.changed, true);
  }

  deleteChanged(memory: RowMemory, arena: Uint8Array, row: number, batch: WriteBatch): void {
    this.codec.encodeKey(memory, arena, row, batch.items);
    batch.items.endItem();
    batch.noteDone(this.#families.changed, false);
  }

  /** The store has the row. */
  delete(memory: RowMemory, arena: Uint8Array, row: number, batch: WriteBatch): void {
    this.codec.encodeKey(memory, arena, row, batch.items);
    batch.items.endItem();
    batch.noteDone(this.#families.rows, false);
    if (!this.#isIndexed) return;
    this.#addIndexKey(memory, arena, row, batch);
    batch.noteDone(this.#families.index, false);
  }

  #addIndexKey(memory: RowMemory, arena: Uint8Array, row: number, {items}: WriteBatch): void {
    this.keys.beginIndexKey(this.#layout, memory, row, items);
    this.codec.encodeKey(memory, arena, row, items);
    items.endItem();
  }
}
