import {
  BATCH_HEADER_BYTES,
  COLUMN_HEADER_BYTES,
  NULLS_FLAG,
  VALUE_BYTES,
  WATERMARKS_FLAG,
  WIDE_FLAG,
} from './batch-encoder.ts';
import {padded, type ByteViews} from './byte-views.ts';
import {describeRow} from './describe-row.ts';
import {assert} from '../base/assert.ts';
import {columnLayout, type Column, type ColumnLayout} from '../records/column.ts';
import type {BatchOrigin, RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';

/** Reads what a `BatchEncoder` of the same schema wrote; the format stands there. */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #layouts: readonly ColumnLayout[];

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#layouts = schema.fields.map(({type}) => columnLayout(type));
  }

  /** A batch whose columns are views on the `size` bytes from `at` on (a multiple of 8): no copy. */
  decode({bytes, ints}: ByteViews, at: number, size: number): RecordBatch {
    const {buffer} = bytes;
    let header = at >> 2;
    const rows = ints[header]!;
    const hasWatermarks = (ints[header + 1]! & WATERMARKS_FLAG) !== 0;
    header += BATCH_HEADER_BYTES >> 2;
    let next = at + BATCH_HEADER_BYTES + this.#layouts.length * COLUMN_HEADER_BYTES;
    const watermarks = hasWatermarks ? new Float64Array(buffer, next, rows) : null;
    if (hasWatermarks) next += rows * 8;
    const columns: Column[] = [];
    for (const layout of this.#layouts) {
      const flags = ints[header]!;
      const stringBytes = ints[header + 1]!;
      header += COLUMN_HEADER_BYTES >> 2;
      const nulls = (flags & NULLS_FLAG) === 0 ? null : new Uint8Array(buffer, next, rows);
      if (nulls !== null) next += padded(rows);
      columns.push(viewColumn(layout, nulls, flags, stringBytes, buffer, next, rows));
      const values = layout === 'bytes' ? (rows + 1) * 4 : rows * VALUE_BYTES[layout];
      next += padded(values) + padded(stringBytes);
    }
    assert(next - at === size, `a batch of ${size} bytes has ${next - at}`);
    return {
      schema: this.#schema,
      rowCount: rows,
      columns,
      selection: null,
      selectedCount: rows,
      watermarks,
      origin: new ChannelOrigin(this.#schema, columns),
    };
  }
}

function viewColumn(
  layout: ColumnLayout,
  nulls: Uint8Array | null,
  flags: number,
  stringBytes: number,
  buffer: ArrayBufferLike,
  at: number,
  rows: number,
): Column {
  switch (layout) {
    case 'uint8':
      return {layout, values: new Uint8Array(buffer, at, rows), nulls};
    case 'int32':
      return {layout, values: new Int32Array(buffer, at, rows), nulls};
    case 'float64':
      return {layout, values: new Float64Array(buffer, at, rows), nulls};
    case 'int64': {
      const wide = (flags & WIDE_FLAG) === 0 ? null : new BigInt64Array(buffer, at, rows);
      return {layout, values: new Float64Array(buffer, at, rows), wide, nulls};
    }
    case 'bytes':
      return {
        layout,
        bytes: new Uint8Array(buffer, at + padded((rows + 1) * 4), stringBytes),
        starts: new Int32Array(buffer, at, rows),
        ends: new Int32Array(buffer, at + 4, rows),
        nulls,
      };
  }
}

/** Where a record was read is not carried: an error names it by its values. */
class ChannelOrigin implements BatchOrigin {
  readonly #schema: Schema;
  readonly #columns: readonly Column[];

  constructor(schema: Schema, columns: readonly Column[]) {
    this.#schema = schema;
    this.#columns = columns;
  }

  describe(row: number): string {
    return describeRow(this.#schema, this.#columns, row);
  }
}
