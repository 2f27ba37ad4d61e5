import {columnLayout, type Column, type ColumnLayout} from '../records/column.ts';
import type {DataType} from '../records/data-type.ts';
import {liveRow, type RecordBatch} from '../records/record-batch.ts';

const MIN_ROWS = 64;

/** The arrays that a kernel writes; kept from batch to batch. */
export class OutputColumn {
  readonly #layout: ColumnLayout;
  #capacity = 0;
  #uint8 = new Uint8Array(0);
  #int32 = new Int32Array(0);
  #float64 = new Float64Array(0);
  #wide: BigInt64Array | null = null;
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);
  #nulls = new Uint8Array(0);

  constructor(type: DataType) {
    this.#layout = columnLayout(type);
  }

  reserve(rows: number): void {
    if (rows <= this.#capacity) return;
    const capacity = Math.max(MIN_ROWS, rows, this.#capacity * 2);
    this.#capacity = capacity;
    this.#wide = null;
    this.#nulls = new Uint8Array(capacity);
    switch (this.#layout) {
      case 'uint8':
        this.#uint8 = new Uint8Array(capacity);
        break;
      case 'int32':
        this.#int32 = new Int32Array(capacity);
        break;
      case 'float64':
      case 'int64':
        this.#float64 = new Float64Array(capacity);
        break;
      case 'bytes':
        this.#starts = new Int32Array(capacity);
        this.#ends = new Int32Array(capacity);
        break;
    }
  }

  /** What the generated loop writes into. */
  target(wide: boolean): object {
    const nulls = this.#nulls;
    if (this.#layout === 'bytes') return {starts: this.#starts, ends: this.#ends, nulls};
    if (this.#layout === 'uint8') return {values: this.#uint8, nulls};
    if (this.#layout === 'int32') return {values: this.#int32, nulls};
    if (!wide || this.#layout === 'float64') return {values: this.#float64, nulls};
    this.#wide ??= new BigInt64Array(this.#capacity);
    return {values: this.#wide, nulls};
  }

  column(
    batch: RecordBatch,
    bytes: Uint8Array,
    written: {readonly wide: boolean; readonly nulls: boolean},
  ): Column {
    const nulls = written.nulls ? this.#nulls : null;
    switch (this.#layout) {
      case 'uint8':
        return {layout: 'uint8', values: this.#uint8, nulls};
      case 'int32':
        return {layout: 'int32', values: this.#int32, nulls};
      case 'float64':
        return {layout: 'float64', values: this.#float64, nulls};
      case 'int64': {
        const wide = written.wide && !this.#narrow(batch, nulls) ? this.#wide : null;
        return {layout: 'int64', values: this.#float64, wide, nulls};
      }
      case 'bytes':
        return {layout: 'bytes', bytes, starts: this.#starts, ends: this.#ends, nulls};
    }
  }

  /** Turns results that were computed as BigInts back into doubles; false when one does not fit. */
  #narrow(batch: RecordBatch, nulls: Uint8Array | null): boolean {
    for (let position = 0; position < batch.selectedCount; position += 1) {
      const row = liveRow(batch, position);
      if (nulls?.[row] === 1) continue;
      const value = Number(this.#wide![row]);
      if (!Number.isSafeInteger(value)) return false;
      this.#float64[row] = value;
    }
    return true;
  }
}
