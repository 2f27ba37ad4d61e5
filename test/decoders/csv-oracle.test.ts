// Promise: CSV text becomes the fields that papaparse reads, typed by the schema, cut anywhere and
// resumed at any record; what does not fit is a bad record. Checked with examples of each rule,
// generated files, damaged ones, and the bird strikes of vega-datasets.
import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import papa from 'papaparse';
import {describe, expect, it} from 'vitest';
import {csvDecoder, type CsvDecoderOptions} from '#src/formats/csv-decoder.js';
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
import {column, decodeAll, utf8} from './decoding.ts';

const SCALE = process.env['TIDEMARK_PROOF'] === '1' ? 8 : 1;
const AB = [column('a', INT), column('b', STRING)];

function decode(text: string | Uint8Array, options: Partial<CsvDecoderOptions> = {}) {
  return decodeAll(csvDecoder({wanted: AB, ...options}), text);
}

describe('CSV', () => {
  it('reads a header in any order, quotes, CRLF, empty lines, a byte order mark, an open last line', () => {
    const text = '\uFEFFx,b,"a"\r\n1,one,1\r\n\r\n"2","tw""o",2\n3,"th\r\nree",3\n,,';
    const decoded = decode(text);
    expect(decoded.rows).toEqual([
      [1, 'one'],
      [2, 'tw"o'],
      [3, 'th\r\nree'],
      [null, null],
    ]);
    expect(decoded.lines).toEqual([2, 4, 5, 7]);
    expect(decoded.bad).toEqual([]);
  });

  it('takes the names from the job, another delimiter, another NULL text', () => {
    const options = {columns: ['b', 'a'], delimiter: ';', nullText: 'NA'};
    const decoded = decode('x;1\nNA;NA\n"NA";2\n;3\na,b;4\n', options);
    expect(decoded.rows).toEqual(
      [
        ['x', 1],
        [null, null],
        ['NA', 2],
        ['', 3],
        ['a,b', 4],
      ].map(([b, a]) => [a, b]),
    );
    expect(decode('x;\n', options).bad[0]?.reason).toBe('column a: expected int, found ""');
    expect(() => decode('', {delimiter: '.'})).toThrow(/delimiter "." is not usable/);
  });

  it('tells a quoted empty string from NULL', () => {
    expect(decode('a,b\n1,""\n2,\n').rows).toEqual([
      [1, ''],
      [2, null],
    ]);
  });

  it('goes on behind bad records, and names line and offset', () => {
    const text = 'a,b\n1,x\n1.5,x\n2\n3,x,y\n4,"x"y\n5,z\n"6" ,z\n7,\xff\n8,w\n';
    const decoded = decode(Buffer.from(text, 'latin1'));
    expect(decoded.rows).toEqual([
      [1, 'x'],
      [5, 'z'],
      [8, 'w'],
    ]);
    expect(decoded.bad.map((bad) => [bad.line, bad.offset, bad.reason])).toEqual([
      [3, 8, 'column a: expected int, not a whole number: 1.5'],
      [4, 14, '1 fields where 2 are named'],
      [5, 16, '3 fields where 2 are named'],
      [6, 22, 'there is text behind a closing quote'],
      [8, 33, 'there is text behind a closing quote'],
      [9, 40, 'column b: expected string, found ill-formed UTF-8'],
    ]);
    expect(decode('a,b\n1,"x\n2,y\n').bad[0]?.reason).toBe('a quoted field is not closed');
  });

  it('fails on a header without a wanted field', () => {
    const bytes = utf8.encode('a,c\n1,2\n');
    const step = csvDecoder({wanted: AB}).decode(bytes, 0, bytes.length, true, 10);
    expect(step.badRecords[0]).toMatchObject({
      fatal: true,
      reason: 'the header has no field "b"; it has a, c',
    });
    const reader = csvDecoder({wanted: [AB[0]!]});
    reader.decode(bytes, 0, bytes.length, true, 1);
    expect(() => csvDecoder({wanted: AB}).restart(reader.snapshot())).toThrow(/no field "b"/);
    expect(() => csvDecoder({wanted: AB}).restart({format: 'json'})).toThrow(
      /no position of a CSV/,
    );
  });

  it('passes over a record that is too long', () => {
    const text = `a,b\n1,x\n2,"${'line\n'.repeat(30)}"\n3,y\n`;
    const whole = decode(text, {maxRecordSize: 50});
    expect(whole.rows[0]).toEqual([1, 'x']);
    expect(whole.rows.at(-1)).toEqual([3, 'y']);
    expect(whole.bad[0]).toEqual({
      offset: 8,
      line: 3,
      reason: 'longer than max-record-size (50 bytes)',
    });
    for (let cut = 0; cut <= text.length; cut += 1) {
      const decoder = csvDecoder({wanted: AB, maxRecordSize: 50});
      expect(decodeAll(decoder, text, {cuts: [cut]})).toEqual(whole);
    }
  });

  it('reads each type', () => {
    const wanted = [
      column('i', INT),
      column('l', BIGINT),
      column('d', DOUBLE),
      column('n', decimal(10, 2)),
      column('o', BOOLEAN),
      column('t', TIMESTAMP),
      column('e', TIMESTAMP, {timeFormat: {kind: 'epoch-seconds'}}),
      column('y', DATE),
      column('x', BYTES),
    ];
    const header = 'i,l,d,n,o,t,e,y,x\n';
    const rows = [
      '7,9007199254740993,0.5,1.5,true,2001-01-01T00:47:00Z,1.5,1970-01-02,AQI=',
      '+007, -5 ,1e3,.5,FALSE,"2001-01-01T00:47:00Z",2,"1970-01-02","AQI="',
      '"-7",1e3,NaN,5.,True,,,,',
    ];
    const time = Date.parse('2001-01-01T00:47:00Z');
    const bytes = Uint8Array.of(1, 2);
    const expected = [
      [7, 9007199254740993n, 0.5, 150n, true, time, 1500, 1, bytes],
      [7, -5n, 1000, 50n, false, time, 2000, 1, bytes],
      [-7, 1000n, NaN, 500n, true, null, null, null, null],
    ];
    expect(decodeAll(csvDecoder({wanted}), header + rows.join('\n')).rows).toEqual(expected);
    for (const [field, text] of [
      ['i', 'x'],
      ['i', '1e99'],
      ['i', '--1'],
      ['d', 'nan'],
      ['d', '1..2'],
      ['o', 'yes'],
      ['t', '2001-01-01'],
      ['y', '2001-02-29'],
      ['x', 'A'],
      ['n', '0.001'],
    ] as const) {
      const at = wanted.findIndex((one) => one.name === field);
      const values = rows[0]!.split(',');
      values[at] = text;
      const decoded = decodeAll(csvDecoder({wanted}), `${header}${rows[0]}\n${values.join(',')}\n`);
      expect(decoded.bad[0]?.reason, text).toMatch(new RegExp(`^column ${field}: expected `));
    }
  });
});

