// A fresh start neither takes away what a newer run has committed, nor, when it is refused, the way to
// resume the run before it.

import {readFileSync} from 'node:fs';

import {expect, test} from 'vitest';

import {KillJob, rowsOf} from './support/kill-job.ts';
import {expectStatus} from './support/kill-loop.ts';
import {pause, Tidemark, tidemark} from './support/process.ts';

const SMALL = {rows: 600, rowsPerSecond: 2000, checkpointMillis: 50};
/** Lasts for several checkpoints, also on a busy machine. */
const SLOW = {...SMALL, rowsPerSecond: 300};

function expectReference(job: KillJob): void {
  expect(rowsOf(job.parts('high'))).toEqual(job.referenceHigh());
  expect(rowsOf(job.parts('per-minute'))).toEqual(job.referencePerMinute());
}

async function paused(process: Tidemark): Promise<void> {
  while (!readFileSync(`/proc/${process.process.pid}/status`, 'utf8').includes('State:\tT')) {
    await pause(10);
  }
}

test(
  'overwrite of a paused fresh start removes nothing of a newer one',
  {timeout: 60_000},
  async () => {
    const job = new KillJob({...SMALL, seed: 1, mode: 'overwrite'});
    expectStatus(await tidemark(['run', job.file, '--json']), 0);
    const late = new Tidemark(['run', job.file, '--fresh', '--json'], {
      TIDEMARK_FAILPOINT: 'recovery.before-settle:1:stop',
    });
    await paused(late);
    expectStatus(await tidemark(['run', job.file, '--fresh', '--take-over', '--json']), 0);
    expectReference(job);
    late.signal('SIGCONT');
    expectStatus(await late.outcome, 11);
    expectReference(job);
    job.remove();
  },
);

test(
  'overwrite refuses parts of a run in another checkpoint directory',
  {timeout: 60_000},
  async () => {
    const job = new KillJob({...SMALL, seed: 2, mode: 'overwrite'});
    expectStatus(await tidemark(['run', job.file, '--json']), 0);
    const elsewhere = ['--set', `checkpointing.dir=file:${job.directory}/elsewhere`];
    expectStatus(await tidemark(['run', job.file, '--json', ...elsewhere]), 13);
    expectReference(job);
    // The directory that knows them replaces them.
    expectStatus(await tidemark(['run', job.file, '--fresh', '--json']), 0);
    expectReference(job);
    job.remove();
  },
);

test('a refused fresh start leaves the crashed run resumable', {timeout: 60_000}, async () => {
  const job = new KillJob({...SLOW, seed: 3, mode: 'error-if-exists'});
  const crash = {TIDEMARK_FAILPOINT: 'storage.publish.after-rename:2'};
  expect((await tidemark(['run', job.file, '--json'], crash)).signal).toBe('SIGKILL');
  expectStatus(await tidemark(['run', job.file, '--fresh', '--json']), 13);
  expectStatus(await tidemark(['run', job.file, '--json']), 0);
  expectReference(job);
  job.remove();
});
