// Rows as they lie in a table or a state file (hashmap/row-layout.ts), one behind the other, and the columns that they make.

import {countsFromZero, type StateShape} from './state-shape.ts';
import {textColumn} from './text-column.ts';
import {isInline} from '../hashmap/key-bytes.ts';
import {GROUP_MASK, type KeyCell, type RowLayout} from '../hashmap/row-layout.ts';
import {damaged} from '../snapshot-format.ts';
import type {SlotLayout, ValueSlot} from '../state-backend.ts';
import type {BytesColumn, Column, Float64Column, Int64Column} from '../../records/column.ts';

export interface RowBlock {
  readonly layout: RowLayout;
  readonly rowCount: number;
  /** Row r begins at `r * layout.rowInts`. All are live. */
  readonly ints: Int32Array;
  /** Where long strings lie: at the address in the row, in units of `addressBytes`. */
  readonly arena: Uint8Array;
  readonly addressBytes: number;
  /** For messages: of the state file, and where in it the first row stands; null when they are put together from several. */
  readonly path: string;
  readonly offset: number | null;
}

/** Rows of one state as columns. Good until the next ones are asked for. */
export interface RowColumns {
  readonly rowCount: number;
  readonly keyGroups: Uint16Array;
  /** Key and namespace, in the order of the spec. */
  readonly key: readonly Column[];
  /** As `StateShape.values`. */
  readonly values: readonly Column[];
  /** Of the state file, and where in it these rows stand; null: they are put together from several places. */
  readonly path: string;
  readonly offset: number | null;
}

export function columnsOfBlock(block: RowBlock, shape: StateShape): RowColumns {
  const {layout, rowCount, ints} = block;
  const keyGroups = new Uint16Array(rowCount);
  for (let row = 0, at = 1; row < rowCount; row += 1, at += layout.rowInts) {
    keyGroups[row] = ints[at]! & GROUP_MASK;
  }
  return {
    rowCount,
    keyGroups,
    key: layout.key.map((cell) => keyColumn(block, cell)),
    values: valueColumns(block, shape),
    path: block.path,
    offset: block.offset,
  };
}

/** As `StateShape.values`. */
export function valueColumns(block: RowBlock, {spec}: StateShape): readonly Column[] {
  return block.layout.slots.map((slot, index) => valueColumn(block, slot, spec.values[index]!));
}

function keyColumn(block: RowBlock, cell: KeyCell): Column {
  const nulls = flagsOf(block, 1, cell.nullMask);
  const {ints, rowCount, layout} = block;
  const {rowInts} = layout;
  switch (cell.layout) {
    case 'uint8': {
      const values = new Uint8Array(rowCount);
      for (let row = 0, at = cell.offset; row < rowCount; row += 1, at += rowInts) {
        values[row] = ints[at]!;
      }
      return {layout: 'uint8', values, nulls};
    }
    case 'int32': {
      const values = new Int32Array(rowCount);
      for (let row = 0, at = cell.offset; row < rowCount; row += 1, at += rowInts) {
        values[row] = ints[at]!;
      }
      return {layout: 'int32', values, nulls};
    }
    case 'float64':
      return {layout: 'float64', values: doubles(block, cell.offset), nulls};
    case 'int64':
      return integers(block, cell.offset, nulls);
    case 'bytes':
      return strings(block, cell.offset, nulls);
  }
}

function valueColumn(block: RowBlock, slot: SlotLayout, spec: ValueSlot): Column {
  const {ints, layout, rowCount} = block;
  const {rowInts} = layout;
  if (slot.kind === 'flag') {
    const values = flagsOf(block, slot.flagInt, slot.setMask) ?? new Uint8Array(rowCount);
    return {layout: 'uint8', values, nulls: null};
  }
  if (slot.kind === 'bytes') {
    const column = slotStrings(block, slot, unset(block, slot));
    return textColumn(column, rowCount);
  }
  // What is not zero has a value, whatever its `set` bit says: nothing that is kept is kept from the reader.
  const nulls = countsFromZero(spec) ? null : unset(block, slot);
  if (nulls !== null) {
    for (let row = 0, at = slot.word * 2; row < rowCount; row += 1, at += rowInts) {
      if (ints[at] !== 0 || ints[at + 1] !== 0) nulls[row] = 0;
    }
  }
  const values = doubles(block, slot.word * 2);
  if (slot.kind === 'float64') return {layout: 'float64', values, nulls};
  return slotIntegers(block, slot, values, nulls);
}

/** 1 where the bit is set; null: nowhere. */
function flagsOf({ints, rowCount, layout}: RowBlock, int: number, mask: number): Uint8Array | null {
  let flags: Uint8Array | null = null;
  for (let row = 0, at = int; row < rowCount; row += 1, at += layout.rowInts) {
    if ((ints[at]! & mask) === 0) continue;
    flags ??= new Uint8Array(rowCount);
    flags[row] = 1;
  }
  return flags;
}

