// Random schemas, rows and batches: every type, NULL, the values where layouts and hashes differ.
import fc from 'fast-check';
import {BatchBuilder} from '#src/records/batch-builder.js';
import * as types from '#src/records/data-type.js';
import type {DataType} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import type {Value} from '#src/records/value.js';
import {anyCodePoint} from '../../any-code-point.ts';

const TYPES: readonly DataType[] = [
  ...[types.BOOLEAN, types.INT, types.BIGINT, types.DOUBLE, types.STRING],
  ...[types.TIMESTAMP, types.DATE, types.decimal(18, 4), types.BYTES],
];

export function anySchema(length: {minLength: number; maxLength: number}): fc.Arbitrary<Schema> {
  return fc
    .array(fc.constantFrom(...TYPES), length)
    .map((list) => ({fields: list.map((type, index) => ({name: `f${index}`, type}))}));
}

/** `nullable` false: never NULL. */
export function valueOf(type: DataType, nullable = true): fc.Arbitrary<Value> {
  const value = definedValueOf(type);
  return nullable ? fc.option(value, {nil: null, freq: 4}) : value;
}

function definedValueOf(type: DataType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean();
    case 'int':
    case 'date':
      return fc.integer();
    case 'double':
      return fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity));
    case 'timestamp':
      return fc.integer({min: -8e15, max: 8e15});
    case 'bigint':
    case 'decimal':
      return fc.oneof(
        fc.bigInt({min: -5n, max: 5n}),
        fc.bigInt({min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n}),
        fc.constantFrom(2n ** 62n, -(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n),
      );
    case 'bytes':
      return fc.uint8Array({maxLength: 20});
    case 'string':
      return fc.oneof(
        fc.string({maxLength: 6, unit: anyCodePoint}),
        fc.constantFrom('', 'eight by', 'twelve bytes', 'thirteen byte', 'ä'.repeat(40), '🌊'),
        fc.string({minLength: 100, maxLength: 400}),
      );
  }
}

export function rowOf(schema: Schema, nullable = true): fc.Arbitrary<Value[]> {
  return fc.tuple(...schema.fields.map(({type}) => valueOf(type, nullable)));
}

/** A batch with or without NULLs, selection and watermarks. */
export function batchOf(schema: Schema, maxRows = 40): fc.Arbitrary<RecordBatch> {
  return fc
    .boolean()
    .chain((nullable) =>
      fc.array(fc.tuple(rowOf(schema, nullable), fc.boolean()), {maxLength: maxRows}),
    )
    .chain((rows) =>
      fc.record({
        rows: fc.constant(rows),
        selected: fc.boolean(),
        watermarks: fc.option(
          fc.array(fc.oneof(fc.constant(-Infinity), fc.integer()), {
            minLength: rows.length,
            maxLength: rows.length,
          }),
          {nil: null},
        ),
      }),
    )
    .map(({rows, selected, watermarks}) => {
      const builder = new BatchBuilder(schema);
      for (const [row] of rows) builder.appendRow(row);
      const batch = builder.build(null, watermarks && Float64Array.from(watermarks));
      if (!selected) return batch;
      const live = rows.flatMap(([, isLive], index) => (isLive ? [index] : []));
      return {...batch, selection: Int32Array.from(live), selectedCount: live.length};
    });
}
