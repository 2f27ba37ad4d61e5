// The JSON Schema of a job file says no less and no more than the declarations that validate it: jobs that are
// valid are valid by it, and what it can know is wrong is wrong by it.

import {readFile} from 'node:fs/promises';
import {Ajv, type ValidateFunction} from 'ajv';
import {describe, expect, test} from 'vitest';
import {parse} from 'yaml';
import {jobCatalog} from '#src/catalog.js';
import {jobSchema} from '#src/job/job-schema.js';
import {JOB_KEYS} from '#src/job/read-job.js';
import {TEMPLATES} from '#src/templates/write-template.js';

const schema = jobSchema(jobCatalog);
const validate: ValidateFunction = new Ajv({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
  strictTypes: false,
}).compile(schema);

function problems(job: unknown): string[] {
  if (validate(job)) return [];
  return (validate.errors ?? []).map(
    ({instancePath, message}) => `${instancePath} ${message ?? ''}`,
  );
}

const JOBS = ['airport-delays', 'bird-strikes', 'clicks', 'two-speeds'];

test.each(JOBS)('jobs/%s is valid', async (name) => {
  const url = new URL(`../../jobs/${name}/${name}.job.yaml`, import.meta.url);
  expect(problems(parse(await readFile(url, 'utf8')))).toEqual([]);
});

test.each(TEMPLATES)('the template $name is valid', ({job}) => {
  expect(problems(parse(job))).toEqual([]);
});

test('every section that a job can have is in it', () => {
  expect(Object.keys(schema['properties'] as object).sort()).toEqual([...JOB_KEYS].sort());
});

test('every connector and step type is in it, with a description of each field', () => {
  const definitions = schema['definitions'] as Record<
    string,
    {properties: Record<string, {description?: string}>}
  >;
  const named = (what: string, specs: readonly {type: string}[]) =>
    specs.map(({type}) => `${what}-${type}`);
  const wanted = [
    ...named('source', jobCatalog.sources),
    ...named('sink', jobCatalog.sinks),
    ...named('step', jobCatalog.operators),
  ];
  expect(Object.keys(definitions)).toEqual(expect.arrayContaining(wanted));
  for (const name of wanted) {
    for (const [key, property] of Object.entries(definitions[name]?.properties ?? {})) {
      expect(property.description, `${name}.${key}`).toMatch(/\S/);
    }
  }
});

const BASE = `
name: a
sources:
  in: {connector: file, path: x, schema: {n: int}}
steps:
  - {id: f, type: filter, input: in, where: n > 1}
sinks:
  out: {connector: console, input: f}
`;

const set = (path: string, value: unknown): unknown => {
  const job = parse(BASE) as Record<string, unknown>;
  const keys = path.split('.');
  let at: Record<string, unknown> = job;
  for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>;
  at[keys.at(-1) ?? ''] = value;
  return job;
};

describe('what a schema can know', () => {
  test.each([
    ['checkpointing.interval', '10s'],
    ['checkpointing.interval', 'PT1M30.5S'],
    ['checkpointing.interval', 0],
    ['checkpointing.interval', '${INTERVAL}'],
    ['checkpointing.mode', 'at-least-once'],
    ['checkpointing.mode', '${MODE:-exactly-once}'],
    ['restart-strategy', {type: 'fixed-delay', attempts: 3, delay: '10s'}],
    ['restart-strategy', {'jitter-factor': 0.2}],
    ['restart-strategy', {'attempts-before-reset-backoff': 'infinite'}],
    ['sources.in.on-bad-record', {'dead-letter': 'bad/'}],
    ['sources.in.max-record-size', '64kb'],
    ['sources.in.path', ['a', 'b']],
    ['sources.in.schema.t', {type: 'timestamp', format: 'yyyy-MM-dd', zone: 'UTC'}],
    ['sources.in.watermark', {column: 't', 'max-out-of-orderness': '1 min'}],
    ['sources.in.delimiter', ';'],
  ])('%s: %j is right', (path, value) => expect(problems(set(path, value))).toEqual([]));

  test.each([
    ['nonsense', 1],
    ['name', 7],
    ['parallelism', 0],
    ['parallelism', '2'],
    ['parallelism', 1.5],
    ['checkpointing.interval', '10'],
    ['checkpointing.interval', 10],
    ['checkpointing.nonsense', 1],
    ['checkpointing.mode', 'sometimes'],
    ['restart-strategy', {type: 'fixed-delay', 'max-backoff': '1s'}],
    ['restart-strategy', {attempts: 3}],
    ['restart-strategy', {type: 'sometimes'}],
    ['sources.in.connector', 'kafka'],
    ['sources.in.rows', 7],
    ['sources.in.delimiter', ';;'],
    ['sources.in.on-bad-record', 'ignore'],
    ['sources.Not A Name', {connector: 'file', path: 'x', schema: {n: 'int'}}],
    ['sources', {}],
    ['sinks.out.input', ['a', 'b']],
    ['steps', [{type: 'filter', input: 'in'}]],
    ['steps', [{type: 'filter', input: ['in', 'other'], where: 'TRUE'}]],
    ['steps', [{type: 'sort', input: 'in'}]],
  ])('%s: %j is wrong', (path, value) => expect(problems(set(path, value))).not.toEqual([]));
});
