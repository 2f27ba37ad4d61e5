// The accumulators of a row as bytes, in the order of the schema, little-endian:
//
//   ⌈n / 8⌉ bytes   one bit per slot, the first slot is the lowest bit of the first byte: it is set
//   then per slot   float64   8 bytes, IEEE, also when it is not set
//                   int64     8 bytes, two's complement, also when it is not set
//                   bytes     only if set: 4 bytes length, then the bytes
//                   flag      nothing: its bit is its value

import type {KeyedTable, RowShape, SlotLayout} from '../state-backend.ts';
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

/** Where each stored slot goes: by its place in the file, the table's slot of the same name. */
export function targetSlots(
  stored: readonly {readonly name: string}[],
  {slots}: RowShape,
): readonly SlotLayout[] {
  return stored.map(({name}) => slots.find((slot) => slot.name === name)!);
}

/** Fills the slots of `row`, which are zero and not set; false: the bytes are no values of these kinds. */
export function decodeValues(
  table: KeyedTable,
  row: number,
  targets: readonly SlotLayout[],
  values: Uint8Array,
): boolean {
  const {rowInts, rowWords} = table.shape;
  const {ints, floats, wides} = table.memory();
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let at = Math.ceil(targets.length / 8);
  if (at > values.length) return false;
  for (const [index, slot] of targets.entries()) {
    const set = (values[index >>> 3]! & (1 << (index & 7))) !== 0;
    if (slot.kind === 'bytes') {
      if (!set) continue;
      if (at + 4 > values.length) return false;
      const start = at + 4;
      const end = start + view.getUint32(at, true);
      if (end > values.length) return false;
      table.writeBytes(row, slot, values, start, end);
      at = end;
      continue;
    }
    if (set) ints[row * rowInts + slot.flagInt]! |= slot.setMask;
    if (slot.kind === 'flag') continue;
    if (at + 8 > values.length) return false;
    const word = row * rowWords + slot.word;
    if (slot.kind === 'float64') {
      floats[word] = view.getFloat64(at, true);
    } else {
      const value = view.getBigInt64(at, true);
      if (value <= SAFE_MAX && value >= -SAFE_MAX) {
        floats[word] = Number(value);
      } else {
        wides[word] = value;
        ints[row * rowInts + slot.flagInt]! |= slot.wideMask;
      }
    }
    at += 8;
  }
  return at === values.length;
}
