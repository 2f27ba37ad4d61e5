// Is the key of a row in memory that of another row, or of a record?

import {ADDRESS_BYTES} from './byte-arena.ts';
import {isInline, sameBytes} from './key-bytes.ts';
import type {KeyIndex} from './key-index.ts';
import {SEGMENT_MASK} from './key-index.ts';
import type {KeyBlock} from './key-kernel.ts';
import type {RowLayout} from './row-layout.ts';
import type {BytesColumn, Column} from '../../records/column.ts';

/** Rows and the strings that they refer to. */
export interface KeyedRows {
  readonly layout: RowLayout;
  readonly ints: Int32Array;
  readonly arena: Uint8Array;
}

/** The row at `base` has the key of record `columnRow`, which the kernel put at `place` of the block. */
export function hasKeyOf(
  {layout, ints, arena}: KeyedRows,
  base: number,
  {image, nulls}: KeyBlock,
  place: number,
  key: readonly Column[],
  columnRow: number,
): boolean {
  if ((ints[base + 1]! & layout.keyNullsMask) !== nulls[place]) return false;
  for (let index = 0; index < layout.key.length; index += 1) {
    const cell = layout.key[index]!;
    const at = place * layout.keyInts + cell.offset - layout.keyStart;
    const length = image[at]!;
    const long = cell.layout === 'bytes' && !isInline(length);
    const size = long ? 3 : cell.size;
    for (let int = 0; int < size; int += 1) {
      if (ints[base + cell.offset + int] !== image[at + int]) return false;
    }
    if (!long) continue;
    const column = key[index] as BytesColumn;
    const stored = ints[base + cell.offset + 3]! * ADDRESS_BYTES;
    if (!sameBytes(arena, stored, column.bytes, column.starts[columnRow]!, length)) return false;
  }
  return true;
}

/** The row in the index that has the key of the row at `base`; -1: none. */
export function findStored(rows: KeyedRows, index: KeyIndex, base: number): number {
  const {entries, directory, shift} = index;
  const hash = rows.ints[base]!;
  const first = directory[hash >>> shift]!;
  for (let slot = hash; ; slot += 1) {
    const at = (first + (slot & SEGMENT_MASK)) * 2;
    const entry = entries[at + 1]!;
    if (entry === 0) return -1;
    const row = entry - 1;
    if (entries[at] === hash && haveSameKey(rows, row * rows.layout.rowInts, base)) return row;
  }
}

function haveSameKey({layout, ints, arena}: KeyedRows, left: number, right: number): boolean {
  if (((ints[left + 1]! ^ ints[right + 1]!) & layout.keyNullsMask) !== 0) return false;
  for (const cell of layout.key) {
    const {offset, size} = cell;
    const length = ints[left + offset]!;
    const isLong = cell.layout === 'bytes' && !isInline(length);
    for (let int = 0; int < (isLong ? 3 : size); int += 1) {
      if (ints[left + offset + int] !== ints[right + offset + int]) return false;
    }
    if (!isLong) continue;
    const start = ints[left + offset + 3]! * ADDRESS_BYTES;
    const other = ints[right + offset + 3]! * ADDRESS_BYTES;
    if (!sameBytes(arena, start, arena, other, length)) return false;
  }
  return true;
}
