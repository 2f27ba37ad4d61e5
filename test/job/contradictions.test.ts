// Options that contradict each other are findings with the reason: an error where Flink refuses them or
// where one of them would do nothing, a warning where Flink takes them as they are.

import {expect, test} from 'vitest';

import {PLAIN_JOB, findingsOf, load, loaded} from './load.js';
import {RUNTIME_SUPPORT} from '#src/job/runtime-support.js';

/** What the engine cannot do yet is not the matter here. */
const support = RUNTIME_SUPPORT;

/** The plain job with these lines in its checkpointing section, and these after it. */
function job(checkpointing: readonly string[], more = ''): string {
  const lines = checkpointing.map((line) => `  ${line}\n`).join('');
  return `${PLAIN_JOB}${lines}${more}`;
}

function severityAndText(text: string): string[] {
  const result = load(text, {support});
  return result.findings.map(({severity, rule, message}) => `${severity} ${rule}: ${message}`);
}

test.each([
  [
    'error checkpoint-unaligned: unaligned checkpoints need mode: exactly-once, because',
    job(['mode: at-least-once', 'unaligned: {enabled: true}']),
  ],
  [
    'error checkpoint-unaligned: unaligned checkpoints need max-concurrent-checkpoints: 1, because',
    job(['max-concurrent-checkpoints: 2', 'unaligned: {enabled: true}']),
  ],
  [
    'error checkpoint-unaligned: unaligned.forced has no effect',
    job(['unaligned: {forced: true}']),
  ],
  [
    'warning no-effect: unaligned.forced lifts what Flink forbids',
    job(['unaligned: {enabled: true, forced: true}']),
  ],
  [
    'error checkpoint-unaligned: aligned-checkpoint-timeout has no effect',
    job(['aligned-checkpoint-timeout: 1s']),
  ],
  [
    'warning checkpoint-unaligned: aligned-checkpoint-timeout is not below checkpointing.timeout',
    job(['timeout: 20s', 'aligned-checkpoint-timeout: 20s', 'unaligned: {enabled: true}']),
  ],
  [
    'error checkpoint-min-pause: checkpointing.min-pause leaves no room',
    job(['min-pause: 1s', 'max-concurrent-checkpoints: 2']),
  ],
  ['warning checkpoint-min-pause: checkpointing.min-pause is longer', job(['min-pause: 11s'])],
  ['warning checkpoint-timeout: checkpointing.timeout is below the interval', job(['timeout: 9s'])],
  [
    'error max-parallelism: max-parallelism: 7 is below parallelism: 8',
    job([], 'parallelism: 8\nmax-parallelism: 7\n'),
  ],
  [
    'error heartbeat: heartbeat.timeout is below heartbeat.interval',
    job([], 'heartbeat: {interval: 10s, timeout: 9999ms}\n'),
  ],
  ['error heartbeat: heartbeat.timeout is below', job([], 'heartbeat: {interval: 51s}\n')],
  [
    'error heartbeat: heartbeat.interval must be above 0',
    job([], 'heartbeat: {interval: 0s, timeout: 0s}\n'),
  ],
])('%s', (start, text) => {
  const findings = severityAndText(text);
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatch(new RegExp(`^${start}`));
});

test.each([
  ['unaligned alone', job(['unaligned: {enabled: true}'])],
  [
    'unaligned after a time',
    job(['unaligned: {enabled: true}', 'aligned-checkpoint-timeout: 30s']),
  ],
  ['several at once', job(['max-concurrent-checkpoints: 3'])],
  ['a timeout of one interval', job(['timeout: 10s'])],
  ['as many subtasks as key groups', job([], 'parallelism: 8\nmax-parallelism: 8\n')],
  ['equal heartbeats', job([], 'heartbeat: {interval: 5s, timeout: 5s}\n')],
])('%s is no contradiction', (_name, text) => {
  expect(severityAndText(text)).toEqual([]);
});

test('heartbeats have the defaults of Flink, its keys, and the alias below execution', () => {
  const heartbeat = (...flink: [string, string][]): [number, number] => {
    const spec = loaded(PLAIN_JOB, {overrides: {flink, set: []}});
    return [spec.heartbeatIntervalMillis, spec.heartbeatTimeoutMillis];
  };
  expect(heartbeat()).toEqual([10_000, 50_000]);
  expect(heartbeat(['heartbeat.interval', '1s'], ['heartbeat.timeout', '5 s'])).toEqual([
    1000, 5000,
  ]);
  expect(heartbeat(['execution.heartbeat.timeout', '1 min'])).toEqual([10_000, 60_000]);
  expect(findingsOf(`${PLAIN_JOB}heartbeat: {pause: 1s}\n`)[0]).toContain('has no key "pause"');
  expect(findingsOf(`${PLAIN_JOB}heartbeat: 5s\n`)[0]).toContain('heartbeat must be a map');
});

test('a step without state says how records come to it, one with a key does not', () => {
  const rebalanced = PLAIN_JOB.replace('type: filter', 'type: filter\n    partitioning: rebalance');
  const steps = loaded(rebalanced).steps;
  expect(steps.map(({partitioning}) => partitioning)).toEqual(['rebalance', 'forward']);
  expect(steps[0]?.options).not.toHaveProperty('partitioning');
  expect(findingsOf(rebalanced.replace('rebalance', 'rebalanced'))).toEqual([
    expect.stringMatching(/^12:19 value-type: steps\.late\.partitioning must be .*"rebalance"/),
  ]);
  const keyed = PLAIN_JOB.replace('type: aggregate', 'type: aggregate\n    partitioning: forward');
  expect(findingsOf(keyed)[0]).toContain('key-unknown: steps.by-origin has no key "partitioning"');
});
