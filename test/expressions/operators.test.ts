// Comparison, arithmetic and logic: value tables, NULLs, and what fails instead of giving a wrong number.

import {describe, expect, test} from 'vitest';
import {
  batchOf,
  failureOf,
  invalid,
  parsed,
  rowsWhere,
  schemaOf,
  select,
  value,
  valuesOf,
} from './vocabulary.js';
import {
  BIGINT,
  BOOLEAN,
  dataTypeText,
  decimal,
  DOUBLE,
  INT,
  STRING,
} from '#src/records/data-type.js';

const schema = schemaOf({
  b: BOOLEAN,
  c: BOOLEAN,
  i: INT,
  l: BIGINT,
  d: DOUBLE,
  s: STRING,
  p: decimal(10, 2),
});
const MAX_LONG = 9223372036854775807n;

test("a column is the batch's own column", () => {
  const batch = batchOf(schema, [[true, null, 1, 2n, 1.5, 'x', 150n]]);
  expect(valuesOf('i', batch)).toEqual([1]);
  expect(valuesOf('s', batch)).toEqual(['x']);
});

describe('three-valued logic', () => {
  const three = [true, false, null];
  const batch = batchOf(
    schemaOf({b: BOOLEAN, c: BOOLEAN}),
    three.flatMap((b) => three.map((c) => [b, c])),
  );
  test.each([
    ['b AND c', [true, false, null, false, false, false, null, false, null]],
    ['b OR c', [true, true, true, true, false, null, true, null, null]],
    ['NOT b', [false, false, false, true, true, true, null, null, null]],
    ['b IS NULL', [false, false, false, false, false, false, true, true, true]],
    ['b IS NOT UNKNOWN', [true, true, true, true, true, true, false, false, false]],
    ['b IS TRUE', [true, true, true, false, false, false, false, false, false]],
    ['b IS NOT FALSE', [true, true, true, false, false, false, true, true, true]],
    ['b = c', [true, false, null, false, true, null, null, null, null]],
    ['b IS DISTINCT FROM c', [false, true, true, true, false, true, true, true, false]],
    ['b IS NOT DISTINCT FROM c', [true, false, false, false, true, false, false, false, true]],
    ['b IN (c, FALSE)', [true, false, null, true, true, true, null, null, null]],
    ['b NOT IN (TRUE, NULL)', [false, false, false, null, null, null, null, null, null]],
    ['COALESCE(b, c)', [true, true, true, false, false, false, true, false, null]],
    ['NULLIF(b, c)', [null, true, true, false, null, false, null, null, null]],
    ['IF(b, c, TRUE)', [true, false, null, true, true, true, true, true, true]],
    ['CASE b WHEN c THEN 1 WHEN TRUE THEN 2 END', [1, 2, 2, null, 1, null, null, null, null]],
  ])('%s', (text, expected) => {
    expect(valuesOf(text, batch)).toEqual(expected);
    const rows = expected.flatMap((each, row) => (each === true ? [row] : []));
    if (expected.some((each) => typeof each === 'boolean'))
      expect(rowsWhere(text, batch)).toEqual(rows);
  });
});

test.each([
  ['1 + 2 * 3', 7, 'int'],
  ['7 / 2', 3, 'int'],
  ['-7 / 2', -3, 'int'],
  ['-7 % 3', -1, 'int'],
  ['MOD(9999999999, 7)', 3, 'int'],
  ['2147483647 + 1.0', 21474836480n, 'decimal(12,1)'],
  ['2147483648 * 2', 4294967296n, 'bigint'],
  ['9007199254740991 + 1', 9007199254740992n, 'bigint'],
  ['9223372036854775806 + 1', MAX_LONG, 'bigint'],
  ['-9223372036854775808', -MAX_LONG - 1n, 'bigint'],
  ['1.50 + 2.5', 400n, 'decimal(4,2)'],
  ['1.5 * 2.25', 3375n, 'decimal(6,3)'],
  ['1.0 / 3', 333333333333n, 'decimal(13,12)'],
  ['1e3 / 8', 125, 'double'],
  ['1.5 + 1e0', 2.5, 'double'],
  ['- (3)', -3, 'int'],
  ['+ 3', 3, 'int'],
  ['NULL + 1', null, 'int'],
  ['0.1 + 0.2 = 0.3', true, 'boolean'],
  ['9007199254740993 > 9007199254740992.5', true, 'boolean'],
  ['5 BETWEEN 1 AND 1.5e1', true, 'boolean'],
  ['5 NOT BETWEEN 6 AND NULL', true, 'boolean'],
  ['5 BETWEEN 1 AND NULL', null, 'boolean'],
  ["'b' > 'a' AND 'B' < 'a'", true, 'boolean'],
  ['GREATEST(1, 2.5, -3)', 25n, 'decimal(11,1)'],
  ["LEAST('b', 'a', 'c')", 'a', 'string'],
  ['GREATEST(1, NULL)', null, 'int'],
])('%s = %s', (text, expected, type) => {
  expect(value(text)).toEqual(expected);
  expect(dataTypeText(parsed(text).type)).toBe(type);
});

test.each([
  ['2147483647 + 1', 'int overflow', 11],
  ['(-2147483648) / (-1)', 'int overflow', 14],
  ['-(-2147483648)', 'int overflow', 0],
  ['65536 * 65536', 'int overflow', 6],
  ['9223372036854775807 + 1', 'bigint overflow', 20],
  ['1 / 0', 'division by zero', 2],
  ['1 % 0', 'division by zero', 2],
  ['1.5 / 0', 'division by zero', 4],
  ['1e0 / 0', 'division by zero', 4],
  ['1e308 * 10', 'the double is not finite', 6],
  ['123456789012345678.0 * 10', 'a decimal has at most 18 digits', 0],
])('%s fails', (text, reason, offset) => {
  if (reason.startsWith('a decimal')) {
    expect(invalid(text).message).toContain(reason);
    return;
  }
  expect(failureOf(text)).toMatchObject({reason, offset, row: 0});
});

test('a branch that is not taken raises nothing', () => {
  const batch = batchOf(schemaOf({x: INT}), [[0], [1], [null]]);
  expect(valuesOf('x <> 0 AND 1 / x > 0', batch)).toEqual([false, true, null]);
  expect(valuesOf('x = 0 OR 1 / x > 0', batch)).toEqual([true, true, null]);
  expect(valuesOf('IF(x = 0, -1, 1 / x)', batch)).toEqual([-1, 1, null]);
  expect(valuesOf('COALESCE(x, 1 / 0)', select(batch, [0, 1]))).toEqual([0, 1]);
  expect(failureOf('1 / x', batch)).toMatchObject({row: 0, offset: 2});
});

test('only live rows are computed', () => {
  const batch = batchOf(schemaOf({x: INT}), [[0], [1], [2], [0]]);
  expect(valuesOf('10 / x', select(batch, [1, 2]))).toEqual([10, 5]);
  expect(rowsWhere('10 / x > 5', select(batch, [1, 2]))).toEqual([1]);
});

test('a batch with wide values is computed exactly, and narrow results are narrow again', () => {
  const batch = batchOf(schemaOf({l: BIGINT}), [[MAX_LONG], [1n], [null]]);
  expect(valuesOf('l - 1', batch)).toEqual([MAX_LONG - 1n, 0n, null]);
  expect(valuesOf('l / 9223372036854775807', batch)).toEqual([1n, 0n, null]);
  expect(rowsWhere('l > 9007199254740993', batch)).toEqual([0]);
});
