// One open split: bytes in, decoded rows out, and at any time the position to resume from.

import {sha256Hex} from '../../base/checksum.ts';
import type {Timers} from '../../base/clock.ts';
import type {DecodedRows, RecordDecoder} from '../../formats/decoder.ts';
import {BlockReader, type BlockBuffers} from './block-reader.ts';
import {GunzippedBytes, isGzip, PlainBytes, type ByteSource} from './byte-source.ts';
import {openSplit, tailDiffers, type SplitPlace} from './split-identity.ts';
import {IDENTITY_BYTES, type Split, type SplitPosition, type UnfinishedSplit} from './split.ts';

export interface SplitReaderOptions {
  readonly place: SplitPlace;
  readonly timers: Timers;
  readonly buffers: BlockBuffers;
  /** The source's; of this split once it has begun. */
  readonly decoder: RecordDecoder;
  /** Something arrived: `decode` may do more. */
  readonly arrived: () => void;
}

/** Passes over content that was read before, in steps of this size. */
const SKIP_BYTES = 1_048_576;

/** Checks the file, goes to the position, and begins to read. */
export async function openSplitReader(
  unfinished: UnfinishedSplit,
  options: SplitReaderOptions,
): Promise<SplitReader> {
  const {split, position} = unfinished;
  const {place, timers} = options;
  const {handle, head} = await openSplit(place, split);
  const file = {handle, size: split.size, uid: place.uid, path: split.path};
  const offset = position?.offset ?? 0;
  const tailLength = Math.min(offset, IDENTITY_BYTES);
  const compressed = isGzip(head);
  const source: ByteSource = compressed
    ? new GunzippedBytes(file, timers)
    : new PlainBytes(file, offset - tailLength);
  try {
    if (compressed) await skip(source, offset - tailLength);
    const tail = new Uint8Array(tailLength);
    const count = await source.read(tail, 0, tailLength);
    if (position !== null) {
      if (count < tailLength || sha256Hex(tail) !== position.tail) {
        throw tailDiffers(place.uid, split.path, offset);
      }
    }
    return new SplitReader(unfinished, options, source, offset, tail);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function skip(source: ByteSource, bytes: number): Promise<void> {
  const passed = new Uint8Array(Math.min(bytes, SKIP_BYTES));
  for (let left = bytes; left > 0;) {
    const count = await source.read(passed, 0, Math.min(left, passed.length));
    // Too short: the bytes before the position will not be found.
    if (count === 0) return;
    left -= count;
  }
}

export type DecodeOutcome =
  | {readonly kind: 'rows'; readonly rows: DecodedRows; readonly buffer: Uint8Array}
  | {readonly kind: 'pending'}
  | {readonly kind: 'ended'};

export class SplitReader {
  readonly split: Split;
  readonly #from: SplitPosition | null;
  readonly #decoder: RecordDecoder;
  readonly #blocks: BlockReader;
  #ended = false;
  /** Bytes passed by the last `decode`. */
  consumed = 0;

  constructor(
    unfinished: UnfinishedSplit,
    options: SplitReaderOptions,
    source: ByteSource,
    offset: number,
    history: Uint8Array,
  ) {
    this.split = unfinished.split;
    this.#from = unfinished.position;
    this.#decoder = options.decoder;
    this.#blocks = new BlockReader(source, offset, history, options.buffers, options.arrived);
  }

  /** Before the first `decode`, when nobody reads another split any more. */
  begin(): void {
    this.#decoder.restart(this.#from?.decoder);
  }

  /** Nothing more is to be read: what follows may be opened meanwhile. */
  get nearEnd(): boolean {
    return this.#blocks.atEnd;
  }

  /** `decode` would not return `pending`. */
  get ready(): boolean {
    return this.#blocks.ready;
  }

  /** Rows or bad records, at least one. They are valid until the next call. */
  decode(maxRows: number): DecodeOutcome {
    const blocks = this.#blocks;
    while (!this.#ended) {
      const {buffer, start, end, atEnd} = blocks;
      const rows = this.#decoder.decode(buffer, start, end, atEnd, maxRows);
      const made = rows.rowCount + rows.badRecords.length;
      this.consumed = rows.nextOffset - start;
      blocks.start = rows.nextOffset;
      if (atEnd && made < maxRows) this.#ended = true;
      if (made > 0) return {kind: 'rows', rows, buffer};
      if (!this.#ended && blocks.advance() === 'pending') return {kind: 'pending'};
    }
    return {kind: 'ended'};
  }

  /** `data/a.ndjson, line 12, byte 803`, of a place in the buffer of the last `decode`. */
  describe(place: number): string {
    return `${this.split.path}, line ${this.lineAt(place)}, byte ${this.offsetOf(place)}`;
  }

  /** 1-based. */
  lineAt(place: number): number {
    return this.#decoder.lineAt(place);
  }

  /** Offset in the content. */
  offsetOf(place: number): number {
    return this.#blocks.offsetOf(place);
  }

  position(greatestTimestamp: number | null): SplitPosition {
    return {
      offset: this.#blocks.offsetOf(this.#blocks.start),
      tail: sha256Hex(this.#blocks.history()),
      decoder: this.#decoder.snapshot(),
      greatestTimestamp,
    };
  }

  async close(): Promise<void> {
    await this.#blocks.close();
  }
}
