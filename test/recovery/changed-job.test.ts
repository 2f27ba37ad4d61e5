// JOB.md "Changing a job between runs": a job as it was, one edit, and what becomes of its state; each allowed and each
// refused change by its own row. What is allowed is carried out too: see changed-state.test.ts and test/hostile.

import {describe, expect, test} from 'vitest';

import {jobCatalog} from '#src/catalog.js';
import type {
  CheckpointMetadata,
  OperatorMetadata,
  FileState,
  StateHandle,
} from '#src/checkpoint/checkpoint-metadata.js';
import type {JobSpec} from '#src/job/job-spec.js';
import {loadJob} from '#src/job/load-job.js';
import {compatibilityState, type Facets} from '#src/recovery/compatibility.js';
import {planRestore, type RestorePlan} from '#src/recovery/plan-restore.js';
import {jobEdges, jobOperators} from '#src/runtime/job-operators.js';
import {describeFile, stateNameOf} from '#src/state/rocksdb/stored-database.js';
import {metadata, operator} from './history.js';

const JOB = `name: counts
parallelism: 2
max-parallelism: 64
sources:
  ticks:
    connector: file
    path: data/*.ndjson
    format: json
    schema: {id: bigint, code: string, small: int, at: timestamp}
    watermark: {column: at}
steps:
  - {id: few, type: filter, input: ticks, where: small > 3}
  - {id: shaped, type: project, input: few, select: {code: code, id: id, n: small, at: at}}
  - {id: totals, type: aggregate, input: shaped, group-by: [code], select: {rows: COUNT(*), top: MAX(n), sum: SUM(n), mean: AVG(n)}}
  - {id: hourly, type: aggregate, input: ticks, group-by: [code, small], window: {tumbling: 1 h}, select: {rows: COUNT(*)}}
sinks:
  out: {connector: blackhole, input: totals}
  late: {connector: blackhole, input: hourly}
`;

function jobOf(text: string): JobSpec {
  const bytes = new TextEncoder().encode(text);
  const loaded = loadJob({file: '/jobs/a.yaml', bytes, catalog: jobCatalog, environment: {}});
  if (loaded.kind === 'ok') return loaded.job;
  throw new Error(JSON.stringify(loaded.findings, null, 1));
}

/** As each operator of `job` leaves its state in a checkpoint. */
function checkpointOf(job: JobSpec): CheckpointMetadata {
  const operators = jobOperators(job).map(({uid, type, stateful, compatibility}) => {
    const states: StateHandle[] = [];
    if (compatibility !== null) states.push(compatibilityState(compatibility as Facets));
    else if (type.startsWith('source:')) states.push(inline('position'));
    else if (type.startsWith('sink:') && stateful) states.push(inline('committables'));
    return operator(uid, {
      type,
      parallelism: job.parallelism,
      maxParallelism: job.maxParallelism,
      subtasks: [{index: 0, states, watermark: null}],
    });
  });
  return metadata({jobName: job.name, operators});
}

function inline(kind: 'position' | 'committables'): StateHandle {
  return {location: 'inline', name: 'own', kind, codecVersion: 1, value: []};
}

function edited(edits: readonly (readonly [string, string])[]): JobSpec {
  const text = edits.reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`nothing to edit: ${from}`);
    return before.replaceAll(from, to);
  }, JOB);
  return jobOf(text);
}

function planOf(
  job: JobSpec,
  stored: CheckpointMetadata,
  allowNonRestoredState = false,
): RestorePlan {
  return planRestore({
    metadata: stored,
    operators: jobOperators(job),
    maxParallelism: job.maxParallelism,
    allowNonRestoredState,
    edges: jobEdges(job),
  });
}

/** `uid action` of what is not simply restored, with what is said of it. */
function told(plan: RestorePlan): readonly string[] {
  if (plan.kind === 'refuse') return ['refused', ...plan.reasons];
  return plan.operators.flatMap((each) => {
    switch (each.action) {
      case 'restore':
        return [
          ...each.notes.map((note) => `${each.uid}: ${note}`),
          ...(each.dropped.length > 0 ? [`${each.uid} drops ${each.dropped.join(', ')}`] : []),
        ];
      case 'drop':
        return [`${each.uid} drops ${each.what.join(', ')}`];
      case 'new':
      case 'gone':
        return [`${each.uid} ${each.action}`];
      case 'refuse':
        throw new Error('a refusal refuses the plan');
    }
  });
}

