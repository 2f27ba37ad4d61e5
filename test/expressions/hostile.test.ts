// Text that wants to break out, break down, or be something else: H20, H21, injection into generated code,
// limits; and that errors say where and what instead.

import {describe, expect, test} from 'vitest';
import {batchOf, invalid, parsed, rowsWhere, schemaOf, value, valuesOf} from './vocabulary.js';
import {BIGINT, INT, STRING} from '#src/records/data-type.js';

const schema = schemaOf({
  delay: INT,
  origin: STRING,
  constructor: INT,
  __proto__2: INT,
  'a b`c': INT,
});

describe('nothing but SQL gets through the grammar', () => {
  test.each([
    ["(1).constructor.constructor('return process')()", 3],
    ['delay.constructor', 5],
    ['constructor.constructor', 11],
    ['constructor()', 0],
    ['toString()', 0],
    ['__proto__', 0],
    ['hasOwnProperty(delay)', 0],
    ['delay[0]', 5],
    ['`delay`[`constructor`]', 7],
    ['delay; DROP TABLE x', 5],
    ['delay = 1 OR 1 => 1', 16],
    ['(delay) => delay', 9],
    ['delay, origin', 5],
    ['${delay}', 0],
    ['"delay"', 0],
    ['delay \\ 2', 6],
    ['delay ?? 2', 6],
    ['delay @ 2', 6],
    ['SELECT delay', 7],
    ['delay = (SELECT 1)', 16],
    ['\u202Edelay', 0],
    ["'\uD800'", 0],
    ["'abc", 0],
    ['`abc', 0],
    ['/* abc', 0],
    ['', 0],
    ['  ', 2],
    ['(delay', 6],
    ['delay)', 5],
    ['delay +', 7],
    ['CASE END', 5],
    ['1.2.3', 3],
    ['12abc', 2],
    ['delay == 1', 6],
    ['delay != 1', 6],
    ['EXISTS(delay)', 0],
  ])('%j is refused at %d', (text, offset) => {
    expect(invalid(text, schema).offset).toBe(offset);
  });
});

const NASTY = [
  "'",
  '"',
  '\\',
  '\\"); process.exit(1); ("',
  '\u2028\u2029',
  '${process.exit(1)}',
  '`${1}`',
  '*/ throw 1 /*',
  '\0\r\n\t',
  '</script>',
  '😀é',
];

test.each(NASTY)('the string %j is itself, compared, searched and made', (text) => {
  const literal = `'${text.replaceAll("'", "''")}'`;
  const batch = batchOf(schemaOf({s: STRING}), [[text], ['x'], [null]]);
  expect(value(literal)).toBe(text);
  expect(rowsWhere(`s = ${literal}`, batch)).toEqual([0]);
  expect(rowsWhere(`s IN (${literal}, 'y')`, batch)).toEqual([0]);
  expect(rowsWhere(`POSITION(${literal} IN s) = 1`, batch)).toEqual([0]);
  expect(valuesOf(`COALESCE(s, ${literal}) || ${literal}`, batch)).toEqual([
    text + text,
    `x${text}`,
    text + text,
  ]);
  expect(rowsWhere(`s LIKE ${literal} ESCAPE '~'`, batch)).toEqual([0]);
});

test('a column may be named anything', () => {
  const batch = batchOf(schema, [[1, 'x', 2, 3, 4]]);
  expect(valuesOf('constructor + `constructor` + `a b``c` + __proto__2', batch)).toEqual([11]);
  const odd = schemaOf({'x"];process.exit(1)//': INT, date: BIGINT, select: INT});
  expect(valuesOf('`x"];process.exit(1)//` + date + select', batchOf(odd, [[1, 2n, 3]]))).toEqual([
    6n,
  ]);
});

