// Promise: what a job file says about how long state lives is read as it is meant, or refused at its place; what it says
// reaches the steps that keep state without a window; whoever reads `validate`, `info` or the schema sees it.

import {Ajv} from 'ajv';
import {describe, expect, test} from 'vitest';
import {jobCatalog} from '#src/catalog.js';
import {buildExecutionGraph} from '#src/graph/execution-graph.js';
import {renderJson, renderText} from '#src/graph/render-graph.js';
import {buildStreamGraph} from '#src/graph/stream-graph.js';
import {jobSchema} from '#src/job/job-schema.js';
import type {JobSpec} from '#src/job/job-spec.js';
import {parse} from 'yaml';
import {findingsOf, findingText, load, loaded} from './load.js';

const CATALOG = {catalog: jobCatalog};
const NO_FACTS = {slowestCheckpoint: null, newestCheckpoint: null, mounts: []};

/** A step without a window and one with; each with these keys more. */
const job = (state: string, step = '', windowed = ''): string => `name: clicks
sources:
  clicks:
    connector: generator
    rate-limit: 10
    watermark: {column: at}
    fields: {user: {kind: sequence}, at: {kind: timestamp, start: 2026-01-01T00:00:00Z, step: 1 s}}
steps:
  - {id: users, type: aggregate, input: clicks, group-by: [user], emit: on-checkpoint, select: {n: COUNT(*)}${step}}
  - {id: hours, type: aggregate, input: clicks, group-by: [user], window: {tumbling: 1 h}, select: {n: COUNT(*)}${windowed}}
sinks:
  a: {connector: blackhole, input: users}
  b: {connector: blackhole, input: hours}
checkpointing: {interval: 10s}
${state}`;

const ttlOf = ({steps}: JobSpec, uid: string) =>
  steps.find((step) => step.uid === uid)?.options['ttl'];

test('the words of Flink are read, and what is left out has its defaults', () => {
  const written =
    '{duration: 90 min, update-type: on-read-and-write, visibility: return-expired-if-not-cleaned-up, cleanup: {full-snapshot: true, incremental: {cleanup-size: 7}}}';
  const all = {
    durationMillis: 5_400_000,
    updateType: 'on-read-and-write',
    visibility: 'return-expired-if-not-cleaned-up',
    cleanupInFullSnapshot: true,
    cleanupSize: 7,
  };
  const short = {
    durationMillis: 3_600_000,
    updateType: 'on-create-and-write',
    visibility: 'never-return-expired',
    cleanupInFullSnapshot: false,
    cleanupSize: 5,
  };
  const said = loaded(job(`state: {ttl: ${written}}`, ', ttl: 1 h'), CATALOG);
  expect(said.state.ttl).toEqual(all);
  expect(ttlOf(said, 'users')).toEqual(short);
  expect(ttlOf(loaded(job(`state: {ttl: 1 h}`), CATALOG), 'users')).toEqual(short);
  expect(ttlOf(loaded(job('', `, ttl: ${written}`), CATALOG), 'users')).toEqual(all);
  const off = '{duration: 1 h, cleanup: {in-background: false}}';
  expect(loaded(job(`state: {ttl: ${off}}`), CATALOG).state.ttl).toEqual({
    ...short,
    cleanupSize: 0,
  });
});

test('a step that says none keeps its state, and a window takes no notice', () => {
  const said = loaded(job('state: {ttl: 1 h}', ', ttl: none', ', ttl: none'), CATALOG);
  expect(ttlOf(said, 'users')).toBeUndefined();
  expect(ttlOf(said, 'hours')).toBeUndefined();
  expect(ttlOf(loaded(job('state: {ttl: 1 h}'), CATALOG), 'hours')).toBeUndefined();
  expect(loaded(job('state: {ttl: none}'), CATALOG).state.ttl).toBeNull();
});

