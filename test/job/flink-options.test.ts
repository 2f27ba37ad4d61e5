// Every option key of Flink is obeyed, or refused with the reason and with what to do instead: none is
// ignored, none is unknown, and a wrong value names the key that it was given to.

import {describe, expect, test} from 'vitest';

import {ACCEPTED_KEYS, REFUSED_KEYS} from './flink-keys.js';
import {PLAIN_JOB, load, loaded} from './load.js';
import {flinkKeys, flinkOption} from '#src/job/flink-options.js';
import type {Finding} from '#src/job/finding.js';
import type {JobSpec} from '#src/job/job-spec.js';
import {RUNTIME_SUPPORT} from '#src/job/runtime-support.js';

const support = {...RUNTIME_SUPPORT, savepoints: true, parallelism: 64};

type Pair = readonly [key: string, value: string];

function findings(...flink: Pair[]): readonly Finding[] {
  return load(PLAIN_JOB, {support, overrides: {flink, set: []}}).findings;
}

function job(...flink: Pair[]): JobSpec {
  return loaded(PLAIN_JOB, {support, overrides: {flink, set: []}});
}

/** The words that a `-D` finding has, and never anything without the key. */
function refusal(...flink: Pair[]): string {
  const found = findings(...flink).filter(({severity}) => severity === 'error');
  expect(found).toHaveLength(1);
  const [{rule, message, suggestion, line}] = found as [Finding];
  expect(line).toBeNull();
  return `${rule}: ${message} (${suggestion ?? ''})`;
}

describe('the table', () => {
  test.each(ACCEPTED_KEYS)('%s is obeyed', (key) => {
    expect(flinkOption(key)?.kind).toBe('accepted');
  });

  test('no key is obeyed that is not listed here', () => {
    const listed = new Set(ACCEPTED_KEYS.flatMap((key) => flinkOption(key)?.key ?? []));
    expect(flinkKeys().filter((key) => !listed.has(key))).toEqual([]);
  });

  test.each(REFUSED_KEYS)('%s is refused with the reason and what to do', (key) => {
    const option = flinkOption(key);
    if (option?.kind !== 'refused') throw new Error(`${key} is not refused`);
    expect(option.reason.length).toBeGreaterThan(20);
    expect(option.instead.length).toBeGreaterThan(8);
    const text = refusal([key, 'certainly-not']);
    expect(text).toBe(`flink-key-refused: -D ${key}: ${option.reason} (${option.instead})`);
    for (const value of option.holds ?? []) expect(findings([key, value])).toEqual([]);
  });

  test('a key that is a typing error of one of them is unknown, with the nearest', () => {
    expect(refusal(['execution.checkpointing.min-puase', '1s'])).toContain(
      'flink-key-unknown: -D execution.checkpointing.min-puase: no option of Flink that a job here has (did you mean "execution.checkpointing.min-pause"?)',
    );
    expect(refusal(['state.backend.rocksdb.writebufer', '1mb'])).toContain('flink-key-unknown');
    expect(refusal(['toString', '1'])).toContain('flink-key-unknown');
    expect(refusal(['constructor.prototype', '1'])).toContain('flink-key-unknown');
  });
});

