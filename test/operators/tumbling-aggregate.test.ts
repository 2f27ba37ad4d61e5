// Promise: windows go out by the watermark that the records before made, record by record, so that
// neither batch boundaries nor a snapshot and restore in the middle change what goes out. Checked
// against a model that takes one record at a time.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {aggregate} from '#src/operators/aggregate.js';
import {INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';
import {BACKENDS, Harness, input, keepStateIn, planOf, schema} from './support/harness.ts';

const TABLE = schema({k: STRING, at: TIMESTAMP, v: INT});
const TIMED = input(TABLE, {eventTime: true, eventTimeColumn: 'at'});
const SELECT = [
  ['start', 'window_start'],
  ['end', 'WINDOW_END'],
  ['n', 'COUNT(*)'],
  ['s', 'SUM(v)'],
];

interface Record_ {
  readonly k: string | null;
  readonly at: number;
  readonly v: number;
}

function optionsOf(size: number, lateness: number, offset: number) {
  return {
    'group-by': ['k'],
    select: SELECT,
    window: {tumbling: size, 'allowed-lateness': lateness, offset},
    'late-to': 'late',
  };
}

/** One record at a time, with plain maps. */
class Model {
  readonly rows: Record<string, Value>[] = [];
  readonly late: number[] = [];
  readonly #open = new Map<string, {k: string | null; start: number; n: number; s: number}>();
  readonly #size: number;
  readonly #lateness: number;
  readonly #offset: number;
  #watermark = -Infinity;

  constructor(size: number, lateness: number, offset: number) {
    this.#size = size;
    this.#lateness = lateness;
    this.#offset = offset;
  }

  record({k, at, v}: Record_): void {
    const start = Math.floor((at - this.#offset) / this.#size) * this.#size + this.#offset;
    const last = start + this.#size - 1;
    if (last + this.#lateness <= this.#watermark) {
      this.late.push(at);
      return;
    }
    const key = `${String(k)} ${start}`;
    const group = this.#open.get(key) ?? {k, start, n: 0, s: 0};
    group.n += 1;
    group.s += v;
    this.#open.set(key, group);
    if (last <= this.#watermark) this.#emit(group);
  }

  advance(time: number): void {
    if (time <= this.#watermark) return;
    const due = [...this.#open.values()].filter(({start}) => {
      const last = start + this.#size - 1;
      return last > this.#watermark && last <= time;
    });
    due.sort((left, right) => left.start - right.start);
    for (const group of due) this.#emit(group);
    this.#watermark = time;
    for (const [key, {start}] of this.#open) {
      if (start + this.#size - 1 + this.#lateness <= time) this.#open.delete(key);
    }
  }

  #emit({k, start, n, s}: {k: string | null; start: number; n: number; s: number}): void {
    this.rows.push({k, start, end: start + this.#size, n: BigInt(n), s});
  }
}

const aRecord = fc.record({
  k: fc.constantFrom('a', 'b', null),
  at: fc.integer({min: -20, max: 60}),
  v: fc.integer({min: -3, max: 3}),
});

/** Within one moment the order of groups is not promised. */
function canonical(rows: readonly Record<string, Value>[]): string[] {
  const columns = ['start', 'k', 'n', 's', 'end'];
  return rows.map((row) => columns.map((column) => String(row[column])).join(' ')).sort();
}

describe.each(BACKENDS)('aggregate in tumbling windows, state in %s', (name) => {
  keepStateIn(name);

  it('is what a model gives record by record, in any batches, also across a restore', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(aRecord, fc.integer({min: 0, max: 6})), {minLength: 1, maxLength: 50}),
        fc.array(fc.integer({min: 0, max: 50}), {maxLength: 6}),
        fc.integer({min: 0, max: 50}),
        fc.constantFrom([10, 0, 0], [10, 7, 0], [7, 20, 3], [1, 0, 0]),
        async (steps, cuts, restoreAt, [size = 0, lateness = 0, offset = 0]) => {
          const model = new Model(size, lateness, offset);
          const options = optionsOf(size, lateness, offset);
          let step = new Harness(aggregate, options, [TIMED]);
          await step.operator.open();
          const rows: Record<string, Value>[] = [];
          let lateRecords = 0;
          let watermark = -Infinity;
          let pending: {record: Record_; watermark: number}[] = [];
          const flush = () => {
            if (pending.length === 0) return;
            const batch = step.batch(
              pending.map(({record: {k, at, v}}) => [k, at, v]),
              pending.map((one) => one.watermark),
            );
            step.operator.process(batch, 0);
            step.operator.advanceWatermark(watermark);
            pending = [];
          };
          const collect = () => {
            rows.push(...step.take());
            lateRecords += step.side.length;
            expect(step.side.length).toBe(step.metrics.operator('step').lateRecords);
          };
          for (const [index, [record, advance]] of steps.entries()) {
            pending.push({record, watermark});
            model.record(record);
            watermark = Math.max(
              watermark === -Infinity ? -30 : watermark,
              watermark + advance * 2,
              -30,
            );
            model.advance(watermark);
            if (cuts.includes(index)) flush();
            if (index !== restoreAt) continue;
            flush();
            const {subtask} = await step.snapshot();
            collect();
            step = new Harness(aggregate, options, [TIMED], [subtask], step.files);
            await step.operator.open();
          }
          flush();
          step.operator.advanceWatermark(Infinity);
          model.advance(Infinity);
          step.operator.endInput();
          collect();
          expect(canonical(rows)).toEqual(canonical(model.rows));
          expect(lateRecords).toBe(model.late.length);
        },
      ),
      {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 2500 : 300},
    );
  });

  it('gives results before the watermark that made them, earliest window first', async () => {
    const step = new Harness(aggregate, optionsOf(10, 0, 0), [TIMED]);
    await step.operator.open();
    const batch = step.batch(
      [
        ['a', 12, 1],
        ['a', 3, 1],
        ['a', 40, 1],
      ],
      [-Infinity, 5, 29],
    );
    step.operator.process(batch, 0);
    expect(step.take().map((row) => row['start'])).toEqual([0, 10]);
    expect(step.watermarks).toEqual([5, 5]);
    step.operator.advanceWatermark(Infinity);
    expect(step.take().map((row) => row['start'])).toEqual([40]);
  });

  it('a group that came late into a window that went out does not go out again after a restore', async () => {
    const options = optionsOf(10, 50, 0);
    const step = new Harness(aggregate, options, [TIMED]);
    await step.operator.open();
    step.operator.process(step.batch([['a', 3, 1]], [-Infinity]), 0);
    step.operator.advanceWatermark(12);
    step.operator.process(step.batch([['b', 4, 1]], [12]), 0);
    expect(step.take().map((row) => row['k'])).toEqual(['a', 'b']);
    const {subtask} = await step.snapshot();
    const again = new Harness(aggregate, options, [TIMED], [subtask], step.files);
    await again.operator.open();
    again.operator.advanceWatermark(Infinity);
    expect(again.take()).toEqual([]);
  });

  it('a window that was kept for late records does not go out again where they are no longer allowed', async () => {
    const step = new Harness(aggregate, optionsOf(10, 20, 0), [TIMED]);
    await step.operator.open();
    step.operator.process(step.batch([['a', 1, 1]], [0]), 0);
    step.operator.advanceWatermark(12);
    step.operator.process(step.batch([['b', 15, 1]], [12]), 0);
    expect(step.take()).toHaveLength(1);
    const {subtask} = await step.snapshot();
    const again = new Harness(aggregate, optionsOf(10, 0, 0), [TIMED], [subtask], step.files);
    await again.operator.open();
    again.operator.process(again.batch([['a', 2, 1]], [12]), 0);
    again.operator.advanceWatermark(Infinity);
    expect(again.take().map(({k, start}) => [k, start])).toEqual([['b', 10]]);
    expect(again.side).toHaveLength(1);
  });

  it('of several restored subtasks the one that is behind decides what is late', async () => {
    const options = optionsOf(10, 0, 0);
    const step = new Harness(aggregate, options, [TIMED]);
    await step.operator.open();
    step.operator.advanceWatermark(5);
    const {subtask} = await step.snapshot();
    const ahead = {index: 1, states: [], watermark: 100};
    const again = new Harness(aggregate, options, [TIMED], [subtask, ahead], step.files);
    await again.operator.open();
    again.operator.process(again.batch([['a', 7, 1]], [5]), 0);
    again.operator.advanceWatermark(Infinity);
    expect(again.take().map((row) => row['start'])).toEqual([0]);
    expect(again.side).toEqual([]);
  });

  it('forgets a window that went out', async () => {
    const step = new Harness(aggregate, optionsOf(10, 0, 0), [TIMED]);
    await step.operator.open();
    for (let round = 0; round < 1000; round += 1) {
      step.operator.process(step.batch([[`key ${round}`, round * 10, 1]], [round * 10 - 1]), 0);
    }
    step.operator.advanceWatermark(1e9);
    const {subtask} = await step.snapshot();
    expect(step.storedRows(subtask)).toBe(0);
    expect(step.take()).toHaveLength(1000);
  });

  it('names the record without event time', async () => {
    const step = new Harness(aggregate, optionsOf(10, 0, 0), [TIMED]);
    await step.operator.open();
    const batch = step.batch(
      [
        ['a', 1, 1],
        ['a', null, 1],
      ],
      [0, 0],
    );
    expect(() => step.operator.process(batch, 0)).toThrow(
      expect.objectContaining({
        code: 'RECORD_FAILED',
        message: expect.stringContaining("line 2: step step: the event time 'at' is NULL"),
      }),
    );
  });

  it('is planned with the side output, and refuses what it cannot do', () => {
    const options = optionsOf(10, 0, 0);
    expect(planOf(aggregate, options, [TIMED]).plan).toMatchObject({
      sideOutputs: [{name: 'late', schema: TABLE}],
      usedColumns: [null],
      eventTime: true,
      eventTimeColumn: null,
    });
    const {'late-to': _, ...quiet} = options;
    const chained = {
      ...quiet,
      select: [
        ['t', 'window_time'],
        ['n', 'COUNT(*)'],
      ],
    };
    expect(planOf(aggregate, chained, [TIMED]).plan).toMatchObject({
      usedColumns: [['k', 'at']],
      eventTimeColumn: 't',
    });
    const message = (text: string) => [{message: expect.stringContaining(text)}];
    const problems = (window: Record<string, unknown>, of = TIMED) =>
      planOf(aggregate, {...options, window} as never, [of]).problems;
    expect(problems({sliding: '1 h'})).toMatchObject(message('not built yet'));
    expect(problems({})).toMatchObject(message('length'));
    expect(problems({tumbling: 10, offset: 10})).toMatchObject(message('offset'));
    expect(problems({tumbling: 10}, input(TABLE))).toMatchObject(message('declares no watermark'));
    expect(problems({tumbling: 10}, input(TABLE, {eventTime: true}))).toMatchObject(
      message('dropped'),
    );
    expect(planOf(aggregate, {...options, emit: 'at-end'}, [TIMED]).problems).toHaveLength(1);
  });
});
