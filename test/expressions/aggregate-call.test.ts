// Aggregate calls: functions, result types, filters, and what is refused.

import {expect, test} from 'vitest';
import {schemaOf} from './vocabulary.js';
import {parseAggregate} from '#src/expressions/aggregate-call.js';
import {expressionChecker} from '#src/expressions/expression-checker.js';
import type {ExpressionChecker} from '#src/job/operator-spec.js';
import {
  BIGINT,
  dataTypeText,
  decimal,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
} from '#src/records/data-type.js';

const schema = schemaOf({i: INT, l: BIGINT, d: DOUBLE, p: decimal(10, 2), s: STRING, t: TIMESTAMP});

test.each([
  ['COUNT(*)', 'COUNT', null, 'bigint'],
  ['count(s)', 'COUNT', 'string', 'bigint'],
  ['SUM(i)', 'SUM', 'int', 'int'],
  ['SUM(l + 1)', 'SUM', 'bigint', 'bigint'],
  ['SUM(p)', 'SUM', 'decimal(10,2)', 'decimal(18,2)'],
  ['SUM(d)', 'SUM', 'double', 'double'],
  ['AVG(i)', 'AVG', 'int', 'double'],
  ['AVG(p)', 'AVG', 'decimal(10,2)', 'double'],
  ['MIN(s)', 'MIN', 'string', 'string'],
  ['Max(t)', 'MAX', 'timestamp', 'timestamp'],
  ['FIRST_VALUE(UPPER(s))', 'FIRST_VALUE', 'string', 'string'],
  ['LAST_VALUE(i > 3)', 'LAST_VALUE', 'boolean', 'boolean'],
])('%s', (text, name, argument, result) => {
  const parsed = parseAggregate(text, schema);
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  expect(parsed.call.function).toBe(name);
  expect(parsed.call.argument === null ? null : dataTypeText(parsed.call.argument.type)).toBe(
    argument,
  );
  expect(parsed.call.filter).toBe(null);
  expect(dataTypeText(parsed.call.resultType)).toBe(result);
});

test('a filter is a boolean expression of its own', () => {
  const parsed = parseAggregate("SUM(i) FILTER (WHERE s LIKE 'A%' AND i > 0)", schema);
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  expect(parsed.call.filter?.columns.toSorted()).toEqual(['i', 's']);
  expect(parsed.call.argument?.columns).toEqual(['i']);
});

test.each([
  ['SUM(s)', 'SUM expects a number, found string', 4],
  ['SUM(*)', 'expected a value', 4],
  ['SUMM(i)', 'expected an aggregate', 0],
  ['i', 'expected an aggregate', 0],
  ['SUM(i) + 1', 'an aggregate stands alone', 7],
  ['SUM(SUM(i))', 'SUM is an aggregate', 4],
  ['COUNT(DISTINCT i)', 'DISTINCT is not supported', 6],
  ['COUNT(*) FILTER (WHERE i)', 'FILTER expects boolean, found int', 23],
  ['COUNT(*) FILTER (i > 0)', 'expected WHERE', 17],
  ['COUNT(i, l)', 'expected )', 7],
  ['MAX(delay)', 'unknown column delay', 4],
])('%s is refused', (text, message, offset) => {
  const found = parseAggregate(text, schema);
  if (found.kind === 'ok') throw new Error('accepted');
  expect(found.message).toContain(message);
  expect(found.offset).toBe(offset);
});

test('the checker is what the job room asks for', () => {
  const checker: ExpressionChecker = expressionChecker;
  expect(checker.check('i + l', schema)).toEqual({kind: 'ok', type: BIGINT});
  expect(checker.checkAggregate('MAX(p)', schema)).toEqual({kind: 'ok', type: decimal(10, 2)});
  expect(checker.check('i +', schema)).toMatchObject({kind: 'invalid', offset: 3});
  expect(checker.checkAggregate('MAX(q)', schema)).toMatchObject({kind: 'invalid', offset: 4});
});
