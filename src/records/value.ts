// One value of a column as a JavaScript value: for tests, tables on a terminal and slow paths only.

import type {Column} from './column.ts';
import type {DataType} from './data-type.ts';
import type {RecordBatch} from './record-batch.ts';
import {liveRow} from './record-batch.ts';
import {assert} from '../base/assert.ts';

/**
 * boolean → boolean; int, date (days), double, timestamp (ms) → number; bigint, decimal (unscaled) →
 * bigint; string → string; bytes → Uint8Array (a copy); NULL → null.
 */
export type Value = boolean | number | bigint | string | Uint8Array | null;

const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

export function readValue(type: DataType, column: Column, row: number): Value {
  if (column.nulls?.[row] === 1) return null;
  switch (column.layout) {
    case 'uint8':
      return column.values[row] === 1;
    case 'int32':
    case 'float64':
      return column.values[row]!;
    case 'int64':
      return column.wide === null ? BigInt(column.values[row]!) : column.wide[row]!;
    case 'bytes': {
      const bytes = column.bytes.subarray(column.starts[row], column.ends[row]);
      return type.kind === 'string' ? utf8.decode(bytes) : bytes.slice();
    }
  }
}

/** The live rows as objects, for tests and small outputs. */
export function toRows(batch: RecordBatch): Record<string, Value>[] {
  const rows: Record<string, Value>[] = [];
  for (let position = 0; position < batch.selectedCount; position += 1) {
    const row = liveRow(batch, position);
    const entries = batch.schema.fields.map((field, index): [string, Value] => {
      const column = batch.columns[index];
      assert(column !== undefined, `batch has no column for ${field.name}`);
      return [field.name, readValue(field.type, column, row)];
    });
    rows.push(Object.fromEntries(entries));
  }
  return rows;
}
