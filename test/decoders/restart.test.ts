// Promise: a decoder that has read other splits, whole or in part, reads the next one as a new decoder would.
import fc from 'fast-check';
import {describe, expect, it, test} from 'vitest';
import {csvDecoder} from '#src/formats/csv-decoder.js';
import type {RecordDecoder} from '#src/formats/decoder.js';
import {jsonDecoder} from '#src/formats/json-decoder.js';
import {INT, STRING} from '#src/records/data-type.js';
import {column, decodeAll, utf8, type Decoded} from './decoding.ts';

const WANTED = [column('a', INT), column('b', STRING)];

const jsonSplits = [
  '{"a":1,"b":"one"}\n{"a":2,"b":"two"}\n{"a":3,"b":"three"}',
  '{"b":"x","a":10}\n\n{"b":"y","a":11}\n{"b":"z"}\n',
  '[{"a":1,"b":"in an array"},{"a":2},\n{"a":3,"b":"last"}]',
  '[{"a":1},{"a":"bad"},{"a":2,',
  '{"a":1}\nnot json\n{"a":2,"b":"\\u00e9"}\n',
  '\uFEFF\n\n  {"a":7,"b":"mark"}\n',
  '[1] behind',
  '',
];

const csvSplits = [
  'a,b\n1,one\n2,two\n3,three',
  'b,a\nx,10\ny,11\n',
  'b,a\n5,10\n6,11\n',
  'a,x,b\n1,2,3\n4,5,"six ""6"""\n',
  'a,b\n1,"open',
  'a\n1\n',
  '\uFEFFb,a\r\nq,1\r\n\r\nbad,z\r\n',
  'a,b,a\n1,2,3\n',
  '',
];

describe.each([
  ['JSON', () => jsonDecoder({wanted: WANTED}), jsonSplits],
  ['CSV', () => csvDecoder({wanted: WANTED}), csvSplits],
])('%s', (_, make, splits) => {
  it('after any splits, decodes the next one as if it were new', () => {
    const reading = fc.record({
      split: fc.nat(splits.length - 1),
      /** How many bytes of it are read before the next one is taken up. */
      part: fc.double({min: 0, max: 1, noNaN: true}),
      maxRows: fc.integer({min: 1, max: 4}),
    });
    fc.assert(
      fc.property(fc.array(reading, {minLength: 1, maxLength: 6}), (readings) => {
        const decoder = make();
        for (const {split, part, maxRows} of readings) {
          const bytes = utf8.encode(splits[split]);
          expect(wholeOf(decoder, bytes, maxRows)).toEqual(wholeOf(make(), bytes, maxRows));
          decoder.restart();
          decoder.decode(bytes, 0, Math.floor(bytes.length * part), false, maxRows);
        }
      }),
      {numRuns: 300},
    );
  });

  it('from a snapshot of another decoder, whatever it read before', () => {
    for (const before of splits) {
      for (const split of splits) {
        const other = make();
        const bytes = utf8.encode(split);
        const {nextOffset} = other.decode(bytes, 0, bytes.length, false, 1);
        const snapshot = other.snapshot();
        const rest = bytes.subarray(nextOffset);
        const used = make();
        wholeOf(used, utf8.encode(before), 10);
        const [warm, fresh] = [used, make()].map((decoder) => outcome(decoder, snapshot, rest));
        expect(warm, `${before} before ${split}`).toEqual(fresh);
      }
    }
  });
});

test.each([jsonDecoder, csvDecoder])('a position that says nothing is no beginning: %o', (make) => {
  for (const nothing of [null, {}, 'begin', 7]) {
    expect(() => make({wanted: WANTED}).restart(nothing)).toThrow(/holds no position of a/);
  }
});

describe('a line that is cut', () => {
  const input = utf8.encode(`{"a":1}\n{"a":2,"b":"${'x'.repeat(500)}"}\n{"a":3}\n`);
  const decoder = jsonDecoder({wanted: WANTED, maxRecordSize: 64});

  it('is left for the next call, and passed over before it fills the memory', () => {
    const decode = (start: number, end: number) => decoder.decode(input, start, end, false, 10);
    expect(decode(0, 4)).toMatchObject({rowCount: 0, nextOffset: 0, needsMore: true});
    expect(decode(0, 20)).toMatchObject({rowCount: 1, nextOffset: 8, needsMore: true});
    expect(decode(8, 60)).toMatchObject({rowCount: 0, nextOffset: 8, needsMore: true});
    const {badRecords, nextOffset} = decode(8, 200);
    expect(badRecords).toMatchObject([{offset: 8, line: 2, reason: expect.stringMatching(/64/)}]);
    expect(nextOffset).toBe(200);
    expect(decode(200, 400)).toMatchObject({rowCount: 0, nextOffset: 400, needsMore: true});
    expect(decode(400, input.length)).toMatchObject({rowCount: 1, nextOffset: input.length});
  });
});

function wholeOf(decoder: RecordDecoder, bytes: Uint8Array, maxRows: number): Decoded {
  decoder.restart();
  return decodeAll(decoder, bytes, {maxRows, cuts: [Math.floor(bytes.length / 2)]});
}

/** What comes of a restart: the rows, or the error. */
function outcome(
  decoder: RecordDecoder,
  snapshot: Parameters<RecordDecoder['restart']>[0],
  rest: Uint8Array,
): Decoded | string {
  try {
    decoder.restart(snapshot);
  } catch (error) {
    return (error as Error).message;
  }
  return decodeAll(decoder, rest, {maxRows: 10});
}
