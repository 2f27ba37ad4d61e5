// Advice: what is allowed and seldom meant. Each rule fires where it should, not where it should not, points
// at the value, says what to write, and can be switched off by its id.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, findingText, findingsOf, load} from './load.js';
import type {AdviceFacts} from '#src/job/advise.js';
import {RUNTIME_SUPPORT} from '#src/job/runtime-support.js';
import {volatilePlace} from '#src/job/volatile-directory.js';

const NO_FACTS: AdviceFacts = {slowestCheckpoint: null, newestCheckpoint: null, mounts: []};
const support = {...RUNTIME_SUPPORT, savepoints: true};

function advice(
  text: string,
  facts: Partial<AdviceFacts> = {},
  flink: [string, string][] = [],
): string[] {
  const result = load(text, {support, overrides: {flink, set: []}});
  if (result.kind === 'invalid') throw new Error(result.findings.map(findingText).join('\n'));
  const found = result.advise({...NO_FACTS, ...facts});
  expect(found.every(({severity}) => severity === 'warning')).toBe(true);
  return found.map(findingText);
}

const rulesOf = (found: readonly string[]): string[] =>
  found.map((text) => /^\S+ ([a-z-]+):/.exec(text)?.[1] ?? text);

/** The plain job with these lines in its checkpointing section instead of the interval. */
function checkpointing(...lines: string[]): string {
  return PLAIN_JOB.replace('  interval: 10s\n', lines.map((line) => `  ${line}\n`).join(''));
}

const endless = PLAIN_JOB.replace('format: json\n', 'format: json\n    bounded: false\n');
const gigabyte = 2 ** 30;

test('the plain job needs none, and running is not advised on', () => {
  expect(advice(PLAIN_JOB)).toEqual([]);
  expect(load(checkpointing('interval: 1s')).findings).toEqual([]);
});

describe('each rule', () => {
  test.each<[string, string, string[], Partial<AdviceFacts>?]>([
    ['a short interval', checkpointing('interval: 2s', 'min-pause: 1s'), ['short-interval']],
    [
      'a short interval without a pause',
      checkpointing('interval: 2s'),
      ['short-interval', 'no-min-pause'],
    ],
    [
      'several at once',
      checkpointing('interval: 2s', 'max-concurrent-checkpoints: 2'),
      ['short-interval'],
    ],
    ['no interval', checkpointing('num-retained: 3'), []],
    [
      'a timeout below twice what a checkpoint took',
      checkpointing('interval: 10s', 'timeout: 30s'),
      ['short-timeout'],
      {slowestCheckpoint: {name: 'chk-7', durationMillis: 15_001}},
    ],
    [
      'a timeout of twice what a checkpoint took',
      checkpointing('interval: 10s', 'timeout: 30s'),
      [],
      {slowestCheckpoint: {name: 'chk-7', durationMillis: 15_000}},
    ],
    [
      'one checkpoint kept',
      checkpointing('interval: 10s', 'num-retained: 1'),
      ['one-checkpoint-retained'],
    ],
    [
      'at-least-once into a file',
      checkpointing('interval: 10s', 'mode: at-least-once'),
      ['at-least-once-sink'],
    ],
    [
      'at-least-once into nothing',
      checkpointing('interval: 10s', 'mode: at-least-once').replace(
        'connector: file, input: by-origin, path: out/',
        'connector: blackhole, input: by-origin',
      ),
      [],
    ],
    ['an endless aggregate without a window', endless, ['unbounded-state']],
    [
      'more than a gigabyte on the heap',
      PLAIN_JOB,
      ['large-heap-state'],
      {newestCheckpoint: {name: 'chk-9', stateBytes: gigabyte + 1}},
    ],
    ['a gigabyte', PLAIN_JOB, [], {newestCheckpoint: {name: 'chk-9', stateBytes: gigabyte}}],
    [
      'checkpoints in /tmp',
      checkpointing('interval: 10s', 'dir: file:/tmp/cp'),
      ['volatile-directory'],
    ],
    [
      'savepoints in /dev/shm',
      checkpointing('interval: 10s', 'savepoint-dir: /dev/shm/sp'),
      ['volatile-directory'],
    ],
    ['output in /tmp', PLAIN_JOB.replace('path: out/', 'path: /tmp/out'), ['volatile-directory']],
    ['a name that only begins so', checkpointing('interval: 10s', 'dir: file:/tmpfiles'), []],
    [
      'checkpoints on a tmpfs',
      checkpointing('interval: 10s', 'dir: file:/mnt/fast/cp'),
      ['volatile-directory'],
      {
        mounts: [
          {directory: '/', type: 'ext4'},
          {directory: '/mnt/fast', type: 'tmpfs'},
        ],
      },
    ],
    [
      'everything on one tmpfs: a trial',
      PLAIN_JOB,
      [],
      {mounts: [{directory: '/', type: 'tmpfs'}]},
    ],
    [
      'key groups that do not share out',
      `${PLAIN_JOB}parallelism: 48\nmax-parallelism: 64\n`,
      ['uneven-key-groups'],
    ],
    ['one key group each', `${PLAIN_JOB}parallelism: 48\nmax-parallelism: 48\n`, []],
    ['two key groups each', `${PLAIN_JOB}parallelism: 32\nmax-parallelism: 64\n`, []],
  ])('%s', (_name, text, rules, facts = {}) => {
    expect(rulesOf(advice(text, facts)).toSorted()).toEqual(rules.toSorted());
  });

  test('says where, how much and what to write', () => {
    const text = checkpointing('interval: 3s', 'timeout: 9s');
    expect(advice(text, {slowestCheckpoint: {name: 'chk-7', durationMillis: 5250}})).toEqual([
      '22:13 short-interval: checkpointing.interval: a checkpoint every 3s syncs all state and makes a part file of each file sink every time (make it 10s or longer, unless output must appear sooner)',
      '22:13 no-min-pause: checkpointing.min-pause is 0: a checkpoint that takes longer than this short interval is followed by the next at once, and records wait (min-pause: 1500ms)',
      '23:12 short-timeout: checkpointing.timeout: 9s is under twice the 5.3 s that chk-7 took: a slower one is aborted, and its work is lost (timeout: 16s)',
    ]);
    expect(advice(endless)[0]).toMatch(
      /^15:9 unbounded-state: steps\.by-origin keeps every origin/,
    );
  });

  test('a value from outside has no line, and names its flag', () => {
    const found = advice(PLAIN_JOB, {}, [['execution.checkpointing.num-retained', '1']]);
    expect(found[0]).toMatch(
      /^null:null one-checkpoint-retained: -D execution\.checkpointing\.num-retained: /,
    );
  });
});

