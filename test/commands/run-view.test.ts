// What `run` prints for each event, as text in a pipe, as text on a terminal and as JSON Lines.

import {describe, expect, test} from 'vitest';
import {EngineError} from '#src/index.js';
import {runEventLines} from '#commands/_shared/run-json.js';
import {RunText, planLines} from '#commands/_shared/run-text.js';
import {makeStyle} from '#commands/_shared/style.js';
import type {RestorePlan, RunEvent, RunSummary} from '#src/index.js';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

const STARTED: RunEvent = {
  type: 'started',
  at: AT,
  jobName: 'delays',
  jobId: '0'.repeat(32),
  generation: 2,
  decision: 'resumed',
  reason: 'resumed from chk-12, because the last run was interrupted',
  restoredFrom: '/jobs/state/delays/chk-12',
};

function progress(at: number): RunEvent {
  return {
    type: 'progress',
    at,
    recordsIn: 1234567,
    recordsOut: 89,
    recordsPerSecond: 4567.8,
    watermark: Date.UTC(2001, 0, 1),
    lastCheckpointId: 12,
  };
}

const SUMMARY: RunSummary = {
  jobName: 'delays',
  jobFile: 'my jobs/delays.job.yaml',
  state: 'FINISHED',
  exitStatus: 0,
  error: null,
  recordsIn: 20_000,
  recordsOut: 312,
  badRecords: 2,
  lateRecords: 3,
  checkpoints: 4,
  restarts: 0,
  durationMillis: 4200,
  lastCheckpoint: {id: 16, path: '/jobs/state/delays/chk-16', bytes: 34_000},
  sources: [
    {uid: 'flights', connector: 'file', recordsIn: 20_000, bytesIn: 2_000_000, badRecords: 2},
  ],
  sinks: [{uid: 'out', connector: 'file', recordsOut: 312, bytesOut: 9000, target: '/jobs/out'}],
  tasks: {
    'flights/0': {busyMillis: 3000, backPressuredMillis: 0, idleMillis: 1000},
    'flights/1': {busyMillis: 1000, backPressuredMillis: 2000, idleMillis: 1000},
    'by-day/0': {busyMillis: 4000, backPressuredMillis: 0, idleMillis: 0},
  },
};

const row = (value: unknown): RunEvent =>
  ({type: 'row', at: AT, sink: 'show', row: value}) as RunEvent;

function shown(events: readonly RunEvent[], terminal: boolean): {out: string; notes: string} {
  const style = makeStyle({isTTY: terminal, environment: {TERM: 'xterm'}, color: false});
  let out = '';
  let notes = '';
  const text = new RunText({
    outStyle: style,
    noteStyle: style,
    outIsTerminal: terminal,
    print: (line) => (out += `${line}\n`),
    note: (line) => (notes += `${line}\n`),
    draw: (drawn) => (notes += drawn),
    columns: () => 60,
  });
  for (const event of events) text.show(event);
  return {out, notes};
}

describe('text in a pipe', () => {
  test('the first line says what the start was, and why', () => {
    expect(shown([STARTED], false).notes).toBe(
      'delays: resumed from chk-12, because the last run was interrupted\n',
    );
  });

  test('progress is at most one line in ten seconds', () => {
    const events: RunEvent[] = [STARTED];
    for (let second = 1; second <= 35; second += 1) events.push(progress(AT + second * 1000));
    const lines = shown(events, false).notes.trim().split('\n').slice(1);
    expect(lines.map((line) => line.slice(0, 24))).toEqual([
      '2026-01-02T03:04:15.000Z',
      '2026-01-02T03:04:25.000Z',
      '2026-01-02T03:04:35.000Z',
    ]);
    expect(lines[0]).toContain(
      '1,234,567 in  89 out  checkpoint 12  4,568/s  watermark 2001-01-01T00:00:00Z',
    );
  });

  test('rows are JSON lines, with exact integers and nothing that a terminal acts on', () => {
    const rows = [row({n: 9007199254740993n, small: 5n, text: 'a\u009b2J\u001b[m', none: null})];
    expect(shown(rows, false).out).toBe(
      '{"n":"9007199254740993","small":5,"text":"a\\u009b2J\\u001b[m","none":null}\n',
    );
  });

  test('the summary of a run without a checkpoint does not send one to output that is not there', () => {
    const summary: RunSummary = {...SUMMARY, state: 'FAILED', lastCheckpoint: null, checkpoints: 0};
    const {notes} = shown([{type: 'summary', at: AT, summary}], false);
    expect(notes).toContain('  out  out (file): 312 records, none of them committed\n');
    expect(notes).not.toContain('/jobs/out');
  });

  test('the summary tells what came in, what went out, where it is and what to type next', () => {
    const {out, notes} = shown([{type: 'summary', at: AT, summary: SUMMARY}], false);
    expect(out).toBe('');
    expect(notes.split('\n')).toEqual([
      'delays finished after 4.2 s',
      '  in   flights (file): 20,000 records, 1.9 MiB, 2 bad',
      '  late 3 records',
      '  out  out (file): 312 records in /jobs/out',
      '  2 × flights: busy 50 %, back-pressured 25 %, idle 25 %',
      '  4 checkpoints, the last is 16 (33 KiB): /jobs/state/delays/chk-16',
      "next: tidemark checkpoint list 'my jobs/delays.job.yaml'   (a new run starts fresh)",
      '',
    ]);
  });

  test('a failed run says why, and that it can be resumed', () => {
    const error = new EngineError('RECORD_FAILED', 'bad record', {file: 'a.ndjson', line: 7});
    const summary: RunSummary = {...SUMMARY, state: 'FAILED', exitStatus: 21, error, restarts: 1};
    const lines = shown([{type: 'summary', at: AT, summary}], false).notes.split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'error: bad record',
      '  at a.ndjson:7',
      'delays failed after 4.2 s, 1 restart',
    ]);
    expect(lines.at(-2)).toBe(
      "next: tidemark run 'my jobs/delays.job.yaml'   (resumes from chk-16)",
    );
  });

  test('user text in a warning is escaped', () => {
    const events: RunEvent[] = [{type: 'warning', at: AT, code: 'X', message: 'a\u001b]0;b\u0007'}];
    expect(shown(events, false).notes).toBe('warning: a\\u001b]0;b\\u0007\n');
  });
});

