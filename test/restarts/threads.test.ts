// A task thread throws, dies, runs out of memory, hangs or only sleeps for too long: all threads stop, the next generation
// restores the newest checkpoint, and the output is exact. What is done about it, the restart strategy says.

import {appendFileSync} from 'node:fs';
import {join} from 'node:path';

import {afterEach, beforeEach, describe, expect, test} from 'vitest';

import {systemTimers, type Timers} from '#src/base/clock.js';
import {MixedJob} from '../kills/support/mixed-job.ts';
import {sample, sampleTest, whole} from '../hostile/support/sample.ts';
import {runFaulty, type Fault, type Told} from './support/faulty-engine.ts';

let job: MixedJob;
beforeEach(() => {
  job = new MixedJob({seed: 5, rows: 4000, rowsPerSecond: 3000, windowsPerSecond: 1000});
});
afterEach(() => job.remove());

type Settings = readonly (readonly [path: string, value: string])[];

const QUICK: Settings = [
  ['restart-strategy.type', 'fixed-delay'],
  ['restart-strategy.attempts', '5'],
  ['restart-strategy.delay', '10ms'],
];

/** The engine's grace is ten seconds (test/runtime), in which a thread that loops would take a whole processor. */
const IMPATIENT: Timers = {
  ...systemTimers,
  after: (millis, action) => systemTimers.after(millis === 10_000 ? 500 : millis, action),
};

async function run(
  fault: Partial<Fault>,
  settings: Settings = QUICK,
  timers: Timers = systemTimers,
): Promise<Told> {
  return runFaulty({
    file: job.file,
    parallelism: 2,
    settings,
    timers,
    fault: {kind: 'throw', subtask: 1, generations: [1], afterCheckpoints: 2, ...fault},
  });
}

function restartsOf({events}: Told): Extract<Told['events'][number], {type: 'restarting'}>[] {
  return events.flatMap((event) => (event.type === 'restarting' ? [event] : []));
}

/** Each restart went on from the newest checkpoint that was there. */
function expectNewest({events}: Told): void {
  let newest: string | null = null;
  for (const event of events) {
    if (event.type === 'checkpoint') newest = event.path;
    if (event.type === 'restarting') expect(event.restoredFrom).toBe(newest);
  }
  expect(newest).not.toBeNull();
}

/** On a busy machine a thread that is well can be silent for long too: more than one restart, each with this cause. */
function expectCauses(told: Told, cause: RegExp): void {
  const restarts = restartsOf(told);
  expect(restarts.length).toBeGreaterThan(0);
  for (const restart of restarts) expect(restart.cause).toMatch(cause);
}

describe('what goes wrong', () => {
  interface Case {
    readonly fault: {readonly kind: 'throw' | 'exit' | 'memory' | 'loop'};
    readonly cause: RegExp;
  }
  test.each(
    sample<Case>(
      [
        {fault: {kind: 'exit'}, cause: /ended with status 3/},
        // Ended by force, because it does not listen.
        {fault: {kind: 'loop'}, cause: /task thread \d has not been heard of/},
      ],
      [
        {fault: {kind: 'throw'}, cause: /thrown by the test/},
        {fault: {kind: 'memory'}, cause: /memory/},
      ],
    ),
  )(
    '$fault.kind: restarted from the newest checkpoint, exact',
    {timeout: 120_000},
    async ({fault, cause}) => {
      const heartbeat: Settings = [
        ['heartbeat.interval', '100ms'],
        ['heartbeat.timeout', '3s'],
      ];
      const isLoop = fault.kind === 'loop';
      const told = await (isLoop ? run(fault, [...QUICK, ...heartbeat], IMPATIENT) : run(fault));
      expect(told.summary).toMatchObject({state: 'FINISHED', exitStatus: 0});
      expectCauses(told, cause);
      if (!isLoop) expect(told.summary.restarts).toBe(1);
      expectNewest(told);
      job.checkEnd();
    },
  );

  test.runIf(whole)(
    'sleep: a thread that wakes after it was given up writes nothing that counts',
    {timeout: 120_000},
    async () => {
      const told = await run({kind: 'sleep', millis: 6000}, [
        ...QUICK,
        ['heartbeat.interval', '100ms'],
        ['heartbeat.timeout', '3s'],
      ]);
      expect(told.summary.state).toBe('FINISHED');
      expectCauses(told, /task thread \d has not been heard of/);
      expectNewest(told);
      job.checkEnd();
    },
  );
});

sampleTest(
  'a bad record of one subtask is final: 21, no restart, what was committed is right',
  async () => {
    appendFileSync(join(job.directory, 'data', '9.ndjson'), '{"id": "no number"}\n');
    const told = await run({generations: []});
    expect(told.summary).toMatchObject({state: 'FAILED', exitStatus: 21, restarts: 0});
    expect(told.summary.error?.message).toContain('9.ndjson');
    job.checkVisible();
  },
);

describe('what is done about it', () => {
  const always = {generations: [1, 2, 3, 4, 5, 6, 7, 8, 9], afterCheckpoints: 1};

  sampleTest('none: it fails, and the next run goes on', {timeout: 60_000}, async () => {
    const told = await run({}, [['restart-strategy', '{type: none}']]);
    expect(told.summary).toMatchObject({state: 'FAILED', restarts: 0, exitStatus: 1});
    expect(told.summary.error?.message).toContain('thrown by the test');
    expect(restartsOf(told)).toEqual([]);
    expect((await run({generations: []})).summary.state).toBe('FINISHED');
    job.checkEnd();
  });

  test.each(
    sample(
      [['fixed-delay', '{type: fixed-delay, attempts: 2, delay: 10ms}', [1, 2]]],
      [
        [
          'failure-rate',
          '{type: failure-rate, max-failures-per-interval: 3, failure-rate-interval: 1 h, delay: 10ms}',
          [1, 2, 3],
        ],
        [
          'exponential-delay',
          '{type: exponential-delay, initial-backoff: 10ms, max-backoff: 40ms, backoff-multiplier: 2, attempts-before-reset-backoff: 4}',
          [1, 2, 3, 4],
        ],
      ],
    ),
  )(
    '%s: counted, shown, and given up; the last failure is the exit status',
    {timeout: 120_000},
    async (_, strategy, attempts) => {
      const told = await run(always, [['restart-strategy', strategy]]);
      expect(restartsOf(told).map(({attempt}) => attempt)).toEqual(attempts);
      expect(told.summary).toMatchObject({
        state: 'FAILED',
        exitStatus: 1,
        restarts: attempts.length,
      });
      expectNewest(told);
      job.checkVisible();
      expect((await run({generations: []})).summary.state).toBe('FINISHED');
      job.checkEnd();
    },
  );
});
