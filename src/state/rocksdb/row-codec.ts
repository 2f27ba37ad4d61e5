// Rows of a table as keys and values of a store.
//
//   key      2 bytes key group, big-endian; then the key as ../canonical/key-codec.ts says, so that the order of bytes is the
//            order of key groups and, in one, of keys
//   value    little-endian: ints 1 … keyStart - 1 of the row (flags; row-layout.ts), then its value words of 8 bytes; then the
//            bytes of every `bytes` slot that is set, in the order of slots. The lengths stand in the words.
//
// Which columns and slots there are is written down once for a database (stored-tables.ts).

import type {PackedList} from './packed-list.ts';
import {ADDRESS_BYTES} from '../hashmap/byte-arena.ts';
import {isInline} from '../hashmap/key-bytes.ts';
import {GROUP_MASK, LIVE_BIT, type KeyCell, type RowLayout} from '../hashmap/row-layout.ts';
import type {RowMemory, TableSpec} from '../state-backend.ts';

export const GROUP_BYTES = 2;

/** Rows that are there already, by their place. */
export interface ValueRows {
  memory(): Pick<RowMemory, 'ints'>;
  /** The address that a row has of what is appended. */
  appendBytes(bytes: Uint8Array, start: number, end: number): number;
}

export class RowCodec {
  readonly #layout: RowLayout;
  readonly #key: readonly {readonly cell: KeyCell; readonly isTimestamp: boolean}[];
  readonly #firstWordInt: number;
  readonly #byteSlots: RowLayout['slots'];
  /** Bits of int 1 that are the row's place and key, not its values. */
  readonly #ownBits: number;
  readonly #scratch = new DataView(new ArrayBuffer(8));

  constructor(spec: TableSpec, layout: RowLayout) {
    this.#layout = layout;
    this.#key = layout.key.map((cell, index) => ({
      cell,
      isTimestamp: spec.key[index]!.type.kind === 'timestamp',
    }));
    const words = layout.slots.flatMap(({word}) => (word < 0 ? [] : [word]));
    this.#firstWordInt = words.length === 0 ? layout.rowInts : Math.min(...words) * 2;
    this.#byteSlots = layout.slots.filter(({kind}) => kind === 'bytes');
    this.#ownBits = GROUP_MASK | LIVE_BIT | layout.keyNullsMask;
  }

  /** Appends the key of `row`, without ending the item. */
  encodeKey({ints}: RowMemory, arena: Uint8Array, row: number, target: PackedList): void {
    const base = row * this.#layout.rowInts;
    const meta = ints[base + 1]!;
    target.uint16BigEndian(meta & GROUP_MASK);
    for (const {cell, isTimestamp} of this.#key) {
      if ((meta & cell.nullMask) !== 0) {
        target.byte(0);
        continue;
      }
      target.byte(1);
      const at = base + cell.offset;
      switch (cell.layout) {
        case 'uint8':
          target.byte(ints[at]!);
          break;
        case 'int32':
          target.int32BigEndian(ints[at]! ^ 0x8000_0000);
          break;
        case 'int64':
          target.int32BigEndian(ints[at + 1]! ^ 0x8000_0000);
          target.int32BigEndian(ints[at]!);
          break;
        case 'float64':
          this.#encodeDouble(ints[at]!, ints[at + 1]!, isTimestamp, target);
          break;
        case 'bytes':
          encodeBytes(ints, at, arena, target);
      }
    }
  }

  /** Appends the values of `row`, without ending the item. */
  encodeValues({ints}: RowMemory, arena: Uint8Array, row: number, target: PackedList): void {
    const {keyStart, rowInts} = this.#layout;
    const base = row * rowInts;
    for (let int = base + 1; int < base + keyStart; int += 1) target.int32(ints[int]!);
    for (let int = base + this.#firstWordInt; int < base + rowInts; int += 1) {
      target.int32(ints[int]!);
    }
    for (const {word, flagInt, setMask} of this.#byteSlots) {
      if ((ints[base + flagInt]! & setMask) === 0) continue;
      const start = ints[base + word * 2 + 1]! * ADDRESS_BYTES;
      target.append(arena, start, start + ints[base + word * 2]!);
    }
  }

  /** Fills the slots of a row whose key is there; false: the bytes are no values of this layout. */
  decodeValues(
    table: ValueRows,
    row: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const {ints} = table.memory();
    const {keyStart, rowInts} = this.#layout;
    const base = row * rowInts;
    const fixed = (keyStart - 1 + rowInts - this.#firstWordInt) * 4;
    if (end - start < fixed) return false;
    let at = start;
    const stored = int32At(bytes, at);
    ints[base + 1] = (ints[base + 1]! & this.#ownBits) | (stored & ~this.#ownBits);
    at += 4;
    for (let int = base + 2; int < base + keyStart; int += 1, at += 4) {
      ints[int] = int32At(bytes, at);
    }
    for (let int = base + this.#firstWordInt; int < base + rowInts; int += 1, at += 4) {
      ints[int] = int32At(bytes, at);
    }
    for (const {word, flagInt, setMask} of this.#byteSlots) {
      if ((ints[base + flagInt]! & setMask) === 0) continue;
      const length = ints[base + word * 2]!;
      if (length < 0 || at + length > end) return false;
      ints[base + word * 2 + 1] = table.appendBytes(bytes, at, at + length);
      at += length;
    }
    return at === end;
  }

  #encodeDouble(low: number, high: number, isTimestamp: boolean, target: PackedList): void {
    if (isTimestamp) {
      this.#scratch.setInt32(0, low, true);
      this.#scratch.setInt32(4, high, true);
      const millis = this.#scratch.getFloat64(0, true);
      const upper = Math.floor(millis / 4294967296);
      target.int32BigEndian(upper ^ 0x8000_0000);
      target.int32BigEndian((millis - upper * 4294967296) | 0);
      return;
    }
    const isNegative = high < 0;
    target.int32BigEndian(isNegative ? ~high : high ^ 0x8000_0000);
    target.int32BigEndian(isNegative ? ~low : low);
  }
}

function encodeBytes(ints: Int32Array, at: number, arena: Uint8Array, target: PackedList): void {
  const length = ints[at]!;
  const inline = isInline(length);
  const start = inline ? 0 : ints[at + 3]! * ADDRESS_BYTES;
  for (let index = 0; index < length; index += 1) {
    const byte = inline
      ? (ints[at + 1 + (index >>> 2)]! >>> ((index & 3) << 3)) & 0xff
      : arena[start + index]!;
    target.byte(byte);
    if (byte === 0) target.byte(0xff);
  }
  target.byte(0);
  target.byte(0);
}

function int32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
