// Checkpointing, state, restart strategy and parallelism: defaults, limits, what contradicts itself,
// and what the engine cannot do yet. Overrides are checked like what stands in the file.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, findingsOf, load, loaded} from './load.js';
import {flinkKeys, flinkOption} from '#src/job/flink-options.js';
import {CHECKPOINTING_FIELDS} from '#src/job/job-fields.js';
import {RUNTIME_SUPPORT} from '#src/job/runtime-support.js';
import type {JobSpec} from '#src/job/job-spec.js';

/** The plain job with these lines in its checkpointing section. */
function checkpointing(...lines: string[]): string {
  return PLAIN_JOB.replace('  interval: 10s\n', lines.map((line) => `  ${line}\n`).join(''));
}

describe('checkpointing', () => {
  test('takes every key', () => {
    const support = {
      ...RUNTIME_SUPPORT,
      snapshotCompressions: ['none', 'zstd'] as const,
    };
    const text = checkpointing(
      'interval: PT5S',
      'mode: exactly-once',
      'timeout: 1 min',
      'min-pause: 1s',
      'max-concurrent-checkpoints: 1',
      'tolerable-failed-checkpoints: 2',
      'num-retained: 5',
      'externalized-checkpoint-retention: delete-on-cancellation',
      'unaligned: {enabled: true, forced: true}',
      'aligned-checkpoint-timeout: 30s',
      'incremental: true',
      'max-chain: 4',
      'snapshot-compression: zstd',
      'dir: file:./state/checkpoints',
      'savepoint-dir: file:///var/savepoints',
    );
    expect(loaded(text, {support}).checkpointing).toEqual({
      intervalMillis: 5000,
      mode: 'exactly-once',
      timeoutMillis: 60_000,
      minPauseMillis: 1000,
      maxConcurrent: 1,
      tolerableFailed: 2,
      numRetained: 5,
      externalizedRetention: 'delete-on-cancellation',
      unaligned: {enabled: true, forced: true},
      alignedTimeoutMillis: 30_000,
      incremental: true,
      maxChain: 4,
      snapshotCompression: 'zstd',
      directory: '/jobs/state/checkpoints',
      savepointDirectory: '/var/savepoints',
    });
  });

  test.each([
    ['value-type', 'snapshot-compression: snappy', 'must be one of none, gzip, brotli, zstd'],
    ['directory-invalid', 'dir: s3://bucket/prefix', 'is on S3, which is not built yet'],
    ['directory-invalid', 'savepoint-dir: hdfs://a/b', 'unknown scheme "hdfs"'],
    ['directory-invalid', 'dir: file://host/path', 'names a host'],
    ['directory-invalid', 'dir: "file:"', 'is empty'],
    ['value-type', 'mode: exactly_once', '(did you mean "exactly-once"?)'],
    ['value-type', 'num-retained: 0', 'a whole number from 1'],
    ['value-type', 'incremental: yes', '(write true, without quotes)'],
    ['value-type', 'unaligned: true', '(write {enabled: true})'],
    ['value-invalid', 'timeout: 10', '(did you mean "10s"?)'],
    ['checkpoint-time-too-short', 'timeout: 5ms', 'at least 10 ms'],
    ['value-missing', 'dir:', 'has no value'],
    ['checkpoint-unaligned', 'aligned-checkpoint-timeout: 1s', 'no effect unless unaligned'],
    ['checkpoint-unaligned', 'unaligned: {forced: true}', 'no effect unless unaligned'],
    ['key-unknown', 'retained: 3', 'has no key "retained"'],
  ])('refuses as %s: %s', (rule, line, words) => {
    const [finding] = findingsOf(checkpointing('interval: 10s', line));
    expect(finding).toMatch(new RegExp(`^23:\\d+ ${rule}: `));
    expect(finding).toContain(words);
  });

  test('refuses an interval that is too short', () => {
    expect(findingsOf(checkpointing('interval: 1ms'))[0]).toContain('must be at least 10 ms');
  });

  test('refuses unaligned with at-least-once', () => {
    const text = checkpointing(
      'interval: 10s',
      'mode: at-least-once',
      'unaligned: {enabled: true}',
    );
    expect(findingsOf(text)[0]).toContain('24:14 checkpoint-unaligned');
  });

  test('warns of a pause that sets the pace', () => {
    const result = load(checkpointing('interval: 10s', 'min-pause: 20s'));
    expect(result.kind).toBe('ok');
    expect(result.findings[0]).toMatchObject({rule: 'checkpoint-min-pause', severity: 'warning'});
  });

  test('is off without an interval, and what only paces it is warned of', () => {
    const result = load(checkpointing('min-pause: 1s'));
    expect(result.findings[0]).toMatchObject({rule: 'checkpoint-no-interval', severity: 'warning'});
    expect(loaded(checkpointing('num-retained: 2')).checkpointing.intervalMillis).toBeNull();
  });

  const endless = PLAIN_JOB.replace('format: json\n', 'format: json\n    bounded: false\n');

  test('is needed by an endless exactly-once sink', () => {
    expect(findingsOf(endless.replace('  interval: 10s\n', '  num-retained: 2\n'))).toEqual([
      '21:3 endless-sink-without-interval: sinks.out: its input never ends and its output appears with checkpoints only, of which there are none (checkpointing: {interval: 10s})',
    ]);
    expect(loaded(endless).sources[0]?.bounded).toBe(false);
    const blackhole = endless
      .replace(
        'connector: file, input: by-origin, path: out/',
        'connector: blackhole, input: by-origin',
      )
      .replace('  interval: 10s\n', '  num-retained: 2\n');
    expect(load(blackhole).kind).toBe('ok');
  });
});

