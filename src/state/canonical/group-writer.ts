// The rows of a canonical file by key group, as they are (layout: canonical-format.ts).

import {ByteSink} from './byte-sink.ts';
import {GROUP_MAGIC} from './canonical-format.ts';

/** Bytes that are handed over at once. */
const PIECE_BYTES = 1024 * 1024;

/** Appends a piece of the file; `bytes` may be overwritten once it has resolved. */
export type AppendPiece = (bytes: Uint8Array) => Promise<void>;

/** Where the rows of a canonical file go, by ascending key group and key. */
export interface RowsOut {
  beginGroup(group: number, rowCount: number, byteCount: number): void;
  /** False: `flush` is to be called before a row of so many bytes, with its header, is added. */
  hasRoom(byteCount: number): boolean;
  /** A row of the group that was begun. */
  add(key: Uint8Array, values: Uint8Array): void;
  /** Also at the end. */
  flush(): Promise<void>;
}

export class GroupWriter implements RowsOut {
  readonly #append: AppendPiece;
  readonly #piece = new ByteSink(PIECE_BYTES);

  constructor(append: AppendPiece) {
    this.#append = append;
  }

  beginGroup(group: number, rowCount: number, byteCount: number): void {
    this.#piece.uint32(GROUP_MAGIC);
    this.#piece.uint32(group);
    this.#piece.uint64(rowCount);
    this.#piece.uint64(byteCount);
  }

  hasRoom(): boolean {
    return this.#piece.length < PIECE_BYTES;
  }

  add(key: Uint8Array, values: Uint8Array): void {
    appendRow(this.#piece, key, values);
  }

  async flush(): Promise<void> {
    if (this.#piece.length === 0) return;
    await this.#append(this.#piece.written);
    this.#piece.clear();
  }
}

export function appendRow(sink: ByteSink, key: Uint8Array, values: Uint8Array): void {
  sink.uint32(key.length);
  sink.uint32(values.length);
  sink.bytes(key, 0, key.length);
  sink.bytes(values, 0, values.length);
}
