// Promise: a batch comes out of its bytes as its live rows went in, at the size that was foretold, wherever
// in a buffer it lies; and nothing is copied on the way out. Checked over random schemas and batches.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {BatchDecoder} from '#src/channels/batch-decoder.js';
import {BatchEncoder} from '#src/channels/batch-encoder.js';
import {viewBytes} from '#src/channels/byte-views.js';
import {DESCRIPTION_CHARACTERS_MAX} from '#src/channels/describe-row.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import * as types from '#src/records/data-type.js';
import {liveRow, type RecordBatch} from '#src/records/record-batch.js';
import {toRows, type Value} from '#src/records/value.js';
import {anySchema, batchOf} from './support/random-batches.ts';

const numRuns = process.env['TIDEMARK_PROOF'] === '1' ? 5000 : 300;
const UNTOUCHED = 0xa5;

function roundTrip(batch: RecordBatch, count: number, at: number, shared: boolean): RecordBatch {
  const encoder = new BatchEncoder(batch.schema);
  const size = encoder.sizeOf(batch, batch.selection, count);
  const length = at + Math.ceil(size / 8) * 8 + 64;
  const views = viewBytes(shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length));
  views.bytes.fill(UNTOUCHED);
  encoder.encode(batch, batch.selection, count, views, at);
  expect(views.bytes.subarray(0, at).every((byte) => byte === UNTOUCHED)).toBe(true);
  expect(views.bytes.subarray(at + size).every((byte) => byte === UNTOUCHED)).toBe(true);
  const decoded = new BatchDecoder(batch.schema).decode(views, at, size);
  for (const column of decoded.columns) {
    for (const part of Object.values(column)) {
      if (ArrayBuffer.isView(part)) expect(part.buffer).toBe(views.bytes.buffer);
    }
  }
  return decoded;
}

describe('a batch as bytes', () => {
  it('comes out row by row as it went in', () => {
    const scenario = anySchema({minLength: 0, maxLength: 6}).chain((schema) =>
      fc.record({
        batch: batchOf(schema),
        part: fc.integer({min: 0, max: 100}),
        at: fc.nat(10).map((words) => words * 8),
        shared: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(scenario, ({batch, part, at, shared}) => {
        const count = Math.ceil((batch.selectedCount * part) / 100);
        const decoded = roundTrip(batch, count, at, shared);
        expect(decoded.rowCount).toBe(count);
        expect(decoded.selectedCount).toBe(count);
        expect(toRows(decoded)).toEqual(toRows({...batch, selectedCount: count}));
        expect(decoded.watermarks === null).toBe(batch.watermarks === null);
        for (let position = 0; position < count; position += 1) {
          expect(decoded.watermarks?.[position]).toBe(batch.watermarks?.[liveRow(batch, position)]);
        }
      }),
      {numRuns},
    );
  });

  it('leaves out NULL flags and bytes that no live row needs', () => {
    const schema = {fields: [{name: 's', type: types.STRING}]};
    const builder = new BatchBuilder(schema);
    for (const value of ['left out, and long enough to be seen', null, 'a', '']) {
      builder.appendRow([value]);
    }
    const batch = {...builder.build(), selection: Int32Array.of(2, 3), selectedCount: 2};
    const [column] = roundTrip(batch, 2, 0, true).columns;
    expect(column).toMatchObject({layout: 'bytes', nulls: null});
    expect(column).toHaveProperty('bytes.length', 1);
  });
});

describe('the origin of a batch from a channel', () => {
  const describeOne = (fields: readonly [string, types.DataType, Value][]) => {
    const schema = {fields: fields.map(([name, type]) => ({name, type}))};
    const builder = new BatchBuilder(schema);
    builder.appendRow(fields.map(([, , value]) => value));
    return roundTrip(builder.build(), 1, 0, true).origin!.describe(0);
  };

  it('names a record by its values', () => {
    const text = describeOne([
      ['user', types.STRING, 'u"1'],
      ['amount', types.INT, 12],
      ['price', types.decimal(10, 2), -5n],
      ['big', types.BIGINT, 2n ** 62n],
      ['at', types.TIMESTAMP, 0],
      ['day', types.DATE, 1],
      ['raw', types.BYTES, Uint8Array.of(1, 255)],
      ['ok', types.BOOLEAN, true],
      ['none', types.DOUBLE, null],
    ]);
    expect(text).toBe(
      '{user="u\\"1", amount=12, price=-0.05, big=4611686018427387904, ' +
        "at=1970-01-01T00:00:00.000Z, day=1970-01-02, raw=x'01ff', ok=true, none=NULL}",
    );
  });

  it('cuts a long one off', () => {
    const text = describeOne([['text', types.STRING, 'x'.repeat(5000)]]);
    expect(text).toHaveLength(DESCRIPTION_CHARACTERS_MAX);
    expect(text.endsWith('x…}')).toBe(true);
  });
});
