// Builds a batch value by value: for window results, the generator and tests; decoders write columns
// directly. Capacity grows by doubling; `build` hands out views of the builder's own arrays, which
// stay valid until the next `reset`.

import {columnLayout, type Column} from './column.ts';
import type {DataType} from './data-type.ts';
import type {BatchOrigin, RecordBatch} from './record-batch.ts';
import type {Schema} from './schema.ts';
import type {Value} from './value.ts';
import {AssertionError, must} from '../base/assert.ts';

const utf8 = new TextEncoder();
const MIN_ROWS = 64;

/** One column under construction. Append exactly one value per row, with the method of its layout. */
export interface ColumnBuilder {
  appendNull(): void;
  /** uint8 (0 or 1), int32, float64, and int64 when |value| ≤ 2^53 - 1. */
  appendNumber(value: number): void;
  /** int64 only. */
  appendBigint(value: bigint): void;
  /** bytes only; copies. */
  appendBytes(bytes: Uint8Array, start: number, end: number): void;
  build(): Column;
  reset(): void;
}

export class BatchBuilder {
  readonly schema: Schema;
  readonly columns: readonly ColumnBuilder[];
  #rowCount = 0;

  constructor(schema: Schema) {
    this.schema = schema;
    this.columns = schema.fields.map((field) => newColumnBuilder(field.type));
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Call once after each column got its value for the row. */
  endRow(): void {
    this.#rowCount += 1;
  }

  /** A whole row of JavaScript values (see `Value`), in field order. */
  appendRow(values: readonly Value[]): void {
    values.forEach((value, index) => appendValue(must(this.columns[index], 'column'), value));
    this.endRow();
  }

  build(origin: BatchOrigin | null = null, watermarks: Float64Array | null = null): RecordBatch {
    return {
      schema: this.schema,
      rowCount: this.#rowCount,
      columns: this.columns.map((column) => column.build()),
      selection: null,
      selectedCount: this.#rowCount,
      watermarks,
      origin,
    };
  }

  reset(): void {
    this.#rowCount = 0;
    for (const column of this.columns) column.reset();
  }
}

export function appendValue(column: ColumnBuilder, value: Value): void {
  if (value === null) column.appendNull();
  else if (typeof value === 'boolean') column.appendNumber(value ? 1 : 0);
  else if (typeof value === 'number') column.appendNumber(value);
  else if (typeof value === 'bigint') column.appendBigint(value);
  else {
    const bytes = typeof value === 'string' ? utf8.encode(value) : value;
    column.appendBytes(bytes, 0, bytes.length);
  }
}

export function newColumnBuilder(type: DataType): ColumnBuilder {
  const layout = columnLayout(type);
  switch (layout) {
    case 'uint8':
      return new NumberColumnBuilder((values, nulls) => ({layout, values, nulls}), Uint8Array);
    case 'int32':
      return new NumberColumnBuilder((values, nulls) => ({layout, values, nulls}), Int32Array);
    case 'float64':
      return new NumberColumnBuilder((values, nulls) => ({layout, values, nulls}), Float64Array);
    case 'int64':
      return new Int64ColumnBuilder();
    case 'bytes':
      return new BytesColumnBuilder();
  }
}

/** The NULL flags of a column under construction; absent until the first NULL. */
class NullFlags {
  #flags: Uint8Array | null = null;

