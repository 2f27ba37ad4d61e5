// Promise: what an encoder writes, the decoder of the same schema reads back as the same values; JSON
// lines are what JSON.stringify would write, CSV is what papaparse reads.
import fc from 'fast-check';
import papa from 'papaparse';
import {describe, expect, it} from 'vitest';
import {ByteBuffer} from '#src/formats/byte-buffer.js';
import {csvDecoder} from '#src/formats/csv-decoder.js';
import {csvEncoder} from '#src/formats/csv-encoder.js';
import {jsonDecoder} from '#src/formats/json-decoder.js';
import {jsonEncoder} from '#src/formats/json-encoder.js';
import type {RowEncoder} from '#src/formats/row-encoder.js';
import {dateText, parseDate, parseRfc3339, timestampText} from '#src/formats/time-text.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
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
  type DataType,
} from '#src/records/data-type.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import type {Schema} from '#src/records/schema.js';
import type {Value} from '#src/records/value.js';
import {column, decodeAll, utf8} from './decoding.ts';

const SCALE = process.env['TIDEMARK_PROOF'] === '1' ? 8 : 1;
const MIN_MILLIS = -62_167_219_200_000;
const MAX_MILLIS = 253_402_300_799_999;
const MAX_INT64 = 2n ** 63n - 1n;

/** Each type with values at its edges. */
const TYPES: readonly (readonly [DataType, fc.Arbitrary<Value>])[] = [
  [BOOLEAN, fc.boolean()],
  [INT, fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2_147_483_647, -2_147_483_648))],
  [
    BIGINT,
    fc.oneof(fc.bigInt({min: -MAX_INT64 - 1n, max: MAX_INT64}), fc.maxSafeInteger().map(BigInt)),
  ],
  [
    DOUBLE,
    fc.oneof(
      fc.double(),
      fc.integer().map((cents) => cents / 100),
      fc.integer().map((millionths) => millionths / 1e6),
      fc.constantFrom(0, -0, NaN, Infinity, 1e-6, 1e-7, 5e-324, 1e15, 1e21, 123456789012345.6),
    ),
  ],
  [
    STRING,
    fc.oneof(
      fc.string({unit: 'grapheme', maxLength: 12}),
      fc.string({maxLength: 12}),
      fc.constantFrom(
        '',
        'NA',
        '"',
        '\\',
        '\u0000\u001f',
        'a,b',
        'a\nb',
        'a\r',
        ' x ',
        '😀',
        'null',
      ),
    ),
  ],
  [TIMESTAMP, fc.integer({min: MIN_MILLIS, max: MAX_MILLIS})],
  [DATE, fc.integer({min: -719_528, max: 2_932_896})],
  [decimal(18, 6), fc.bigInt({min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n})],
  [decimal(9, 0), fc.bigInt({min: -999_999_999n, max: 999_999_999n})],
  [decimal(5, 5), fc.bigInt({min: -99_999n, max: 99_999n})],
  [BYTES, fc.uint8Array({maxLength: 9})],
];

interface Table {
  readonly schema: Schema;
  readonly rows: Value[][];
}

const table: fc.Arbitrary<Table> = fc
  .array(fc.nat({max: TYPES.length - 1}), {minLength: 1, maxLength: 6})
  .chain((picks) => {
    const fields = picks.map((pick, index) => ({name: `c "${index}",é`, type: TYPES[pick]![0]}));
    const row = fc.tuple(...picks.map((pick) => fc.option(TYPES[pick]![1], {freq: 6})));
    return fc.array(row, {maxLength: 20}).map((rows): Table => ({schema: {fields}, rows: rows}));
  });

function batchOf({schema, rows}: Table): RecordBatch {
  const builder = new BatchBuilder(schema);
  for (const row of rows) builder.appendRow(row);
  return builder.build();
}

function encode(encoder: RowEncoder, batch: RecordBatch): Uint8Array {
  const target = new ByteBuffer();
  encoder.writeHeader(target);
  encoder.encode(batch, target);
  return target.written().slice();
}

const columnsOf = (schema: Schema) => schema.fields.map(({name, type}) => column(name, type));