describe('switched off', () => {
  const short = checkpointing('interval: 2s');

  test('by id in the job file: that rule and no other', () => {
    expect(rulesOf(advice(`${short}lint: {off: [short-interval]}\n`))).toEqual(['no-min-pause']);
    expect(advice(`${short}lint: {off: [short-interval, no-min-pause]}\n`)).toEqual([]);
    expect(advice(`${short}lint: {}\n`)).toHaveLength(2);
  });

  test('a warning of run too', () => {
    const text = checkpointing('interval: 10s', 'timeout: 9s');
    expect(rulesOf(load(text).findings.map(findingText))).toEqual(['checkpoint-timeout']);
    expect(load(`${text}lint: {off: [checkpoint-timeout]}\n`).findings).toEqual([]);
  });

  test('never an error, even where the rule may be a warning', () => {
    const text = checkpointing('interval: 10s', 'min-pause: 1s', 'max-concurrent-checkpoints: 2');
    const off = `${text}lint: {off: [checkpoint-min-pause]}\n`;
    expect(findingsOf(off)[0]).toContain('checkpoint-min-pause: checkpointing.min-pause leaves no');
  });

  test.each([
    ['lint: {off: [short-intervall]}', '(did you mean "short-interval"?)'],
    ['lint: {off: [yaml-syntax]}', 'lint.off'],
    ['lint: {off: short-interval}', 'lint.off must be a list'],
    ['lint: {on: []}', 'lint has no key "on"'],
    ['lint: all', 'lint must be a map'],
  ])('%s is refused', (line, words) => {
    expect(findingsOf(`${PLAIN_JOB}${line}\n`)[0]).toContain(words);
  });
});

test('of two mounts the deeper counts, and of two on one directory the later', () => {
  const mounts = [
    {directory: '/', type: 'ext4'},
    {directory: '/run', type: 'tmpfs'},
    {directory: '/data', type: 'tmpfs'},
    {directory: '/data', type: 'xfs'},
    {directory: '/data/cache', type: 'tmpfs'},
  ];
  expect(volatilePlace('/data/cp', mounts)).toBeNull();
  expect(volatilePlace('/data/cache/cp', mounts)?.root).toBe('/data/cache');
  expect(volatilePlace('/run/user/0', mounts)?.reason).toContain('tmpfs on /run');
  expect(volatilePlace('/tmp', mounts)?.root).toBe('/tmp');
});
