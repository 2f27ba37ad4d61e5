// The kernels agree with a naive interpreter for random typed expressions over random rows: with and
// without NULLs, with and without selections, with bigints that fit doubles and with wide ones; and with
// DuckDB wherever the two agree by definition. TIDEMARK_PROOF=1 runs more.
//
// Left out of the comparison with DuckDB, because it means something else there:
//   int / int            a double
//   GREATEST, LEAST      leave NULLs out
//   double → int         rounds; double → string has another form
//   SPLIT_INDEX          does not exist; REGEXP_EXTRACT gives '' without a match
//   BETWEEN over mixed exact numbers and doubles: pairwise there, one type for all three here
// A query that DuckDB refuses (it computes branches that are not taken, and overflows elsewhere) is
// skipped and counted.

import {DuckDBInstance} from '@duckdb/node-api';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {expression} from './random-expression.js';
import {COLUMNS, decimalString, Failed, rowArbitrary, type Model} from './random-model.js';
import {batchOf, parsed, select} from './vocabulary.js';
import {compileExpression, compilePredicate} from '#src/expressions/expression.js';
import {RecordFailure} from '#src/expressions/record-failure.js';
import {dataTypeText, type DataType} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import {readValue, type Value} from '#src/records/value.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1' ? 10 : 1;
const schema: Schema = {fields: COLUMNS.map(([name, type]) => ({name, type}))};
const kinds = ['boolean', 'int', 'bigint', 'double', 'string', 'decimal', 'timestamp'] as const;

const models = fc.constantFrom(...kinds).chain((kind) => expression(kind, 3));
const tables = fc
  .record({nulls: fc.boolean(), wide: fc.boolean()})
  .chain((options) => fc.array(rowArbitrary(options), {minLength: 1, maxLength: 12}));

interface Expected {
  readonly good: ReadonlyMap<number, Value>;
  readonly firstBad: number | null;
}

function interpret(model: Model, rows: readonly Value[][]): Expected {
  const good = new Map<number, Value>();
  let firstBad: number | null = null;
  rows.forEach((row, index) => {
    try {
      good.set(index, model.evaluate(row));
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      firstBad ??= index;
    }
  });
  return {good, firstBad};
}

function checkKernel(model: Model, batch: RecordBatch, {good, firstBad}: Expected): void {
  const typed = parsed(model.text, schema);
  expect(dataTypeText(typed.type)).toBe(dataTypeText(model.type));
  const kernel = compileExpression(typed);
  const rows = [...good.keys()];
  const column = kernel.evaluate(select(batch, rows));
  for (const [row, value] of good) expect(readValue(typed.type, column, row)).toEqual(value);
  if (firstBad !== null) {
    expect(() => kernel.evaluate(batch)).toThrow(RecordFailure);
    expect(failureRow(() => kernel.evaluate(batch))).toBe(firstBad);
    return;
  }
  const whole = kernel.evaluate(batch);
  for (const [row, value] of good) expect(readValue(typed.type, whole, row)).toEqual(value);
  if (typed.type.kind !== 'boolean') return;
  const selected = new Int32Array(batch.rowCount);
  const count = compilePredicate(typed).select(batch, selected);
  expect([...selected.subarray(0, count)]).toEqual(rows.filter((row) => good.get(row) === true));
}

function failureRow(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof RecordFailure) return error.row;
  }
  return -1;
}

test('kernels agree with a naive interpreter', () => {
  fc.assert(
    fc.property(models, tables, (model, rows) => {
      checkKernel(model, batchOf(schema, rows), interpret(model, rows));
    }),
    {numRuns: 700 * PROOF},
  );
});

test('an in-place selection is the same', () => {
  fc.assert(
    fc.property(expression('boolean', 2), tables, (model, rows) => {
      const {good} = interpret(model, rows);
      const batch = select(batchOf(schema, rows), [...good.keys()]);
      const count = compilePredicate(parsed(model.text, schema)).select(batch, batch.selection!);
      const expected = [...good].flatMap(([row, value]) => (value === true ? [row] : []));
      expect([...batch.selection!.subarray(0, count)]).toEqual(expected);
    }),
    {numRuns: 200 * PROOF},
  );
});

/** A value as DuckDB's SQL. */
function duckLiteral(type: DataType, value: Value): string {
  if (value === null) return 'NULL';
  switch (type.kind) {
    case 'string':
      return `'${String(value).replaceAll("'", "''")}'`;
    case 'double':
      return `'${String(value)}'::DOUBLE`;
    case 'decimal':
      return `'${decimalString(value as bigint, type.scale)}'::DECIMAL(${type.precision}, ${type.scale})`;
    case 'timestamp':
      return `CAST(make_timestamp(${value as number} * 1000::BIGINT) AS TIMESTAMP)`;
    case 'bigint':
      return `'${value as bigint}'::BIGINT`;
    default:
      return String(value);
  }
}

const DUCK_TYPES: Partial<Record<DataType['kind'], string>> = {int: 'INTEGER', string: 'VARCHAR'};

/** The result in a form that comes back as one of our values. */
function duckResult(type: DataType, text: string): string {
  switch (type.kind) {
    case 'int':
      return `CAST(${text} AS INTEGER)`;
    case 'bigint':
      return `CAST(${text} AS BIGINT)`;
    case 'decimal':
      return `CAST(CAST(${text} AS DECIMAL(38, ${type.scale})) AS VARCHAR)`;
    case 'timestamp':
      return `CAST(epoch_ms(${text}) AS DOUBLE)`;
    default:
      return text;
  }
}

test('kernels agree with DuckDB where both mean the same', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const duck = await instance.connect();
  await duck.run('SET threads = 1');
  const counts = {compared: 0, refused: 0};
  const property = fc.asyncProperty(models, tables, async (model, rows) => {
    const {good} = interpret(model, rows);
    if (model.duck === null || good.size === 0) return;
    const tuples = [...good.keys()].map((row) => {
      const cells = COLUMNS.map(([, type], index) => {
        const sql = DUCK_TYPES[type.kind] ?? dataTypeText(type).toUpperCase();
        return `CAST(${duckLiteral(type, rows[row]![index]!)} AS ${sql})`;
      });
      return `(${row}, ${cells.join(', ')})`;
    });
    const names = COLUMNS.map(([name]) => name).join(', ');
    const text = duckResult(model.type, model.duck);
    let found: Value[][];
    try {
      const reader = await duck.runAndReadAll(
        `SELECT ${text} FROM (VALUES ${tuples.join(', ')}) AS x(n, ${names}) ORDER BY n`,
      );
      found = reader.getRows() as Value[][];
    } catch (error) {
      if (!/Out of Range|Conversion|Overflow|cast|sqrt/i.test(String(error))) throw error;
      counts.refused += 1;
      return;
    }
    counts.compared += 1;
    const expected = [...good.values()].map((value) =>
      model.type.kind === 'decimal' && value !== null
        ? decimalString(value as bigint, model.type.scale)
        : value,
    );
    expect(found.map(([value]) => normal(value!))).toEqual(expected.map(normal));
  });
  await fc.assert(property, {numRuns: 250 * PROOF});
  duck.closeSync();
  instance.closeSync();
  expect(counts.compared).toBeGreaterThan(counts.refused);
  expect(counts.compared).toBeGreaterThan(50);
});

/** -0 and 0 are one number. */
function normal(value: Value): Value {
  return value === 0 ? 0 : value;
}
