// Reads ahead: while the rows of one block are decoded, the next block is on its way into the other
// buffer. What is not decoded yet, and the bytes before it that a snapshot hashes, are copied in front of
// the next block, so that a record that spans two blocks lies in one piece:
//
//   |      free      | history | rest ||        block        | padding |
//                    ^floor    ^start  ^FRONT_BYTES           ^end

import {DECODE_PADDING} from '../../formats/decoder.ts';
import type {ByteSource} from './byte-source.ts';
import {IDENTITY_BYTES} from './split.ts';

export const BLOCK_BYTES = 4_194_304;
/** Of a reader: a small file takes little memory, and a slow one gives its first rows soon. */
const FIRST_BLOCK_BYTES = 131_072;
/** History and a rest of the usual size; a longer rest takes a buffer of its own. */
const FRONT_BYTES = IDENTITY_BYTES + 65_536;
const AROUND_BYTES = FRONT_BYTES + DECODE_PADDING;
const BUFFER_BYTES = AROUND_BYTES + BLOCK_BYTES;

/** Buffers go from one split to the next. */
export class BlockBuffers {
  readonly #spare: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(BUFFER_BYTES);
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === BUFFER_BYTES && this.#spare.length < 2) this.#spare.push(buffer);
  }
}

interface Block {
  readonly buffer: Uint8Array;
  /** Where it ends in the buffer; it begins at FRONT_BYTES. */
  readonly end: number;
  readonly last: boolean;
}

export class BlockReader {
  readonly #source: ByteSource;
  readonly #buffers: BlockBuffers;
  readonly #arrived: () => void;
  /** Content offset of the first byte of `buffer`. */
  #base: number;
  #floor: number;
  #next: Block | null = null;
  #failure: unknown = null;
  /** Settles when no read is under way. */
  #filling: Promise<void> = Promise.resolve();
  buffer: Uint8Array;
  /** First byte that is not decoded. */
  start: number;
  end: number;
  /** Nothing follows `end`. */
  atEnd = false;

  /**
   * Reads `source`, whose next byte has the content offset `offset` and comes behind `history` (up to
   * `IDENTITY_BYTES`). `arrived` is called when `advance` may do more.
   */
  constructor(
    source: ByteSource,
    offset: number,
    history: Uint8Array,
    buffers: BlockBuffers,
    arrived: () => void,
  ) {
    this.#source = source;
    this.#buffers = buffers;
    this.#arrived = arrived;
    this.buffer = new Uint8Array(AROUND_BYTES);
    this.#base = offset - FRONT_BYTES;
    this.#floor = FRONT_BYTES - history.length;
    this.buffer.set(history, this.#floor);
    this.start = FRONT_BYTES;
    this.end = FRONT_BYTES;
    this.#prefetch(new Uint8Array(AROUND_BYTES + FIRST_BLOCK_BYTES));
  }

  /** Content offset of a place in `buffer`. */
  offsetOf(place: number): number {
    return this.#base + place;
  }

  /** `advance` would not return `pending`. */
  get ready(): boolean {
    return this.#next !== null || this.atEnd || this.#failure !== null;
  }

  /** Puts the next block behind what is left, if it has arrived. Rows that point into `buffer` end here. */
  advance(): 'advanced' | 'pending' {
    if (this.#next === null) {
      if (this.#failure !== null) throw this.#failure as Error;
      return 'pending';
    }
    const {buffer, end, last} = this.#next;
    const from = Math.max(this.#floor, this.start - IDENTITY_BYTES);
    const carried = this.end - from;
    const rest = this.end - this.start;
    const old = this.buffer;
    if (carried <= FRONT_BYTES) {
      buffer.set(old.subarray(from, this.end), FRONT_BYTES - carried);
      this.#base += this.end - FRONT_BYTES;
      this.#floor = FRONT_BYTES - carried;
      this.buffer = buffer;
      this.start = FRONT_BYTES - rest;
      this.end = end;
    } else {
      const length = end - FRONT_BYTES;
      const joined = new Uint8Array(carried + length + DECODE_PADDING);
      joined.set(old.subarray(from, this.end));
      joined.set(buffer.subarray(FRONT_BYTES, end), carried);
      this.#buffers.give(buffer);
      this.#base += from;
      this.#floor = 0;
      this.buffer = joined;
      this.start = carried - rest;
      this.end = carried + length;
    }
    this.#buffers.give(old);
    this.atEnd = last;
    this.#next = null;
    if (!last) this.#prefetch(this.#buffers.take());
    return 'advanced';
  }

  /** Up to `IDENTITY_BYTES` before `start`: all there are, or exactly as many. */
  history(): Uint8Array {
    return this.buffer.subarray(Math.max(this.#floor, this.start - IDENTITY_BYTES), this.start);
  }

  /** Waits for the block under way and gives everything back. */
  async close(): Promise<void> {
    await this.#filling;
    await this.#source.close();
    if (this.#next !== null) this.#buffers.give(this.#next.buffer);
    this.#buffers.give(this.buffer);
  }

  #prefetch(buffer: Uint8Array): void {
    this.#filling = this.#fill(buffer).then(
      (block) => {
        this.#next = block;
        this.#arrived();
      },
      (error: unknown) => {
        this.#failure = error;
        this.#arrived();
      },
    );
  }

  async #fill(buffer: Uint8Array): Promise<Block> {
    const count = await this.#source.read(buffer, FRONT_BYTES, buffer.length - AROUND_BYTES);
    return {buffer, end: FRONT_BYTES + count, last: this.#source.atEnd()};
  }
}