const hintOf = (plan: RestorePlan): string => (plan.kind === 'refuse' ? plan.hint : '');

type Edit = readonly [
  what: string,
  edits: readonly (readonly [string, string])[],
  told: readonly string[],
];

const STEP = '  - {id: hourly,';
const AGGREGATES = '{rows: COUNT(*), top: MAX(n), sum: SUM(n), mean: AVG(n)}';
const selecting = (to: string): Edit[1] => [[AGGREGATES, to]];

const ALLOWED: readonly Edit[] = [
  ['nothing', [], []],
  ['another parallelism', [['parallelism: 2', 'parallelism: 3']], []],
  ['the expression of a filter', [['small > 3', 'small > 5 AND code IS NOT NULL']], []],
  ['the expression of a projection', [['id: id', 'id: id + 1']], []],
  [
    'a stateless step more',
    [[STEP, `  - {id: rich, type: filter, input: ticks, where: id > 2}\n${STEP}`]],
    ['rich new'],
  ],
  [
    'B38: a stateless step less, without a flag',
    [
      ['  - {id: few, type: filter, input: ticks, where: small > 3}\n', ''],
      ['input: few', 'input: ticks'],
    ],
    ['few gone'],
  ],
  [
    'a stateful step more',
    [
      [
        STEP,
        `  - {id: tops, type: aggregate, input: ticks, group-by: [small], select: {n: COUNT(*)}}\n${STEP}`,
      ],
    ],
    ['tops new'],
  ],
  [
    'a sink more and a sink less',
    [
      [
        '  out: {connector: blackhole, input: totals}',
        '  shown: {connector: console, input: totals}',
      ],
    ],
    ['out gone', 'shown new'],
  ],
  [
    'an aggregate more',
    selecting('{rows: COUNT(*), least: MIN(n), top: MAX(n), sum: SUM(n), mean: AVG(n)}'),
    ['totals: aggregate least is added and starts at its neutral value'],
  ],
  [
    'aggregates in another order',
    selecting('{mean: AVG(n), sum: SUM(n), top: MAX(n), rows: COUNT(*)}'),
    [],
  ],
  [
    'int widened to bigint',
    [['n: small', 'n: CAST(small AS BIGINT)']],
    [
      'totals: aggregate mean is widened from int to bigint',
      'totals: aggregate sum is widened from int to bigint',
      'totals: aggregate top is widened from int to bigint',
    ],
  ],
  [
    'int widened to double',
    [['n: small', 'n: CAST(small AS DOUBLE)']],
    [
      'totals: aggregate mean is widened from int to double',
      'totals: aggregate sum is widened from int to double',
      'totals: aggregate top is widened from int to double',
    ],
  ],
  [
    'the argument of a COUNT, whatever its type',
    selecting(AGGREGATES.replace('COUNT(*)', 'COUNT(code)')),
    [],
  ],
  [
    'when results go out',
    [['group-by: [code], select', 'group-by: [code], emit: on-checkpoint, select']],
    [],
  ],
  ['how late is too late', [['{tumbling: 1 h}', '{tumbling: 1 h, allowed-lateness: 5 min}']], []],
];

