// Every job in jobs/ is also a test: run, and run with kills, give the same rows as an independent
// computation over the same file (JOB.md says how results are compared).

import {afterEach, expect, test} from 'vitest';

import {sampleTest, whole} from '../hostile/support/sample.ts';
import {pause} from '../kills/support/process.ts';
import {airportDelays, asMultiset, birdStrikes} from './support/reference.ts';
import {newestByKey, ScratchJob} from './support/run-job.ts';

let job: ScratchJob;
afterEach(() => job.remove());

async function runWithKills(scratch: ScratchJob, delays: readonly number[]): Promise<void> {
  for (const millis of delays) {
    const running = scratch.start();
    // Not by the clock: on a busy machine the first checkpoint takes its time.
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    await pause(millis);
    running.signal('SIGKILL');
    await running.outcome;
  }
  const last = await scratch.run();
  expect(last.status, last.stdout + last.stderr).toBe(0);
  expect(last.stdout).toMatch(/"type":"started".*"restored_from":"[^"]*chk-\d+"/);
}

sampleTest('airport-delays gives the rows of the independent computation', async () => {
  job = new ScratchJob('airport-delays', ['sources.flights.rate-limit=40000']);
  const outcome = await job.run();
  expect(outcome.status, outcome.stderr).toBe(0);
  expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
});

test.runIf(whole)('airport-delays twice gives the same rows', async () => {
  job = new ScratchJob('airport-delays', ['sources.flights.rate-limit=100000']);
  for (let run = 0; run < 2; run += 1) {
    expect((await job.run()).status).toBe(0);
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  }
});

sampleTest('airport-delays killed twice gives the same rows', async () => {
  job = new ScratchJob('airport-delays', [
    'sources.flights.rate-limit=10000',
    'checkpointing.interval=100ms',
  ]);
  await runWithKills(job, [300, 200]);
  expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
});

sampleTest('bird-strikes: the newest row of each state is its total', async () => {
  job = new ScratchJob('bird-strikes', [
    'sources.strikes.rate-limit=20000',
    'checkpointing.interval=100ms',
  ]);
  const outcome = await job.run();
  expect(outcome.status, outcome.stderr).toBe(0);
  expect(asMultiset(newestByKey(job.rows(), 'state'))).toEqual(asMultiset(birdStrikes()));
});

test.runIf(whole)('bird-strikes killed twice gives the same totals', async () => {
  job = new ScratchJob('bird-strikes', [
    'sources.strikes.rate-limit=2000',
    'checkpointing.interval=100ms',
  ]);
  await runWithKills(job, [200, 200]);
  expect(asMultiset(newestByKey(job.rows(), 'state'))).toEqual(asMultiset(birdStrikes()));
});

sampleTest('clicks: stopped and resumed gives the rows of one undisturbed run', async () => {
  const settings = ['sources.clicks.rows=30000', 'checkpointing.interval=100ms'];
  const undisturbed = new ScratchJob('clicks', [...settings, 'sources.clicks.rate-limit=100000']);
  expect((await undisturbed.run()).status).toBe(0);
  const reference = asMultiset(undisturbed.rows());
  undisturbed.remove();
  expect(reference.length).toBeGreaterThan(10);

  job = new ScratchJob('clicks', [...settings, 'sources.clicks.rate-limit=20000']);
  const running = job.start();
  expect(await running.printed('"type":"started"')).toBe(true);
  await pause(400);
  running.signal('SIGINT');
  expect((await running.outcome).status).toBe(130);
  await runWithKills(job, [100]);
  expect(asMultiset(job.rows())).toEqual(reference);
});
