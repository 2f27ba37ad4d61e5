// Promise: whatever the text, the rows are those of JSON.parse of each record, and what JSON.parse
// refuses or what does not fit the schema is a bad record; cut anywhere, fed in any pieces, resumed at
// any record. Checked with generated records, damaged text, and the flights of vega-datasets.
// TIDEMARK_PROOF=1 runs four times as many.
import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {jsonDecoder} from '#src/formats/json-decoder.js';
import {BOOLEAN, DOUBLE, INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';
import {anyCodePoint} from '../any-code-point.ts';
import {column, decodeAll, utf8, type Decoded} from './decoding.ts';

const SCALE = process.env['TIDEMARK_PROOF'] === '1' ? 4 : 1;

const WANTED = [
  column('a', INT),
  column('name', STRING),
  column('d', DOUBLE),
  column('ok', BOOLEAN),
  column('city', STRING, {path: ['user', 'city']}),
];

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The row of one record's text by JSON.parse and plain code, or null when it is bad. */
function oracle(text: string): Value[] | null {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return null;
  }
  return rowOf(record);
}

function rowOf(record: unknown): Value[] | null {
  if (!isObject(record)) return null;
  const row: Value[] = [];
  for (const {type, path} of WANTED) {
    let value: unknown = record;
    for (const key of path) {
      if (value === null || value === undefined) break;
      if (!isObject(value)) return null;
      value = Object.hasOwn(value, key) ? value[key] : undefined;
    }
    const plain = plainValue(type.kind, value ?? null);
    if (plain === undefined) return null;
    row.push(plain);
  }
  return row;
}

function plainValue(kind: string, value: unknown): Value | undefined {
  if (value === null) return null;
  if (kind === 'string')
    return typeof value === 'string' && value.isWellFormed() ? value : undefined;
  if (kind === 'boolean') return typeof value === 'boolean' ? value : undefined;
  if (kind === 'double' && typeof value === 'string') {
    return ['NaN', 'Infinity', '-Infinity'].includes(value) ? Number(value) : undefined;
  }
  if (typeof value !== 'number') return undefined;
  if (kind === 'double') return value;
  return (value | 0) === value ? value + 0 : undefined;
}

/** Rows and bad records of the lines of `text`, by the oracle. */
function linesByOracle(text: string): {rows: Value[][]; bad: number} {
  const lines = text.split('\n').filter((line) => /[^ \t\r]/.test(line));
  const rows = lines.map(oracle);
  return {
    rows: rows.filter((row) => row !== null),
    bad: rows.filter((row) => row === null).length,
  };
}

const space = fc.constantFrom('', '', '', ' ', '  ', '\t', '\r');
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double({noNaN: true, noDefaultInfinity: true}).map((value) => JSON.stringify(value)),
  fc.integer({min: -99_999, max: 99_999}).map((cents) => String(cents / 100)),
  fc.bigInt({min: -(10n ** 22n), max: 10n ** 22n}).map(String),
  fc.constantFrom('1e3', '1.0', '-0', '0.0', '1E-2', '5e-324', '1e999', '2147483648', '12e+2'),
  fc.constantFrom('01', '1.', '.5', '+1', '-', '1e', '0x1', '--1', '1.5.2'),
);
const stringText = fc.oneof(
  fc.string({unit: 'grapheme', maxLength: 12}).map((text) => JSON.stringify(text)),
  fc.string({unit: anyCodePoint, maxLength: 6}).map((text) => JSON.stringify(text)),
  fc
    .array(
      fc.constantFrom(
        'a',
        'bc',
        '\\n',
        '\\"',
        '\\\\',
        '\\u0041',
        '\\ud83d\\ude00',
        '\\ud83d',
        '\\/',
        'é',
        '€',
        '😀',
      ),
      {maxLength: 9},
    )
    .map((parts) => `"${parts.join('')}"`),
  fc.constantFrom('"NaN"', '"Infinity"', '"\\x"', '"\\u00g0"', '"open'),
);
const valueText: fc.Arbitrary<string> = fc.letrec<{value: string}>((tie) => ({
  value: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    fc.constantFrom('true', 'false', 'null', 'tru', 'nulll', ''),
    numberText,
    stringText,
    fc.array(tie('value'), {maxLength: 3}).map((values) => `[${values.join(',')}]`),
    fc
      .array(fc.tuple(stringText, tie('value')), {maxLength: 3})
      .map((members) => `{${members.map(([key, value]) => `${key}:${value}`).join(', ')}}`),
  ),
})).value;

