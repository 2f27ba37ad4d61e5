// Promise: aggregates without a window are what SQL says, for every function, NULLs and filters, in all
// three emit modes, and go on after a restore as if nothing had happened.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {aggregate} from '#src/operators/aggregate.js';
import {BIGINT, DOUBLE, INT, STRING, decimal} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';
import {BACKENDS, Harness, input, keepStateIn, planOf, schema} from './support/harness.ts';

const TABLE = schema({k: STRING, i: INT, b: BIGINT, d: DOUBLE, s: STRING, m: decimal(10, 2)});

const ALL = [
  ['n', 'COUNT(*)'],
  ['ni', 'COUNT(i)'],
  ['sum_i', 'SUM(i)'],
  ['sum_b', 'SUM(b)'],
  ['sum_d', 'SUM(d)'],
  ['avg_i', 'AVG(i)'],
  ['avg_m', 'AVG(m)'],
  ['min_b', 'MIN(b)'],
  ['max_d', 'MAX(d)'],
  ['min_s', 'MIN(s)'],
  ['max_s', 'MAX(s)'],
  ['first_s', 'FIRST_VALUE(s)'],
  ['last_b', 'LAST_VALUE(b)'],
  ['some', 'SUM(b) FILTER (WHERE i > 0)'],
];

async function atEnd(
  rows: readonly (readonly Value[])[],
  select: readonly string[][],
  groupBy = ['k'],
) {
  const step = new Harness(aggregate, {'group-by': groupBy, select}, [input(TABLE)]);
  await step.operator.open();
  if (rows.length > 0) step.operator.process(step.batch(rows), 0);
  step.operator.endInput();
  return step;
}

const aRow = fc.tuple(
  fc.constantFrom('a', 'b', 'a key longer than twelve', null),
  fc.option(fc.integer({min: -5, max: 5}), {nil: null}),
  fc.option(fc.bigInt({min: -(2n ** 56n), max: 2n ** 56n}), {nil: null}),
  fc.option(
    fc.integer({min: -8, max: 8}).map((n) => n / 4),
    {nil: null},
  ),
  fc.option(fc.string({maxLength: 16}), {nil: null}),
  fc.option(fc.bigInt({min: -99n, max: 99n}), {nil: null}),
);
type Row = readonly [
  string | null,
  number | null,
  bigint | null,
  number | null,
  string | null,
  bigint | null,
];

function expected(key: string | null, rows: readonly Row[]): Record<string, Value> {
  const column = <V>(index: number) =>
    rows.map((row) => row[index]).filter((v) => v !== null) as V[];
  const sum = <V>(values: readonly V[], add: (a: V, b: V) => V) =>
    values.length === 0 ? null : values.reduce(add);
  const [i, b, d] = [column<number>(1), column<bigint>(2), column<number>(3)];
  const [s, m] = [column<string>(4), column<bigint>(5)];
  const sorted = [...s].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
  const plus = (x: number, y: number) => x + y;
  const filtered = rows
    .filter((row) => row[1] !== null && row[1] > 0)
    .map((row) => row[2])
    .filter((value) => value !== null);
  return {
    k: key,
    n: BigInt(rows.length),
    ni: BigInt(i.length),
    sum_i: sum(i, plus),
    sum_b: sum(b, (x, y) => x + y),
    sum_d: sum(d, plus),
    avg_i: i.length === 0 ? null : i.reduce(plus) / i.length,
    avg_m: m.length === 0 ? null : Number(m.reduce((x, y) => x + y)) / m.length / 100,
    min_b: sum(b, (x, y) => (x < y ? x : y)),
    max_d: sum(d, (x, y) => Math.max(x, y)),
    min_s: sorted[0] ?? null,
    max_s: sorted.at(-1) ?? null,
    first_s: s[0] ?? null,
    last_b: b.at(-1) ?? null,
    some: sum(filtered, (x, y) => x + y),
  };
}

function expectedAll(rows: readonly Row[]): Record<string, Value>[] {
  const keys = [...new Set(rows.map((row) => row[0]))];
  return keys.map((key) =>
    expected(
      key,
      rows.filter((row) => row[0] === key),
    ),
  );
}