  mark(row: number): void {
    if (this.#flags === null || row >= this.#flags.length) {
      const grown = new Uint8Array(Math.max(MIN_ROWS, row * 2));
      if (this.#flags !== null) grown.set(this.#flags);
      this.#flags = grown;
    }
    this.#flags[row] = 1;
  }

  /** Flags for `rowCount` rows. */
  build(rowCount: number): Uint8Array | null {
    if (this.#flags === null || this.#flags.length >= rowCount) return this.#flags;
    const grown = new Uint8Array(rowCount);
    grown.set(this.#flags);
    this.#flags = grown;
    return grown;
  }

  reset(): void {
    this.#flags = null;
  }
}

type NumberArray = Uint8Array | Int32Array | Float64Array;

class NumberColumnBuilder<A extends NumberArray> implements ColumnBuilder {
  readonly #make: (values: A, nulls: Uint8Array | null) => Column;
  readonly #nulls = new NullFlags();
  readonly #array: new (length: number) => A;
  #values: A;
  #count = 0;

  constructor(
    make: (values: A, nulls: Uint8Array | null) => Column,
    array: new (length: number) => A,
  ) {
    this.#make = make;
    this.#array = array;
    this.#values = new array(MIN_ROWS);
  }

  appendNull(): void {
    this.#nulls.mark(this.#count);
    this.appendNumber(0);
  }

  appendNumber(value: number): void {
    if (this.#count === this.#values.length) {
      const grown = new this.#array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count] = value;
    this.#count += 1;
  }

  appendBigint(): void {
    throw new AssertionError('a bigint value in a number column');
  }

  appendBytes(): void {
    throw new AssertionError('bytes in a number column');
  }

  build(): Column {
    return this.#make(this.#values, this.#nulls.build(this.#count));
  }

  reset(): void {
    this.#count = 0;
    this.#nulls.reset();
  }
}

class Int64ColumnBuilder implements ColumnBuilder {
  readonly #nulls = new NullFlags();
  #values = new Float64Array(MIN_ROWS);
  #wide: BigInt64Array | null = null;
  #count = 0;

  appendNull(): void {
    this.#nulls.mark(this.#count);
    this.appendNumber(0);
  }

  appendNumber(value: number): void {
    if (this.#count === this.#values.length) this.#grow();
    this.#values[this.#count] = value;
    if (this.#wide !== null) this.#wide[this.#count] = BigInt(value);
    this.#count += 1;
  }

  appendBigint(value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) {
      this.appendNumber(number);
      return;
    }
    if (this.#count === this.#values.length) this.#grow();
    this.#wide ??= this.#widen();
    this.#wide[this.#count] = value;
    this.#count += 1;
  }

  appendBytes(): void {
    throw new AssertionError('bytes in an int64 column');
  }

  build(): Column {
    const nulls = this.#nulls.build(this.#count);
    return {layout: 'int64', values: this.#values, wide: this.#wide, nulls};
  }

  reset(): void {
    this.#count = 0;
    this.#wide = null;
    this.#nulls.reset();
  }

  #grow(): void {
    const values = new Float64Array(this.#count * 2);
    values.set(this.#values);
    this.#values = values;
    if (this.#wide !== null) {
      const wide = new BigInt64Array(this.#count * 2);
      wide.set(this.#wide);
      this.#wide = wide;
    }
  }

  #widen(): BigInt64Array {
    const wide = new BigInt64Array(this.#values.length);
    for (let row = 0; row < this.#count; row += 1) wide[row] = BigInt(this.#values[row]!);
    return wide;
  }
}

class BytesColumnBuilder implements ColumnBuilder {
  readonly #nulls = new NullFlags();
  #bytes = new Uint8Array(1024);
  #starts = new Int32Array(MIN_ROWS);
  #ends = new Int32Array(MIN_ROWS);
  #used = 0;
  #count = 0;

  appendNull(): void {
    this.#nulls.mark(this.#count);
    this.#append(0);
  }

  appendNumber(): void {
    throw new AssertionError('a number in a bytes column');
  }

  appendBigint(): void {
    throw new AssertionError('a bigint in a bytes column');
  }

  appendBytes(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#used + length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + length));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    this.#bytes.set(
      start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
      this.#used,
    );
    this.#append(length);
  }

  build(): Column {
    return {
      layout: 'bytes',
      bytes: this.#bytes,
      starts: this.#starts,
      ends: this.#ends,
      nulls: this.#nulls.build(this.#count),
    };
  }

  reset(): void {
    this.#count = 0;
    this.#used = 0;
    this.#nulls.reset();
  }

  #append(length: number): void {
    if (this.#count === this.#starts.length) {
      const starts = new Int32Array(this.#count * 2);
      const ends = new Int32Array(this.#count * 2);
      starts.set(this.#starts);
      ends.set(this.#ends);
      this.#starts = starts;
      this.#ends = ends;
    }
    this.#starts[this.#count] = this.#used;
    this.#used += length;
    this.#ends[this.#count] = this.#used;
    this.#count += 1;
  }
}
