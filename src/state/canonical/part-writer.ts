// The rows of a canonical file in compressed parts (layout: canonical-format.ts). Where a part ends depends on nothing but the
// rows, so that the same rows make the same parts in whatever slices they come. In memory at once: a part.

import {ByteSink} from './byte-sink.ts';
import {
  PART_ENTRY_BYTES,
  PART_HEADER_BYTES,
  PART_MAGIC,
  ROW_HEADER_BYTES,
} from './canonical-format.ts';
import {appendRow, type AppendPiece, type RowsOut} from './group-writer.ts';
import type {Codec} from '../../base/compression.ts';
import {compressPart, EXPANDED_BYTES_MAX, PART_TARGET_BYTES} from '../compressed-part.ts';

export class PartWriter implements RowsOut {
  readonly #append: AppendPiece;
  readonly #codec: Codec;
  readonly #rows = new ByteSink(PART_TARGET_BYTES);
  #group = 0;
  #groups: {readonly group: number; rowCount: number; byteCount: number}[] = [];

  constructor(codec: Codec, append: AppendPiece) {
    this.#codec = codec;
    this.#append = append;
  }

  beginGroup(group: number): void {
    this.#group = group;
  }

  /** A row that is larger than what a reader expands gets a part of its own. */
  hasRoom(byteCount: number): boolean {
    const {length} = this.#rows;
    return length < PART_TARGET_BYTES && (length === 0 || length + byteCount <= EXPANDED_BYTES_MAX);
  }

  add(key: Uint8Array, values: Uint8Array): void {
    let last = this.#groups.at(-1);
    if (last?.group !== this.#group) {
      last = {group: this.#group, rowCount: 0, byteCount: 0};
      this.#groups.push(last);
    }
    last.rowCount += 1;
    last.byteCount += ROW_HEADER_BYTES + key.length + values.length;
    appendRow(this.#rows, key, values);
  }

  async flush(): Promise<void> {
    if (this.#groups.length === 0) return;
    const plain = this.#rows.written;
    const stored = compressPart(this.#codec, plain);
    const head = new ByteSink(PART_HEADER_BYTES + this.#groups.length * PART_ENTRY_BYTES);
    head.uint32(PART_MAGIC);
    head.uint32(this.#groups.length);
    head.uint32(plain.length);
    head.uint32(stored.length);
    for (const {group, rowCount, byteCount} of this.#groups) {
      head.uint32(group);
      head.uint32(rowCount);
      head.uint32(byteCount);
    }
    await this.#append(head.written);
    await this.#append(stored);
    this.#rows.clear();
    this.#groups = [];
  }
}
