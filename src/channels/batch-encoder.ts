// A batch as bytes: its live rows only, column after column. Little-endian, every part at a multiple of 8.
//
//   int32    number of rows
//   int32    bit 0: there are watermarks
//   columns  per column: int32 flags (bit 0: some row is NULL, bit 1: wide), int32 bytes of its strings
//   float64  per row, the watermark; only if there are any
//   columns  per column: uint8 per row, 1 for NULL; only if some row is NULL
//                        uint8 | int32 | float64 per row; int64: float64, or the 64 bits when wide
//                        of bytes: int32 offsets, one more than rows, then the bytes themselves
//
// A decoder makes its arrays as views on these bytes. They live in checkpoints as in-flight data.

import {padded, type ByteViews} from './byte-views.ts';
import {columnLayout, type BytesColumn, type Column, type ColumnLayout} from '../records/column.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';

export const WATERMARKS_FLAG = 1;
export const NULLS_FLAG = 1;
export const WIDE_FLAG = 2;
export const BATCH_HEADER_BYTES = 8;
export const COLUMN_HEADER_BYTES = 8;

/** Bytes per row of the values of each layout; of bytes: of the offsets. */
export const VALUE_BYTES: Readonly<Record<ColumnLayout, number>> = {
  ...{uint8: 1, int32: 4, float64: 8, int64: 8, bytes: 4},
};

/** Encodes batches of one schema: `sizeOf` first, then `encode` of the same rows. */
export class BatchEncoder {
  readonly #layouts: readonly ColumnLayout[];
  /** Per column, as the last `sizeOf` found them. */
  readonly #flags: Int32Array;
  readonly #stringBytes: Int32Array;

  constructor(schema: Schema) {
    this.#layouts = schema.fields.map(({type}) => columnLayout(type));
    this.#flags = new Int32Array(this.#layouts.length);
    this.#stringBytes = new Int32Array(this.#layouts.length);
  }

  /** The exact number of bytes that the first `count` rows of `selection` take. */
  sizeOf(batch: RecordBatch, selection: Int32Array | null, count: number): number {
    let size = BATCH_HEADER_BYTES + this.#layouts.length * COLUMN_HEADER_BYTES;
    if (batch.watermarks !== null) size += count * 8;
    for (let index = 0; index < this.#layouts.length; index += 1) {
      const column = batch.columns[index]!;
      const hasNulls = column.nulls !== null && isAnySet(column.nulls, selection, count);
      let flags = hasNulls ? NULLS_FLAG : 0;
      if (hasNulls) size += padded(count);
      size += padded(count * VALUE_BYTES[column.layout]);
      if (column.layout === 'int64' && column.wide !== null) flags |= WIDE_FLAG;
      if (column.layout === 'bytes') {
        const bytes = bytesOf(column, hasNulls, selection, count);
        this.#stringBytes[index] = bytes;
        size += padded((count + 1) * 4) - padded(count * 4) + padded(bytes);
      }
      this.#flags[index] = flags;
    }
    return size;
  }

  /** Writes what `sizeOf` measured last from `at` on, a multiple of 8. */
  encode(
    batch: RecordBatch,
    selection: Int32Array | null,
    count: number,
    target: ByteViews,
    at: number,
  ): void {
    const {ints} = target;
    let header = at >> 2;
    ints[header] = count;
    ints[header + 1] = batch.watermarks === null ? 0 : WATERMARKS_FLAG;
    header += BATCH_HEADER_BYTES >> 2;
    let next = at + BATCH_HEADER_BYTES + this.#layouts.length * COLUMN_HEADER_BYTES;
    if (batch.watermarks !== null) {
      packFloat64(batch.watermarks, selection, count, target.doubles, next >> 3);
      next += count * 8;
    }
    for (let index = 0; index < this.#layouts.length; index += 1) {
      const column = batch.columns[index]!;
      const flags = this.#flags[index]!;
      const stringBytes = column.layout === 'bytes' ? this.#stringBytes[index]! : 0;
      ints[header] = flags;
      ints[header + 1] = stringBytes;
      header += COLUMN_HEADER_BYTES >> 2;
      if ((flags & NULLS_FLAG) !== 0) {
        packUint8(column.nulls!, selection, count, target.bytes, next);
        next += padded(count);
      }
      const hasNulls = (flags & NULLS_FLAG) !== 0;
      next =
        column.layout === 'bytes'
          ? packBytes(column, hasNulls, stringBytes, selection, count, target, next)
          : packValues(column, selection, count, target, next);
    }
  }
}

