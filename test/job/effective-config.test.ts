// Every value that holds is told, with where it comes from; what may be a secret is not shown.

import {describe, expect, test} from 'vitest';
import {jobCatalog} from '#src/catalog.js';
import {effectiveConfig} from '#src/job/effective-config.js';
import type {ConfigValue} from '#src/job/effective-config.js';
import type {Overrides} from '#src/job/apply-overrides.js';

const JOB = `name: a
parallelism: 2
sources:
  in:
    connector: file
    path: \${DIR}/x
    null-text: \${PASSWORD}
    schema: {n: int}
    rate-limit: 10
steps:
  - id: f
    type: project
    input: in
    select: {n: n, m: n + 1}
sinks:
  out: {connector: console, input: f}
checkpointing:
  interval: \${INTERVAL:-5s}
restart-strategy: {type: fixed-delay}
`;

function config(
  overrides: Partial<Overrides> = {},
  bytes: string | null = JOB,
): Map<string, ConfigValue> {
  const values = effectiveConfig({
    bytes: bytes === null ? null : new TextEncoder().encode(bytes),
    catalog: jobCatalog,
    environment: {DIR: '/data', PASSWORD: 'hunter2'},
    overrides: {flink: [], set: [], ...overrides},
  });
  return new Map(values.map((value) => [value.path, value]));
}

describe('a value', () => {
  test('of the file has its line and column', () => {
    expect(config().get('parallelism')).toEqual({
      path: 'parallelism',
      value: 2,
      origin: {kind: 'file', option: null, line: 2, column: 14, variables: []},
    });
    expect(config().get('steps.f.select.m')).toMatchObject({
      value: 'n + 1',
      origin: {kind: 'file', line: 14},
    });
  });

  test('that nobody gave is its default', () => {
    expect(config().get('checkpointing.mode')).toMatchObject({
      value: 'exactly-once',
      origin: {kind: 'default', line: null},
    });
    expect(config().get('checkpointing.unaligned.enabled')).toMatchObject({value: false});
    expect(config().get('sources.in.max-record-size')).toMatchObject({value: '1mb'});
    expect(config().get('steps.f.partitioning')).toMatchObject({value: 'forward'});
  });

  test('of the command line names the option', () => {
    const values = config({
      flink: [['execution.checkpointing.interval', '10s']],
      set: [['sources.in.rate-limit', '7']],
      parallelism: 4,
    });
    expect(values.get('checkpointing.interval')).toMatchObject({
      value: '10s',
      origin: {kind: 'define', option: '-D execution.checkpointing.interval', line: null},
    });
    expect(values.get('sources.in.rate-limit')).toMatchObject({
      value: 7,
      origin: {kind: 'set', option: '--set sources.in.rate-limit'},
    });
    expect(values.get('parallelism')).toMatchObject({value: 4, origin: {kind: 'parallelism'}});
  });

  test('of the environment names the variable; a text that may be a secret stays as it is written', () => {
    const values = config();
    expect(values.get('sources.in.path')).toMatchObject({
      value: '/data/x',
      origin: {kind: 'file', line: 6, variables: ['DIR']},
    });
    expect(values.get('checkpointing.interval')).toMatchObject({
      value: '5s',
      origin: {variables: ['INTERVAL']},
    });
    expect(values.get('sources.in.null-text')).toMatchObject({
      value: '${PASSWORD}',
      origin: {variables: ['PASSWORD']},
    });
    expect(JSON.stringify([...values.values()])).not.toContain('hunter2');
  });
});

test('only the options of the restart strategy that holds are told', () => {
  const values = config();
  expect(values.get('restart-strategy.attempts')).toMatchObject({value: 1});
  expect(values.has('restart-strategy.jitter-factor')).toBe(false);
});

test('without a job there are the defaults of every job, and overrides count', () => {
  const values = config({parallelism: 3}, null);
  expect(values.get('parallelism')).toMatchObject({value: 3});
  expect(values.get('restart-strategy.type')).toMatchObject({value: 'exponential-delay'});
  expect([...values.keys()].filter((path) => /^(sources|steps|sinks)/.test(path))).toEqual([]);
});

test('without a job a wrong override is refused', () => {
  expect(() => config({flink: [['nonsense', '1']]}, null)).toThrow(/-D nonsense/);
});
