// Promise: filter keeps the rows for which its condition is TRUE, project makes its columns, union lets
// everything through; each with its plan: columns used, event time, problems with their place.
import {describe, expect, it} from 'vitest';
import {filter} from '#src/operators/filter.js';
import {project} from '#src/operators/project.js';
import {union} from '#src/operators/union.js';
import {BIGINT, INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import {Harness, input, planOf, schema} from './support/harness.ts';

const FLIGHTS = schema({origin: STRING, delay: INT, at: TIMESTAMP});

describe('filter', () => {
  it('keeps what is TRUE, drops FALSE and NULL, and counts', async () => {
    const step = new Harness(filter, {where: 'delay > 15'}, [input(FLIGHTS)]);
    await step.operator.open();
    step.operator.process(
      step.batch([
        ['A', 16, 0],
        ['B', 15, 0],
        ['C', null, 0],
        ['D', 99, 0],
      ]),
      0,
    );
    expect(step.take().map((row) => row['origin'])).toEqual(['A', 'D']);
    expect(step.metrics.operator('step')).toMatchObject({recordsIn: 4, recordsOut: 2});
  });

  it('works on what an earlier filter left', () => {
    const step = new Harness(filter, {where: 'delay > 15'}, [input(FLIGHTS)]);
    const batch = step.batch([
      ['A', 16, 0],
      ['B', 20, 0],
      ['C', 30, 0],
    ]);
    step.operator.process({...batch, selection: Int32Array.of(1, 2), selectedCount: 2}, 0);
    expect(step.take().map((row) => row['origin'])).toEqual(['B', 'C']);
  });

  it('names the record that has no value', () => {
    const step = new Harness(filter, {where: '100 / delay > 1'}, [input(FLIGHTS)]);
    const batch = step.batch([
      ['A', 16, 0],
      ['B', 0, 0],
    ]);
    expect(() => step.operator.process(batch, 0)).toThrow(
      expect.objectContaining({code: 'RECORD_FAILED', message: expect.stringContaining('line 2')}),
    );
  });

  it('reports a wrong condition with its place', () => {
    const {problems} = planOf(filter, {where: 'delay > nosuch'}, [input(FLIGHTS)]);
    expect(problems).toMatchObject([{path: ['where'], offset: 8}]);
    expect(planOf(filter, {where: 'delay + 1'}, [input(FLIGHTS)]).problems).toMatchObject([
      {path: ['where'], message: expect.stringContaining('boolean')},
    ]);
  });

  it('keeps schema and event time', () => {
    const {plan} = planOf(filter, {where: 'delay > 1'}, [
      input(FLIGHTS, {eventTime: true, eventTimeColumn: 'at'}),
    ]);
    expect(plan).toMatchObject({
      schema: FLIGHTS,
      eventTimeColumn: 'at',
      usedColumns: [['delay']],
      passesColumns: true,
    });
  });
});

describe('project', () => {
  const select = [
    ['twice', 'delay * 2'],
    ['from', 'origin'],
    ['time', 'at'],
  ];

  it('makes its columns, for live rows', () => {
    const step = new Harness(project, {select}, [input(FLIGHTS)]);
    const batch = step.batch([
      ['A', 1, 5],
      ['B', 2, 6],
    ]);
    step.operator.process({...batch, selection: Int32Array.of(1), selectedCount: 1}, 0);
    expect(step.take()).toEqual([{twice: 4, from: 'B', time: 6}]);
  });

  it('carries event time only when its column is selected unchanged', () => {
    const timed = input(FLIGHTS, {eventTime: true, eventTimeColumn: 'at'});
    expect(planOf(project, {select}, [timed]).plan).toMatchObject({
      eventTime: true,
      eventTimeColumn: 'time',
    });
    const dropped = planOf(project, {select: select.slice(0, 2)}, [timed]).plan;
    expect(dropped).toMatchObject({eventTime: true, eventTimeColumn: null});
    expect(dropped?.usedColumns?.[0]).toEqual(['delay', 'origin']);
  });

  it('reports every wrong expression with its place', () => {
    const wrong = [
      ['a', 'nosuch'],
      ['b', 'delay +'],
    ];
    expect(planOf(project, {select: wrong}, [input(FLIGHTS)]).problems).toMatchObject([
      {path: ['select', 'a'], offset: 0},
      {path: ['select', 'b']},
    ]);
  });
});

describe('union', () => {
  it('lets everything through as it came: watermarks are clamped at the gate', () => {
    const step = new Harness(union, {}, [input(FLIGHTS), input(FLIGHTS, {name: 'other'})]);
    step.operator.process(step.batch([['A', 1, 50]], [40]), 1);
    step.operator.process(step.batch([['B', 1, 50]]), 0);
    expect(step.watermarks).toEqual([40, null]);
    expect(step.take().map((row) => row['origin'])).toEqual(['A', 'B']);
  });

  it('refuses inputs with other columns, naming the first difference', () => {
    const other = input(schema({origin: STRING, delay: BIGINT, at: TIMESTAMP}), {name: 'other'});
    expect(planOf(union, {}, [input(FLIGHTS), other]).problems).toMatchObject([
      {message: expect.stringContaining('column 2 is delay int in in, delay bigint in other')},
    ]);
  });
});