describe('limits', () => {
  test('16 KiB of text', () => {
    expect(invalid(`'${'a'.repeat(16 * 1024)}'`).message).toContain('at most 16384 characters');
    expect(value(`'${'a'.repeat(16 * 1024 - 2)}'`)).toHaveLength(16 * 1024 - 2);
  });

  test('64 levels', () => {
    const nested = (depth: number): string => `${'('.repeat(depth)}1${')'.repeat(depth)}`;
    expect(value(nested(63))).toBe(1);
    expect(invalid(nested(64)).message).toContain('at most 64 deep');
    expect(invalid('NOT '.repeat(4_000)).message).toContain('at most 64 deep');
    expect(invalid('- '.repeat(5_000)).message).toContain('at most 64 deep');
    expect(invalid('CASE WHEN '.repeat(1_500)).message).toContain('at most 64 deep');
    expect(invalid('UPPER('.repeat(2_000)).message).toContain('at most 64 deep');
  });

  test('2,000 nodes, in one chain too', () => {
    expect(value(Array(1_000).fill('1').join('+'))).toBe(1_000);
    expect(invalid(Array(1_001).fill('1').join('+')).message).toContain('at most 2000');
    expect(value(Array(990).fill('TRUE').join(' AND '))).toBe(true);
    expect(value(Array(990).fill("''").join('||'))).toBe('');
    expect(value(`1 IN (${Array(1_990).fill('2').join(',')})`)).toBe(false);
    const cases = Array(600).fill('WHEN FALSE THEN 1').join(' ');
    expect(value(`CASE ${cases} ELSE 2 END`)).toBe(2);
  });

  test('operands that stand for several are computed once', () => {
    // Doubling at each level would take 2^60 steps.
    let text = 'x';
    for (let i = 0; i < 20; i += 1) text = `NULLIF(CASE ${text} WHEN 5 THEN 5 ELSE 6 END, 7)`;
    expect(valuesOf(text, batchOf(schemaOf({x: INT}), [[5], [6]]))).toEqual([5, 6]);
    let between = 'TRUE';
    for (let i = 0; i < 30; i += 1) between = `(${between} BETWEEN FALSE AND TRUE)`;
    expect(value(between)).toBe(true);
  });
});

test.each([
  ['dely > 15', 'unknown column dely', 0, 'delay'],
  ['delay > 15 AND orgin IS NULL', 'unknown column orgin', 15, 'origin'],
  ['Delay > 15', 'unknown column Delay', 0, 'delay'],
  ['CONSTRUCTR', 'unknown column CONSTRUCTR', 0, 'constructor'],
  ['UPER(origin)', 'unknown function UPER', 0, 'UPPER'],
  ['SUM(delay)', 'SUM is an aggregate', 0, undefined],
  ["delay > '15'", '> cannot compare int with string', 8, 'CAST'],
  ['delay AND TRUE', 'AND expects boolean, found int', 0, 'CAST(… AS BOOLEAN)'],
  ['origin + 1', '+ expects a number, found string', 0, undefined],
  ["CASE WHEN TRUE THEN 1 ELSE 'a' END", 'have no common type', 27, 'CAST'],
  ['NULL', 'NULL alone has no type', 0, 'CAST(NULL AS …)'],
  ['from', 'from is a keyword', 0, '`from`'],
  ['99999999999999999999', 'does not fit 64 bits', 0, '99999999999999999999e0'],
  ['zzzzzz', 'columns: delay, origin', 0, undefined],
])('%s: %s', (text, message, offset, suggestion) => {
  const found = invalid(text, schema);
  expect(found.message).toContain(message);
  expect(found.offset).toBe(offset);
  expect(found.suggestion).toBe(suggestion);
});

test('comments, case and spaces do not count', () => {
  expect(value("/* a */ upper('x') -- rest\n || lower('Y')")).toBe('Xy');
});

test("precedence is Flink's", () => {
  const x = schemaOf({a: INT, b: INT});
  expect(valuesOf('a = b IS NULL', batchOf(x, [[1, null]]))).toEqual([true]);
  expect(valuesOf('NOT a = b', batchOf(x, [[1, 2]]))).toEqual([true]);
  expect(
    valuesOf(
      'a = 1 OR a = 2 AND b = 3',
      batchOf(x, [
        [1, 0],
        [2, 0],
        [2, 3],
      ]),
    ),
  ).toEqual([true, false, true]);
  expect(valuesOf('10 - 2 - 3 * 2', batchOf(x, [[1, 2]]))).toEqual([2]);
  expect(valuesOf('a BETWEEN 0 AND 1 AND b = 2', batchOf(x, [[1, 2]]))).toEqual([true]);
});

test('an expression names the columns that it reads', () => {
  expect(parsed('delay > 15 AND UPPER(origin) = origin', schema).columns.toSorted()).toEqual([
    'delay',
    'origin',
  ]);
});
