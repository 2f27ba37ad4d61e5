// Promise: what the restore plan allows is carried out. State that a step kept of values of one type goes on with values of a
// wider one, from both forms of a state file; an added aggregate begins at its neutral value; one that is left behind takes
// nothing else along. What is no widening is refused here too, should a plan have let it pass.

import {describe, expect, test} from 'vitest';
import type {SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {aggregate} from '#src/operators/aggregate.js';
import {BIGINT, DOUBLE, INT, STRING, type DataType} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';
import {convertSnapshot} from '#src/state/canonical/convert-snapshot.js';
import {MemoryFiles} from '../state/support/memory-files.ts';
import {Harness, input, schema} from './support/harness.ts';

const FUNCTIONS = [
  ['n', 'COUNT(v)'],
  ['sum', 'SUM(v)'],
  ['mean', 'AVG(v)'],
  ['least', 'MIN(v)'],
  ['most', 'MAX(v)'],
  ['first', 'FIRST_VALUE(v)'],
  ['last', 'LAST_VALUE(v)'],
];

type Row = readonly [key: string, value: Value];
type Form = 'native' | 'canonical';

interface Kept {
  readonly files: MemoryFiles;
  readonly subtask: SubtaskMetadata;
}

function step(type: DataType, select: readonly string[][], kept?: Kept): Harness {
  const options = {'group-by': ['k'], select};
  const table = input(schema({k: STRING, v: type}));
  return new Harness(aggregate, options, [table], kept ? [kept.subtask] : [], kept?.files);
}

/** The state after `rows`, in a state file of that form. */
async function stateOf(
  type: DataType,
  rows: readonly Row[],
  form: Form,
  select: readonly string[][] = FUNCTIONS,
): Promise<Kept> {
  const before = step(type, select);
  await before.operator.open();
  before.operator.process(before.batch(rows), 0);
  const {subtask} = await before.snapshot();
  if (form === 'native') return {files: before.files, subtask};
  const files = new MemoryFiles();
  const states = [];
  for (const state of subtask.states) {
    if (state.location === 'inline') throw new Error('inline state');
    const places = {sourceDirectory: '/chk-1', targetDirectory: '/sp', targetPath: state.path};
    states.push(
      await convertSnapshot(before.files, {states: [state], compression: 'none', ...places}),
    );
    files.content.set(`/chk-1/${state.path}`, before.files.content.get(`/sp/${state.path}`)!);
  }
  return {files, subtask: {...subtask, states}};
}

async function goesOn(
  type: DataType,
  kept: Kept,
  rows: readonly Row[],
  select: readonly string[][] = FUNCTIONS,
): Promise<Record<string, Value>[]> {
  const after = step(type, select, kept);
  await after.operator.open();
  if (rows.length > 0) after.operator.process(after.batch(rows), 0);
  after.operator.endInput();
  return after
    .take()
    .toSorted((left, right) => String(left['k']).localeCompare(String(right['k'])));
}

const WIDE = 2n ** 60n + 1n;

describe.each<Form>(['native', 'canonical'])('from %s state', (form) => {
  test('int goes on as bigint', async () => {
    const kept = await stateOf(
      INT,
      [
        ['a', 5],
        ['a', -3],
        ['b', null],
      ],
      form,
    );
    expect(await goesOn(BIGINT, kept, [['a', WIDE]])).toEqual([
      {
        k: 'a',
        n: 3n,
        sum: WIDE + 2n,
        mean: Number(WIDE + 2n) / 3,
        least: -3n,
        most: WIDE,
        first: 5n,
        last: WIDE,
      },
      {k: 'b', n: 0n, sum: null, mean: null, least: null, most: null, first: null, last: null},
    ]);
  });

  test('int goes on as double', async () => {
    const kept = await stateOf(
      INT,
      [
        ['a', 5],
        ['a', -3],
      ],
      form,
    );
    expect(await goesOn(DOUBLE, kept, [['a', 0.5]])).toEqual([
      {k: 'a', n: 3n, sum: 2.5, mean: 2.5 / 3, least: -3, most: 5, first: 5, last: 0.5},
    ]);
  });

  test('bigint goes on as double, also beyond 53 bits', async () => {
    const kept = await stateOf(
      BIGINT,
      [
        ['a', WIDE],
        ['a', 7n],
        ['b', -WIDE],
        ['c', null],
      ],
      form,
    );
    const big = Number(WIDE);
    expect(await goesOn(DOUBLE, kept, [['a', 1.5]])).toEqual([
      {
        k: 'a',
        n: 3n,
        sum: Number(WIDE + 7n) + 1.5,
        mean: (Number(WIDE + 7n) + 1.5) / 3,
        least: 1.5,
        most: big,
        first: big,
        last: 1.5,
      },
      {k: 'b', n: 1n, sum: -big, mean: -big, least: -big, most: -big, first: -big, last: -big},
      {k: 'c', n: 0n, sum: null, mean: null, least: null, most: null, first: null, last: null},
    ]);
  });

  test('an added aggregate begins at its neutral value, whatever the order', async () => {
    const kept = await stateOf(
      INT,
      [
        ['a', 5],
        ['b', 1],
      ],
      form,
      [['sum', 'SUM(v)']],
    );
    const select = [
      ['n', 'COUNT(*)'],
      ['sum', 'SUM(v)'],
      ['most', 'MAX(v)'],
    ];
    expect(await goesOn(INT, kept, [['a', 2]], select)).toEqual([
      {k: 'a', n: 1n, sum: 7, most: 2},
      {k: 'b', n: 0n, sum: 1, most: null},
    ]);
  });

  test('one that is left behind takes nothing along, strings neither', async () => {
    const select = [
      ['name', 'MAX(v)'],
      ['n', 'COUNT(v)'],
      ['least', 'MIN(v)'],
    ];
    const long = 'a string that is longer than twelve bytes';
    const kept = await stateOf(
      STRING,
      [
        ['a', long],
        ['a', 'short'],
      ],
      form,
      select,
    );
    expect(await goesOn(STRING, kept, [], select.slice(1))).toEqual([{k: 'a', n: 2n, least: long}]);
    expect(await goesOn(STRING, kept, [['a', 'a']], select.slice(0, 2))).toEqual([
      {k: 'a', name: 'short', n: 3n},
    ]);
  });

  test('a double that is no whole number does not become one', async () => {
    const kept = await stateOf(DOUBLE, [['a', 0.5]], form);
    await expect(goesOn(BIGINT, kept, [])).rejects.toMatchObject({code: 'INCOMPATIBLE'});
    await expect(goesOn(STRING, kept, [], [['least', 'MIN(v)']])).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
    });
  });
});
