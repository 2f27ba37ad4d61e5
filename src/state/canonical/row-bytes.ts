// Where the rows of a canonical file are read from: the file itself, or a part of it that was expanded.

import type {FileHandle} from '../../storage/file-system.ts';
import {damaged} from '../snapshot-format.ts';

/** Read at once; a longer row is read whole. */
const PIECE_BYTES = 1024 * 1024;

/** Bytes that are read forwards. What it hands out stays as it is. */
export interface RowBytes {
  readonly path: string;
  /** Null: not read yet, or behind the end. */
  at(offset: number, length: number): Uint8Array | null;
  /** CHECKPOINT_DAMAGED when they are not all there. */
  read(offset: number, length: number, what: string): Promise<Uint8Array>;
  /** Where that is in the file, for messages. */
  placeOf(offset: number): number;
}

/** The file, in large pieces. */
export class FilePieces implements RowBytes {
  readonly path: string;
  readonly size: number;
  readonly #handle: FileHandle;
  #piece = new Uint8Array(0);
  #start = 0;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.path = path;
    this.size = size;
  }

  at(offset: number, length: number): Uint8Array | null {
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#piece.length) return null;
    return this.#piece.subarray(from, from + length);
  }

  async read(offset: number, length: number, what: string): Promise<Uint8Array> {
    if (offset + length > this.size) {
      throw damaged(this.path, offset, `${what} of ${length} bytes ends behind the file`);
    }
    const there = this.at(offset, length);
    if (there !== null) return there;
    const wanted = Math.min(this.size - offset, Math.max(length, PIECE_BYTES));
    const piece = new Uint8Array(wanted);
    const count = await this.#handle.read(piece, 0, wanted, offset);
    if (count < length) throw damaged(this.path, offset + count, `the file ends within ${what}`);
    this.#piece = piece.subarray(0, count);
    this.#start = offset;
    return this.#piece.subarray(0, length);
  }

  placeOf(offset: number): number {
    return offset;
  }
}

/** A part of a compressed file, expanded: all of it is in memory. */
export class ExpandedPart implements RowBytes {
  readonly path: string;
  readonly #place: number;
  readonly #bytes: Uint8Array;

  /** `place`: where the part stands in the file. */
  constructor(path: string, place: number, bytes: Uint8Array) {
    this.path = path;
    this.#place = place;
    this.#bytes = bytes;
  }

  at(offset: number, length: number): Uint8Array | null {
    const end = offset + length;
    return end > this.#bytes.length ? null : this.#bytes.subarray(offset, end);
  }

  async read(offset: number, length: number, what: string): Promise<Uint8Array> {
    const bytes = this.at(offset, length);
    if (bytes !== null) return Promise.resolve(bytes);
    throw damaged(this.path, this.#place, `${what} of ${length} bytes ends behind its part`);
  }

  placeOf(): number {
    return this.#place;
  }
}
