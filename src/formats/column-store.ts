// The columns that a decoder writes: arrays kept from call to call, and the side space where text goes
// that is not in the buffer as it reads (escapes, doubled quotes, base64).

import {columnLayout, type Column, type ColumnLayout} from '../records/column.ts';
import type {DataType} from '../records/data-type.ts';

/** One column. Generated code takes the arrays out once per call; unused ones are empty. */
export class ColumnStore {
  readonly type: DataType;
  readonly layout: ColumnLayout;
  values: Uint8Array | Int32Array | Float64Array = new Uint8Array(0);
  starts = new Int32Array(0);
  ends = new Int32Array(0);
  /** All 0 from the row under way on. */
  nulls = new Uint8Array(0);
  #wide: BigInt64Array | null = null;
  #hasWide = false;

  constructor(type: DataType) {
    this.type = type;
    this.layout = columnLayout(type);
  }

  /** Room for `rows` rows, none of them NULL. */
  begin(rows: number): void {
    this.#hasWide = false;
    if (rows > this.nulls.length) this.#allocate(rows);
    else this.nulls.fill(0, 0, rows);
  }

  /** An int64 value: exact digits beyond 2^53 go to the wide form. */
  setBigint(row: number, value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) {
      this.values[row] = number;
      return;
    }
    this.#wide ??= new BigInt64Array(this.nulls.length);
    this.#hasWide = true;
    this.#wide[row] = value;
    // Marks that `wide` has the row.
    this.values[row] = NaN;
  }

  build(rowCount: number, bytes: Uint8Array): Column {
    const nulls = this.nulls.subarray(0, rowCount).includes(1) ? this.nulls : null;
    switch (this.layout) {
      case 'uint8':
        return {layout: 'uint8', values: this.values as Uint8Array, nulls};
      case 'int32':
        return {layout: 'int32', values: this.values as Int32Array, nulls};
      case 'float64':
        return {layout: 'float64', values: this.values as Float64Array, nulls};
      case 'int64': {
        const values = this.values as Float64Array;
        return {layout: 'int64', values, wide: this.#buildWide(values, rowCount), nulls};
      }
      case 'bytes':
        return {layout: 'bytes', bytes, starts: this.starts, ends: this.ends, nulls};
    }
  }

  #allocate(rows: number): void {
    this.nulls = new Uint8Array(rows);
    this.#wide = null;
    switch (this.layout) {
      case 'uint8':
        this.values = new Uint8Array(rows);
        break;
      case 'int32':
        this.values = new Int32Array(rows);
        break;
      case 'float64':
      case 'int64':
        this.values = new Float64Array(rows);
        break;
      case 'bytes':
        this.starts = new Int32Array(rows);
        this.ends = new Int32Array(rows);
        break;
    }
  }

  #buildWide(values: Float64Array, rowCount: number): BigInt64Array | null {
    const wide = this.#wide;
    if (!this.#hasWide || wide === null) return null;
    for (let row = 0; row < rowCount; row += 1) {
      const value = values[row]!;
      if (!Number.isNaN(value)) wide[row] = BigInt(value);
    }
    return wide;
  }
}

/**
 * A copy of the buffer's part that was decoded, at the same offsets, with the rewritten text behind it:
 * made only in a call that rewrites some, so that all string columns can keep one array for all rows.
 */
export class SideSpace {
  bytes = new Uint8Array(0);
  /** Where the next rewritten text goes: never below the end of the buffer's content. */
  used = 0;
  #floor = 0;

  /** `end` of the buffer that is being decoded. */
  begin(end: number): void {
    this.#floor = end;
    this.used = end;
  }

  /** Makes room for `count` bytes at `used`. */
  reserve(count: number): void {
    if (this.used + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.used + count, this.bytes.length * 2, 4096));
    grown.set(this.bytes.subarray(this.#floor, this.used), this.#floor);
    this.bytes = grown;
  }

  /** The array for all string columns of this call. */
  finish(buffer: Uint8Array, start: number, nextOffset: number): Uint8Array {
    if (this.used === this.#floor) return buffer;
    this.bytes.set(buffer.subarray(start, nextOffset), start);
    return this.bytes;
  }
}
