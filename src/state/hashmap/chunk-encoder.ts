// Makes the chunks of a state file (snapshot-format.ts) out of pages of rows: counts what each key group
// has, then puts every row at its group's place. Its buffers are used again by every second chunk.

import {ADDRESS_BYTES} from './byte-arena.ts';
import {GROUP_MASK, INLINE_BYTES, LIVE_BIT, type RowLayout} from './row-layout.ts';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_TARGET_BYTES,
  GROUP_ENTRY_BYTES,
  paddedTo8,
} from '../snapshot-format.ts';

/** Ints of a row that may hold the length of a string in the arena, and where its address is. */
interface StringCell {
  readonly length: number;
  readonly address: number;
  /** It is in the arena when it is longer than this … */
  readonly inlineMax: number;
  /** … and this flag is set. */
  readonly flagInt: number;
  readonly setMask: number;
}

export class ChunkEncoder {
  readonly #rowInts: number;
  readonly #strings: readonly StringCell[];
  readonly #rowsOf: Int32Array;
  readonly #bytesOf: Float64Array;
  readonly #nextRow: Int32Array;
  readonly #nextByte: Float64Array;
  /** Pages of the chunk, one behind the other. */
  readonly raw: Int32Array;
  readonly #buffers: [ArrayBuffer, ArrayBuffer, ArrayBuffer, ArrayBuffer];
  #turn = 0;
  #rawInts = 0;
  #stringBytes = 0;
  readonly #arena: Uint8Array;
  readonly #magic: number;

  /** `magic`: what its chunks begin with. At most `rowCount` rows are added in all: a small table needs no large buffer. */
  constructor(
    layout: RowLayout,
    maxParallelism: number,
    arena: Uint8Array,
    rowCount: number,
    magic: number,
  ) {
    this.#magic = magic;
    this.#rowInts = layout.rowInts;
    this.#strings = stringCells(layout);
    this.#rowsOf = new Int32Array(maxParallelism);
    this.#bytesOf = new Float64Array(maxParallelism);
    this.#nextRow = new Int32Array(maxParallelism);
    this.#nextByte = new Float64Array(maxParallelism);
    const pageInts = layout.rowInts << layout.pageShift;
    const wantedInts = Math.min(CHUNK_TARGET_BYTES / 4, rowCount * layout.rowInts);
    this.raw = new Int32Array(wantedInts + pageInts);
    const none = new ArrayBuffer(0);
    this.#buffers = [none, none, none, none];
    this.#arena = arena;
  }

  /** Where the next page goes in `raw`. */
  get rawInts(): number {
    return this.#rawInts;
  }

  get full(): boolean {
    return this.#rawInts * 4 >= CHUNK_TARGET_BYTES || this.#stringBytes >= CHUNK_TARGET_BYTES;
  }

