// Columns: typed arrays of equal length under one schema.
//
//   layout    types               values
//   uint8     boolean             0 or 1
//   int32     int, date           the value; days since the epoch
//   float64   double, timestamp   the value; milliseconds since the epoch (always a whole number)
//   int64     bigint, decimal     `values` when every row fits a double exactly (|v| ≤ 2^53 - 1), which
//                                 is nearly always; otherwise `wide` holds all rows. A kernel runs the
//                                 fast form over `values` and falls back to `wide` for a whole batch.
//   bytes     string, bytes       row i is bytes[starts[i], ends[i]); rows may share and overlap, in
//                                 any order, so that a decoder can point into the block it read.
//                                 A string's bytes are well-formed UTF-8.
//
// `nulls` is null when no row is NULL, else nulls[i] = 1 says that row i is NULL; the value of a NULL
// row is unspecified. Arrays may be longer than the batch: only rows below its rowCount count.
//
// Ownership: a column belongs to whoever made the batch and may be overwritten once the call that
// passed it returns. A receiver that keeps values copies them.

import type {DataType} from './data-type.ts';
import {unreachable} from '../base/assert.ts';

export interface Uint8Column {
  readonly layout: 'uint8';
  readonly values: Uint8Array;
  readonly nulls: Uint8Array | null;
}

export interface Int32Column {
  readonly layout: 'int32';
  readonly values: Int32Array;
  readonly nulls: Uint8Array | null;
}

export interface Float64Column {
  readonly layout: 'float64';
  readonly values: Float64Array;
  readonly nulls: Uint8Array | null;
}

export interface Int64Column {
  readonly layout: 'int64';
  /** Exact when `wide` is null; otherwise unspecified. */
  readonly values: Float64Array;
  /** All rows, when at least one is outside ±(2^53 - 1). */
  readonly wide: BigInt64Array | null;
  readonly nulls: Uint8Array | null;
}

export interface BytesColumn {
  readonly layout: 'bytes';
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly nulls: Uint8Array | null;
}

export type Column = Uint8Column | Int32Column | Float64Column | Int64Column | BytesColumn;
export type ColumnLayout = Column['layout'];

/** The layout in which values of `type` are kept. */
export function columnLayout(type: DataType): ColumnLayout {
  switch (type.kind) {
    case 'boolean':
      return 'uint8';
    case 'int':
    case 'date':
      return 'int32';
    case 'double':
    case 'timestamp':
      return 'float64';
    case 'bigint':
    case 'decimal':
      return 'int64';
    case 'string':
    case 'bytes':
      return 'bytes';
    default:
      return unreachable(type);
  }
}
