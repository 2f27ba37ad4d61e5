// A key is found by what is typed, and no other: bytes as Base64, as they are printed; numbers to their last digit.

import {describe, expect, test} from 'vitest';

import {RowFilter, type RowConditions} from '#src/inspection/state/row-filter.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BYTES, INT, STRING, decimal} from '#src/records/data-type.js';
import type {Field} from '#src/records/schema.js';
import type {Value} from '#src/records/value.js';
import {parseKey} from '#src/reports/state-reports.js';
import type {StateShape} from '#src/state/rows/state-shape.js';

function passing(
  fields: readonly Field[],
  rows: readonly (readonly Value[])[],
  conditions: RowConditions,
): number[] {
  const shape = {
    ...{key: fields, namespace: [], values: [], maxParallelism: 16, updated: -1},
    spec: {name: 's', key: fields},
  } as unknown as StateShape;
  const filter = new RowFilter(shape, conditions, 'op.s');
  const builder = new BatchBuilder({fields});
  for (const row of rows) builder.appendRow([...row]);
  const selected = new Int32Array(rows.length);
  const count = filter.select(builder.build(), selected);
  return [...selected.subarray(0, count)];
}

describe('a key of bytes', () => {
  const fields = [{name: 'k', type: BYTES}];
  const rows = [[Buffer.of(0, 1, 255)], [null], [Buffer.of(0, 2)], [Buffer.of()]];

  test.each([
    [{key: ['AAH/']}, [0]],
    [{key: ['']}, [3]],
    [{key: [null]}, [1]],
    [{key: ['AAI=']}, [2]],
    [{from: 'AAI='}, [2]],
    [{to: 'AAI='}, [0, 3]],
    [{from: 'AA==', to: 'AAI='}, [0]],
  ] as const)('%j passes %j', (conditions, expected) => {
    expect(passing(fields, rows, conditions)).toEqual(expected);
  });

  test('what is no Base64 is refused', () => {
    for (const text of ['AAH', 'a b', 'é']) {
      expect(() => passing(fields, rows, {key: [text]})).toThrow(/is no Base64/);
    }
  });
});

test('a decimal is looked for with all its digits', () => {
  const fields = [
    {name: 'd', type: decimal(18, 2)},
    {name: 's', type: STRING},
  ];
  const rows = [
    [9007199254740990n, '5'],
    [9007199254740991n, '5'],
    [900719925474099150n, '5'],
  ];
  const by = (text: string) => passing(fields, rows, {key: parseKey(text)});
  expect(by('[90071992547409.91,5]')).toEqual([1]);
  expect(by('[9007199254740991.50,5]')).toEqual([2]);
  expect(by('["90071992547409.90","5"]')).toEqual([0]);
});

test.each([
  ['SFO', ['SFO']],
  ['["a,]",1.50,null,true]', ['a,]', '1.50', null, 'true']],
  ['[9007199254740993]', ['9007199254740993']],
  ['[a', ['[a']],
  ['[]', []],
] as const)('%s is the key %j', (text, key) => {
  expect(parseKey(text)).toEqual(key);
});

test.each([{from: 'x'}, {to: '1.5.2'}, {key: ['']}])(
  '%j of a number is refused before any row is read',
  (conditions) => {
    const fields = [{name: 'k', type: INT}];
    expect(() => passing(fields, [], conditions)).toThrow(/^--(from|to|key): .*k of op\.s is int/);
  },
);

test('a list in a list is no key', () => {
  expect(() => parseKey('[[1]]')).toThrow(/no value of a key/);
});
