import {ADDRESS_BYTES} from './byte-arena.ts';
import {isInline} from './key-bytes.ts';
import type {KeyCell} from './row-layout.ts';
import type {BytesColumn, Column, Float64Column, Int64Column} from '../../records/column.ts';

interface RowSource {
  readonly ints: Int32Array;
  readonly rowInts: number;
  readonly arena: Uint8Array;
}

/** One key column of rows[from, to), copied out of their cells. */
export function readKeyColumn(
  cell: KeyCell,
  source: RowSource,
  rows: Int32Array,
  from: number,
  to: number,
): Column {
  const nulls = readNulls(cell, source, rows, from, to);
  const {ints, rowInts} = source;
  switch (cell.layout) {
    case 'uint8':
    case 'int32': {
      const values =
        cell.layout === 'uint8' ? new Uint8Array(to - from) : new Int32Array(to - from);
      for (let at = from; at < to; at += 1) {
        values[at - from] = ints[rows[at]! * rowInts + cell.offset]!;
      }
      return values instanceof Uint8Array
        ? {layout: 'uint8', values, nulls}
        : {layout: 'int32', values, nulls};
    }
    case 'float64':
      return readDoubles(cell, source, rows, from, to, nulls);
    case 'int64':
      return readIntegers(cell, source, rows, from, to, nulls);
    case 'bytes':
      return readStrings(cell, source, rows, from, to, nulls);
  }
}

function readNulls(
  cell: KeyCell,
  {ints, rowInts}: RowSource,
  rows: Int32Array,
  from: number,
  to: number,
): Uint8Array | null {
  let nulls: Uint8Array | null = null;
  for (let at = from; at < to; at += 1) {
    if ((ints[rows[at]! * rowInts + 1]! & cell.nullMask) === 0) continue;
    nulls ??= new Uint8Array(to - from);
    nulls[at - from] = 1;
  }
  return nulls;
}

function readDoubles(
  cell: KeyCell,
  {ints, rowInts}: RowSource,
  rows: Int32Array,
  from: number,
  to: number,
  nulls: Uint8Array | null,
): Float64Column {
  const values = new Float64Array(to - from);
  const halves = new Int32Array(values.buffer);
  for (let at = from, target = 0; at < to; at += 1, target += 2) {
    const base = rows[at]! * rowInts + cell.offset;
    halves[target] = ints[base]!;
    halves[target + 1] = ints[base + 1]!;
  }
  return {layout: 'float64', values, nulls};
}

function readIntegers(
  cell: KeyCell,
  {ints, rowInts}: RowSource,
  rows: Int32Array,
  from: number,
  to: number,
  nulls: Uint8Array | null,
): Int64Column {
  const values = new Float64Array(to - from);
  let exact = true;
  for (let at = from; at < to; at += 1) {
    const base = rows[at]! * rowInts + cell.offset;
    const value = ints[base + 1]! * 4294967296 + (ints[base]! >>> 0);
    values[at - from] = value;
    exact &&= Number.isSafeInteger(value);
  }
  if (exact) return {layout: 'int64', values, wide: null, nulls};
  const wide = new BigInt64Array(to - from);
  const halves = new Int32Array(wide.buffer);
  for (let at = from, target = 0; at < to; at += 1, target += 2) {
    const base = rows[at]! * rowInts + cell.offset;
    halves[target] = ints[base]!;
    halves[target + 1] = ints[base + 1]!;
  }
  return {layout: 'int64', values, wide, nulls};
}

function readStrings(
  cell: KeyCell,
  {ints, rowInts, arena}: RowSource,
  rows: Int32Array,
  from: number,
  to: number,
  nulls: Uint8Array | null,
): BytesColumn {
  const starts = new Int32Array(to - from);
  const ends = new Int32Array(to - from);
  let total = 0;
  for (let at = from; at < to; at += 1) total += ints[rows[at]! * rowInts + cell.offset]!;
  const bytes = new Uint8Array(total);
  let used = 0;
  for (let at = from; at < to; at += 1) {
    const base = rows[at]! * rowInts + cell.offset;
    const length = ints[base]!;
    starts[at - from] = used;
    if (isInline(length)) {
      for (let byte = 0; byte < length; byte += 1) {
        bytes[used + byte] = ints[base + 1 + (byte >>> 2)]! >>> ((byte & 3) << 3);
      }
    } else {
      const start = ints[base + 3]! * ADDRESS_BYTES;
      bytes.set(arena.subarray(start, start + length), used);
    }
    used += length;
    ends[at - from] = used;
  }
  return {layout: 'bytes', bytes, starts, ends, nulls};
}
