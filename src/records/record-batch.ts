import type {Column} from './column.ts';
import type {Schema} from './schema.ts';

/** Where the rows of a batch come from, so that an error can name the record. */
export interface BatchOrigin {
  /** `flights: data/a.ndjson, line 12, byte 803`; `row` is an index into the batch's columns. */
  describe(row: number): string;
}

/**
 * Equal-length columns under one schema: the unit of work. Valid until the call that passed it
 * returns; see `column.ts` for ownership.
 */
export interface RecordBatch {
  readonly schema: Schema;
  /** Rows in the columns, live or not. */
  readonly rowCount: number;
  /** One per field of the schema. */
  readonly columns: readonly Column[];
  /** Ascending indexes of the live rows; null when all are live. May be longer than `selectedCount`. */
  readonly selection: Int32Array | null;
  /** Number of live rows; equals `rowCount` when `selection` is null. */
  readonly selectedCount: number;
  /**
   * Per row, the watermark made by the records before it (ms since the epoch, -Infinity before the
   * first); never falls within a batch. Null when the input has no event time.
   */
  readonly watermarks: Float64Array | null;
  /** Null when the rows were made by an operator. */
  readonly origin: BatchOrigin | null;
}

/** The row index of the `position`-th live row. */
export function liveRow(batch: RecordBatch, position: number): number {
  return batch.selection === null ? position : batch.selection[position]!;
}