const byKey = (left: Record<string, Value>, right: Record<string, Value>) =>
  String(left['k']) < String(right['k']) ? -1 : 1;
const sortRows = (rows: Record<string, Value>[]) => [...rows].sort(byKey);

describe.each(BACKENDS)('aggregate without a window, state in %s', (name) => {
  keepStateIn(name);

  it('is what a plain computation gives, in any batches, also across a restore', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aRow, {minLength: 1, maxLength: 40}),
        fc.array(aRow, {maxLength: 40}),
        async (before, after) => {
          const options = {'group-by': ['k'], select: ALL};
          const first = new Harness(aggregate, options, [input(TABLE)]);
          await first.operator.open();
          const cut = Math.floor(before.length / 2);
          first.operator.process(first.batch(before.slice(0, cut)), 0);
          first.operator.process(first.batch(before.slice(cut)), 0);
          const taking = first.snapshot();
          first.operator.process(first.batch(after), 0);
          const {subtask} = await taking;
          const second = new Harness(aggregate, options, [input(TABLE)], [subtask], first.files);
          await second.operator.open();
          second.operator.process(second.batch(after), 0);
          for (const step of [first, second]) {
            step.operator.endInput();
            expect(sortRows(step.take())).toEqual(sortRows(expectedAll([...before, ...after])));
          }
        },
      ),
      {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 1000 : 100},
    );
  });

  it('without group-by is one group, also of no records', async () => {
    const step = await atEnd(
      [],
      [
        ['n', 'COUNT(*)'],
        ['s', 'SUM(i)'],
        ['m', 'MIN(s)'],
      ],
      [],
    );
    expect(step.take()).toEqual([{n: 0n, s: null, m: null}]);
  });

  it('with group-by and no records is nothing', async () => {
    expect((await atEnd([], [['n', 'COUNT(*)']])).take()).toEqual([]);
  });

  it('takes a sum of bigint beyond 2^53 exactly, and back', async () => {
    const row = (b: bigint): Value[] => ['a', null, b, null, null, null];
    const step = await atEnd(
      [
        row(2n ** 53n - 1n),
        row(2n ** 53n - 1n),
        row(5n),
        row(2n ** 62n),
        row(-(2n ** 62n)),
        row(-4n),
      ],
      [
        ['s', 'SUM(b)'],
        ['m', 'MAX(b)'],
      ],
    );
    expect(step.take()).toEqual([{k: 'a', s: 2n ** 54n - 1n, m: 2n ** 62n}]);
  });

  it('names the record whose sum does not fit 64 bits', async () => {
    const step = new Harness(aggregate, {'group-by': ['k'], select: [['s', 'SUM(b)']]}, [
      input(TABLE),
    ]);
    await step.operator.open();
    const row: Value[] = ['a', null, 2n ** 62n, null, null, null];
    expect(() => step.operator.process(step.batch([row, row]), 0)).toThrow(
      expect.objectContaining({
        code: 'RECORD_FAILED',
        message: expect.stringContaining("line 2: step step: the sum 's'"),
      }),
    );
  });

  it('does not evaluate an argument for a record that the filter drops', async () => {
    const rows: Value[][] = [
      ['a', 0, null, null, null, null],
      ['a', 5, null, null, null, null],
    ];
    const step = await atEnd(rows, [['s', 'SUM(100 / i) FILTER (WHERE i <> 0)']]);
    expect(step.take()).toEqual([{k: 'a', s: 20}]);
  });

  it('on-checkpoint gives each changed group once before the barrier', async () => {
    const options = {'group-by': ['k'], select: [['n', 'COUNT(*)']], emit: 'on-checkpoint'};
    const step = new Harness(aggregate, options, [input(TABLE, {bounded: false})]);
    await step.operator.open();
    const row = (k: string): Value[] => [k, null, null, null, null, null];
    step.operator.process(step.batch([row('a'), row('b'), row('a')]), 0);
    expect(step.take()).toEqual([]);
    step.operator.beforeBarrier();
    expect(step.take()).toEqual([
      {k: 'a', n: 2n},
      {k: 'b', n: 1n},
    ]);
    step.operator.beforeBarrier();
    expect(step.take()).toEqual([]);
    step.operator.process(step.batch([row('b')]), 0);
    step.operator.beforeBarrier();
    expect(step.take()).toEqual([{k: 'b', n: 2n}]);
    expect(step.metrics.operator('step')).toMatchObject({recordsIn: 4, recordsOut: 3});
  });

  it('on-checkpoint tells each changed group once, however many there were between two barriers', async () => {
    const options = {'group-by': ['k'], select: [['n', 'COUNT(*)']], emit: 'on-checkpoint'};
    const step = new Harness(aggregate, options, [input(TABLE, {bounded: false})]);
    await step.operator.open();
    const batch = (...keys: readonly string[]) =>
      step.batch(keys.map((k): Value[] => [k, null, null, null, null, null]));
    const told = (): unknown[] =>
      step
        .take()
        .map(({k, n}) => `${String(k)} ${String(n)}`)
        .sort();
    // More than the cache of the rocksdb backend holds: the first ones have left it by the barrier.
    for (let at = 0; at < 20; at += 1) step.operator.process(batch(`k${at}`, 'every'), 0);
    step.operator.process(batch('k0'), 0);
    step.operator.beforeBarrier();
    const singles = Array.from({length: 19}, (_, at) => `k${at + 1} 1`);
    expect(told()).toEqual(['every 20', 'k0 2', ...singles].sort());
    step.operator.process(batch('k7'), 0);
    step.operator.beforeBarrier();
    expect(told()).toEqual(['k7 2']);
    step.operator.beforeBarrier();
    expect(told()).toEqual([]);
  });

  it('on-update gives one row for each record, in order', async () => {
    const options = {
      'group-by': ['k'],
      select: [
        ['n', 'COUNT(*)'],
        ['s', 'LAST_VALUE(s)'],
      ],
      emit: 'on-update',
    };
    const step = new Harness(aggregate, options, [input(TABLE)]);
    await step.operator.open();
    const row = (k: string, s: string | null): Value[] => [k, null, null, null, s, null];
    step.operator.process(
      step.batch([row('a', 'x'), row('b', 'y'), row('a', null), row('a', 'z')]),
      0,
    );
    expect(step.take()).toEqual([
      {k: 'a', n: 1n, s: 'x'},
      {k: 'b', n: 1n, s: 'y'},
      {k: 'a', n: 2n, s: 'x'},
      {k: 'a', n: 3n, s: 'z'},
    ]);
  });

  it('gives its results in batches of bounded size', async () => {
    const rows = Array.from({length: 10_000}, (_, at): Value[] => [
      `k${at}`,
      1,
      null,
      null,
      null,
      null,
    ]);
    const step = await atEnd(rows, [['n', 'COUNT(*)']]);
    expect(step.batchSizes).toEqual([4096, 4096, 1808]);
    expect(new Set(step.take().map((row) => row['k'])).size).toBe(10_000);
  });

  it('plans key, schema and used columns, and refuses what cannot be', () => {
    const good = planOf(
      aggregate,
      {'group-by': ['k'], select: [['n', 'COUNT(i) FILTER (WHERE d > 0)']]},
      [input(TABLE)],
    );
    expect(good.plan).toMatchObject({
      keyColumns: ['k'],
      stateful: true,
      usedColumns: [['k', 'i', 'd']],
      schema: {fields: [{name: 'k'}, {name: 'n', type: BIGINT}]},
    });
    const endless = input(TABLE, {bounded: false});
    const select = [['n', 'COUNT(*)']];
    expect(planOf(aggregate, {'group-by': ['k'], select}, [endless]).problems).toHaveLength(1);
    expect(
      planOf(aggregate, {'group-by': ['nope'], select}, [input(TABLE)]).problems,
    ).toMatchObject([{path: ['group-by', 0]}]);
    expect(
      planOf(aggregate, {'group-by': ['k'], select: [['k', 'COUNT(*)']]}, [input(TABLE)]).problems,
    ).toHaveLength(1);
    expect(
      planOf(aggregate, {select: [['w', 'window_start']], 'late-to': 'x'}, [input(TABLE)]).problems,
    ).toHaveLength(2);
    expect(planOf(aggregate, {select: [['w', 'SUM(k)']]}, [input(TABLE)]).problems).toMatchObject([
      {path: ['select', 'w'], offset: 4},
    ]);
  });
});