/** Each key with a value in Flink's spelling, and what becomes of it in the job. */
const EFFECTS: readonly (readonly [string, string, (job: JobSpec) => unknown, unknown])[] = [
  ['execution.checkpointing.interval', '3 s', (j) => j.checkpointing.intervalMillis, 3000],
  ['execution.checkpointing.interval', 'PT1M', (j) => j.checkpointing.intervalMillis, 60_000],
  ['execution.checkpointing.mode', 'AT_LEAST_ONCE', (j) => j.checkpointing.mode, 'at-least-once'],
  ['execution.checkpointing.mode', 'at_least_once', (j) => j.checkpointing.mode, 'at-least-once'],
  ['execution.checkpointing.timeout', '1 min', (j) => j.checkpointing.timeoutMillis, 60_000],
  ['execution.checkpointing.min-pause', '500 ms', (j) => j.checkpointing.minPauseMillis, 500],
  [
    'execution.checkpointing.max-concurrent-checkpoints',
    '2',
    (j) => j.checkpointing.maxConcurrent,
    2,
  ],
  [
    'execution.checkpointing.tolerable-failed-checkpoints',
    '7',
    (j) => j.checkpointing.tolerableFailed,
    7,
  ],
  [
    'execution.checkpointing.externalized-checkpoint-retention',
    'NO_EXTERNALIZED_CHECKPOINTS',
    (j) => j.checkpointing.externalizedRetention,
    'no-externalized-checkpoints',
  ],
  ['execution.checkpointing.num-retained', '9', (j) => j.checkpointing.numRetained, 9],
  ['state.checkpoints.num-retained', '9', (j) => j.checkpointing.numRetained, 9],
  ['execution.checkpointing.dir', 'file:///DATA/CP', (j) => j.checkpointing.directory, '/DATA/CP'],
  ['state.checkpoints.dir', 'file:///cp', (j) => j.checkpointing.directory, '/cp'],
  [
    'execution.checkpointing.savepoint-dir',
    'file:/SP',
    (j) => j.checkpointing.savepointDirectory,
    '/SP',
  ],
  ['state.savepoints.dir', 'file:/sp', (j) => j.checkpointing.savepointDirectory, '/sp'],
  ['execution.checkpointing.incremental', 'TRUE', (j) => j.checkpointing.incremental, true],
  ['state.backend.incremental', 'false', (j) => j.checkpointing.incremental, false],
  [
    'execution.checkpointing.snapshot-compression',
    'false',
    (j) => j.checkpointing.snapshotCompression,
    'none',
  ],
  [
    'execution.checkpointing.unaligned.enabled',
    'TRUE',
    (j) => j.checkpointing.unaligned.enabled,
    true,
  ],
  ['execution.checkpointing.unaligned', 'true', (j) => j.checkpointing.unaligned.enabled, true],
  ['state.backend.type', 'hashmap', (j) => j.state.backend, 'hashmap'],
  ['state.backend', 'filesystem', (j) => j.state.backend, 'hashmap'],
  ['restart-strategy.type', 'disable', (j) => j.restartStrategy, {type: 'none'}],
  ['restart-strategy.type', 'OFF', (j) => j.restartStrategy, {type: 'none'}],
  ['restart-strategy', 'fixeddelay', (j) => j.restartStrategy.type, 'fixed-delay'],
  ['restart-strategy.type', 'failurerate', (j) => j.restartStrategy.type, 'failure-rate'],
  ['restart-strategy.type', 'exponentialdelay', (j) => j.restartStrategy.type, 'exponential-delay'],
  [
    'restart-strategy.exponential-delay.initial-backoff',
    '2 s',
    (j) => j.restartStrategy,
    expect.objectContaining({initialBackoffMillis: 2000}),
  ],
  [
    'restart-strategy.exponential-delay.max-backoff',
    '5 min',
    (j) => j.restartStrategy,
    expect.objectContaining({maxBackoffMillis: 300_000}),
  ],
  [
    'restart-strategy.exponential-delay.backoff-multiplier',
    '2.0',
    (j) => j.restartStrategy,
    expect.objectContaining({multiplier: 2}),
  ],
  [
    'restart-strategy.exponential-delay.jitter-factor',
    '0.5',
    (j) => j.restartStrategy,
    expect.objectContaining({jitterFactor: 0.5}),
  ],
  [
    'restart-strategy.exponential-delay.reset-backoff-threshold',
    '2 h',
    (j) => j.restartStrategy,
    expect.objectContaining({resetThresholdMillis: 7_200_000}),
  ],
  [
    'restart-strategy.exponential-delay.attempts-before-reset-backoff',
    '4',
    (j) => j.restartStrategy,
    expect.objectContaining({attemptsBeforeReset: 4}),
  ],
  ['parallelism.default', '4', (j) => j.parallelism, 4],
  ['pipeline.max-parallelism', '256', (j) => j.maxParallelism, 256],
  ['pipeline.name', 'OTHER_NAME', (j) => j.name, 'OTHER_NAME'],
  ['heartbeat.interval', '2 s', (j) => j.heartbeatIntervalMillis, 2000],
  ['heartbeat.timeout', '20 s', (j) => j.heartbeatTimeoutMillis, 20_000],
  [
    'table.exec.state.ttl',
    '0 ms',
    (j) => j.state,
    expect.objectContaining({backend: 'hashmap', ttl: null}),
  ],
  [
    'table.exec.state.ttl',
    '36 h',
    (j) => j.state.ttl,
    expect.objectContaining({durationMillis: 129_600_000, cleanupSize: 5}),
  ],
];