/** A value that fits its column most of the time. */
const memberText = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('"a"'), fc.integer({min: -70_000, max: 70_000}).map(String)),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant('"name"'),
      fc.string({maxLength: 9}).map((text) => JSON.stringify(text)),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant('"d"'),
      fc.double().map((value) => JSON.stringify(value)),
    ),
  },
  {weight: 4, arbitrary: fc.tuple(fc.constant('"ok"'), fc.constantFrom('true', 'false', 'null'))},
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant('"user"'),
      fc.oneof(
        fc.constantFrom(
          'null',
          '{}',
          '{"zip":[1,{"city":5}],"city":"x"}',
          '{"city":null}',
          '5',
          '"s"',
        ),
        fc.string({maxLength: 5}).map((city) => `{ "city" :${JSON.stringify(city)}, "z":1}`),
      ),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constantFrom(
        '"a"',
        '"\\u0061"',
        '"name"',
        '"d"',
        '"x"',
        '"__proto__"',
        '"user"',
        '""',
        '"naïve"',
      ),
      valueText,
    ),
  },
);
const recordText = fc
  .tuple(fc.array(fc.tuple(memberText, space, space), {maxLength: 7}), space)
  .map(
    ([members, end]) =>
      `{${members.map(([[key, value], left, right]) => `${left}${key}${right}:${left}${value}${right}`).join(',')}${end}}`,
  );
/** Records of one shape, so that the fast path is taken, and some that differ. */
const shapedText = fc
  .record({
    a: fc.integer({min: -3_000_000_000, max: 3_000_000_000}),
    junk: fc.oneof(fc.string({maxLength: 6}), fc.double(), fc.constant(null), fc.boolean()),
    name: fc.oneof(fc.string({unit: 'grapheme', maxLength: 10}), fc.constant(null)),
    user: fc.record({
      id: fc.integer(),
      city: fc.string({maxLength: 6}),
      more: fc.constant([1, {}]),
    }),
    d: fc.oneof(
      fc.double(),
      fc.integer({min: 0, max: 99_999}).map((cents) => cents / 100),
    ),
    ok: fc.boolean(),
  })
  .map((record) => JSON.stringify(record));
const lineText = fc.oneof(
  {weight: 5, arbitrary: shapedText},
  {weight: 4, arbitrary: recordText},
  {weight: 1, arbitrary: valueText},
);
const documentText = fc
  .tuple(
    fc.array(fc.tuple(lineText, fc.constantFrom('\n', '\n', '\r\n', '\n\n', ' \n')), {
      maxLength: 12,
    }),
    lineText,
  )
  .map(([lines, last]) => lines.map((line) => line.join('')).join('') + last)
  .filter((text) => !/^[\uFEFF\s]*\[/.test(text));

const decoder = () => jsonDecoder({wanted: WANTED});
const same = (decoded: Decoded, text: string) => {
  const expected = linesByOracle(text);
  expect(decoded.rows).toEqual(expected.rows);
  expect(decoded.bad).toHaveLength(expected.bad);
};

describe('JSON lines', () => {
  it('are the rows of JSON.parse', () => {
    fc.assert(
      fc.property(documentText, (text) => same(decodeAll(decoder(), text), text)),
      {numRuns: 700 * SCALE},
    );
  });

  it('are the same in pieces, with few rows at a time, resumed at each call', () => {
    fc.assert(
      fc.property(documentText, fc.integer({min: 1, max: 5}), fc.nat(), (text, maxRows, seed) => {
        const whole = decodeAll(decoder(), text);
        const length = utf8.encode(text).length;
        const cuts = [seed % (length + 1), (seed * 7919) % (length + 1)].sort((a, b) => a - b);
        expect(decodeAll(decoder(), text, {cuts, maxRows})).toEqual(whole);
        expect(decodeAll(decoder(), text, {cuts, maxRows, restart: decoder})).toEqual(whole);
      }),
      {numRuns: 200 * SCALE},
    );
  });

  it('are the same cut at every byte', () => {
    const records = fc.sample(documentText, {numRuns: 8 * SCALE, seed: 5});
    for (const text of records) {
      const whole = decodeAll(decoder(), text);
      const {length} = utf8.encode(text);
      for (let cut = 0; cut <= length; cut += 1) {
        expect(decodeAll(decoder(), text, {cuts: [cut]})).toEqual(whole);
      }
    }
  });

  it('never become a wrong row when the text ends at any byte or a byte is damaged', () => {
    fc.assert(
      fc.property(fc.array(shapedText, {minLength: 3, maxLength: 6}), fc.nat(), (lines, seed) => {
        const bytes = utf8.encode(lines.join('\n'));
        const cut = bytes.slice(0, seed % (bytes.length + 1));
        const damaged = bytes.slice();
        damaged[seed % bytes.length]! ^= 1 << ((seed >>> 8) % 8);
        for (const candidate of [cut, damaged]) {
          const text = new TextDecoder('utf-8', {ignoreBOM: true}).decode(candidate);
          if (/^\s*\[/.test(text)) continue;
          const expected = linesByOracle(text);
          const decoded = decodeAll(decoder(), candidate);
          if (text.includes('\uFFFD')) {
            // Ill-formed UTF-8: bad where it is read; JSON.parse sees a replacement character.
            const rows = expected.rows.map((row) => JSON.stringify(row));
            for (const row of decoded.rows) expect(rows).toContain(JSON.stringify(row));
          } else {
            expect(decoded.rows).toEqual(expected.rows);
            expect(decoded.bad).toHaveLength(expected.bad);
          }
        }
      }),
      {numRuns: 500 * SCALE},
    );
  });

  it('and random bytes are never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 200}), fc.boolean(), (bytes, array) => {
        const input = array ? Uint8Array.of(0x5b, ...bytes) : bytes;
        decodeAll(decoder(), input, {cuts: [bytes.length >> 1]});
      }),
      {numRuns: 500 * SCALE},
    );
  });
});