/** Returns where the next part begins. */
function packValues(
  column: Exclude<Column, BytesColumn>,
  selection: Int32Array | null,
  count: number,
  target: ByteViews,
  at: number,
): number {
  switch (column.layout) {
    case 'uint8':
      packUint8(column.values, selection, count, target.bytes, at);
      return at + padded(count);
    case 'int32':
      packInt32(column.values, selection, count, target.ints, at >> 2);
      return at + padded(count * 4);
    case 'float64':
      packFloat64(column.values, selection, count, target.doubles, at >> 3);
      return at + count * 8;
    case 'int64':
      if (column.wide === null) {
        packFloat64(column.values, selection, count, target.doubles, at >> 3);
      } else packInt64(column.wide, selection, count, target.longs, at >> 3);
      return at + count * 8;
  }
}

function packUint8(
  values: Uint8Array,
  selection: Int32Array | null,
  count: number,
  target: Uint8Array,
  at: number,
): void {
  if (selection === null) target.set(values.subarray(0, count), at);
  else for (let p = 0; p < count; p += 1) target[at + p] = values[selection[p]!]!;
}

function packInt32(
  values: Int32Array,
  selection: Int32Array | null,
  count: number,
  target: Int32Array,
  at: number,
): void {
  if (selection === null) target.set(values.subarray(0, count), at);
  else for (let p = 0; p < count; p += 1) target[at + p] = values[selection[p]!]!;
}

function packFloat64(
  values: Float64Array,
  selection: Int32Array | null,
  count: number,
  target: Float64Array,
  at: number,
): void {
  if (selection === null) target.set(values.subarray(0, count), at);
  else for (let p = 0; p < count; p += 1) target[at + p] = values[selection[p]!]!;
}

function packInt64(
  values: BigInt64Array,
  selection: Int32Array | null,
  count: number,
  target: BigInt64Array,
  at: number,
): void {
  if (selection === null) target.set(values.subarray(0, count), at);
  else for (let p = 0; p < count; p += 1) target[at + p] = values[selection[p]!]!;
}

/** Rows whose bytes follow each other are copied as one run; a NULL has none. */
function packBytes(
  column: BytesColumn,
  hasNulls: boolean,
  stringBytes: number,
  selection: Int32Array | null,
  count: number,
  target: ByteViews,
  at: number,
): number {
  const {bytes, starts, ends} = column;
  const nulls = hasNulls ? column.nulls : null;
  const offsets = at >> 2;
  const first = at + padded((count + 1) * 4);
  const [from, to] = [viewWords(bytes), viewWords(target.bytes)];
  // What a short run writes too much is where the next one goes: not so at the end.
  const lastFrom = bytes.length - SHORT_RUN_BYTES;
  const lastTo = first + stringBytes - SHORT_RUN_BYTES;
  let used = 0;
  let runStart = 0;
  let runEnd = 0;
  let copied = first;
  target.ints[offsets] = 0;
  for (let p = 0; p < count; p += 1) {
    const row = selection === null ? p : selection[p]!;
    if (nulls === null || nulls[row] !== 1) {
      const start = starts[row]!;
      if (start !== runEnd) {
        const length = runEnd - runStart;
        if (length <= SHORT_RUN_BYTES && runStart <= lastFrom && copied <= lastTo) {
          copyWords(from, runStart, length, to, copied);
        } else copyRun(bytes, runStart, runEnd, target.bytes, copied);
        copied += length;
        runStart = start;
      }
      runEnd = ends[row]!;
      used += runEnd - start;
    }
    target.ints[offsets + p + 1] = used;
  }
  copyRun(bytes, runStart, runEnd, target.bytes, copied);
  return first + padded(used);
}

/** A run of at most so many bytes is copied as whole words, which may be more bytes than it has. */
const SHORT_RUN_BYTES = 16;
/** Below it, a loop is faster than a view and a copy by the engine. */
const LOOP_BYTES = 64;

function copyWords(
  source: DataView,
  start: number,
  length: number,
  target: DataView,
  at: number,
): void {
  target.setInt32(at, source.getInt32(start, true), true);
  target.setInt32(at + 4, source.getInt32(start + 4, true), true);
  if (length <= 8) return;
  target.setInt32(at + 8, source.getInt32(start + 8, true), true);
  target.setInt32(at + 12, source.getInt32(start + 12, true), true);
}

function copyRun(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  if (end - start > LOOP_BYTES) target.set(source.subarray(start, end), at);
  else for (let from = start, to = at; from < end; from += 1, to += 1) target[to] = source[from]!;
}

function viewWords({buffer, byteOffset, byteLength}: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function isAnySet(flags: Uint8Array, selection: Int32Array | null, count: number): boolean {
  for (let p = 0; p < count; p += 1) {
    if (flags[selection === null ? p : selection[p]!] === 1) return true;
  }
  return false;
}

function bytesOf(
  {starts, ends, nulls}: BytesColumn,
  hasNulls: boolean,
  selection: Int32Array | null,
  count: number,
): number {
  let bytes = 0;
  for (let p = 0; p < count; p += 1) {
    const row = selection === null ? p : selection[p]!;
    if (!hasNulls || nulls![row] !== 1) bytes += ends[row]! - starts[row]!;
  }
  return bytes;
}
