// The hostile rows that concern several task threads: a changed job, another parallelism, deaths in recovery, two processes, a
// zombie, clocks that jump, a heap that is too small.

import {readFileSync, writeFileSync} from 'node:fs';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {systemClock} from '#src/base/clock.js';
import {MixedJob} from '../kills/support/mixed-job.ts';
import {expectStatus} from '../kills/support/kill-loop.ts';
import {pause, Tidemark, tidemark, type Outcome} from '../kills/support/process.ts';
import {runFaulty} from '../restarts/support/faulty-engine.ts';
import {errorOf} from './support/ending.ts';
import {sampleTest, whole} from './support/sample.ts';

const FAST = ['sources.readings', 'sources.generated', 'sinks.slow'].flatMap((it) => [
  '--set',
  `${it}.rate-limit=1000000`,
]);

let job: MixedJob;
beforeEach(() => {
  job = new MixedJob({seed: 8, rows: 6000, rowsPerSecond: 2000, windowsPerSecond: 1000});
});
afterEach(() => job.remove());

function argumentsOf(parallelism: number, flags: readonly string[]): string[] {
  return ['run', job.file, '--json', '-p', String(parallelism), ...flags];
}

async function run(parallelism: number, ...flags: string[]): Promise<Outcome> {
  return tidemark(argumentsOf(parallelism, flags));
}

/** Dies right after its `count`-th checkpoint was published. */
async function crash(parallelism: number, count = 2): Promise<void> {
  const {signal} = await tidemark(argumentsOf(parallelism, []), {
    TIDEMARK_FAILPOINT: `storage.publish.after-rename:${count}`,
  });
  expect(signal).toBe('SIGKILL');
}

async function expectExact(parallelism: number): Promise<void> {
  expectStatus(await run(parallelism, ...FAST), 0);
  job.checkEnd();
}

sampleTest(
  'state-op-removed, state-type-changed: 12 with the list and the flag; put right, exact',
  async () => {
    await crash(2);
    const text = readFileSync(job.file, 'utf8');
    const changed = text
      .replaceAll(/\bat-end\b/g, 'at-finish')
      .replace('window: {tumbling: 1 min}', 'window: {tumbling: 2 min}');
    writeFileSync(job.file, changed);
    const refused = await run(3);
    expectStatus(refused, 12);
    const {message, hint} = errorOf(refused);
    expect(`${message} ${hint ?? ''} ${refused.stdout}`).toContain('at-end');
    expect(refused.stdout).toContain('by-minute');
    writeFileSync(job.file, text);
    await expectExact(3);
  },
);

test.runIf(whole)('state-maxpar-changed: 12, and nothing is lost', async () => {
  await crash(2);
  const refused = await run(2, '--set', 'max-parallelism=32');
  expectStatus(refused, 12);
  expect(refused.stdout).toContain('max-parallelism');
  await expectExact(2);
});

test.runIf(whole)('state-rescale-1-to-8, 8-to-3: exact', {timeout: 60_000}, async () => {
  await crash(1);
  await crash(8, 2);
  await expectExact(3);
});

sampleTest('kill-in-recovery x5 at two subtasks: exact', {timeout: 60_000}, async () => {
  await crash(2);
  for (const place of [
    'before-settle',
    'after-verify',
    'after-restore',
    'before-settle',
    'after-restore',
  ]) {
    const {signal} = await tidemark(argumentsOf(2, []), {TIDEMARK_FAILPOINT: `recovery.${place}`});
    expect(signal).toBe('SIGKILL');
  }
  await expectExact(2);
});

test.runIf(whole)(
  'two-at-once with two subtasks each: exactly one runs',
  {timeout: 60_000},
  async () => {
    const outcomes = await Promise.all([run(2), run(2)]);
    expect(outcomes.map(({status}) => status).sort()).toEqual([0, 11]);
    job.checkEnd();
  },
);

test.runIf(whole)(
  'zombie with two subtasks: it wakes up fenced and writes nothing that counts',
  {timeout: 60_000},
  async () => {
    const first = new Tidemark(argumentsOf(2, []));
    expect(await first.printed('"type":"checkpoint"')).toBe(true);
    first.signal('SIGSTOP');
    while (!readFileSync(`/proc/${first.process.pid}/status`, 'utf8').includes('State:\tT')) {
      await pause(10);
    }
    const second = new Tidemark(argumentsOf(2, ['--take-over']));
    expect(await second.printed('"type":"checkpoint"')).toBe(true);
    first.signal('SIGCONT');
    expectStatus(await first.outcome, 11);
    expectStatus(await second.outcome, 0);
    job.checkVisible();
  },
);

sampleTest(
  'clock-back-1h, forward-1y: the wall clock jumps at every look, and nothing follows from it',
  async () => {
    const jumps = [-3_600_000, 0, 31_536_000_000];
    let looks = 0;
    const told = await runFaulty({
      file: job.file,
      parallelism: 2,
      settings: [],
      clock: {
        monotonicMillis: () => systemClock.monotonicMillis(),
        wallMillis: () => systemClock.wallMillis() + jumps[looks++ % jumps.length]!,
      },
    });
    expect(told.summary).toMatchObject({state: 'FINISHED', exitStatus: 0, restarts: 0});
    expect(told.events.filter(({type}) => type === 'checkpoint_failed')).toEqual([]);
    expect(looks).toBeGreaterThan(3);
    job.checkEnd();
  },
);

sampleTest(
  'oom-small-heap with two subtasks: a message or an abort, and the next start is exact',
  {timeout: 60_000},
  async () => {
    const small = await tidemark(argumentsOf(2, FAST), {NODE_OPTIONS: '--max-old-space-size=9'});
    expect([0, 1, 134, null], small.stderr.slice(-500)).toContain(small.status);
    if (small.status !== 0) await expectExact(2);
  },
);
