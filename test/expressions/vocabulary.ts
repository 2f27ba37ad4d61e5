// The words of this room's tests: batches from rows, values of an expression per row.

import {expect} from 'vitest';
import {
  compileExpression,
  compilePredicate,
  parseExpression,
  type TypedExpression,
} from '#src/expressions/expression.js';
import {RecordFailure} from '#src/expressions/record-failure.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import type {DataType} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import {readValue, type Value} from '#src/records/value.js';

export function schemaOf(types: Readonly<Record<string, DataType>>): Schema {
  return {fields: Object.entries(types).map(([name, type]) => ({name, type}))};
}

export function batchOf(schema: Schema, rows: readonly (readonly Value[])[]): RecordBatch {
  const builder = new BatchBuilder(schema);
  for (const row of rows) builder.appendRow(row);
  return builder.build();
}

/** The same columns with only some rows live. */
export function select(batch: RecordBatch, rows: readonly number[]): RecordBatch {
  return {...batch, selection: Int32Array.from(rows), selectedCount: rows.length};
}

export function parsed(text: string, schema: Schema = schemaOf({})): TypedExpression {
  const result = parseExpression(text, schema);
  if (result.kind === 'invalid') throw new Error(`${text}: ${result.message} at ${result.offset}`);
  return result.expression;
}

export function invalid(
  text: string,
  schema: Schema = schemaOf({}),
): {message: string; offset: number; suggestion?: string | undefined} {
  const result = parseExpression(text, schema);
  if (result.kind === 'ok') throw new Error(`${text} is accepted`);
  return result;
}

/** The value for each live row. */
export function valuesOf(text: string, batch: RecordBatch): Value[] {
  const expression = parsed(text, batch.schema);
  const column = compileExpression(expression).evaluate(batch);
  return liveRows(batch).map((row) => readValue(expression.type, column, row));
}

/** The rows that a predicate selects. */
export function rowsWhere(text: string, batch: RecordBatch): number[] {
  const selected = new Int32Array(batch.selectedCount);
  const count = compilePredicate(parsed(text, batch.schema)).select(batch, selected);
  return [...selected.subarray(0, count)];
}

export function liveRows(batch: RecordBatch): number[] {
  return batch.selection === null
    ? Array.from({length: batch.rowCount}, (_, row) => row)
    : [...batch.selection.subarray(0, batch.selectedCount)];
}

const ONE_ROW = {...batchOf(schemaOf({}), []), rowCount: 1, selectedCount: 1};

/** The value of an expression without columns. */
export function value(text: string): Value {
  return valuesOf(text, ONE_ROW)[0]!;
}

/** The failure of an expression without columns. */
export function failureOf(text: string, batch: RecordBatch = ONE_ROW): RecordFailure {
  try {
    valuesOf(text, batch);
  } catch (error) {
    expect(error).toBeInstanceOf(RecordFailure);
    return error as RecordFailure;
  }
  throw new Error(`${text} has a value`);
}
