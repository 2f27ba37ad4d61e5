// What random expressions are made of: a text, its meaning as a naive function of a row (JavaScript values
// and BigInts, no code shared with the room), and its text for DuckDB where that means the same.

import fc from 'fast-check';
import {
  BIGINT,
  BOOLEAN,
  decimal,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
  type DataType,
} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';

/** No value: overflow, division by zero, a failed CAST. */
export class Failed extends Error {}

export type Row = readonly Value[];

export interface Model {
  readonly text: string;
  readonly type: DataType;
  /** Null: DuckDB means something else. */
  readonly duck: string | null;
  evaluate(row: Row): Value;
}

export const COLUMNS: readonly (readonly [string, DataType])[] = [
  ['b', BOOLEAN],
  ['i', INT],
  ['j', INT],
  ['l', BIGINT],
  ['m', BIGINT],
  ['d', DOUBLE],
  ['s', STRING],
  ['t', STRING],
  ['p', decimal(10, 2)],
  ['w', TIMESTAMP],
];

export type Kind = 'boolean' | 'int' | 'bigint' | 'double' | 'string' | 'decimal' | 'timestamp';

export type Of = (kind: Kind) => fc.Arbitrary<Model>;

const ints = fc.oneof(
  fc.constantFrom(0, 1, -1, 2, 7, 2147483647, -2147483648),
  fc.integer({min: -50, max: 50}),
);

const safeBigints = fc.oneof(
  fc.bigInt({min: -1000n, max: 1000n}),
  fc.bigInt({min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n}),
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 53n - 1n),
);

const wideBigints = fc.oneof(
  safeBigints,
  fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)),
);

const doubles = fc.oneof(
  fc.constantFrom(0, 1.5, -2.25, 1e300, -1e-300, 0.1, 3),
  fc.double({noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6}).map((value) => value + 0),
);

const strings = fc.string({
  unit: fc.constantFrom('a', 'b', 'B', ' ', 'é', '😀', '%', '_', "'", '\\', '`', '$'),
  maxLength: 8,
});

const decimals = fc.bigInt({min: -9999999999n, max: 9999999999n});

const timestamps = fc.oneof(
  fc.integer({min: -2_000_000_000, max: 2_000_000_000}).map((seconds) => seconds * 1000),
  fc.integer({min: -1e12, max: 4e12}),
  fc.constantFrom(0, -1, 951782400000, 1709164800000),
);

export interface RowOptions {
  readonly nulls: boolean;
  readonly wide: boolean;
}

export function rowArbitrary({nulls, wide}: RowOptions): fc.Arbitrary<Value[]> {
  const bigints = wide ? wideBigints : safeBigints;
  const cells: fc.Arbitrary<Value>[] = [
    ...[
      fc.boolean(),
      ints,
      ints,
      bigints,
      bigints,
      doubles,
      strings,
      strings,
      decimals,
      timestamps,
    ],
  ];
  return fc.tuple(...cells.map((cell) => (nulls ? fc.option(cell, {freq: 4}) : cell)));
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function column(kind: Kind): fc.Arbitrary<Model> {
  const known = COLUMNS.map(([name, type], index) => ({name, type, index}));
  return fc
    .constantFrom(...known.filter(({type}) => type.kind === kind))
    .map(({name, type, index}) => ({
      text: name,
      duck: name,
      type,
      evaluate: (row) => row[index]!,
    }));
}

function literalModel(text: string, type: DataType, value: Value): Model {
  return {text, duck: text, type, evaluate: () => value};
}

function timeText(millis: number): string {
  return new Date(millis).toISOString().replace('T', ' ').replace('Z', '');
}

export function decimalString(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}

export const LITERALS: Record<Kind, fc.Arbitrary<Model>> = {
  boolean: fc.boolean().map((value) => literalModel(value ? 'TRUE' : 'false', BOOLEAN, value)),
  int: ints.map((value) => literalModel(`(${value})`, INT, value)),
  bigint: fc
    .bigInt({min: 2n ** 32n, max: 2n ** 63n - 1n})
    .map((value) => literalModel(`${value}`, BIGINT, value)),
  double: doubles.map((value) => literalModel(`(${value.toExponential()})`, DOUBLE, value)),
  string: strings.map((value) => literalModel(quoted(value), STRING, value)),
  decimal: fc.bigInt({min: 0n, max: 99999n}).map((value) => {
    const text = decimalString(value, 2);
    return literalModel(text, decimal(text.length - 1, 2), value);
  }),
  timestamp: timestamps.map((value) =>
    literalModel(`TIMESTAMP '${timeText(value)}'`, TIMESTAMP, value),
  ),
};

/** A call that is NULL when an operand is. `form` writes `$0`, `$1` for the operands. */
export function call(
  type: DataType,
  form: string,
  operands: readonly fc.Arbitrary<Model>[],
  evaluate: (...values: never[]) => Value,
  duck: string | null = form,
): fc.Arbitrary<Model> {
  return fc.tuple(...operands).map((models) => callModel(type, form, models, evaluate, duck));
}

export function fill(form: string | null, texts: readonly (string | null)[]): string | null {
  if (form === null || texts.includes(null)) return null;
  return `(${form.replace(/\$(\d)/g, (_, index: string) => texts[Number(index)]!)})`;
}

export function callModel(
  type: DataType,
  form: string,
  models: readonly Model[],
  evaluate: (...values: never[]) => Value,
  duck: string | null,
): Model {
  return {
    type,
    text: fill(
      form,
      models.map((model) => model.text),
    )!,
    duck: fill(
      duck,
      models.map((model) => model.duck),
    ),
    evaluate: (row) => {
      const values = models.map((model) => model.evaluate(row));
      return values.includes(null) ? null : evaluate(...(values as never[]));
    },
  };
}

/** A call that sees its operands unevaluated: logic, CASE. */
export function lazy(
  type: DataType,
  form: string,
  operands: readonly fc.Arbitrary<Model>[],
  evaluate: (...operands: (() => Value)[]) => Value,
  duck: string | null = form,
): fc.Arbitrary<Model> {
  return fc.tuple(...operands).map((models) => ({
    type,
    text: fill(
      form,
      models.map((model) => model.text),
    )!,
    duck: fill(
      duck,
      models.map((model) => model.duck),
    ),
    evaluate: (row) => evaluate(...models.map((model) => () => model.evaluate(row))),
  }));
}

export function scaleOf(type: DataType): number {
  return type.kind === 'decimal' ? type.scale : 0;
}

/** By code points for strings. */
export function order(left: Value, right: Value): number {
  if (typeof left === 'string' && typeof right === 'string') {
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  return left! < right! ? -1 : left! > right! ? 1 : 0;
}