const fieldText = fc.oneof(
  fc.string({maxLength: 8}),
  fc.string({unit: 'grapheme', maxLength: 5}),
  fc
    .array(fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é'), {maxLength: 6})
    .map((all) => all.join('')),
  fc.integer().map(String),
);
const table = fc.integer({min: 2, max: 4}).chain((width) =>
  fc.array(fc.array(fieldText, {minLength: width, maxLength: width}), {
    minLength: 1,
    maxLength: 12,
  }),
);

describe('CSV against papaparse', () => {
  const wantedOf = (width: number) =>
    Array.from({length: width}, (_, index) => column(`c${index}`, STRING)).filter(
      (_, index) => index !== 1,
    );
  const rowsOf = (text: string) =>
    papa
      .parse<string[]>(text, {
        header: false,
        delimiter: ',',
        newline: text.includes('\r\n') ? '\r\n' : '\n',
      })
      .data.filter((row) => row.length > 1)
      .slice(1);

  it('generated files have the same fields, in any pieces and resumed', () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.nat(),
        (rows, newline, quotes, seed) => {
          const width = rows[0]!.length;
          const header = Array.from({length: width}, (_, index) => `c${index}`);
          const text = papa.unparse([header, ...rows], {newline, quotes, skipEmptyLines: false});
          const options = {wanted: wantedOf(width), nullText: '\u0000NULL'};
          const decoded = decodeAll(csvDecoder(options), text);
          expect(decoded.bad).toEqual([]);
          expect(decoded.rows).toEqual(rows.map((row) => row.filter((_, index) => index !== 1)));
          const length = utf8.encode(text).length;
          const cuts = [seed % (length + 1), (seed * 31) % (length + 1)].sort((a, b) => a - b);
          const restart = () => csvDecoder(options);
          expect(decodeAll(restart(), text, {cuts, maxRows: 1 + (seed % 4)})).toEqual(decoded);
          expect(decodeAll(restart(), text, {cuts, maxRows: 2, restart})).toEqual(decoded);
        },
      ),
      {numRuns: 300 * SCALE},
    );
  });

  it('damaged files are never a crash, and the same in pieces', () => {
    fc.assert(
      fc.property(table, fc.nat(), fc.nat(), (rows, seed, flip) => {
        const width = rows[0]!.length;
        const header = Array.from({length: width}, (_, index) => `c${index}`);
        const bytes = utf8.encode(papa.unparse([header, ...rows], {newline: '\n'}));
        bytes[seed % bytes.length]! ^= 1 << (flip % 8);
        const options = {wanted: wantedOf(width).slice(0, 1), maxRecordSize: 30};
        const whole = decodeAll(csvDecoder(options), bytes);
        expect(decodeAll(csvDecoder(options), bytes, {cuts: [flip % bytes.length]})).toEqual(whole);
      }),
      {numRuns: 300 * SCALE},
    );
  });

  it('the bird strikes are read as papaparse reads them', () => {
    const file = new URL('../../node_modules/vega-datasets/data/birdstrikes.csv', import.meta.url);
    const bytes = readFileSync(file);
    const wanted = [
      column('airport', STRING, {path: ['Airport Name']}),
      column('date', DATE, {path: ['Flight Date']}),
      column('state', STRING, {path: ['Origin State']}),
      column('cost', INT, {path: ['Cost Total $']}),
      column('speed', DOUBLE, {path: ['Speed IAS in knots']}),
    ];
    const expected = rowsOf(bytes.toString()).map((row) => [
      row[0] === '' ? null : row[0],
      row[3] === '' ? null : Date.parse(`${row[3]}T00:00:00Z`) / 86_400_000,
      row[5] === '' ? null : row[5],
      row[12] === '' ? null : Number(row[12]),
      row[13] === '' ? null : Number(row[13]),
    ]);
    const cuts = Array.from({length: 30}, (_, index) => (index + 1) * 40_009).filter(
      (cut) => cut < bytes.length,
    );
    const decoded = decodeAll(csvDecoder({wanted}), bytes, {cuts, maxRows: 2048});
    expect(decoded.bad).toEqual([]);
    expect(decoded.rows).toEqual(expected);
  });
});