describe('what the engine cannot do', () => {
  test.each([
    ['parallelism: 65', 'at most 64'],
    [
      'state: {backend: rocksdb, rocksdb: {block-cache-size: 1mb}}',
      'state.rocksdb.block-cache-size is refused: the binding rocksdb-native cannot set it',
    ],
    ['state: {rocksdb: {cache-size: 1mb}}', 'no effect with another backend'],
    [
      'state: {backend: rocksdb, rocksdb: {use-bloom-filter: false, bloom-filter-bits-per-key: 5}}',
      'no effect without the filter',
    ],
  ])('%s is refused with the reason', (line, reason) => {
    const [finding] = findingsOf(`${PLAIN_JOB}${line}\n`);
    expect(finding).toContain('not-supported');
    expect(finding).toContain(reason);
  });

  test('rocksdb: what is written holds before the predefined options, and those before the defaults', () => {
    const of = (options: string) =>
      loaded(`${PLAIN_JOB}state: {backend: rocksdb, rocksdb: {${options}}}\n`).state.rocksdb;
    expect(of('')).toEqual({
      cacheSize: 256 * 2 ** 20,
      writeBufferSize: 32 * 2 ** 20,
      writeBufferCount: 2,
      backgroundThreads: 2,
      openFiles: -1,
      blockSize: 8192,
      bloomBitsPerKey: 10,
      transferThreads: 4,
      localDirectories: [],
    });
    expect(of('predefined-options: spinning-disk-optimized-high-mem')).toMatchObject({
      writeBufferCount: 4,
      backgroundThreads: 4,
      blockSize: 128 * 1024,
    });
    const written = of(
      'predefined-options: flash-ssd-optimized, background-threads: 3, use-bloom-filter: false',
    );
    expect(written).toMatchObject({backgroundThreads: 3, bloomBitsPerKey: 0});
  });

  test('max-parallelism is kept and has limits', () => {
    expect(loaded(`${PLAIN_JOB}max-parallelism: 32768\n`).maxParallelism).toBe(32_768);
    expect(findingsOf(`${PLAIN_JOB}max-parallelism: 32769\n`)[0]).toContain('from 1 to 32768');
    const support = {...RUNTIME_SUPPORT, parallelism: 8};
    const text = `${PLAIN_JOB}parallelism: 4\nmax-parallelism: 2\n`;
    expect(findingsOf(text, {support})[0]).toContain('is below parallelism: 4');
  });

  test.each(['deduplicate', 'top-n', 'join', 'process', 'flat-map'])(
    'the step type %s is said to be missing',
    (type) => {
      const text = PLAIN_JOB.replace('type: filter', `type: ${type}`);
      expect(findingsOf(text)[0]).toContain(`the step type "${type}" is not built yet`);
    },
  );

  test('one mistake is reported once, not again by what follows from it', () => {
    expect(findingsOf(PLAIN_JOB.replace('type: filter', 'type: fliter'))).toHaveLength(1);
    expect(findingsOf(PLAIN_JOB.replace('date: timestamp', 'date: timestmp'))).toHaveLength(1);
    expect(findingsOf(PLAIN_JOB.replace('origin: string', 'origin: strin'))).toHaveLength(1);
  });
});

