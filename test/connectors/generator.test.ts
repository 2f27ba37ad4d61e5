// The generator's rows follow from the seed alone: across restores, parallelisms and chosen columns.

import {expect, test} from 'vitest';
import {generatorSource} from '#src/connectors/generator/source.js';
import type {SourceReader} from '#src/connectors/connector.js';
import type {OptionValues} from '#src/job/job-spec.js';
import type {OptionProblem} from '#src/job/operator-spec.js';
import {testContext, sourceSpec, stored} from './support/context.ts';
import {read, sourceSuite} from './support/source-suite.ts';

const FIELDS = [
  ['id', {kind: 'sequence', start: 5, step: 3}],
  ['key', {kind: 'sequence', prefix: 'k-', start: -2}],
  ['x', {kind: 'uniform', min: -1, max: 1}],
  ['n', {kind: 'uniform', min: 5, max: 2500, type: 'int'}],
  ['user', {kind: 'zipf', n: 50, exponent: 1.1, prefix: 'u'}],
  ['rank', {kind: 'zipf', n: 50}],
  ['page', {kind: 'choice', values: ['home', 'search', null], weights: [6, 3, 1]}],
  ['flag', {kind: 'choice', values: [true, false]}],
  ['time', {kind: 'timestamp', start: '2026-01-01T00:00:00Z', step: '10ms', disorder: '200ms'}],
  ['site', {kind: 'constant', value: 'web'}],
] as const;

function options(changes: OptionValues = {}): OptionValues {
  return {fields: FIELDS, rows: 1000, seed: 7, splits: 8, ...changes};
}

async function open(
  given: OptionValues,
  restored = testContext().restored,
  subtask = 0,
  parallelism = 1,
  names: readonly string[] | null = null,
): Promise<SourceReader> {
  const schema = generatorSource.spec.schemaOf!(given);
  const fields = schema.fields.filter(({name}) => names?.includes(name) ?? true);
  const columns = fields.map((field) => ({...field, path: [field.name], timeFormat: null}));
  const watermark = {column: 'time', maxOutOfOrdernessMillis: 100, idleTimeoutMillis: null};
  const spec = sourceSpec(given, columns, {
    connector: 'generator',
    watermark: names === null ? watermark : null,
  });
  const reader = generatorSource.create(spec, testContext({restored, subtask, parallelism}));
  await reader.open();
  return reader;
}

sourceSuite('bounded generator', async () =>
  Promise.resolve({
    deploy: async (restored, parallelism) =>
      Promise.resolve(async (subtask) => open(options(), restored, subtask, parallelism)),
    maxRows: 37,
  }),
);

sourceSuite('endless generator', async () =>
  Promise.resolve({
    deploy: async (restored) =>
      Promise.resolve(async () => open(options({rows: undefined}), restored)),
    maxRows: 100,
    rowLimit: 800,
  }),
);

test('a column has the same values whichever other columns are read', async () => {
  const all = (await read(await open(options()), 100)).rows;
  const some = (await read(await open(options(), [], 0, 1, ['n', 'page']), 64)).rows;
  const project = ({row}: {row: string}): string => {
    const {n, page} = JSON.parse(row) as {n: unknown; page: unknown};
    return JSON.stringify({n, page});
  };
  expect(some.map(({row}) => row)).toEqual(all.map(project));
});

test('values have the declared types, ranges, NULLs and skew', async () => {
  const {rows} = await read(await open(options({rows: 20_000})), 4096);
  const values = rows.map(({row}) => JSON.parse(row) as Record<string, unknown>);
  expect(values[0]).toMatchObject({id: '5n', key: 'k--2', site: 'web'});
  expect(values[19_999]).toMatchObject({id: '60002n', key: 'k-19997'});
  const numbers = values.map((row) => row['n'] as number);
  expect(Math.min(...numbers)).toBe(5);
  expect(Math.max(...numbers)).toBe(2500);
  const mean = values.reduce((sum, row) => sum + (row['x'] as number), 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.02);
  const share = (name: string, value: unknown): number =>
    values.filter((row) => row[name] === value).length / values.length;
  expect(share('page', 'home')).toBeCloseTo(0.6, 1);
  expect(share('page', null)).toBeCloseTo(0.1, 1);
  expect(share('flag', true)).toBeCloseTo(0.5, 1);
  // 1 / H(50, 1.1) = 0.277 and half of it to the power of 1.1 for the second rank.
  expect(share('user', 'u1')).toBeCloseTo(0.277, 1);
  expect(share('user', 'u1') / share('user', 'u2')).toBeCloseTo(2 ** 1.1, 0);
  const start = Date.parse('2026-01-01T00:00:00Z');
  const lateness = values.map((row, index) => start + index * 10 - (row['time'] as number));
  expect(Math.min(...lateness)).toBe(0);
  expect(Math.max(...lateness)).toBe(200);
});

test('another seed gives other values', async () => {
  const one = await read(await open(options({rows: 10})), 10);
  const other = await read(await open(options({rows: 10, seed: 8})), 10);
  expect(other.rows).not.toEqual(one.rows);
});

test('a position of another seed or split count is refused', async () => {
  const reader = await open(options());
  const restored = [stored(reader.snapshot())];
  await expect(open(options({seed: 8}), restored)).rejects.toMatchObject({code: 'INCOMPATIBLE'});
  await expect(open(options({splits: 4}), restored)).rejects.toMatchObject({code: 'INCOMPATIBLE'});
});

test('an error names the generated row', async () => {
  const {rows} = await read(await open(options()), 100, 2);
  expect(rows[117]!.origin).toBe('numbers: generated row 118 (split 5)');
});

test('an int sequence that leaves its range fails instead of wrapping', async () => {
  const fields = [['id', {kind: 'sequence', type: 'int', start: 2 ** 31 - 5}]];
  const given = options({fields: fields as unknown as OptionValues});
  const reader = await open(given, [], 0, 1, ['id']);
  expect(() => reader.poll(10)).toThrow(/column id has left its range/);
});

test('mistakes in the fields are reported where they stand', () => {
  const fields = [
    ['a', {kind: 'sequence', min: 1}],
    ['b', {kind: 'uniform', min: 5, max: 1}],
    ['c', {kind: 'choice', values: ['x', 1], weights: [1]}],
    ['d', {kind: 'timestamp', start: 'yesterday', step: 'soon'}],
    ['e', {kind: 'zipf', n: 0}],
  ];
  const problems: OptionProblem[] = [];
  const given = options({fields: fields as unknown as OptionValues});
  const schema = {fields: []};
  generatorSource.spec.check!({options: given, schema, report: (each) => problems.push(each)});
  expect(problems.map(({path}) => path.slice(1).join('.'))).toEqual([
    'a.min',
    'b.max',
    'c.weights',
    'c.values',
    'd.start',
    'd.step',
    'e.n',
  ]);
});
