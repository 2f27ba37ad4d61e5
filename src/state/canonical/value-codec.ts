// The accumulators of a row as bytes, in the order of the schema, little-endian:
//
//   ⌈n / 8⌉ bytes   one bit per slot, the first slot is the lowest bit of the first byte: it is set
//   then per slot   float64   8 bytes, IEEE, also when it is not set
//                   int64     8 bytes, two's complement, also when it is not set
//                   bytes     only if set: 4 bytes length, then the bytes
//                   flag      nothing: its bit is its value

import {wholeNumber} from '../slot-conversion.ts';
import type {KeyedTable, RowShape, SlotLayout, ValueSlot} from '../state-backend.ts';
import type {ByteSink} from './byte-sink.ts';

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** Appends the slots of `row`. */
export function encodeValues(table: KeyedTable, row: number, sink: ByteSink): void {
  const {slots, rowInts, rowWords} = table.shape;
  const {ints, floats, wides} = table.memory();
  const isSet = ({flagInt, setMask}: SlotLayout): boolean =>
    (ints[row * rowInts + flagInt]! & setMask) !== 0;
  for (let first = 0; first < slots.length; first += 8) {
    let bits = 0;
    for (const [bit, slot] of slots.slice(first, first + 8).entries()) {
      if (isSet(slot)) bits |= 1 << bit;
    }
    sink.byte(bits);
  }
  for (const slot of slots) {
    switch (slot.kind) {
      case 'float64':
        sink.float64(floats[row * rowWords + slot.word]!);
        break;
      case 'int64': {
        const wide = (ints[row * rowInts + slot.flagInt]! & slot.wideMask) !== 0;
        const at = row * rowWords + slot.word;
        sink.int64(wide ? wides[at]! : BigInt(floats[at]!));
        break;
      }
      case 'bytes': {
        if (!isSet(slot)) break;
        const length = table.bytesLength(row, slot);
        const start = table.bytesStart(row, slot);
        sink.uint32(length);
        sink.bytes(table.arena(), start, start + length);
        break;
      }
      case 'flag':
    }
  }
}

/** A slot as it is stored, and the table's slot of the same name; null: what it holds is left behind. */
export interface StoredSlot {
  readonly kind: ValueSlot['kind'];
  readonly target: SlotLayout | null;
}

/** By their places in the file. */
export function storedSlots(
  stored: readonly ValueSlot[],
  {slots}: RowShape,
): readonly StoredSlot[] {
  return stored.map(({name, kind}) => {
    return {kind, target: slots.find((slot) => slot.name === name) ?? null};
  });
}

/** Fills the slots of `row`, which are zero and not set; false: the bytes are no values of these kinds. */
export function decodeValues(
  table: KeyedTable,
  row: number,
  stored: readonly StoredSlot[],
  values: Uint8Array,
): boolean {
  const {rowInts} = table.shape;
  const {ints} = table.memory();
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let at = Math.ceil(stored.length / 8);
  if (at > values.length) return false;
  for (const [index, {kind, target}] of stored.entries()) {
    const set = (values[index >>> 3]! & (1 << (index & 7))) !== 0;
    if (kind === 'bytes') {
      if (!set) continue;
      if (at + 4 > values.length) return false;
      const start = at + 4;
      const end = start + view.getUint32(at, true);
      if (end > values.length) return false;
      if (target !== null) table.writeBytes(row, target, values, start, end);
      at = end;
      continue;
    }
    if (set && target !== null) ints[row * rowInts + target.flagInt]! |= target.setMask;
    if (kind === 'flag') continue;
    if (at + 8 > values.length) return false;
    if (target !== null) {
      if (kind === 'float64') placeFloat(table, row, target, view.getFloat64(at, true));
      else placeInt64(table, row, target, view.getBigInt64(at, true));
    }
    at += 8;
  }
  return at === values.length;
}

function placeFloat(table: KeyedTable, row: number, slot: SlotLayout, value: number): void {
  const word = row * table.shape.rowWords + slot.word;
  table.memory().floats[word] = slot.kind === 'int64' ? wholeNumber(value, slot.name) : value;
}

function placeInt64(table: KeyedTable, row: number, slot: SlotLayout, value: bigint): void {
  const {ints, floats, wides} = table.memory();
  const {rowInts, rowWords} = table.shape;
  const word = row * rowWords + slot.word;
  if (slot.kind === 'float64' || (value <= SAFE_MAX && value >= -SAFE_MAX)) {
    floats[word] = Number(value);
  } else {
    wides[word] = value;
    ints[row * rowInts + slot.flagInt]! |= slot.wideMask;
  }
}