describe('restart strategies', () => {
  const strategy = (text: string): JobSpec['restartStrategy'] =>
    loaded(`${PLAIN_JOB}restart-strategy: ${text}\n`).restartStrategy;

  test('each with its defaults and all of its keys', () => {
    expect(strategy('{type: none}')).toEqual({type: 'none'});
    expect(strategy('{type: fixed-delay}')).toEqual({
      type: 'fixed-delay',
      attempts: 1,
      delayMillis: 1000,
    });
    expect(strategy('{type: fixed-delay, attempts: 7, delay: 2s}')).toMatchObject({
      attempts: 7,
      delayMillis: 2000,
    });
    expect(
      strategy(
        '{type: failure-rate, max-failures-per-interval: 3, failure-rate-interval: 5 min, delay: 10s}',
      ),
    ).toEqual({
      type: 'failure-rate',
      maxFailuresPerInterval: 3,
      intervalMillis: 300_000,
      delayMillis: 10_000,
    });
    expect(
      strategy('{initial-backoff: 2s, backoff-multiplier: 2, attempts-before-reset-backoff: 9}'),
    ).toMatchObject({
      type: 'exponential-delay',
      initialBackoffMillis: 2000,
      multiplier: 2,
      attemptsBeforeReset: 9,
    });
    expect(strategy('{attempts-before-reset-backoff: infinite}')).toMatchObject({
      attemptsBeforeReset: null,
    });
  });

  test.each([
    ['{type: fixed-dellay}', 'did you mean "fixed-delay"?'],
    ['{type: fixed-delay, initial-backoff: 1s}', 'has no key "initial-backoff"'],
    ['{type: fixed-delay, attempts: 0}', 'a whole number from 1'],
    ['{initial-backoff: 2 min}', 'max-backoff is shorter than initial-backoff'],
    ['{jitter-factor: 2}', 'a number from 0 to 1'],
    ['{attempts-before-reset-backoff: 0}', 'a whole number from 1'],
    ['{attempts-before-reset-backoff: never}', 'one of infinite'],
    ['fixed-delay', 'restart-strategy must be a map'],
  ])('%s is refused', (text, words) => {
    expect(findingsOf(`${PLAIN_JOB}restart-strategy: ${text}\n`)[0]).toContain(words);
  });

  test('that the engine lacks are refused, and the default is none', () => {
    const support = {...RUNTIME_SUPPORT, restartStrategies: ['none', 'fixed-delay'] as const};
    expect(loaded(PLAIN_JOB, {support}).restartStrategy).toEqual({type: 'none'});
    const text = `${PLAIN_JOB}restart-strategy: {type: failure-rate}\n`;
    expect(findingsOf(text, {support})[0]).toContain('failure-rate is not built yet');
  });
});

