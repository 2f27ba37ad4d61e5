// A row that is told keeps the digits that it has, in tables and as JSON.

import {describe, expect, test} from 'vitest';

import {diffFields, diffLines} from '#commands/_shared/diff-view.js';
import {exactValue, membersOf} from '#commands/_shared/exact-json.js';
import {makeStyle} from '#commands/_shared/style.js';
import type {DiffReport} from '#src/index.js';

test.each([
  ['{}', []],
  [
    '{"a":1.50,"b":null,"c":"x,}\\"y"}',
    [
      ['a', '1.50'],
      ['b', 'null'],
      ['c', '"x,}\\"y"'],
    ],
  ],
  [
    '{"key":{"a":90071992547409.91,"b":[1,{"c":2}]},"__proto__":-0}',
    [
      ['key', '{"a":90071992547409.91,"b":[1,{"c":2}]}'],
      ['__proto__', '-0'],
    ],
  ],
  [
    '{"a:b":":","":{}}',
    [
      ['a:b', '":"'],
      ['', '{}'],
    ],
  ],
] as const)('the members of %s', (text, members) => {
  expect(membersOf(text)).toEqual(members);
});

test.each([
  ['1.50', 1.5],
  ['90071992547409.91', '90071992547409.91'],
  ['9007199254740991.25', '9007199254740991.25'],
  ['1234567890123456.78', '1234567890123456.78'],
  ['9007199254740993', '9007199254740993'],
  ['0.30000000000000004', 0.30000000000000004],
  ['1e+300', 1e300],
  ['"a"', 'a'],
  ['null', null],
  ['true', true],
])('%s is %j', (text, value) => {
  expect(exactValue(text)).toEqual(value);
});

describe('a difference', () => {
  const row = (value: string): string =>
    `{"operator":"o","state":"s","key":{"k":1},"namespace":null,"value":{"sum":${value}},"expires":null}`;
  const diff = {
    ...{equal: false, from: '/a', to: '/b', sources: [], positions: [], bytes: {from: 1, to: 1}},
    operators: {
      added: [],
      removed: [],
      changed: [
        {
          ...{uid: 'o', type: {from: 't', to: 't'}},
          states: [
            {
              ...{name: 's', kind: 'keyed', keys_added: 0, keys_removed: 0, keys_changed: 1},
              schema_changed: false,
              rows: [
                {
                  change: 'changed',
                  from: row('9007199254740991.25'),
                  to: row('9007199254740991.50'),
                },
              ],
            },
          ],
        },
      ],
    },
  } as DiffReport;

  test('as text and as JSON', () => {
    const style = makeStyle({isTTY: false, environment: {}, color: null});
    const text = diffLines(diff, style).join('\n');
    expect(text).toMatch(
      /\{"k":1\} +\{"sum":9007199254740991\.25\} +\{"sum":9007199254740991\.50\}/,
    );
    expect(diffFields(diff)).toMatchObject({
      operators: {
        changed: [
          {
            states: [
              {
                rows: [
                  {
                    ...{change: 'changed', key: {k: 1}, namespace: null},
                    ...{from: {sum: '9007199254740991.25'}, to: {sum: '9007199254740991.50'}},
                  },
                ],
              },
            ],
          },
        ],
      },
    });
  });
});
