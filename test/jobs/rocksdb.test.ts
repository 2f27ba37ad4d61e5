// Every job in jobs/ gives with state in RocksDB what it gives with state in memory, though next to nothing of it is cached: run,
// killed, and taken over by the other backend at another parallelism, also with incremental checkpoints. TIDEMARK_PROOF=1: all of them with kills.

import {readdirSync} from 'node:fs';
import {join} from 'node:path';

import {afterEach, expect, test} from 'vitest';

import {sampleTest, whole} from '../hostile/support/sample.ts';
import {pause} from '../kills/support/process.ts';
import {airportDelays, asMultiset, birdStrikes, twoSpeeds} from './support/reference.ts';
import {newestByKey, ScratchJob, type RunOptions} from './support/run-job.ts';

const ROCKSDB = ['state.backend=rocksdb', 'state.rocksdb.cache-size=2kb'];

let job: ScratchJob;
afterEach(() => job.remove());

/** Runs until a checkpoint of its own is there, and dies. */
async function runAndKill(options: RunOptions, millis: number): Promise<void> {
  const running = job.start(options);
  expect(await running.printed('"type":"checkpoint"')).toBe(true);
  await pause(millis);
  running.signal('SIGKILL');
  await running.outcome;
}

async function finish(options: RunOptions): Promise<void> {
  const last = await job.run(options);
  expect(last.status, last.stdout + last.stderr).toBe(0);
  // Nothing of a live database is left.
  const work = readdirSync(join(job.directory, 'state'), {recursive: true, encoding: 'utf8'});
  expect(work.filter((name) => /\/rocksdb\/./.test(name))).toEqual([]);
}

sampleTest(
  'airport-delays, killed and taken over by each backend in turn',
  {timeout: 120_000},
  async () => {
    job = new ScratchJob('airport-delays', [
      'sources.flights.rate-limit=8000',
      'checkpointing.interval=100ms',
      'checkpointing.incremental=true',
    ]);
    await runAndKill({settings: ROCKSDB}, 200);
    await runAndKill({settings: ROCKSDB}, 200);
    await runAndKill({parallelism: 2}, 200);
    await finish({parallelism: 3, settings: ROCKSDB});
    expect(asMultiset(job.rows())).toEqual(asMultiset(airportDelays()));
  },
);

test(
  'bird-strikes: changed groups are told, also those that left the cache',
  {timeout: 120_000},
  async () => {
    job = new ScratchJob('bird-strikes', [
      'sources.strikes.rate-limit=8000',
      'checkpointing.interval=100ms',
    ]);
    if (whole) await runAndKill({settings: ROCKSDB}, 200);
    await finish({settings: ROCKSDB});
    expect(asMultiset(newestByKey(job.rows(), 'state'))).toEqual(asMultiset(birdStrikes()));
  },
);

test.runIf(whole)(
  'two-speeds and clicks give the rows of state in memory',
  {timeout: 240_000},
  async () => {
    job = new ScratchJob('two-speeds', ['checkpointing.interval=100ms']);
    await runAndKill({settings: ROCKSDB}, 100);
    await finish({settings: ROCKSDB});
    expect(asMultiset(job.rows())).toEqual(asMultiset(twoSpeeds()));
    job.remove();

    const settings = ['sources.clicks.rows=30000', 'checkpointing.interval=100ms'];
    job = new ScratchJob('clicks', [...settings, 'sources.clicks.rate-limit=100000']);
    await finish({});
    const reference = asMultiset(job.rows());
    job.remove();
    job = new ScratchJob('clicks', [...settings, 'sources.clicks.rate-limit=20000']);
    await runAndKill({settings: ROCKSDB}, 100);
    await finish({settings: ROCKSDB});
    expect(asMultiset(job.rows())).toEqual(reference);
  },
);