  /** Counts `ints` further ints in `raw`: a page, or the part of the last one that is in use. */
  addPage(ints: number): void {
    const {raw} = this;
    const end = this.#rawInts + ints;
    for (let base = this.#rawInts; base < end; base += this.#rowInts) {
      const meta = raw[base + 1]!;
      if ((meta & LIVE_BIT) === 0) continue;
      const group = meta & GROUP_MASK;
      this.#rowsOf[group]! += 1;
      if (this.#strings.length > 0) this.#bytesOf[group]! += this.#stringBytesOf(base);
    }
    this.#rawInts = end;
  }

  /** The chunk, and an empty encoder. Null: there is no row in it. The bytes are good for three more chunks. */
  finish(): {readonly bytes: Uint8Array; readonly rowCount: number} | null {
    let groupCount = 0;
    let rowCount = 0;
    let stringBytes = 0;
    for (let group = 0; group < this.#rowsOf.length; group += 1) {
      this.#nextRow[group] = rowCount;
      this.#nextByte[group] = stringBytes;
      if (this.#rowsOf[group] === 0) continue;
      groupCount += 1;
      rowCount += this.#rowsOf[group]!;
      stringBytes += this.#bytesOf[group]!;
    }
    const rowsAt = paddedTo8(CHUNK_HEADER_BYTES + groupCount * GROUP_ENTRY_BYTES);
    const stringsAt = rowsAt + rowCount * this.#rowInts * 4;
    const end = stringsAt + paddedTo8(stringBytes);
    const buffer = this.#takeBuffer(end);
    const head = new Uint32Array(buffer, 0, rowsAt / 4).fill(0);
    head.set([this.#magic, groupCount, rowCount, end - stringsAt]);
    this.#writeGroups(head);
    this.#writeRows(buffer, rowsAt, stringsAt);
    new Uint8Array(buffer, stringsAt + stringBytes, end - stringsAt - stringBytes).fill(0);
    this.#rawInts = 0;
    this.#stringBytes = 0;
    return rowCount === 0 ? null : {bytes: new Uint8Array(buffer, 0, end), rowCount};
  }

  #writeGroups(head: Uint32Array): void {
    let at = CHUNK_HEADER_BYTES / 4;
    for (let group = 0; group < this.#rowsOf.length; group += 1) {
      if (this.#rowsOf[group] === 0) continue;
      head[at] = group;
      head[at + 1] = this.#rowsOf[group]!;
      head[at + 2] = this.#bytesOf[group]!;
      at += 3;
    }
    this.#rowsOf.fill(0);
    this.#bytesOf.fill(0);
  }

  #writeRows(buffer: ArrayBuffer, rowsAt: number, stringsAt: number): void {
    const {raw} = this;
    const rowInts = this.#rowInts;
    const nextRow = this.#nextRow;
    const target = new Int32Array(buffer);
    const bytes = new Uint8Array(buffer);
    const first = rowsAt / 4;
    const end = this.#rawInts;
    const hasStrings = this.#strings.length > 0;
    for (let base = 0; base < end; base += rowInts) {
      const meta = raw[base + 1]!;
      if ((meta & LIVE_BIT) === 0) continue;
      const group = meta & GROUP_MASK;
      const row = nextRow[group]!;
      nextRow[group] = row + 1;
      const to = first + row * rowInts;
      for (let int = 0; int < rowInts; int += 1) target[to + int] = raw[base + int]!;
      if (hasStrings) this.#moveStrings(group, target, to, bytes, stringsAt);
    }
  }

  #moveStrings(
    group: number,
    target: Int32Array,
    base: number,
    bytes: Uint8Array,
    stringsAt: number,
  ): void {
    for (const cell of this.#strings) {
      const length = target[base + cell.length]!;
      if (length <= cell.inlineMax || (target[base + cell.flagInt]! & cell.setMask) === 0) continue;
      const start = target[base + cell.address]! * ADDRESS_BYTES;
      target[base + cell.address] = 0;
      const to = stringsAt + this.#nextByte[group]!;
      for (let at = 0; at < length; at += 1) bytes[to + at] = this.#arena[start + at]!;
      this.#nextByte[group]! += length;
    }
  }

  #stringBytesOf(base: number): number {
    let total = 0;
    for (const cell of this.#strings) {
      const length = this.raw[base + cell.length]!;
      const isSet = (this.raw[base + cell.flagInt]! & cell.setMask) !== 0;
      if (length > cell.inlineMax && isSet) total += length;
    }
    this.#stringBytes += total;
    return total;
  }

  #takeBuffer(bytes: number): ArrayBuffer {
    this.#turn = (this.#turn + 1) % this.#buffers.length;
    let buffer = this.#buffers[this.#turn]!;
    if (buffer.byteLength < bytes) {
      buffer = new ArrayBuffer(paddedTo8(bytes + (bytes >>> 2)));
      this.#buffers[this.#turn] = buffer;
    }
    return buffer;
  }
}

/** In the order in which a row's strings stand in a chunk: keys first, then slots. */
export function stringCells(layout: RowLayout): StringCell[] {
  const cells: StringCell[] = [];
  for (const cell of layout.key) {
    if (cell.layout !== 'bytes') continue;
    const {offset} = cell;
    cells.push({
      ...{length: offset, address: offset + 3, inlineMax: INLINE_BYTES},
      ...{flagInt: 1, setMask: LIVE_BIT},
    });
  }
  for (const slot of layout.slots) {
    if (slot.kind !== 'bytes') continue;
    const length = slot.word * 2;
    const {flagInt, setMask} = slot;
    // Also an empty string is taken from the arena: its length is not below zero.
    cells.push({length, address: length + 1, inlineMax: -1, flagInt, setMask});
  }
  return cells;
}