describe('refused, at its place', () => {
  test.each<[string, string, string, string]>([
    ['state: {ttl: 0 s}', '', '', 'state.ttl: a ttl of 0 would let state expire as it is written'],
    ['state: {ttl: 10}', '', '', 'state.ttl: 10 is a duration without a unit'],
    ['state: {ttl: never}', '', '', 'state.ttl: "never" is not a duration'],
    ['state: {ttl: {update-type: on-read-and-write}}', '', '', 'state.ttl lacks "duration"'],
    [
      'state: {ttl: {duration: 1 h, cleanup: {in-background: false, incremental: {cleanup-size: 1}}}}',
      '',
      '',
      'incremental clean-up is clean-up in the background, which is switched off',
    ],
    ['state: {ttl: {duration: 1 h, update-type: on-write}}', '', '', 'one of on-create-and-write'],
    ['state: {ttl: {duration: 1 h, cleanup: {full: true}}}', '', '', 'has no key "full"'],
    ['', ', ttl: 0 s', '', 'a ttl of 0 would let state expire as it is written'],
    ['', '', ', ttl: 1 h', 'the state of a window goes when the window closes, so it takes no ttl'],
  ])('%s%s%s', (state, step, windowed, words) => {
    const text = job(state, step, windowed);
    const findings = findingsOf(text, CATALOG);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain(words);
    const line = Number(findings[0]!.split(':')[0]);
    expect(text.split('\n')[line - 1]).toContain('ttl');
  });
});

describe('what validate says', () => {
  const adviceOf = (text: string): string[] => {
    const result = load(text, CATALOG);
    if (result.kind !== 'ok') throw new Error('the job is invalid');
    return result.advise(NO_FACTS).map(findingText);
  };

  test('a key without bounds is no state without bounds when it has a ttl', () => {
    expect(adviceOf(job('')).map((text) => text.split(' ')[1])).toEqual(['unbounded-state:']);
    expect(adviceOf(job('state: {ttl: 1 h}'))).toEqual([]);
    expect(adviceOf(job('', ', ttl: 1 h'))).toEqual([]);
    expect(adviceOf(job('state: {ttl: 1 h}', ', ttl: none'))).toHaveLength(2);
  });

  test('a ttl that ends before the next checkpoint', () => {
    const [finding] = adviceOf(job('state: {ttl: 10 s}'));
    expect(finding).toContain(
      '9:10 short-ttl: steps.users: its results go out with each checkpoint',
    );
    expect(adviceOf(job('state: {ttl: 10001 ms}'))).toEqual([]);
    const visible = 'visibility: return-expired-if-not-cleaned-up';
    expect(adviceOf(job(`state: {ttl: {duration: 1 s, ${visible}}}`))).toEqual([]);
  });

  test('a ttl of the job that no step takes', () => {
    const result = load(job('state: {ttl: 1 h}', ', ttl: none'), CATALOG);
    const [finding] = result.findings.map(findingText);
    expect(finding).toContain('15:14 no-effect: state.ttl has no effect');
    expect(load(job('state: {ttl: 1 h}'), CATALOG).findings).toEqual([]);
  });
});

test('info shows it', () => {
  const graph = buildStreamGraph(loaded(job('', ', ttl: 36 h'), CATALOG));
  const execution = buildExecutionGraph(graph);
  expect(renderText(graph, execution)).toContain('n bigint; state lives 2160 min\n');
  const {nodes} = renderJson(graph, execution) as {nodes: {uid: string; state_ttl_ms: unknown}[]};
  expect(Object.fromEntries(nodes.map(({uid, state_ttl_ms}) => [uid, state_ttl_ms]))).toEqual({
    clicks: null,
    users: 129_600_000,
    hours: null,
    a: null,
    b: null,
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv({
    allowUnionTypes: true,
    strictRequired: false,
    strictTypes: false,
  }).compile(jobSchema(jobCatalog));

  test.each<[string, string, boolean]>([
    ['state: {ttl: none}', '', true],
    ['state: {ttl: 1 h}', ', ttl: none', true],
    ['state: {ttl: {duration: 1 h, cleanup: {incremental: {cleanup-size: 3}}}}', '', true],
    ['', ', ttl: {duration: 1 h, visibility: never-return-expired}', true],
    ['state: {ttl: {visibility: never-return-expired}}', '', false],
    ['state: {ttl: [1 h]}', '', false],
    ['', ', ttl: {duration: 1 h, update-type: never}', false],
  ])('%s%s: %s', (state, step, isValid) => {
    expect(validate(parse(job(state, step)))).toBe(isValid);
  });
});