const ROCKSDB_BACKEND: Pair = [
  'state.backend.type',
  'org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory',
];

/** Keys that act together with another one only. */
const WITH_OTHERS: readonly (readonly [readonly Pair[], (job: JobSpec) => unknown, unknown])[] = [
  [
    [
      ['execution.checkpointing.unaligned.enabled', 'true'],
      ['execution.checkpointing.unaligned.forced', 'true'],
      ['execution.checkpointing.alignment-timeout', '30 s'],
    ],
    (j) => [j.checkpointing.unaligned, j.checkpointing.alignedTimeoutMillis],
    [{enabled: true, forced: true}, 30_000],
  ],
  [
    [
      ['execution.checkpointing.unaligned', 'true'],
      ['execution.checkpointing.force-unaligned', 'true'],
      ['execution.checkpointing.aligned-checkpoint-timeout', '1 min'],
    ],
    (j) => [j.checkpointing.unaligned, j.checkpointing.alignedTimeoutMillis],
    [{enabled: true, forced: true}, 60_000],
  ],
  [
    [
      ROCKSDB_BACKEND,
      ['state.backend.rocksdb.writebuffer.size', '32 mb'],
      ['state.backend.rocksdb.writebuffer.count', '3'],
      ['state.backend.rocksdb.thread.num', '5'],
      ['state.backend.rocksdb.files.open', '100'],
      ['state.backend.rocksdb.block.blocksize', '4 kb'],
      ['state.backend.rocksdb.use-bloom-filter', 'TRUE'],
      ['state.backend.rocksdb.bloom-filter.bits-per-key', '12.0'],
      ['state.backend.rocksdb.checkpoint.transfer.thread.num', '7'],
      ['state.backend.rocksdb.localdir', '/ssd/a,/ssd/b'],
    ],
    (j) => j.state,
    {
      backend: 'rocksdb',
      ttl: null,
      rocksdb: {
        cacheSize: 256 * 2 ** 20,
        writeBufferSize: 32 * 2 ** 20,
        writeBufferCount: 3,
        backgroundThreads: 5,
        openFiles: 100,
        blockSize: 4096,
        bloomBitsPerKey: 12,
        transferThreads: 7,
        localDirectories: ['/ssd/a', '/ssd/b'],
      },
    },
  ],
  [
    [ROCKSDB_BACKEND, ['state.backend.rocksdb.predefined-options', 'FLASH_SSD_OPTIMIZED']],
    (j) => j.state.rocksdb.backgroundThreads,
    4,
  ],
  [
    [
      ['restart-strategy.fixed-delay.attempts', '3'],
      ['restart-strategy.fixed-delay.delay', '10 s'],
      ['restart-strategy.type', 'fixed-delay'],
    ],
    (j) => j.restartStrategy,
    {type: 'fixed-delay', attempts: 3, delayMillis: 10_000},
  ],
  [
    [
      ['restart-strategy.type', 'FAILURE_RATE'],
      ['restart-strategy.failure-rate.max-failures-per-interval', '3'],
      ['restart-strategy.failure-rate.failure-rate-interval', '5 min'],
      ['restart-strategy.failure-rate.delay', '10 s'],
    ],
    (j) => j.restartStrategy,
    {
      type: 'failure-rate',
      maxFailuresPerInterval: 3,
      intervalMillis: 300_000,
      delayMillis: 10_000,
    },
  ],
];

