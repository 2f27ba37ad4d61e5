// Rows of a database as they lie in a table: of each only its flags and slots; what is in no row lies in the arena.

import type {RowBlock} from './row-block.ts';
import {PackedList} from '../rocksdb/packed-list.ts';
import type {RowLayout} from '../hashmap/row-layout.ts';

export class StoredBlock implements RowBlock {
  readonly layout: RowLayout;
  readonly path: string;
  readonly offset = null;
  readonly addressBytes = 1;
  rowCount = 0;
  ints = new Int32Array(0);
  readonly #arena = new PackedList();

  constructor(layout: RowLayout, path: string) {
    this.layout = layout;
    this.path = path;
  }

  get arena(): Uint8Array {
    return this.#arena.bytes;
  }

  /** Forgets the rows of before, whose columns end with them, and has `rowCount` empty ones. */
  begin(rowCount: number): void {
    this.rowCount = rowCount;
    this.ints = new Int32Array(rowCount * this.layout.rowInts);
    this.#arena.clear();
  }

  memory(): {readonly ints: Int32Array} {
    return this;
  }

  /** The address of what was appended. */
  appendBytes(bytes: Uint8Array, start: number, end: number): number {
    const address = this.#arena.length;
    this.#arena.append(bytes, start, end);
    return address;
  }
}
