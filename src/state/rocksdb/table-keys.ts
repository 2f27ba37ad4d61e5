// Keys of a store back to columns, and the keys of the index by namespace: 8 bytes namespace (a timestamp: big-endian, the
// sign bit inverted), then the row's own key.

import type {PackedList} from './packed-list.ts';
import {GROUP_BYTES} from './row-codec.ts';
import {BatchBuilder} from '../../records/batch-builder.ts';
import type {Column} from '../../records/column.ts';
import {ByteSink} from '../canonical/byte-sink.ts';
import {decodeKey} from '../canonical/key-codec.ts';
import type {RowLayout} from '../hashmap/row-layout.ts';
import type {RowMemory, TableSpec} from '../state-backend.ts';

const UPPER = 4294967296;

export class TableKeys {
  readonly indexBytes = 8;
  readonly #spec: TableSpec;
  readonly #builder: BatchBuilder;
  readonly #unescaped = new ByteSink();
  readonly #halves = new DataView(new ArrayBuffer(8));

  constructor(spec: TableSpec) {
    this.#spec = spec;
    this.#builder = new BatchBuilder({fields: spec.key});
  }

  /** The key columns; `skip` bytes stand before each key. Null: one of them is none. */
  decode(keys: PackedList, skip: number): readonly Column[] | null {
    this.#builder.reset();
    for (let at = 0; at < keys.count; at += 1) {
      const key = keys.item(at).subarray(skip + GROUP_BYTES);
      if (!decodeKey(this.#spec.key, key, this.#builder, this.#unescaped)) return null;
    }
    return this.#builder.build().columns;
  }

  /** The first bytes of an index key of `row`; its own key follows. */
  beginIndexKey(layout: RowLayout, {ints}: RowMemory, row: number, target: PackedList): void {
    const at = row * layout.rowInts + layout.key.at(-1)!.offset;
    this.#halves.setInt32(0, ints[at]!, true);
    this.#halves.setInt32(4, ints[at + 1]!, true);
    const namespace = this.#halves.getFloat64(0, true);
    const upper = Math.floor(namespace / UPPER);
    target.int32BigEndian(upper ^ 0x8000_0000);
    target.int32BigEndian((namespace - upper * UPPER) | 0);
  }

  indexPrefix(namespace: number): Uint8Array {
    const prefix = new DataView(new ArrayBuffer(8));
    const upper = Math.floor(namespace / UPPER);
    prefix.setInt32(0, upper ^ 0x8000_0000);
    prefix.setUint32(4, namespace - upper * UPPER);
    return new Uint8Array(prefix.buffer);
  }

  namespaceOf(indexKey: Uint8Array): number {
    const view = new DataView(indexKey.buffer, indexKey.byteOffset, indexKey.byteLength);
    return (view.getInt32(0) ^ 0x8000_0000) * UPPER + view.getUint32(4);
  }
}
