// From rows of the table to output batches of bounded size, a column at a time.

import type {Accumulator} from './accumulators.ts';
import {readInt64} from './int64-slot.ts';
import {assert, must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import {BatchBuilder, type ColumnBuilder} from '../../records/batch-builder.ts';
import type {Column} from '../../records/column.ts';
import type {DataType} from '../../records/data-type.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import type {Schema} from '../../records/schema.ts';
import type {KeyedTable, SlotLayout} from '../../state/state-backend.ts';

export const RESULT_ROWS_MAX = 4096;

/** What an output column shows. */
export type ResultColumn =
  | {readonly kind: 'key'; readonly index: number}
  /** The window's start, plus so many ms. */
  | {readonly kind: 'window'; readonly index: number; readonly plusMillis: number}
  | {readonly kind: 'aggregate'; readonly accumulator: Accumulator};

export class GroupResults {
  readonly #table: KeyedTable;
  readonly #columns: readonly ResultColumn[];
  readonly #builder: BatchBuilder;
  readonly #uid: string;
  readonly #emit: (batch: RecordBatch) => void;
  /** Of the batch under construction; null without event time. */
  #watermarks: Float64Array | null = null;

  constructor(options: {
    readonly table: KeyedTable;
    readonly columns: readonly ResultColumn[];
    readonly schema: Schema;
    readonly uid: string;
    readonly emit: (batch: RecordBatch) => void;
  }) {
    this.#table = options.table;
    this.#columns = options.columns;
    this.#builder = new BatchBuilder(options.schema);
    this.#uid = options.uid;
    this.#emit = options.emit;
  }

  /** Results for rows[from, to); `watermark` is what has gone before them, null without event time. */
  append(rows: Int32Array, from: number, to: number, watermark: number | null): void {
    for (let start = from; start < to;) {
      const filled = this.#builder.rowCount;
      const end = Math.min(to, start + RESULT_ROWS_MAX - filled);
      this.#columns.forEach((column, index) => {
        this.#appendColumn(column, must(this.#builder.columns[index], 'column'), rows, start, end);
      });
      for (let at = start; at < end; at += 1) this.#builder.endRow();
      if (watermark !== null) {
        this.#watermarks ??= new Float64Array(RESULT_ROWS_MAX).fill(-Infinity);
        this.#watermarks.fill(watermark, filled, filled + end - start);
      }
      start = end;
      if (this.#builder.rowCount === RESULT_ROWS_MAX) this.flush();
    }
  }

  flush(): void {
    if (this.#builder.rowCount === 0) return;
    this.#emit(this.#builder.build(null, this.#watermarks));
    this.#builder.reset();
  }

  #appendColumn(
    column: ResultColumn,
    builder: ColumnBuilder,
    rows: Int32Array,
    from: number,
    to: number,
  ): void {
    switch (column.kind) {
      case 'key':
        appendColumn(builder, this.#table.readKey(column.index, rows, from, to), to - from);
        return;
      case 'window': {
        const starts = this.#table.readKey(column.index, rows, from, to);
        assert(starts.layout === 'float64', 'a window starts at a timestamp');
        for (let at = 0; at < to - from; at += 1) {
          builder.appendNumber(starts.values[at]! + column.plusMillis);
        }
        return;
      }
      case 'aggregate':
        this.#appendAggregate(column.accumulator, builder, rows, from, to);
    }
  }

  #appendAggregate(
    accumulator: Accumulator,
    builder: ColumnBuilder,
    rows: Int32Array,
    from: number,
    to: number,
  ): void {
    const {call} = accumulator;
    const slot = must(this.#table.shape.slots[accumulator.slot], call.name);
    if (call.function === 'COUNT') this.#appendDoubles(slot, false, builder, rows, from, to);
    else if (call.function === 'AVG') this.#appendAverages(accumulator, builder, rows, from, to);
    else if (slot.kind === 'float64') this.#appendDoubles(slot, true, builder, rows, from, to);
    else if (slot.kind === 'bytes') this.#appendBytes(slot, builder, rows, from, to);
    else this.#appendIntegers(accumulator, slot, builder, rows, from, to);
  }

  #isSet(slot: SlotLayout, row: number): boolean {
    const {ints} = this.#table.memory();
    return (ints[row * this.#table.shape.rowInts + slot.flagInt]! & slot.setMask) !== 0;
  }

  #appendDoubles(
    slot: SlotLayout,
    nullable: boolean,
    builder: ColumnBuilder,
    rows: Int32Array,
    from: number,
    to: number,
  ): void {
    const {floats} = this.#table.memory();
    const {rowWords} = this.#table.shape;
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      if (nullable && !this.#isSet(slot, row)) builder.appendNull();
      else builder.appendNumber(floats[row * rowWords + slot.word]!);
    }
  }

  #appendBytes(
    slot: SlotLayout,
    builder: ColumnBuilder,
    rows: Int32Array,
    from: number,
    to: number,
  ): void {
    const arena = this.#table.arena();
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      const start = this.#table.bytesStart(row, slot);
      if (!this.#isSet(slot, row)) builder.appendNull();
      else builder.appendBytes(arena, start, start + this.#table.bytesLength(row, slot));
    }
  }

  #appendIntegers(
    {call}: Accumulator,
    slot: SlotLayout,
    builder: ColumnBuilder,
    rows: Int32Array,
    from: number,
    to: number,
  ): void {
    const memory = this.#table.memory();
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      if (!this.#isSet(slot, row)) {
        builder.appendNull();
        continue;
      }
      const value = readInt64(memory, this.#table.shape, row, slot);
      if (!fits(value, call.resultType)) throw this.#doesNotFit(call.name, value, call.resultType);
      if (typeof value === 'number') builder.appendNumber(value);
      else builder.appendBigint(value);
    }
  }

  #appendAverages(
    {call, slot, countSlot}: Accumulator,
    builder: ColumnBuilder,
    rows: Int32Array,
    from: number,
    to: number,
  ): void {
    const memory = this.#table.memory();
    const {shape} = this.#table;
    const sum = must(shape.slots[slot], call.name);
    const count = must(shape.slots[countSlot], call.name);
    const {type} = must(call.argument, 'argument of AVG');
    const scale = type.kind === 'decimal' ? 10 ** type.scale : 1;
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      const records = memory.floats[row * shape.rowWords + count.word]!;
      const isInteger = sum.kind === 'int64';
      const total = isInteger
        ? readInt64(memory, shape, row, sum)
        : memory.floats[row * shape.rowWords + sum.word]!;
      if (records === 0) builder.appendNull();
      else builder.appendNumber(Number(total) / records / scale);
    }
  }

  #doesNotFit(name: string, value: number | bigint, type: DataType): EngineError {
    return new EngineError(
      'RECORD_FAILED',
      `step ${this.#uid}: '${name}' of a group is ${value}, which does not fit ${type.kind}`,
      {hint: `Widen the argument: SUM(CAST(… AS BIGINT)).`},
    );
  }
}

/** An int's sum is kept in 64 bits, whatever its result type. */
function fits(value: number | bigint, type: DataType): boolean {
  if (type.kind === 'decimal') {
    const limit = 10n ** BigInt(type.precision);
    return BigInt(value) < limit && BigInt(value) > -limit;
  }
  return type.kind !== 'int' || (value >= -2147483648 && value <= 2147483647);
}

function appendColumn(builder: ColumnBuilder, column: Column, count: number): void {
  for (let row = 0; row < count; row += 1) {
    if (column.nulls?.[row] === 1) builder.appendNull();
    else if (column.layout === 'bytes') {
      builder.appendBytes(column.bytes, column.starts[row]!, column.ends[row]!);
    } else if (column.layout === 'int64' && column.wide !== null) {
      builder.appendBigint(column.wide[row]!);
    } else builder.appendNumber(column.values[row]!);
  }
}
