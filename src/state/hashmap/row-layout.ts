// How a row of a keyed table lies in memory, and with the same words in a state file:
//
//   int 0       hash of the whole key
//   int 1       bits 0–14 key group, bit 15 live, from bit 16 on flags
//   int 2 …     further flags, 32 in each, only if they do not fit into int 1
//   int …       key cells, in the order of the key columns
//               boolean, int, date                      1  the value
//               bigint, decimal, double, timestamp      2  low and high half of the 64 bits
//               string, bytes                           4  length; first 8 bytes; bytes 8–11 when the
//                                                          length is ≤ 12, else the arena address
//   (one int of padding when their number is odd)
//   word …      value slots, 8 bytes each; a bytes slot is length and arena address
//
// Flags: one per key column (NULL), then per slot `set` and, of int64, `wide`. Unused bytes are zero.

import {assert} from '../../base/assert.ts';
import {SHORT_BYTES} from '../../keys/key-hash.ts';
import {columnLayout, type ColumnLayout} from '../../records/column.ts';
import type {RowShape, SlotLayout, TableSpec} from '../state-backend.ts';

export const GROUP_MASK = 0x7fff;
export const LIVE_BIT = 0x8000;
export const MAX_KEY_COLUMNS = 16;
/** A string of at most so many bytes lies in the row. */
export const INLINE_BYTES = SHORT_BYTES;
/** Rows are frozen and copied aside in pages of at most this size. */
export const PAGE_BYTES = 4096;

const FIRST_FLAG = 16;

export interface KeyCell {
  readonly layout: ColumnLayout;
  /** First int within the row. */
  readonly offset: number;
  /** Number of ints. */
  readonly size: number;
  readonly nullMask: number;
}

export interface RowLayout extends RowShape {
  readonly key: readonly KeyCell[];
  /** Key cells are ints [keyStart, keyStart + keyInts). */
  readonly keyStart: number;
  readonly keyInts: number;
  /** Bits of int 1 that belong to the key. */
  readonly keyNullsMask: number;
  /** A string of its rows may lie in the arena. */
  readonly hasStrings: boolean;
  /** Rows per page as a power of two. */
  readonly pageShift: number;
}

export function rowLayout(spec: TableSpec): RowLayout {
  assert(spec.key.length <= MAX_KEY_COLUMNS, `table ${spec.name}: too many key columns`);
  let flag = FIRST_FLAG + spec.key.length;
  const flags = spec.values.map((slot) => {
    const count = slot.kind === 'int64' ? 2 : 1;
    if ((flag & 31) + count > 32) flag += 1;
    const at = flag;
    flag += count;
    return at;
  });
  const keyStart = 1 + Math.ceil(flag / 32);
  let offset = keyStart;
  const key = spec.key.map((field, index) => {
    const layout = columnLayout(field.type);
    const cell: KeyCell = {
      layout,
      offset,
      size: cellSize(layout),
      nullMask: 1 << (FIRST_FLAG + index),
    };
    offset += cell.size;
    return cell;
  });
  const keyInts = offset - keyStart;
  let word = Math.ceil(offset / 2);
  const slots = spec.values.map((slot, index): SlotLayout => {
    const bit = flags[index]!;
    const has = slot.kind !== 'flag';
    const laid: SlotLayout = {
      name: slot.name,
      kind: slot.kind,
      word: has ? word : -1,
      flagInt: 1 + (bit >>> 5),
      setMask: 1 << (bit & 31),
      wideMask: slot.kind === 'int64' ? 1 << ((bit + 1) & 31) : 0,
    };
    if (has) word += 1;
    return laid;
  });
  return {
    rowInts: word * 2,
    rowWords: word,
    slots,
    key,
    keyStart,
    keyInts,
    keyNullsMask: key.reduce((mask, cell) => mask | cell.nullMask, 0),
    hasStrings:
      key.some(({layout: of}) => of === 'bytes') || slots.some(({kind}) => kind === 'bytes'),
    pageShift: Math.max(0, Math.floor(Math.log2(PAGE_BYTES / (word * 8)))),
  };
}

/** Of the tombstones of a table: its key, and no slots. */
export function keyLayout(spec: TableSpec): RowLayout {
  return rowLayout({...spec, values: []});
}

function cellSize(layout: ColumnLayout): number {
  switch (layout) {
    case 'uint8':
    case 'int32':
      return 1;
    case 'float64':
    case 'int64':
      return 2;
    case 'bytes':
      return 4;
  }
}