describe('text on a terminal', () => {
  test('progress is one line that is drawn over, of as many whole parts as fit the terminal', () => {
    const {notes} = shown([progress(AT), progress(AT + 250), STARTED], true);
    const drawn = notes.split('\r\u001b[2K').slice(1);
    expect(drawn).toHaveLength(3);
    // Of 60 columns: the watermark does not fit.
    expect(drawn[0]).toBe('1,234,567 in  89 out  checkpoint 12  4,568/s');
    expect(drawn[2]).toMatch(/^delays: resumed/);
  });

  test('rows are a table, printed before what comes after them', () => {
    const events = [row({origin: 'SFO', n: 7}), row({origin: 'LAX\u001b[2J', n: 12}), STARTED];
    expect(shown(events, true).out).toBe(
      ['origin         n', 'SFO            7', 'LAX\\u001b[2J  12', ''].join('\n'),
    );
  });

  test('no row is lost at the end of a long table', () => {
    const rows = Array.from({length: 120}, (_, index) => row({n: index}));
    const {out} = shown([...rows, {type: 'summary', at: AT, summary: SUMMARY}], true);
    expect(out.match(/^ *\d+$/gm)?.map(Number)).toEqual(rows.map((_, index) => index));
  });
});

describe('JSON Lines', () => {
  const fieldsOf = (event: RunEvent): unknown[] =>
    runEventLines(event).map((line) => JSON.parse(line) as unknown);

  test('have type and ts, and the fields of JSON.md', () => {
    expect(fieldsOf(STARTED)).toEqual([
      {
        type: 'started',
        ts: '2026-01-02T03:04:05.000Z',
        job_name: 'delays',
        job_id: '0'.repeat(32),
        generation: 2,
        decision: 'resumed',
        reason: 'resumed from chk-12, because the last run was interrupted',
        restored_from: '/jobs/state/delays/chk-12',
      },
    ]);
    expect(fieldsOf(progress(AT))).toEqual([
      {
        type: 'progress',
        ts: '2026-01-02T03:04:05.000Z',
        records_in: 1234567,
        records_out: 89,
        records_per_s: 4567.8,
        watermark: '2001-01-01T00:00:00.000Z',
        last_checkpoint_id: 12,
      },
    ]);
  });

  test('of a failed run are the error, then the summary', () => {
    const error = new EngineError('STORAGE_FAILED', 'disk full', {hint: 'make room'});
    const summary: RunSummary = {...SUMMARY, state: 'FAILED', exitStatus: 15, error};
    const [first, last] = fieldsOf({type: 'summary', at: AT, summary});
    expect(first).toMatchObject({
      type: 'error',
      error: {code: 'STORAGE_FAILED', exit_code: 15, hint: 'make room'},
    });
    expect(last).toMatchObject({
      type: 'summary',
      state: 'FAILED',
      exit_code: 15,
      records_in: 20_000,
      duration_ms: 4200,
      last_checkpoint: {id: 16},
    });
  });

  test('are one line each, whatever a row contains', () => {
    const [line, ...more] = runEventLines(row({text: 'a\nb\u2028c'}));
    expect(more).toEqual([]);
    expect(line).not.toMatch(/[\n\u2028]/);
  });
});

test('a plan shows what is refused first', () => {
  const plan: RestorePlan = {
    decision: 'restored',
    reason: 'asked for',
    from: '/s/chk-3',
    restorable: false,
    refusals: ['it holds records in flight on a>b#0'],
    refusedAs: {code: 'INCOMPATIBLE', hint: 'take a savepoint'},
    operators: [
      {uid: 'kept', action: 'restore', reason: '', parallelismFrom: 1, parallelismTo: 2},
      {uid: 'bad', action: 'refuse', reason: 'key changed', parallelismFrom: 1, parallelismTo: 1},
      {uid: 'added', action: 'new', reason: '', parallelismFrom: null, parallelismTo: 1},
    ],
    sources: [{operator: 'flights', position: {offset: 12}}],
    positions: [
      {operator: 'flights', at: ['a.json at byte 12 of 40', 'b.json from its beginning']},
    ],
    claimMode: 'no-claim',
  };
  const lines = planLines(plan, makeStyle({isTTY: false, environment: {}, color: null}));
  expect(lines.join('\n').split('\n')).toEqual([
    'restored: asked for',
    'from /s/chk-3',
    'OPERATOR  ACTION   PARALLELISM  WHY',
    'bad       refuse   1 -> 1       key changed',
    'added     new      - -> 1',
    'kept      restore  1 -> 2',
    'source flights goes on: a.json at byte 12 of 40',
    '  b.json from its beginning',
    'refused: it holds records in flight on a>b#0',
    'This start is refused (INCOMPATIBLE).',
    'to go on: take a savepoint',
  ]);
  const at = Array.from({length: 12}, (_, split) => `split ${split}`);
  const claimed = planLines(
    {...plan, claimMode: 'claim', positions: [{operator: 'flights', at}]},
    makeStyle({isTTY: false, environment: {}, color: null}),
  );
  expect(claimed[1]).toBe('from /s/chk-3, which the job then owns and deletes');
  expect(claimed).toContain('  and 2 more (all of them with --json)');
});