describe('a JSON array', () => {
  const arrayText = fc
    .tuple(
      fc.array(fc.oneof(shapedText, recordText), {maxLength: 10}),
      fc.constantFrom(',', ',\n', ' ,  '),
    )
    .map(([records, separator]) => `[${records.join(separator)}]\n`);

  it('is the rows of JSON.parse, in pieces and resumed', () => {
    fc.assert(
      fc.property(arrayText, fc.integer({min: 1, max: 5}), fc.nat(), (text, maxRows, seed) => {
        const decoded = decodeAll(decoder(), text);
        let records: unknown[] | null;
        try {
          records = JSON.parse(text) as unknown[];
        } catch {
          records = null;
        }
        if (records !== null) {
          const expected = records.map(rowOf);
          expect(decoded.rows).toEqual(expected.filter((row) => row !== null));
          expect(decoded.bad).toHaveLength(expected.filter((row) => row === null).length);
        } else expect(decoded.bad.length).toBeGreaterThan(0);
        const cuts = [seed % (utf8.encode(text).length + 1)];
        expect(decodeAll(decoder(), text, {cuts, maxRows, restart: decoder})).toEqual(decoded);
      }),
      {numRuns: 200 * SCALE},
    );
  });

  it('of real flights is read row by row as JSON.parse reads it', () => {
    const file = new URL('../../node_modules/vega-datasets/data/flights-20k.json', import.meta.url);
    const bytes = readFileSync(file);
    interface Flight {
      date: string;
      delay: number;
      distance: number;
      origin: string;
      destination: string;
    }
    const flights = JSON.parse(bytes.toString()) as Flight[];
    const wanted = [
      column('date', TIMESTAMP, {
        timeFormat: {kind: 'pattern', pattern: 'yyyy/MM/dd HH:mm', offsetMinutes: 0},
      }),
      column('origin', STRING),
      column('destination', STRING),
      column('delay', INT),
      column('distance', INT),
    ];
    const rows = flights.map((flight) => [
      Date.parse(`${flight.date.replaceAll('/', '-').replace(' ', 'T')}:00Z`),
      flight.origin,
      flight.destination,
      flight.delay,
      flight.distance,
    ]);
    const cuts = Array.from({length: 20}, (_, index) => (index + 1) * 65_537).filter(
      (cut) => cut < bytes.length,
    );
    const decoded = decodeAll(jsonDecoder({wanted}), bytes, {cuts, maxRows: 4096});
    expect(decoded.bad).toEqual([]);
    expect(decoded.rows).toEqual(rows);
    const lines = decodeAll(
      jsonDecoder({wanted}),
      flights.map((flight) => JSON.stringify(flight)).join('\n'),
    );
    expect(lines.rows).toEqual(rows);
  });
});
