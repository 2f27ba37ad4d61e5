// A key as bytes that sort as the key does, column by column: whoever compares two keys byte by byte gets the order
// NULL first, then by value. Each column is one byte, 0 for NULL, else 1 and the value:
//
//   boolean                    1 byte, 0 or 1
//   int, date                  4 bytes, big-endian, the sign bit inverted
//   bigint, decimal, timestamp 8 bytes, big-endian, the sign bit inverted (decimal unscaled, timestamp in ms)
//   double                     8 bytes, big-endian IEEE; of a negative number all bits are inverted, else the sign
//                              bit; -0 is 0, every NaN is 7ff8000000000000
//   string, bytes              its bytes, each 00 written as 00 FF, then 00 00

import type {BatchBuilder, ColumnBuilder} from '../../records/batch-builder.ts';
import type {Column} from '../../records/column.ts';
import type {DataType} from '../../records/data-type.ts';
import type {Field} from '../../records/schema.ts';
import type {ByteSink} from './byte-sink.ts';

const SIGN_64 = 1n << 63n;
const ALL_64 = (1n << 64n) - 1n;
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

const scratch = new DataView(new ArrayBuffer(8));

/** Appends the key in row `row` of `columns`. */
export function encodeKey(
  fields: readonly Field[],
  columns: readonly Column[],
  row: number,
  sink: ByteSink,
): void {
  encodeColumns(fields, columns, row, sink, sortable);
}

/** As `encodeKey`, for what is no key: -0 is not 0. `decodeKey` reads it. */
export function encodeExact(
  fields: readonly Field[],
  columns: readonly Column[],
  row: number,
  sink: ByteSink,
): void {
  encodeColumns(fields, columns, row, sink, sortableBits);
}

function encodeColumns(
  fields: readonly Field[],
  columns: readonly Column[],
  row: number,
  sink: ByteSink,
  ofDouble: (value: number) => bigint,
): void {
  for (const [index, {type}] of fields.entries()) {
    const column = columns[index]!;
    if (column.nulls?.[row] === 1) {
      sink.byte(0);
      continue;
    }
    sink.byte(1);
    encodeValue(type, column, row, sink, ofDouble);
  }
}

function encodeValue(
  type: DataType,
  column: Column,
  row: number,
  sink: ByteSink,
  ofDouble: (value: number) => bigint,
): void {
  switch (column.layout) {
    case 'uint8':
      sink.byte(column.values[row]!);
      return;
    case 'int32':
      sink.uint32BigEndian((column.values[row]! ^ 0x8000_0000) >>> 0);
      return;
    case 'float64': {
      const value = column.values[row]!;
      sink.uint64BigEndian(
        type.kind === 'timestamp' ? sortableInt(BigInt(value)) : ofDouble(value),
      );
      return;
    }
    case 'int64':
      sink.uint64BigEndian(sortableInt(column.wide?.[row] ?? BigInt(column.values[row]!)));
      return;
    case 'bytes':
      encodeBytes(column.bytes, column.starts[row]!, column.ends[row]!, sink);
  }
}

function encodeBytes(bytes: Uint8Array, start: number, end: number, sink: ByteSink): void {
  let from = start;
  for (;;) {
    const zero = bytes.subarray(from, end).indexOf(0);
    if (zero < 0) break;
    sink.bytes(bytes, from, from + zero + 1);
    sink.byte(0xff);
    from += zero + 1;
  }
  sink.bytes(bytes, from, end);
  sink.byte(0);
  sink.byte(0);
}

function sortableInt(value: bigint): bigint {
  return BigInt.asUintN(64, value) ^ SIGN_64;
}

function sortable(value: number): bigint {
  return sortableBits(value === 0 ? 0 : value);
}

function sortableBits(value: number): bigint {
  scratch.setFloat64(0, Number.isNaN(value) ? NaN : value);
  const bits = scratch.getBigUint64(0);
  return (bits & SIGN_64) === 0n ? bits ^ SIGN_64 : bits ^ ALL_64;
}

/** Appends the key to `row`; false: the bytes are no key of these types. */
export function decodeKey(
  fields: readonly Field[],
  key: Uint8Array,
  row: BatchBuilder,
  unescaped: ByteSink,
): boolean {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  let at = 0;
  for (const [index, {type}] of fields.entries()) {
    const column = row.columns[index]!;
    const mark = key[at];
    at += 1;
    if (mark === 0) {
      column.appendNull();
      continue;
    }
    if (mark !== 1) return false;
    const next = decodeValue(type, view, key, at, column, unescaped);
    if (next === null) return false;
    at = next;
  }
  if (at !== key.length) return false;
  row.endRow();
  return true;
}

/** Where the next column begins; null: it does not fit. */
function decodeValue(
  type: DataType,
  view: DataView,
  key: Uint8Array,
  at: number,
  column: ColumnBuilder,
  unescaped: ByteSink,
): number | null {
  const left = key.length - at;
  switch (type.kind) {
    case 'boolean': {
      const value = key[at];
      if (value !== 0 && value !== 1) return null;
      column.appendNumber(value);
      return at + 1;
    }
    case 'int':
    case 'date':
      if (left < 4) return null;
      column.appendNumber(view.getInt32(at) ^ 0x8000_0000);
      return at + 4;
    case 'bigint':
    case 'decimal':
    case 'timestamp':
    case 'double':
      if (left < 8) return null;
      return decodeNumber(type, view.getBigUint64(at), column) ? at + 8 : null;
    case 'string':
    case 'bytes':
      return decodeBytes(key, at, column, unescaped);
  }
}

function decodeNumber(type: DataType, stored: bigint, column: ColumnBuilder): boolean {
  if (type.kind === 'double') {
    scratch.setBigUint64(0, (stored & SIGN_64) === 0n ? stored ^ ALL_64 : stored ^ SIGN_64);
    column.appendNumber(scratch.getFloat64(0));
    return true;
  }
  const value = BigInt.asIntN(64, stored ^ SIGN_64);
  const safe = value <= SAFE_MAX && value >= -SAFE_MAX;
  if (safe) column.appendNumber(Number(value));
  else if (type.kind === 'timestamp') return false;
  else column.appendBigint(value);
  return true;
}

function decodeBytes(
  key: Uint8Array,
  start: number,
  column: ColumnBuilder,
  unescaped: ByteSink,
): number | null {
  let end = start;
  while (end < key.length && key[end] !== 0) end += 1;
  if (key[end + 1] === 0) {
    // As nearly all of them: no zero in it.
    column.appendBytes(key, start, end);
    return end + 2;
  }
  unescaped.clear();
  let from = start;
  for (;;) {
    const zero = key.indexOf(0, from);
    if (zero < 0 || zero + 1 >= key.length) return null;
    unescaped.bytes(key, from, zero);
    const after = key[zero + 1];
    if (after === 0) {
      column.appendBytes(unescaped.written, 0, unescaped.length);
      return zero + 2;
    }
    if (after !== 0xff) return null;
    unescaped.byte(0);
    from = zero + 2;
  }
}
