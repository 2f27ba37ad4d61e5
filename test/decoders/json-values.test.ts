// Each type takes from JSON what JOB.md promises, on the fast path as off it, and says why it refuses
// the rest.
import {describe, expect, it} from 'vitest';
import {jsonDecoder} from '#src/formats/json-decoder.js';
import type {SourceColumn} from '#src/job/schema-column.js';
import {
  BIGINT,
  BOOLEAN,
  BYTES,
  DATE,
  decimal,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
} from '#src/records/data-type.js';
import {column, decodeAll} from './decoding.ts';

function decode(wanted: readonly SourceColumn[], text: string | Uint8Array) {
  return decodeAll(jsonDecoder({wanted}), text);
}

/** Decodes one value of a column `x`, behind a record that the fast path learns from. */
function valueOf(wanted: SourceColumn, text: string) {
  const alone = decode([wanted], `{"x":${text}}\n`);
  const learned = decode([wanted], `{"x":null}\n{"x":${text}}\n`);
  const result = alone.bad[0]?.reason ?? alone.rows[0]?.[0];
  expect(learned.bad[0]?.reason ?? learned.rows[1]?.[0]).toEqual(result);
  return result;
}

describe('values', () => {
  it('int takes every form of a whole number that fits', () => {
    const x = column('x', INT);
    for (const [text, value] of [
      ['0', 0],
      ['-0', 0],
      ['2147483647', 2147483647],
      ['-2147483648', -2147483648],
      ['1e3', 1000],
      ['1.0', 1],
      ['1500e-2', 15],
      ['0e999999999999', 0],
      ['null', null],
    ] as const) {
      expect(valueOf(x, text), text).toBe(value);
    }
    for (const text of ['2147483648', '-2147483649', '1.5', '1e99', '1e-1', '"1"', 'true', '[1]']) {
      expect(valueOf(x, text), text).toMatch(/^column x: expected int, /);
    }
    expect(valueOf(x, '2147483648')).toBe('column x: expected int, out of range: 2147483648');
    expect(valueOf(x, '[1]')).toBe('column x: expected int, found an array');
    for (const text of ['01', '+1', '.5', '1.', '1e', '-', '0x10', 'nul', 'NaN', '1_0']) {
      expect(valueOf(x, text), text).toMatch(/^not JSON: /);
    }
  });

  it('bigint is exact in 64 bits', () => {
    const x = column('x', BIGINT);
    for (const text of [
      '0',
      '9007199254740991',
      '9007199254740993',
      '-9007199254740993',
      '999999999999999',
      '1000000000000000',
      '9223372036854775807',
      '-9223372036854775808',
    ]) {
      expect(valueOf(x, text)).toBe(BigInt(text));
    }
    expect(valueOf(x, '9.223372036854775807e18')).toBe(9223372036854775807n);
    for (const text of ['9223372036854775808', '-9223372036854775809', '1e30', '0.5', '"5"']) {
      expect(valueOf(x, text), text).toMatch(/^column x: expected bigint, /);
    }
    const mixed = decode([x], '{"x":1}\n{"x":9007199254740993}\n{"x":null}\n{"x":-7}\n');
    expect(mixed.rows).toEqual([[1n], [9007199254740993n], [null], [-7n]]);
  });

  it('double is what JSON.parse gives', () => {
    const x = column('x', DOUBLE);
    for (const text of [
      '0',
      '-0',
      '12.34',
      '0.1',
      '123456789012345',
      '0.000001',
      '1234567890123456789',
      '0.30000000000000004',
      '1e400',
      '5e-324',
      '1E+2',
      '1.7976931348623157e308',
      '100000000000000.5',
    ]) {
      expect(valueOf(x, text), text).toBe(JSON.parse(text));
    }
    expect(valueOf(x, '"NaN"')).toBeNaN();
    expect(valueOf(x, '"-Infinity"')).toBe(-Infinity);
    expect(valueOf(x, '"1"')).toBe('column x: expected double, found "1"');
  });

  it('decimal is exact, and refuses what it cannot hold', () => {
    const x = column('x', decimal(10, 2));
    for (const [text, value] of [
      ['12.34', 1234n],
      ['-12.3', -1230n],
      ['12', 1200n],
      ['12.340', 1234n],
      ['1.2e1', 1200n],
      ['99999999.99', 9999999999n],
    ] as const) {
      expect(valueOf(x, text)).toBe(value);
    }
    expect(valueOf(x, '12.345')).toMatch(/too many fraction digits: 12.345/);
    expect(valueOf(x, '100000000')).toMatch(/out of range/);
    expect(valueOf(column('x', decimal(18, 18)), '0.123456789012345678')).toBe(123456789012345678n);
    expect(valueOf(column('x', decimal(18, 0)), '999999999999999999')).toBe(999999999999999999n);
    expect(valueOf(column('x', decimal(18, 0)), '1000000000000000000')).toMatch(/out of range/);
  });

  it('boolean', () => {
    const x = column('x', BOOLEAN);
    expect(['true', 'false', 'null'].map((text) => valueOf(x, text))).toEqual([true, false, null]);
    expect(valueOf(x, '1')).toBe('column x: expected boolean, found number 1');
    expect(valueOf(x, 'truex')).toMatch(/^not JSON/);
  });

  it('string: escapes, surrogates, UTF-8', () => {
    const x = column('x', STRING);
    for (const text of [
      '""',
      '"abcdefghi"',
      '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
      '"\\u00e9\\u20AC\\ud83d\\ude00"',
      '"é€😀"',
      '"a\\u0000b"',
      '"\u007f"',
    ]) {
      expect(valueOf(x, text), text).toBe(JSON.parse(text));
    }
    for (const text of [
      '"\\ud83d"',
      '"\\ude00"',
      '"\\ud83dx"',
      '"\\ud83d\\n"',
      '"\\ud83d\\u0041"',
    ]) {
      expect(valueOf(x, text), text).toMatch(/surrogate/);
    }
    for (const text of ['"\\x"', '"\\u12g4"', '"\t"', '"a']) {
      expect(valueOf(x, text), text).toMatch(/^not JSON/);
    }
    for (const bytes of [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xe2, 0x82],
      [0xf5, 0x80, 0x80, 0x80],
    ]) {
      const text = Uint8Array.from([...Buffer.from('{"x":"ab'), ...bytes, ...Buffer.from('"}\n')]);
      expect(decode([x], text).bad[0]?.reason).toBe(
        'column x: expected string, found ill-formed UTF-8',
      );
      // Nobody reads it: passed over.
      expect(decode([column('y', INT)], text).rows).toEqual([[null]]);
    }
  });

  it('keeps the strings of all rows when one of them has escapes', () => {
    const text = '{"x":"one"}\n{"x":"t\\u0077o"}\n{"x":"three"}\n{"x":"f\\nur"}\n';
    const rows = [['one'], ['two'], ['three'], ['f\nur']];
    expect(decode([column('x', STRING)], text).rows).toEqual(rows);
  });

  it('timestamp and date', () => {
    const x = column('x', TIMESTAMP, {timeFormat: {kind: 'rfc3339'}});
    for (const [text, iso] of [
      ['"2001-01-01T00:47:00Z"', '2001-01-01T00:47:00Z'],
      ['"2001-01-01t00:47:00.5z"', '2001-01-01T00:47:00.500Z'],
      ['"2001-01-01 00:47:00.123456789+05:30"', '2000-12-31T19:17:00.123Z'],
      ['"1969-12-31T23:59:59.999-00:01"', '1970-01-01T00:00:59.999Z'],
      ['"2000-02-29T00:00:00Z"', '2000-02-29T00:00:00Z'],
      ['"2001\\u002d01-01T00:47:00Z"', '2001-01-01T00:47:00Z'],
    ] as const) {
      expect(valueOf(x, text), text).toBe(Date.parse(iso));
    }
    for (const text of [
      '"2001-02-29T00:00:00Z"',
      '"2001-13-01T00:00:00Z"',
      '"2001-01-01T24:00:00Z"',
      '"2001-01-01T23:59:60Z"',
      '"2001-01-01T00:00:00"',
      '"2001-01-01T00:00:00.Z"',
      '"2001-01-01T00:00:00+5:30"',
      '"2001-01-01"',
      '"2001-01-01T00:00:00Zx"',
      '1700000000000',
    ]) {
      expect(valueOf(x, text), text).toMatch(/^column x: expected timestamp \(rfc3339\), found /);
    }
    const millis = column('x', TIMESTAMP, {timeFormat: {kind: 'epoch-millis'}});
    expect(valueOf(millis, '1700000000000')).toBe(1700000000000);
    expect(valueOf(millis, '-1')).toBe(-1);
    expect(valueOf(millis, '9e15')).toMatch(/not within the years/);
    const seconds = column('x', TIMESTAMP, {timeFormat: {kind: 'epoch-seconds'}});
    expect(valueOf(seconds, '1700000000')).toBe(1700000000000);
    expect(valueOf(seconds, '1700000000.123456')).toBe(1700000000123);
    expect(valueOf(seconds, '-0.0001')).toBe(-1);
    const pattern = column('x', TIMESTAMP, {
      timeFormat: {kind: 'pattern', pattern: "yyyy/MM/dd'T'HH:mm", offsetMinutes: 120},
    });
    expect(valueOf(pattern, '"2001/01/01T00:47"')).toBe(Date.parse('2000-12-31T22:47:00Z'));
    expect(valueOf(pattern, '"2001/02/30T00:47"')).toMatch(/expected timestamp/);
    const date = column('x', DATE);
    expect(valueOf(date, '"1970-01-02"')).toBe(1);
    expect(valueOf(date, '"1969-02-29"')).toMatch(/expected date/);
  });

  it('bytes is strict Base64', () => {
    const x = column('x', BYTES);
    expect(valueOf(x, '"AQID"')).toEqual(Uint8Array.of(1, 2, 3));
    expect(valueOf(x, '"AQI="')).toEqual(Uint8Array.of(1, 2));
    expect(valueOf(x, '"AQ=="')).toEqual(Uint8Array.of(1));
    expect(valueOf(x, '"\\u0041Q=="')).toEqual(Uint8Array.of(1));
    expect(valueOf(x, '""')).toEqual(new Uint8Array(0));
    for (const text of [
      '"A"',
      '"AQ"',
      '"AR=="',
      '"AQJ="',
      '"A==="',
      '"AQ ="',
      '"_-AA"',
      '"=AAA"',
    ]) {
      expect(valueOf(x, text), text).toMatch(/not Base64/);
    }
  });
});
