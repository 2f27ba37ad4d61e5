// The tables agree: what the checker lets through can be emitted in every variant, and FUNCTIONS.md names
// every operator and function.

import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {batchOf, parsed, rowsWhere, schemaOf, select, valuesOf} from './vocabulary.js';
import {CONVERSIONS} from '#src/expressions/conversions.js';
import {compileExpression, compilePredicate} from '#src/expressions/expression.js';
import {RULES} from '#src/expressions/function-rules.js';
import {RecordFailure} from '#src/expressions/record-failure.js';
import {BIGINT, decimal, type DataType} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';

const SAMPLES: Record<DataType['kind'], readonly Value[]> = {
  boolean: [true, false, null],
  int: [0, -5, 2147483647, null],
  bigint: [0n, -5n, 9007199254740993n, null],
  double: [0, -5.5, 1e18, null],
  decimal: [0n, -150n, 999999999999999999n, null],
  string: ['1', 'true', '2020-01-01', 'é', null],
  timestamp: [0, -1, 1709164800000, null],
  date: [0, -1, 19782, null],
  bytes: [new Uint8Array([0x31]), new Uint8Array([0xff]), null],
};

function typeOf(kind: DataType['kind']): DataType {
  return kind === 'decimal' ? decimal(18, 2) : {kind};
}

const pairs = (Object.keys(CONVERSIONS) as DataType['kind'][]).flatMap((from) =>
  CONVERSIONS[from].map((to): [DataType['kind'], DataType['kind']] => [from, to]),
);

test.each(pairs)('CAST from %s to %s gives what TRY_CAST gives, or fails', (from, to) => {
  const type = to === 'decimal' ? 'DECIMAL(10, 1)' : to.toUpperCase();
  const schema = schemaOf({x: typeOf(from), l: BIGINT});
  // A wide bigint beside it runs the wide variant.
  for (const wide of [1n, 2n ** 60n]) {
    for (const sample of SAMPLES[from]) {
      const batch = batchOf(schema, [[sample, wide]]);
      const lenient = valuesOf(`IF(l > 0, TRY_CAST(x AS ${type}), NULL)`, batch);
      try {
        expect(valuesOf(`IF(l > 0, CAST(x AS ${type}), NULL)`, batch)).toEqual(lenient);
      } catch (error) {
        expect(error).toBeInstanceOf(RecordFailure);
        expect(lenient).toEqual([null]);
      }
    }
  }
});

test('FUNCTIONS.md names every operator and function', () => {
  const page = readFileSync(new URL('../../src/expressions/FUNCTIONS.md', import.meta.url), 'utf8');
  const names = [...RULES.calls.keys(), ...RULES.aggregates, 'CAST', 'TRY_CAST'];
  const words = names.flatMap((name) =>
    name.replace('UNARY ', '').replace('||', '\\|\\|').split(' '),
  );
  expect(words.filter((word) => !page.includes(word))).toEqual([]);
});

test('decimal results are the rounded exact ones, whatever the size', () => {
  const digits = fc.bigInt({min: -(10n ** 9n) + 1n, max: 10n ** 9n - 1n});
  const large = fc.bigInt({min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n});
  const schema = schemaOf({a: decimal(9, 3), b: decimal(9, 5), c: decimal(18, 4)});
  const exact = (text: string, row: Value[], numerator: bigint, divisor: bigint): void => {
    const {type} = parsed(text, schema);
    const limit = 10n ** BigInt(type.kind === 'decimal' ? type.precision : 0);
    const negative = numerator < 0n !== divisor < 0n;
    const [top, bottom] = [
      numerator < 0n ? -numerator : numerator,
      divisor < 0n ? -divisor : divisor,
    ];
    const rounded = (top * 2n + bottom) / (bottom * 2n);
    const batch = batchOf(schema, [row]);
    if (rounded >= limit) expect(() => valuesOf(text, batch)).toThrow(RecordFailure);
    else expect(valuesOf(text, batch)).toEqual([negative ? -rounded : rounded]);
  };
  const scaleOf = (text: string): bigint => {
    const {type} = parsed(text, schema);
    return 10n ** BigInt(type.kind === 'decimal' ? type.scale : 0);
  };
  fc.assert(
    fc.property(digits, digits, large, (a, b, c) => {
      const row = [a, b, c];
      exact('a * b', row, a * b * scaleOf('a * b'), 10n ** 8n);
      exact('c * a', row, c * a * scaleOf('c * a'), 10n ** 7n);
      exact('c + b', row, (c * 10n + b) * scaleOf('c + b'), 10n ** 5n);
      if (b !== 0n) exact('a / b', row, a * 100n * scaleOf('a / b'), b);
      if (b !== 0n) exact('c / b', row, c * 10n * scaleOf('c / b'), b);
      exact('ROUND(c, 1)', row, c, 1000n);
      exact('CAST(c AS DECIMAL(15, 2))', row, c, 100n);
    }),
    {numRuns: 150},
  );
});

test('a loop that gives up late does not spoil the selection that it is given', () => {
  const rows = [3n, 1n, 2n ** 53n - 1n, 5n, 1n].map((value) => [value]);
  const batch = select(batchOf(schemaOf({l: BIGINT}), rows), [0, 1, 2, 3, 4]);
  const predicate = compilePredicate(parsed('l + 1 > 2', batch.schema));
  const count = predicate.select(batch, batch.selection!);
  expect([...batch.selection!.subarray(0, count)]).toEqual([0, 2, 3]);
  expect(rowsWhere('l * 4 > 12', select(batch, [0, 2, 3]))).toEqual([2, 3]);
});

test('a kernel is used batch after batch, of any size and kind', () => {
  const schema = schemaOf({l: BIGINT});
  const kernel = compileExpression(parsed('l + 1', schema));
  const sizes = [1, 200, 3, 5_000, 10];
  sizes.forEach((size, index) => {
    const wide = index % 2 === 1;
    const rows = Array.from({length: size}, (_, row): Value[] => [
      index === 2 && row === 1 ? null : wide ? 2n ** 60n + BigInt(row) : BigInt(row),
    ]);
    const column = kernel.evaluate(batchOf(schema, rows));
    if (column.layout !== 'int64') throw new Error(column.layout);
    expect(column.wide !== null).toBe(wide);
    expect(column.nulls !== null).toBe(index === 2);
    const last = wide ? column.wide![size - 1] : BigInt(column.values[size - 1]!);
    expect(last).toBe((wide ? 2n ** 60n : 0n) + BigInt(size));
  });
});