const REFUSED: readonly Edit[] = [
  [
    'H47: another max-parallelism',
    [['max-parallelism: 64', 'max-parallelism: 128']],
    ['ticks', 'totals', 'hourly'].map((uid) => `${uid}: max-parallelism was 64 and is 128`),
  ],
  [
    'a changed key type',
    [['code: code', 'code: CHAR_LENGTH(code)']],
    ['totals: its key column code was string and is int'],
  ],
  [
    'a key type that is wider',
    [
      ['small: int', 'small: bigint'],
      ['n: small', 'n: CAST(small AS INT)'],
    ],
    ['hourly: its key column small was int and is bigint'],
  ],
  [
    'other key columns',
    [['group-by: [code], select', 'group-by: [code, at], select']],
    ['totals: its key columns were (code) and are (code, at)'],
  ],
  [
    'key columns in another order',
    [['[code, small]', '[small, code]']],
    ['hourly: its key columns were (code, small) and are (small, code)'],
  ],
  [
    'another aggregate under the same name',
    selecting(AGGREGATES.replace('MAX(n)', 'MIN(n)')),
    ['totals: aggregate top was {"kind":"MAX","type":"int"} and is {"kind":"MIN","type":"int"}'],
  ],
  [
    'an aggregate of a narrower type',
    selecting(AGGREGATES.replace('COUNT(*)', 'SUM(n)')),
    [
      'totals: aggregate rows was {"kind":"COUNT","type":"bigint"} and is {"kind":"SUM","type":"int"}',
    ],
  ],
  [
    'another window',
    [['tumbling: 1 h', 'tumbling: 2 h']],
    [
      'hourly: its window was {"offset":0,"tumbling":3600000} and is {"offset":0,"tumbling":7200000}',
    ],
  ],
  [
    'another offset of the window',
    [['{tumbling: 1 h}', '{tumbling: 1 h, offset: 15 min}']],
    [
      'hourly: its window was {"offset":0,"tumbling":3600000} and is {"offset":900000,"tumbling":3600000}',
    ],
  ],
  [
    'no window any more',
    [['window: {tumbling: 1 h}, ', '']],
    ['hourly: its window was {"offset":0,"tumbling":3600000} and is null'],
  ],
  [
    'H46: another type under the same id',
    [
      [
        '{id: hourly, type: aggregate, input: ticks, group-by: [code, small], window: {tumbling: 1 h}, select: {rows: COUNT(*)}}',
        '{id: hourly, type: filter, input: ticks, where: small > 1}',
      ],
    ],
    ['hourly: it was of type aggregate and is of type filter'],
  ],
  [
    'all of it at once: every reason is listed',
    [
      ['max-parallelism: 64', 'max-parallelism: 128'],
      ['tumbling: 1 h', 'tumbling: 2 h'],
    ],
    [
      ...['ticks', 'totals', 'hourly'].map((uid) => `${uid}: max-parallelism was 64 and is 128`),
      'hourly: its window was {"offset":0,"tumbling":3600000} and is {"offset":0,"tumbling":7200000}',
    ],
  ],
];

/** State is left behind: refused, unless `-n` names it. */
const DROPPED: readonly (readonly [...Edit, dropped: readonly string[]])[] = [
  [
    'H46: a stateful step less',
    [
      [
        '  - {id: hourly, type: aggregate, input: ticks, group-by: [code, small], window: {tumbling: 1 h}, select: {rows: COUNT(*)}}\n',
        '',
      ],
      ['  late: {connector: blackhole, input: hourly}\n', ''],
    ],
    ['hourly: the job has no such operator, and its state would be lost: -n drops it'],
    ['hourly drops all of its state', 'late gone'],
  ],
  [
    'H46: a stateful step under another id',
    [['hourly', 'per-hour']],
    ['hourly: the job has no such operator, and its state would be lost: -n drops it'],
    ['hourly drops all of its state', 'per-hour new'],
  ],
  [
    'an aggregate less',
    selecting('{rows: COUNT(*), top: MAX(n), sum: SUM(n)}'),
    ['totals: aggregate mean is gone, and its state would be lost: -n drops it'],
    ['totals drops aggregate mean'],
  ],
  [
    'another source',
    [['ticks', 'clicks']],
    ['ticks: the job has no such operator, and its state would be lost: -n drops it'],
    ['ticks drops all of its state', 'clicks new'],
  ],
];

describe('allowed', () => {
  test.each(ALLOWED)('%s', (_what, edits, expected) => {
    expect(told(planOf(edited(edits), checkpointOf(jobOf(JOB))))).toEqual(expected);
  });

  test('bigint widened to double', () => {
    const before = edited([['n: small', 'n: CAST(small AS BIGINT)']]);
    const after = edited([['n: small', 'n: CAST(small AS DOUBLE)']]);
    expect(told(planOf(after, checkpointOf(before)))).toEqual(
      ['mean', 'sum', 'top'].map(
        (name) => `totals: aggregate ${name} is widened from bigint to double`,
      ),
    );
  });
});