function unset(
  {ints, rowCount, layout}: RowBlock,
  {flagInt, setMask}: SlotLayout,
): Uint8Array | null {
  let flags: Uint8Array | null = null;
  for (let row = 0, at = flagInt; row < rowCount; row += 1, at += layout.rowInts) {
    if ((ints[at]! & setMask) !== 0) continue;
    flags ??= new Uint8Array(rowCount);
    flags[row] = 1;
  }
  return flags;
}

/** The 64 bits at int `offset` of each row, as doubles. */
function doubles({ints, rowCount, layout}: RowBlock, offset: number): Float64Column['values'] {
  const values = new Float64Array(rowCount);
  const halves = new Int32Array(values.buffer);
  for (let target = 0, at = offset; target < rowCount * 2; target += 2, at += layout.rowInts) {
    halves[target] = ints[at]!;
    halves[target + 1] = ints[at + 1]!;
  }
  return values;
}

/** A key's integer: two's complement in 64 bits. */
function integers(block: RowBlock, offset: number, nulls: Uint8Array | null): Int64Column {
  const {ints, rowCount, layout} = block;
  const values = new Float64Array(rowCount);
  let isExact = true;
  for (let row = 0, at = offset; row < rowCount; row += 1, at += layout.rowInts) {
    const value = ints[at + 1]! * 4294967296 + (ints[at]! >>> 0);
    values[row] = value;
    isExact &&= Number.isSafeInteger(value);
  }
  if (isExact) return {layout: 'int64', values, wide: null, nulls};
  const wide = new BigInt64Array(doubles(block, offset).buffer);
  return {layout: 'int64', values, wide, nulls};
}

/** A slot's integer: a double, or 64 bits where its `wide` flag says so. */
function slotIntegers(
  block: RowBlock,
  {word, flagInt, wideMask}: SlotLayout,
  values: Float64Array,
  nulls: Uint8Array | null,
): Int64Column {
  const wideRows = flagsOf(block, flagInt, wideMask);
  for (let row = 0; row < block.rowCount; row += 1) {
    if (wideRows?.[row] === 1 || Number.isSafeInteger(values[row])) continue;
    throw damaged(block.path, block.offset ?? 0, `${values[row]} where a whole number is kept`);
  }
  if (wideRows === null) return {layout: 'int64', values, wide: null, nulls};
  const wide = new BigInt64Array(doubles(block, word * 2).buffer);
  for (let row = 0; row < block.rowCount; row += 1) {
    if (wideRows[row] !== 1) wide[row] = BigInt(values[row]!);
  }
  return {layout: 'int64', values, wide, nulls};
}

function slotStrings(
  {ints, rowCount, layout, arena, addressBytes}: RowBlock,
  {word}: SlotLayout,
  nulls: Uint8Array | null,
): BytesColumn {
  const starts = new Int32Array(rowCount);
  const ends = new Int32Array(rowCount);
  for (let row = 0, at = word * 2; row < rowCount; row += 1, at += layout.rowInts) {
    if (nulls?.[row] === 1) continue;
    const start = ints[at + 1]! * addressBytes;
    starts[row] = start;
    ends[row] = start + ints[at]!;
  }
  return {layout: 'bytes', bytes: arena, starts, ends, nulls};
}

/** A key's strings: in the rows themselves when all of them are short, else copied together. */
function strings(block: RowBlock, offset: number, nulls: Uint8Array | null): BytesColumn {
  const {ints, rowCount, layout, arena, addressBytes} = block;
  const {rowInts} = layout;
  const own = new Uint8Array(ints.buffer, ints.byteOffset, ints.byteLength);
  const starts = new Int32Array(rowCount);
  const ends = new Int32Array(rowCount);
  let longBytes = 0;
  for (let row = 0, at = offset; row < rowCount; row += 1, at += rowInts) {
    const length = ints[at]!;
    starts[row] = (at + 1) * 4;
    ends[row] = starts[row]! + length;
    if (!isInline(length)) longBytes += length;
  }
  if (longBytes === 0) return {layout: 'bytes', bytes: own, starts, ends, nulls};
  const bytes = new Uint8Array(rowCount * 12 + longBytes);
  let used = 0;
  for (let row = 0, at = offset; row < rowCount; row += 1, at += rowInts) {
    const length = ints[at]!;
    const isShort = isInline(length);
    const source = isShort ? own : arena;
    const start = isShort ? (at + 1) * 4 : ints[at + 3]! * addressBytes;
    if (length > 64) bytes.set(source.subarray(start, start + length), used);
    else for (let byte = 0; byte < length; byte += 1) bytes[used + byte] = source[start + byte]!;
    starts[row] = used;
    used += length;
    ends[row] = used;
  }
  return {layout: 'bytes', bytes, starts, ends, nulls};
}
