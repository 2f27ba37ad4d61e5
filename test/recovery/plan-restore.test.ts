// The operators of a checkpoint against an edited job: what may change, what is refused, and that every
// reason is named; JOB.md "Changing a job between runs".

import {describe, expect, test} from 'vitest';
import type {JsonValue} from '#src/base/json.js';
import type {OperatorMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {compareFacets, compatibilityState, type Facets} from '#src/recovery/compatibility.js';
import {
  leftBehind,
  planRestore,
  type JobOperator,
  type RestoreRequest,
} from '#src/recovery/plan-restore.js';
import {metadata, operator} from './history.js';

const FACETS: Facets = {
  key: [
    ['origin', 'string'],
    ['day', 'date'],
  ],
  window: {kind: 'tumbling', millis: 3_600_000},
  aggregates: {n: {kind: 'COUNT', type: 'bigint'}, worst: {kind: 'MAX', type: 'int'}},
};

function stateful(uid: string, facets: Facets = FACETS, type = 'aggregate'): OperatorMetadata {
  const states = [compatibilityState(facets)];
  return operator(uid, {type, subtasks: [{index: 0, states, watermark: null}]});
}

function stateless(uid: string): OperatorMetadata {
  return operator(uid, {type: 'filter', subtasks: [{index: 0, states: [], watermark: null}]});
}

function ofJob(uid: string, changes: Partial<JobOperator> = {}): JobOperator {
  return {uid, type: 'aggregate', stateful: true, compatibility: FACETS, ...changes};
}

function plan(
  stored: readonly OperatorMetadata[],
  operators: readonly JobOperator[],
  changes: Partial<RestoreRequest> = {},
): readonly string[] {
  const result = planRestore({
    metadata: metadata({operators: stored}),
    operators,
    maxParallelism: 128,
    allowNonRestoredState: false,
    edges: new Map(),
    ...changes,
  });
  if (result.kind === 'refuse') return ['refuse', ...result.reasons];
  return result.operators.map((each) => `${each.uid} ${each.action}`);
}

describe('operators', () => {
  test('the same job is restored', () => {
    expect(plan([stateful('a')], [ofJob('a')])).toEqual(['a restore']);
  });

  test('an added operator is new', () => {
    expect(plan([stateful('a')], [ofJob('a'), ofJob('b')])).toEqual(['a restore', 'b new']);
  });

  test('a stateless operator may vanish without a flag', () => {
    expect(plan([stateful('a'), stateless('f')], [ofJob('a')])).toEqual(['a restore', 'f gone']);
  });

  test('a stateful one only with -n', () => {
    const stored = [stateful('a'), stateful('b')];
    expect(plan(stored, [ofJob('a')])).toEqual([
      'refuse',
      'b: the job has no such operator, and its state would be lost: -n drops it',
    ]);
    expect(plan(stored, [ofJob('a')], {allowNonRestoredState: true})).toEqual([
      'a restore',
      'b drop',
    ]);
  });

  test('a removed sink is settled, not lost', () => {
    const states = [
      {location: 'inline', name: 'parts', kind: 'committables', codecVersion: 1, value: []},
    ] as const;
    const sink = operator('out', {
      type: 'sink:file',
      subtasks: [{index: 0, states, watermark: null}],
    });
    expect(plan([sink], [])).toEqual(['out gone']);
  });

  test('another type, another max-parallelism: all reasons are named', () => {
    const result = plan(
      [stateful('a'), stateful('b'), stateful('c')],
      [ofJob('a', {type: 'deduplicate'}), ofJob('b'), ofJob('c', {compatibility: {}})],
      {maxParallelism: 256},
    );
    expect(result).toEqual([
      'refuse',
      'a: it was of type aggregate and is of type deduplicate',
      'a: max-parallelism was 128 and is 256',
      'b: max-parallelism was 128 and is 256',
      'c: max-parallelism was 128 and is 256',
      'c: its aggregates was {"n":{"kind":"COUNT","type":"bigint"},"worst":{"kind":"MAX","type":"int"}} and is null',
      'c: its key was [["origin","string"],["day","date"]] and is null',
      'c: its window was {"kind":"tumbling","millis":3600000} and is null',
    ]);
  });

  test.each(['gzip', 'brotli', 'zstd'] as const)(
    'state compressed with %s is restored',
    (codec) => {
      // Whether this Node can expand it is for the reader of the required features to say.
      const compressed = metadata({operators: [stateful('a')], compression: codec});
      expect(plan([], [ofJob('a')], {metadata: compressed})).toEqual(['a restore']);
    },
  );

  test('records in flight need their edge, with the same columns', () => {
    const columns: JsonValue = [['user', 'string']];
    const section = {edge: 'f>a#0', from: 0, to: 1, side: 'input', schema: columns};
    const description = {sections: [{...section, offset: 0, length: 12, messages: 1}]};
    const file = {name: 'in-flight', kind: 'channel', codecVersion: 1, keyGroups: null} as const;
    const bytes = {path: 'a/0.in-flight', length: 12, sha256: '0'.repeat(64), chunkCrcs: [0]};
    const states = [{location: 'file', ...file, ...bytes, description}] as const;
    const stored = [
      operator('a', {type: 'filter', subtasks: [{index: 0, states, watermark: null}]}),
    ];
    const job = [ofJob('a', {type: 'filter', stateful: false})];
    expect(plan(stored, job, {edges: new Map([['f>a#0', columns]])})).toEqual(['a restore']);
    expect(plan(stored, job, {edges: new Map([['f>a#0', [['user', 'int']]]])})[1]).toContain(
      'in flight on f>a#0 with other columns',
    );
    expect(plan(stored, job)[1]).toContain('in flight on f>a#0, which the job does not have');
    const dropping = {
      metadata: metadata({operators: stored}),
      maxParallelism: 128,
      allowNonRestoredState: true,
      edges: new Map(),
    };
    const dropped = planRestore({...dropping, operators: job});
    expect(leftBehind(dropped)).toEqual(['a: records in flight on f>a#0']);
    expect(planRestore({...dropping, operators: []}).operators).toEqual([
      {uid: 'a', type: 'filter', action: 'drop', what: ['records in flight on f>a#0']},
    ]);
    // No operator's plan says it.
    const refused = planRestore({
      metadata: metadata({operators: stored}),
      operators: job,
      maxParallelism: 128,
      allowNonRestoredState: false,
      edges: new Map(),
    });
    expect(refused).toMatchObject({
      operators: [{uid: 'a', action: 'restore'}],
      general: [expect.stringContaining('in flight on f>a#0') as string],
      hint: expect.stringMatching(
        /take a savepoint \(tidemark savepoint [a-z-]+\), which is aligned .* or leave those records out: --allow/,
      ) as string,
    });
    const changed = planRestore({
      metadata: metadata({operators: stored}),
      operators: job,
      maxParallelism: 128,
      allowNonRestoredState: true,
      edges: new Map([['f>a#0', [['user', 'int']]]]),
    });
    // Dropping helps nothing there: the edge is one of the job's.
    expect(changed).toMatchObject({
      hint: expect.stringMatching(/take a savepoint .* and restore from that$/) as string,
    });
  });

  test('a dropped aggregate is restored around with -n, in one plan that names it', () => {
    const {n} = FACETS['aggregates'] as Record<string, JsonValue>;
    const fewer = ofJob('a', {compatibility: {...FACETS, aggregates: {n: n!}}});
    expect(plan([stateful('a')], [fewer])).toEqual([
      'refuse',
      'a: aggregate worst is gone, and its state would be lost: -n drops it',
    ]);
    const allowed = planRestore({
      metadata: metadata({operators: [stateful('a')]}),
      operators: [fewer],
      ...{maxParallelism: 128, allowNonRestoredState: true, edges: new Map()},
    });
    expect(allowed.operators).toMatchObject([
      {uid: 'a', action: 'restore', dropped: ['aggregate worst']},
    ]);
  });
});

describe('facets', () => {
  const changed = (facet: string, value: JsonValue): Facets => ({...FACETS, [facet]: value});
  const aggregates = FACETS['aggregates'] as Record<string, JsonValue>;

  test.each<[string, Facets, string]>([
    [
      'a changed key type',
      changed('key', [
        ['origin', 'string'],
        ['day', 'timestamp'],
      ]),
      'its key column day was date and is timestamp',
    ],
    [
      'a widened key type',
      changed('key', [
        ['origin', 'string'],
        ['day', 'bigint'],
      ]),
      'its key column day was date and is bigint',
    ],
    [
      'other key columns',
      changed('key', [['origin', 'string']]),
      'its key columns were (origin, day) and are (origin)',
    ],
    [
      'key columns in another order',
      changed('key', [
        ['day', 'date'],
        ['origin', 'string'],
      ]),
      'its key columns were (origin, day) and are (day, origin)',
    ],
    [
      'another window',
      changed('window', {kind: 'tumbling', millis: 60_000}),
      'its window was {"kind":"tumbling","millis":3600000} and is {"kind":"tumbling","millis":60000}',
    ],
    [
      'no window',
      changed('window', null),
      'its window was {"kind":"tumbling","millis":3600000} and is null',
    ],
    [
      'another kind under the same name',
      changed('aggregates', {...aggregates, worst: {kind: 'MIN', type: 'int'}}),
      'aggregate worst was {"kind":"MAX","type":"int"} and is {"kind":"MIN","type":"int"}',
    ],
    [
      'a narrowed type',
      changed('aggregates', {...aggregates, n: {kind: 'COUNT', type: 'int'}}),
      'aggregate n was bigint and is int',
    ],
    ['an unknown facet that differs', changed('order', 5), 'its order was null and is 5'],
    [
      'a ttl that comes',
      changed('ttl', 'enabled'),
      'its state was kept without a ttl, so nothing says how old it is',
    ],
  ])('%s is refused', (_what, wanted, reason) => {
    expect(compareFacets(FACETS, wanted).refused).toEqual([reason]);
  });

  test('a ttl that goes is refused, and one that stays is not looked at any further', () => {
    const kept = changed('ttl', 'enabled');
    expect(compareFacets(kept, FACETS).refused).toEqual([
      'its state was kept with a ttl and would live on without one',
    ]);
    expect(compareFacets(kept, kept).refused).toEqual([]);
  });

  test('widening and added aggregates are allowed, and said', () => {
    const wanted = changed('aggregates', {
      ...aggregates,
      worst: {kind: 'MAX', type: 'double'},
      constructor: {kind: 'SUM', type: 'bigint'},
    });
    expect(compareFacets(FACETS, wanted)).toEqual({
      refused: [],
      dropped: [],
      notes: [
        'aggregate constructor is added and starts at its neutral value',
        'aggregate worst is widened from int to double',
      ],
    });
  });

  test('the order of keys inside a facet means nothing', () => {
    const wanted = changed('window', {millis: 3_600_000, kind: 'tumbling'});
    expect(compareFacets(FACETS, wanted).refused).toEqual([]);
  });

  test('state that does not describe itself goes only to an operator that does not either', () => {
    expect(compareFacets(null, null).refused).toEqual([]);
    expect(compareFacets(null, FACETS).refused).toHaveLength(1);
    expect(compareFacets(FACETS, null).refused).toHaveLength(1);
  });
});
