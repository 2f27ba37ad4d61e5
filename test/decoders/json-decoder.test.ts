// JSON lines and arrays become the rows that JSON.parse of each record gives: examples of each rule.
// The properties are in json-oracle.test.ts.
import {describe, expect, it} from 'vitest';
import {jsonDecoder} from '#src/formats/json-decoder.js';
import type {SourceColumn} from '#src/job/schema-column.js';
import {BIGINT, INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import {column, decodeAll} from './decoding.ts';

function decode(wanted: readonly SourceColumn[], text: string | Uint8Array) {
  return decodeAll(jsonDecoder({wanted}), text);
}

const AB = [column('a', INT), column('b', STRING)];

describe('framing', () => {
  it('reads lines, with and without a last line break, CRLF, empty lines, a byte order mark', () => {
    const text = '\uFEFF{"a":1,"b":"x"}\r\n\n  \n{"a":2,"b":"y"}\n {"b":"z","a":3} ';
    const decoded = decode(AB, text);
    expect(decoded.rows).toEqual([
      [1, 'x'],
      [2, 'y'],
      [3, 'z'],
    ]);
    expect(decoded.lines).toEqual([1, 4, 5]);
    expect(decoded.offsets).toEqual([3, 24, 41]);
    expect(decoded.bad).toEqual([]);
  });

  it('reads one array, printed in any way', () => {
    const records = [{a: 1, b: 'x'}, {a: 2, b: 'y'}, {b: 'z'}, {a: 4, b: 'z'}];
    for (const text of [
      JSON.stringify(records),
      JSON.stringify(records, null, 2),
      ` \n[\n${records.map((record) => JSON.stringify(record)).join(',\n')}\n]\n`,
    ]) {
      expect(decode(AB, text).rows).toEqual([
        [1, 'x'],
        [2, 'y'],
        [null, 'z'],
        [4, 'z'],
      ]);
    }
    expect(decode(AB, '[]').rows).toEqual([]);
    expect(decode(AB, '[ ]\n').bad).toEqual([]);
    expect(decode(AB, '').rows).toEqual([]);
    expect(decode(AB, '\n \n').rows).toEqual([]);
  });

  it('says the line of an array element', () => {
    const decoded = decode(AB, '[\n{"a":1},\n{"a":2},\n\n{"a":"x"}\n]');
    expect(decoded.lines).toEqual([2, 3]);
    expect(decoded.bad[0]?.line).toBe(5);
  });

  it('goes on behind a bad line', () => {
    const decoded = decode(
      AB,
      '{"a":1}\n{"a":tru}\n{"a":"x"}\n{"a":1\n}\n[1]\n{"a":2}x\n{"a":3}\n',
    );
    expect(decoded.rows).toEqual([
      [1, null],
      [3, null],
    ]);
    expect(decoded.bad.map((bad) => [bad.line, bad.offset])).toEqual([
      [2, 8],
      [3, 18],
      [4, 28],
      [5, 35],
      [6, 37],
      [7, 41],
    ]);
    expect(decoded.bad[0]?.reason).toMatch(/^not JSON: /);
    expect(decoded.bad[1]?.reason).toBe('column a: expected int, found string "x"');
    expect(decoded.bad[4]?.reason).toBe('expected an object, found array');
  });

  it('goes on behind a bad array element', () => {
    const decoded = decode(AB, '[{"a":1},{"a":tru},{"a":"]"},{"b":"x]\n},{"a":[1,{}x]},{"a":2}]');
    expect(decoded.rows).toEqual([
      [1, null],
      [2, null],
    ]);
    expect(decoded.bad).toHaveLength(4);
  });

  it('fails when the array is not closed or not alone', () => {
    for (const [text, reason] of [
      ['[{"a":1}', 'the input ends inside the JSON array'],
      ['[{"a":1},', 'the input ends inside the JSON array'],
      ['[', 'the input ends inside the JSON array'],
      ['[{"a":1} {"a":2}]', 'expected "," or "]" behind a record'],
      ['[{"a":1}] {"a":2}', 'there is text behind the JSON array'],
    ] as const) {
      const decoder = jsonDecoder({wanted: AB});
      const bytes = new TextEncoder().encode(text);
      const step = decoder.decode(bytes, 0, bytes.length, true, 100);
      expect(step.badRecords.at(-1)).toMatchObject({fatal: true, reason});
      expect(step.rowCount).toBe(text === '[' ? 0 : 1);
    }
  });

  it('takes at most maxRows rows and bad records together', () => {
    const bytes = new TextEncoder().encode('{"a":1}\n{"a":"x"}\n{"a":3}\n{"a":4}\n');
    const decoder = jsonDecoder({wanted: AB});
    const step = decoder.decode(bytes, 0, bytes.length, true, 3);
    expect([step.rowCount, step.badRecords.length, step.needsMore]).toEqual([2, 1, false]);
    expect(decoder.decode(bytes, step.nextOffset, bytes.length, true, 3).rowCount).toBe(1);
  });
});

describe('a record that is too long', () => {
  const long = `{"a":1,"b":"${'x'.repeat(100)}"}`;

  it('is bad, and decoding goes on behind it: lines', () => {
    const text = `{"a":1}\n${long}\n{"a":2}\n`;
    for (let cut = 1; cut < text.length; cut += 1) {
      const decoded = decodeAll(jsonDecoder({wanted: AB, maxRecordSize: 50}), text, {cuts: [cut]});
      expect(decoded.rows).toEqual([
        [1, null],
        [2, null],
      ]);
      expect(decoded.lines).toEqual([1, 3]);
      expect(decoded.bad).toEqual([
        {offset: 8, line: 2, reason: 'longer than max-record-size (50 bytes)'},
      ]);
    }
  });

  it('is bad, and decoding goes on behind it: array', () => {
    const text = `[{"a":1},\n${long},{"a":2}]`;
    for (let cut = 1; cut < text.length; cut += 1) {
      const decoded = decodeAll(jsonDecoder({wanted: AB, maxRecordSize: 50}), text, {cuts: [cut]});
      expect(decoded.rows).toEqual([
        [1, null],
        [2, null],
      ]);
      expect(decoded.bad).toEqual([
        {offset: 10, line: 2, reason: 'longer than max-record-size (50 bytes)'},
      ]);
    }
  });

  it('needs no more bytes than its limit and the overhead', () => {
    const decoder = jsonDecoder({wanted: AB, maxRecordSize: 50});
    const bytes = new TextEncoder().encode(`{"b":"${'x'.repeat(1000)}`);
    const step = decoder.decode(bytes, 0, 67, false, 10);
    expect(step.nextOffset).toBe(67);
    expect(step.badRecords).toHaveLength(1);
    const rest = decoder.decode(bytes, 67, bytes.length, true, 10);
    expect([rest.nextOffset, rest.badRecords.length]).toEqual([bytes.length, 0]);
  });
});

describe('keys', () => {
  it('any order, duplicates, escapes, __proto__, unknown keys with any value', () => {
    const wanted = [column('__proto__', INT), column('a', INT), column('é', INT)];
    const text = [
      '{"a":1,"__proto__":2,"é":3}',
      '{"__proto__":2,"a":9,"a":1,"\\u00e9":3}',
      '{"\\u0061":1,"é":3,"__proto__":"x","__proto__":2}',
      '{"constructor":{"x":[1,{"a":7}]},"a":1,"é":3,"__proto__":2}',
    ].join('\n');
    expect(decode(wanted, text).rows).toEqual(Array(4).fill([2, 1, 3]));
    expect(decode(wanted, '{"a":1,"a":null}\n{"a":"x","a":1}').rows).toEqual([
      [null, null, null],
      [null, 1, null],
    ]);
    expect(decode(wanted, '{"a":1,"a":"x"}').bad).toHaveLength(1);
  });

  it('nested paths; an equal outer key replaces all that was below', () => {
    const city = column('city', STRING, {path: ['user', 'address', 'city']});
    const name = column('name', STRING, {path: ['user', 'name']});
    const text = [
      '{"user":{"name":"n","address":{"zip":1,"city":"c"}}}',
      '{"user":{"name":"n","address":{"zip":1,"city":"d"}}}',
      '{"user":{"address":null}}',
      '{"user":null}',
      '{}',
      '{"user":{"name":"n"},"user":{"address":{"city":"c"}}}',
      '{"user":{"name":"n"},"user":null}',
    ].join('\n');
    expect(decode([city, name], text).rows).toEqual([
      ['c', 'n'],
      ['d', 'n'],
      [null, null],
      [null, null],
      [null, null],
      ['c', null],
      [null, null],
    ]);
    expect(decode([city], '{"user":{"address":5}}').bad[0]?.reason).toBe(
      'column city: expected an object on the way to user.address.city, found number 5',
    );
  });

  it('one value can go to several columns', () => {
    const wanted = [
      column('ts', TIMESTAMP, {timeFormat: {kind: 'epoch-millis'}}),
      column('raw', BIGINT, {path: ['ts']}),
    ];
    expect(decode(wanted, '{"ts":5}\n{"ts":6}\n{"ts":7}').rows).toEqual([
      [5, 5n],
      [6, 6n],
      [7, 7n],
    ]);
  });
});

describe('nesting', () => {
  it('of 200,000 levels is a bad record, and decoding goes on', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const objects = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000);
    for (const value of [deep, objects]) {
      const lines = decode([column('b', INT)], `{"b":1}\n{"x":${value},"b":2}\n{"b":3}\n`);
      expect(lines.rows).toEqual([[1], [3]]);
      expect(lines.bad[0]?.reason).toBe('nested deeper than 1000 levels');
      const array = decode([column('b', INT)], `[{"b":1},{"x":${value},"b":2},{"b":3}]`);
      expect(array.rows).toEqual([[1], [3]]);
      expect(array.bad).toHaveLength(1);
    }
    const fine = '['.repeat(1000) + ']'.repeat(1000);
    expect(decode([column('b', INT)], `{"x":${fine},"b":2}`).rows).toEqual([[2]]);
  });
});
