// The strings of a row that lie in the arena of its table.

import {paddedLength} from './byte-arena.ts';
import {isInline} from './key-bytes.ts';
import type {RowLayout} from './row-layout.ts';

/** Where lengths of strings in the arena stand in the row at `base`; the address is given beside. */
export function* addressCells(shape: RowLayout, ints: Int32Array, base: number): Generator<number> {
  for (const cell of shape.key) {
    if (cell.layout === 'bytes' && !isInline(ints[base + cell.offset]!)) yield base + cell.offset;
  }
  for (const slot of shape.slots) {
    const isSet = (ints[base + slot.flagInt]! & slot.setMask) !== 0;
    if (slot.kind === 'bytes' && isSet) yield base + slot.word * 2;
  }
}

/** Bytes that the row at `base` has in the arena. */
export function arenaBytesOf(shape: RowLayout, ints: Int32Array, base: number): number {
  if (!shape.hasStrings) return 0;
  let bytes = 0;
  for (const at of addressCells(shape, ints, base)) bytes += paddedLength(ints[at]!);
  return bytes;
}