describe('refused, with every reason', () => {
  test.each(REFUSED)('%s', (_what, edits, expected) => {
    const plan = planOf(edited(edits), checkpointOf(jobOf(JOB)), true);
    expect(told(plan)).toEqual(['refused', ...expected]);
    expect(plan).toMatchObject({kind: 'refuse', code: 'INCOMPATIBLE'});
    const fixed = expected.filter((reason) => reason.includes('max-parallelism')).length;
    expect(hintOf(plan).split('set max-parallelism: 64,').length).toBe(fixed > 0 ? 2 : 1);
    expect(hintOf(plan).split('undo the change').length).toBe(fixed < expected.length ? 2 : 1);
  });

  test.each([
    ['BIGINT', 'INT'],
    ['DOUBLE', 'BIGINT'],
    ['DOUBLE', 'INT'],
    ['DECIMAL(10, 2)', 'DOUBLE'],
    ['DECIMAL(10, 2)', 'DECIMAL(10, 4)'],
  ])('%s to %s is no widening', (from, to) => {
    const of = (type: string): JobSpec => edited([['n: small', `n: "CAST(small AS ${type})"`]]);
    const lines = told(planOf(of(to), checkpointOf(of(from)), true));
    expect(lines).toHaveLength(4);
    for (const name of ['mean', 'sum', 'top']) {
      expect(lines).toContainEqual(expect.stringContaining(`totals: aggregate ${name} was`));
    }
  });

  const keyed = (start: number, end: number): StateHandle => ({
    ...{location: 'file', name: 'groups', kind: 'keyed', codecVersion: 1, keyGroups: {start, end}},
    ...{path: `totals/${start}.groups`, length: 1, sha256: '0'.repeat(64), chunkCrcs: [0]},
    description: null,
  });

  const ofRocksdb = (start: number, end: number, file: string): StateHandle => ({
    ...(keyed(start, end) as FileState),
    name: stateNameOf(file),
    description: describeFile(file),
  });
  const database = (start: number, end: number, ...tables: readonly string[]): StateHandle[] =>
    ['CURRENT', `MANIFEST-00000${start}`, ...tables].map((file) => ofRocksdb(start, end, file));

  test.each<[string, readonly StateHandle[], string | null]>([
    [
      'in databases with other files',
      [...database(0, 31, '000007.sst'), ...database(32, 63, '000008.sst', '000011.sst')],
      null,
    ],
    [
      'in databases, without the last',
      [...database(0, 31, '000007.sst'), ...database(32, 62, '000007.sst')],
      'totals: its state rocksdb-current lacks key group 63 of 64',
    ],
    ['whole', [keyed(0, 31), keyed(32, 63)], null],
    ['whole, in any order', [keyed(32, 63), keyed(0, 31)], null],
    ['sparse', [keyed(0, 30), keyed(32, 63)], 'totals: its state groups lacks key group 31 of 64'],
    ['without the first', [keyed(1, 63)], 'totals: its state groups lacks key group 0 of 64'],
    ['without the last', [keyed(0, 62)], 'totals: its state groups lacks key group 63 of 64'],
  ])('B33: key groups that are %s', (_what, states, reason) => {
    const stored = checkpointOf(jobOf(JOB));
    const operators = stored.operators.map((each) =>
      each.uid === 'totals' ? withStates(each, states) : each,
    );
    expect(told(planOf(jobOf(JOB), {...stored, operators}))).toEqual(
      reason === null ? [] : ['refused', reason],
    );
  });

  test('B32: chained operators that disagree on max-parallelism, also without state', () => {
    const stored = checkpointOf(jobOf(JOB));
    const operators = stored.operators.map((each) =>
      each.uid === 'few' ? {...each, maxParallelism: 32} : each,
    );
    expect(told(planOf(jobOf(JOB), {...stored, operators}, true))).toEqual([
      'refused',
      'its operators disagree on max-parallelism: ticks has 64, few has 32',
    ]);
  });
});

describe('left behind only with -n, which names it', () => {
  test.each(DROPPED)('%s', (_what, edits, reasons, dropped) => {
    const job = edited(edits);
    const stored = checkpointOf(jobOf(JOB));
    expect(told(planOf(job, stored))).toEqual(['refused', ...reasons]);
    expect(hintOf(planOf(job, stored))).toMatch(/^leave behind .*: --allow-non-restored-state$/);
    expect(told(planOf(job, stored, true))).toEqual(dropped);
  });
});

function withStates(stored: OperatorMetadata, states: readonly StateHandle[]): OperatorMetadata {
  const [subtask] = stored.subtasks;
  return {...stored, subtasks: [{...subtask!, states: [...subtask!.states, ...states]}]};
}