describe('what is obeyed', () => {
  test.each(EFFECTS)('-D %s=%s', (key, value, read, expected) => {
    expect(read(job([key, value]))).toEqual(expected);
    // The value is not what the job has without it, or the test would show nothing.
    const isDefault = ['false', 'FALSE', 'hashmap', 'filesystem', '0 ms', 'exponentialdelay'];
    if (!isDefault.includes(value)) expect(read(job())).not.toEqual(expected);
  });

  test.each(WITH_OTHERS)('together: %j', (pairs, read, expected) => {
    expect(read(job(...pairs))).toEqual(expected);
  });

  test('every accepted key is in one of the two lists', () => {
    const shown = new Set([
      ...EFFECTS.map(([key]) => key),
      ...WITH_OTHERS.flatMap(([pairs]) => pairs.map(([k]) => k)),
    ]);
    expect(ACCEPTED_KEYS.filter((key) => !shown.has(key))).toEqual([]);
  });
});

describe('wrong values', () => {
  test.each([
    ['execution.checkpointing.mode', 'EXACTLY', 'mode must be one of exactly-once, at-least-once'],
    ['execution.checkpointing.timeout', '5 parsecs', 'a duration with an unknown unit'],
    ['execution.checkpointing.interval', '10000', '(write 10000ms, as Flink would read it, or'],
    ['execution.checkpointing.unaligned.enabled', 'yes', 'must be true or false'],
    ['execution.checkpointing.num-retained', '-1', 'a whole number from 1'],
    ['execution.checkpointing.incremental', 'yes', 'must be true or false'],
    ['execution.checkpointing.snapshot-compression', 'true', 'true is Snappy in Flink'],
    ['execution.checkpointing.dir', 's3://bucket/cp', 'is on S3, which is not built yet'],
    ['state.backend.rocksdb.thread.num', '2', 'no effect with another backend'],
    ['state.backend.type', 'forst', 'the ForSt backend does not exist here'],
    ['state.backend', 'com.example.MyFactory', 'a class of Java cannot be loaded here'],
    ['table.exec.state.ttl', '3600000', 'is a duration without a unit'],
    ['state.ttl.cleanup', '1', 'the ttl of state is set in the job file'],
    ['pipeline.max-parallelism', '-1', 'here it always stands in the job'],
    ['parallelism.default', '-1', 'a whole number from 1'],
    ['restart-strategy.type', 'sometimes', 'one of none, fixed-delay'],
    ['restart-strategy.exponential-delay.jitter-factor', '7', 'a number from 0 to 1'],
    ['heartbeat.timeout', '1 s', 'heartbeat.timeout is below heartbeat.interval'],
  ])('-D %s=%s', (key, value, words) => {
    const text = refusal([key, value]);
    expect(text).toContain(`-D ${key}: `);
    expect(text).toContain(words);
  });

  test('two names of one option with two values', () => {
    const twice = refusal(
      ['state.checkpoints.num-retained', '2'],
      ['execution.checkpointing.num-retained', '3'],
    );
    expect(twice).toMatch(
      /^flink-key-twice: -D execution\.checkpointing\.num-retained: is another/,
    );
    expect(job(['state.backend', 'hashmap'], ['state.backend.type', 'hashmap']).state.backend).toBe(
      'hashmap',
    );
    // One name twice: the last one wins, as in Flink.
    const last = job(
      ['execution.checkpointing.num-retained', '2'],
      ['execution.checkpointing.num-retained', '3'],
    );
    expect(last.checkpointing.numRetained).toBe(3);
  });
});