describe('JSON lines', () => {
  it('are read back as the same values', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const bytes = encode(jsonEncoder(rows.schema), batchOf(rows));
        const decoded = decodeAll(jsonDecoder({wanted: columnsOf(rows.schema)}), bytes);
        expect(decoded.bad).toEqual([]);
        expect(decoded.rows).toEqual(rows.rows);
      }),
      {numRuns: 300 * SCALE},
    );
  });

  it('are what JSON.stringify writes, for the values that it knows', () => {
    const known = [BOOLEAN, INT, DOUBLE, STRING];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(...known.map((type) => TYPES.find(([one]) => one === type)![1]))),
        (rows) => {
          const schema = {fields: known.map((type) => ({name: type.kind, type}))};
          const plain = rows.map((row) =>
            row.map((value) =>
              typeof value === 'number' && !Number.isFinite(value) ? 1.5 : value,
            ),
          );
          const text = new TextDecoder().decode(
            encode(jsonEncoder(schema), batchOf({schema, rows: plain})),
          );
          const expected = plain.map((row) =>
            JSON.stringify(
              Object.fromEntries(row.map((value, index) => [known[index]!.kind, value])),
            ),
          );
          expect(text.replaceAll(':-0,', ':0,')).toBe(expected.map((line) => `${line}\n`).join(''));
        },
      ),
      {numRuns: 300 * SCALE},
    );
  });

  it('have this form', () => {
    const schema: Schema = {
      fields: [
        {name: 'id', type: BIGINT},
        {name: 'price', type: decimal(10, 2)},
        {name: 'at', type: TIMESTAMP},
        {name: 'day', type: DATE},
        {name: 'raw', type: BYTES},
        {name: 'x', type: DOUBLE},
      ],
    };
    const rows: Value[][] = [
      [9007199254740993n, -5n, Date.parse('2001-01-01T00:47:00Z'), 1, Uint8Array.of(1), NaN],
      [1n, 1250n, Date.parse('2001-01-01T00:47:00.050Z'), -1, null, -0],
    ];
    expect(new TextDecoder().decode(encode(jsonEncoder(schema), batchOf({schema, rows})))).toBe(
      '{"id":9007199254740993,"price":-0.05,"at":"2001-01-01T00:47:00Z","day":"1970-01-02","raw":"AQ==","x":"NaN"}\n' +
        '{"id":1,"price":12.50,"at":"2001-01-01T00:47:00.050Z","day":"1969-12-31","raw":null,"x":-0}\n',
    );
  });

  it('hold the live rows only, and text that all needs escapes fits', () => {
    const schema: Schema = {fields: [{name: 's', type: STRING}]};
    const long = '\u0001'.repeat(100_000);
    const batch = batchOf({schema, rows: [['a'], [long], [null], ['d']]});
    const selected = {...batch, selection: Int32Array.of(1, 3, 9), selectedCount: 2};
    const text = new TextDecoder().decode(encode(jsonEncoder(schema), selected));
    expect(text).toBe(`${JSON.stringify({s: long})}\n{"s":"d"}\n`);
  });
});

describe('CSV', () => {
  it('is read back as the same values, whatever the options', () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom('', 'NA', 'true', '0', '\\N'),
        fc.constantFrom(',', ';', '\t'),
        fc.boolean(),
        (rows, nullText, delimiter, header) => {
          const encoder = csvEncoder(rows.schema, {nullText, delimiter, header});
          const columns = header ? undefined : rows.schema.fields.map((field) => field.name);
          const decoder = csvDecoder({
            wanted: columnsOf(rows.schema),
            nullText,
            delimiter,
            columns,
          });
          const decoded = decodeAll(decoder, encode(encoder, batchOf(rows)));
          expect(decoded.bad).toEqual([]);
          expect(decoded.rows).toEqual(rows.rows);
        },
      ),
      {numRuns: 300 * SCALE},
    );
  });

  it('is what papaparse reads', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.string({unit: 'grapheme'})), {minLength: 1}),
        (rows) => {
          const schema: Schema = {
            fields: [
              {name: 'a,"', type: STRING},
              {name: 'b', type: STRING},
            ],
          };
          const text = new TextDecoder('utf-8', {ignoreBOM: true}).decode(
            encode(csvEncoder(schema), batchOf({schema, rows})),
          );
          const parsed = papa.parse<string[]>(text.slice(0, -1), {delimiter: ',', newline: '\n'});
          expect(parsed.data).toEqual([['a,"', 'b'], ...rows]);
        },
      ),
      {numRuns: 300 * SCALE},
    );
  });
});

describe('time text', () => {
  it('is what Date writes and reads', () => {
    fc.assert(
      fc.property(fc.integer({min: MIN_MILLIS, max: MAX_MILLIS}), (millis) => {
        const text = timestampText(millis);
        expect(text).toBe(new Date(millis).toISOString().replace('.000Z', 'Z'));
        const bytes = utf8.encode(text);
        expect(parseRfc3339(bytes, 0, bytes.length)).toBe(millis);
        const days = Math.floor(millis / 86_400_000);
        expect(dateText(days)).toBe(new Date(millis).toISOString().slice(0, 10));
        expect(parseDate(utf8.encode(dateText(days)), 0, 10)).toBe(days);
      }),
      {numRuns: 2000 * SCALE},
    );
    expect(timestampText(8.64e15)).toBe(new Date(8.64e15).toISOString().replace('.000Z', 'Z'));
    expect(timestampText(-8.64e15)).toBe(new Date(-8.64e15).toISOString().replace('.000Z', 'Z'));
  });
});