describe('overrides', () => {
  const withFlink = (...flink: [string, string][]) => ({overrides: {flink, set: []}});
  const withSet = (...set: [string, string][]) => ({overrides: {flink: [], set}});

  test('every key of the checkpointing section has its Flink key', () => {
    for (const {name} of CHECKPOINTING_FIELDS) {
      // Ours alone.
      if (name === 'max-chain') continue;
      const key = name === 'unaligned' ? 'unaligned.enabled' : name;
      const option = flinkOption(`execution.checkpointing.${key}`);
      expect(option?.kind === 'accepted' ? option.path.join('.') : null).toBe(
        `checkpointing.${key}`,
      );
    }
    expect(flinkKeys().length).toBeGreaterThan(25);
  });

  test('Flink keys, older ones and Flink spellings', () => {
    const job = loaded(PLAIN_JOB, {
      support: RUNTIME_SUPPORT,
      ...withFlink(
        ['execution.checkpointing.interval', '1 min'],
        ['execution.checkpointing.mode', 'AT_LEAST_ONCE'],
        ['execution.checkpointing.externalized-checkpoint-retention', 'DELETE_ON_CANCELLATION'],
        ['execution.checkpointing.snapshot-compression', 'false'],
        ['execution.checkpointing.unaligned', 'false'],
        ['state.checkpoints.num-retained', '9'],
        ['state.savepoints.dir', 'file:/sp'],
        ['state.backend', 'hashmap'],
        ['table.exec.state.ttl', '0 ms'],
        ['pipeline.max-parallelism', '64'],
        ['pipeline.name', 'other'],
      ),
    });
    expect(job).toMatchObject({
      name: 'other',
      maxParallelism: 64,
      checkpointing: {
        intervalMillis: 60_000,
        mode: 'at-least-once',
        externalizedRetention: 'delete-on-cancellation',
        numRetained: 9,
        savepointDirectory: '/sp',
      },
    });
  });

  test('a restart strategy from outside replaces the one of the file', () => {
    const text = `${PLAIN_JOB}restart-strategy: {type: exponential-delay, initial-backoff: 5s}\n`;
    const none = loaded(text, withFlink(['restart-strategy.type', 'off'])).restartStrategy;
    expect(none).toEqual({type: 'none'});
    expect(
      loaded(
        text,
        withFlink(
          ['restart-strategy.fixed-delay.attempts', '4'],
          ['restart-strategy.type', 'fixeddelay'],
        ),
      ).restartStrategy,
    ).toEqual({type: 'fixed-delay', attempts: 4, delayMillis: 1000});
    expect(
      loaded(text, withFlink(['restart-strategy.exponential-delay.max-backoff', '2 min']))
        .restartStrategy,
    ).toMatchObject({initialBackoffMillis: 5000, maxBackoffMillis: 120_000});
  });

  test.each([
    [
      ['execution.checkpointing.intervall', '10s'],
      'flink-key-unknown: -D execution.checkpointing.intervall: no option of Flink that a job here has (did you mean "execution.checkpointing.interval"?)',
    ],
    [['checkpointing.interval', '10s'], '(did you mean "execution.checkpointing.interval"?)'],
    [
      ['execution.checkpointing.interval', '10'],
      '-D execution.checkpointing.interval: checkpointing.interval: 10 is a duration without a unit',
    ],
    [['restart-strategy.fixed-delay.attempts', '3'], 'flink-key-unused'],
    [
      ['parallelism.default', '100'],
      'null:null not-supported: -D parallelism.default: parallelism: 100',
    ],
    [['execution.checkpointing.mode', 'SOMETIMES'], 'not "sometimes"'],
    [['pipeline.name', 'a\u001bb'], 'control character'],
  ] as const)('-D %s is refused', (pair, words) => {
    expect(findingsOf(PLAIN_JOB, withFlink([...pair])).join('\n')).toContain(words);
  });

  test('--set reaches any value, by keys, ids and positions', () => {
    const job = loaded(
      PLAIN_JOB,
      withSet(
        ['name', 'other'],
        ['steps.late.where', 'delay > 30 # NO COMMENT'],
        ['steps.1.group-by', '[destination]'],
        ['sources.flights.rate-limit', '100'],
        ['sources.flights.watermark.max-out-of-orderness', '1 min'],
        ['checkpointing.unaligned.enabled', 'false'],
        ['sinks.second', '{connector: blackhole, input: late}'],
        ['sources.flights.bounded', 'true'],
      ),
    );
    expect(job).toMatchObject({
      name: 'other',
      sources: [{rateLimit: 100, watermark: {maxOutOfOrdernessMillis: 60_000}}],
      steps: [{options: {where: 'delay > 30 # NO COMMENT'}}, {keyColumns: ['destination']}],
      sinks: [{uid: 'out'}, {uid: 'second'}],
    });
  });

  test('--parallelism is put in before --set, and a finding names the flag', () => {
    const overrides = {flink: [], set: [], parallelism: 4};
    expect(loaded(PLAIN_JOB, {overrides}).parallelism).toBe(4);
    const set = {...overrides, set: [['parallelism', '3']] as const};
    expect(loaded(PLAIN_JOB, {overrides: set}).parallelism).toBe(3);
    expect(findingsOf(PLAIN_JOB, {overrides: {...overrides, parallelism: 100}})[0]).toMatch(
      /^null:null not-supported: --parallelism: parallelism: 100: .* at most 64/,
    );
  });

  test.each([
    [
      ['steps.lat.where', 'x'],
      'set-path: --set steps.lat.where: no item here has the id or position "lat" (did you mean "late"?)',
    ],
    [['steps.9.where', 'x'], 'no item here'],
    [['a..b', 'x'], 'a path is keys joined by dots'],
    [
      ['chekpointing.interval', '1s'],
      'the job has no key "chekpointing" (did you mean "checkpointing"?)',
    ],
    [['checkpointing.interval', '{a: [}'], 'yaml-syntax: --set checkpointing.interval'],
    [
      ['steps.late.where', 'delay > nothing'],
      '--set steps.late.where, character 9: steps.late.where: no column "nothing"',
    ],
    [['name', '&a x'], 'job-name-invalid'],
    [['name', '[&a x]'], 'yaml-anchor'],
    [['sources.flights', '[[[[['.repeat(20)], 'yaml-too-deep'],
  ] as const)('--set %s is refused', (pair, words) => {
    expect(findingsOf(PLAIN_JOB, withSet([...pair])).join('\n')).toContain(words);
  });
});
