// String functions: values, NULLs, characters of several bytes, limits, patterns.

import {expect, test} from 'vitest';
import {batchOf, failureOf, invalid, schemaOf, value, valuesOf} from './vocabulary.js';
import {INT, STRING} from '#src/records/data-type.js';

test.each([
  ["'a' || 'b' || 'ü'", 'abü'],
  ["'a' || NULL", null],
  ["CONCAT('a', 'b')", 'ab'],
  ["CONCAT('a', NULL)", null],
  ["CONCAT_WS('-', 'a', NULL, 'b')", 'a-b'],
  ["CONCAT_WS('-', NULL, NULL)", ''],
  ["CONCAT_WS(NULL, 'a')", null],
  ["UPPER('abz{é')", 'ABZ{É'],
  ["UPPER('straße')", 'STRASSE'],
  ["LOWER('ABZ[É')", 'abz[é'],
  ['UPPER(NULL)', null],
  ["TRIM('  a b ')", 'a b'],
  ["TRIM(BOTH FROM ' a ')", 'a'],
  ["TRIM('xy' FROM 'xyaxyx')", 'a'],
  ["TRIM(LEADING 'é' FROM 'éaé')", 'aé'],
  ["TRIM(TRAILING 'é' FROM 'éaé')", 'éa'],
  ["TRIM(TRAILING FROM ' a ')", ' a'],
  ["TRIM('' FROM ' a ')", ' a '],
  ["TRIM(NULL FROM 'a')", null],
  ["LTRIM(' a ') || RTRIM(' a ')", 'a  a'],
  ["SUBSTRING('häuser' FROM 2 FOR 3)", 'äus'],
  ["SUBSTRING('häuser', 3)", 'user'],
  ["SUBSTRING('abc', 0, 2)", 'ab'],
  ["SUBSTRING('abc', -2, 1)", 'b'],
  ["SUBSTRING('abc', -4)", ''],
  ["SUBSTRING('abc', 4)", ''],
  ["SUBSTRING('abc', 1, -1)", null],
  ["SUBSTRING('abc', NULL)", null],
  ["CHAR_LENGTH('a😀é')", 3],
  ["CHARACTER_LENGTH('')", 0],
  ["POSITION('b' IN 'äbb')", 2],
  ["POSITION('' IN 'abc')", 1],
  ["POSITION('x' IN 'abc')", 0],
  ["POSITION(NULL IN 'abc')", null],
  ["REPLACE('aXbX', 'X', '--')", 'a--b--'],
  ["REPLACE('aaa', 'aa', 'b')", 'ba'],
  ["REPLACE('abc', '', 'x')", 'abc'],
  ["REPLACE('abc', 'b', NULL)", null],
  ["SPLIT_INDEX('a,b,,c', ',', 1)", 'b'],
  ["SPLIT_INDEX('a,b,,c', ',', 2)", ''],
  ["SPLIT_INDEX('a,b,,c', ',', 4)", null],
  ["SPLIT_INDEX('a--b', '--', 1)", 'b'],
  ["SPLIT_INDEX('a', ',', -1)", null],
  ["SPLIT_INDEX('', ',', 0)", null],
  ["LPAD('hi', 4, '?')", '??hi'],
  ["LPAD('hi', 1, '?')", 'h'],
  ["LPAD('hi', 7, 'äö')", 'äöäöähi'],
  ["LPAD('hi', -1, '?')", null],
  ["LPAD('hi', 4, '')", null],
  ["RPAD('hi', 5, 'ab')", 'hiaba'],
  ["RPAD('hi', 0, 'ab')", ''],
  ["MD5('abc')", '900150983cd24fb0d6963f7d28e17f72'],
  ["SHA256('abc')", 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['MD5(NULL)', null],
])('%s = %j', (text, expected) => {
  expect(value(text)).toEqual(expected);
});

test.each([
  ["'abc' LIKE 'abc'", true],
  ["'abc' LIKE 'ab%'", true],
  ["'abc' LIKE '%bc'", true],
  ["'bc' LIKE '%abc'", false],
  ["'abc' LIKE '%b%'", true],
  ["'abc' LIKE 'a%c'", true],
  ["'a' LIKE 'a%a'", false],
  ["'äb' LIKE '_b'", true],
  ["'😀' LIKE '_'", true],
  ["'😀' LIKE '__'", false],
  ["'abcabd' LIKE '%ab_'", true],
  ["'axbxcx' LIKE '%_b%c_'", true],
  ["'' LIKE '%'", true],
  ["'' LIKE '_'", false],
  ["'a\nb' LIKE 'a_b'", true],
  ["'a%' LIKE 'a!%' ESCAPE '!'", true],
  ["'ab' LIKE 'a!%' ESCAPE '!'", false],
  ["'a\\' LIKE 'a\\'", true],
  ["'abc' NOT LIKE 'x%'", true],
  ["'abc' LIKE NULL", null],
  ["NULL LIKE 'a'", null],
  ["'a%' LIKE 'a' || '!%' ESCAPE '!'", true],
  ["'abc' SIMILAR TO 'a(b|c)*'", true],
  ["'abd' SIMILAR TO 'a(b|c)*'", false],
  ["'a.c' SIMILAR TO 'a.c'", true],
  ["'abc' SIMILAR TO 'a.c'", false],
  ["'abc' SIMILAR TO '[[:ALPHA:]]+'", true],
  ["'ab1' SIMILAR TO '[[:ALPHA:]]+'", false],
  ["'ab1' SIMILAR TO '[^x-z]{3}'", true],
  ["'a%c' SIMILAR TO 'a!%c' ESCAPE '!'", true],
  ["'a\nc' SIMILAR TO 'a_c'", true],
  ["'abc' SIMILAR TO 'ab'", false],
  ["REGEXP('xaby', 'a.y?')", true],
  ["REGEXP('häuser', '^h.u')", true],
  ["REGEXP('abc', 'x' || 'y')", false],
  ["REGEXP(NULL, 'x')", null],
  ["REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", 'bar'],
  ["REGEXP_EXTRACT('häuser', 'ä(.)', 1)", 'u'],
  ["REGEXP_EXTRACT('abc', 'b')", 'b'],
  ["REGEXP_EXTRACT('abc', 'x')", null],
  ["REGEXP_EXTRACT('b', '(a)|(b)', 1)", null],
  ["REGEXP_EXTRACT('abc', 'x' || 'y?', 4)", null],
])('%s is %j', (text, expected) => {
  expect(value(text)).toEqual(expected);
});

test.each([
  ["'a' LIKE 'a!b' ESCAPE '!'", 'escapes b', 9],
  ["'a' LIKE 'a!' ESCAPE '!'", 'ends with its escape', 9],
  ["'a' LIKE 'a' ESCAPE '!!'", 'one character', 20],
  ["'a' SIMILAR TO 'a('", 'is not a pattern', 15],
  ["REGEXP('a', '(?=b)')", 'is not a pattern', 12],
  ["REGEXP_EXTRACT('a', 'b', 1)", 'has 0 groups', 25],
  ['UPPER(1)', 'UPPER expects string, found int', 6],
  ["UPPER('a', 'b')", 'UPPER takes 1 argument, found 2', 0],
  ["LPAD('a', 9999999999, ' ')", 'LPAD expects int, found bigint', 10],
])('%s is refused', (text, message, offset) => {
  const found = invalid(text);
  expect(found.message).toContain(message);
  expect(found.offset).toBe(offset);
});

test('a pattern that comes with the row fails that row when it is none', () => {
  const batch = batchOf(schemaOf({s: STRING, p: STRING}), [
    ['abc', 'a.'],
    ['abc', '('],
  ]);
  expect(failureOf('REGEXP(s, p)', batch)).toMatchObject({row: 1, offset: 0});
  expect(failureOf('REGEXP(s, p)', batch).reason).toContain('is not a pattern');
  expect(valuesOf("IF(p = '(', NULL, REGEXP(s, p))", batch)).toEqual([true, null]);
});

test('a pattern that takes exponential time elsewhere is fast', () => {
  const text = `'${'a'.repeat(28)}b'`;
  expect(value(`REGEXP(${text}, '^(a+)+$')`)).toBe(false);
  expect(value(`${text} SIMILAR TO '(a+)+'`)).toBe(false);
  expect(value(`REGEXP(${text}, '^(a+' || ')+$')`)).toBe(false);
  expect(value(`${text} LIKE '${'%a'.repeat(28)}%c'`)).toBe(false);
}, 1_000);

test('a string that grows without measure fails its record', () => {
  const batch = batchOf(schemaOf({n: INT}), [[3], [2_000_000_000]]);
  expect(failureOf("LPAD('a', n, 'xy')", batch)).toMatchObject({row: 1});
  const nested =
    `REPLACE(`.repeat(9) + "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'" + ", 'a', 'aaaaaaaa')".repeat(9);
  expect(failureOf(nested).reason).toContain('longer than');
});

test('results in one batch do not overwrite each other', () => {
  const rows = Array.from({length: 3_000}, (_, i) => [`näme ${i}`.repeat(i % 7)]);
  const batch = batchOf(schemaOf({s: STRING}), rows);
  const expected = rows.map(([s]) => `<${s!.toUpperCase()}>${s!.slice(0, 2)}`);
  expect(valuesOf("'<' || UPPER(s) || '>' || SUBSTRING(s, 1, 2)", batch)).toEqual(expected);
});
