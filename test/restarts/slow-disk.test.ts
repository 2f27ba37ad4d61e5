// A disk that takes longer for one sync than a checkpoint may take, under a real run: the checkpoints run into their timeout
// and are aborted, nothing piles up meanwhile, and once the disk is well the output is exact.

import {readdirSync} from 'node:fs';
import {join} from 'node:path';

import {afterEach, expect, test} from 'vitest';

import {MixedJob} from '../kills/support/mixed-job.ts';
import {runFaulty} from './support/faulty-engine.ts';

let job: MixedJob;
afterEach(() => job.remove());

function attempts(): number {
  try {
    const work = join(job.checkpointDirectory, 'work');
    return readdirSync(work).flatMap((name) => readdirSync(join(work, name, 'pending'))).length;
  } catch {
    return 0;
  }
}

test('fs-slow: timeout, abort, no pile-up, and exact in the end', {timeout: 120_000}, async () => {
  job = new MixedJob({seed: 6, rows: 6000, rowsPerSecond: 1000, windowsPerSecond: 1000});
  let most = 0;
  const told = await runFaulty({
    file: job.file,
    parallelism: 2,
    settings: [
      ['checkpointing.timeout', '700ms'],
      ['checkpointing.tolerable-failed-checkpoints', '1000'],
    ],
    fault: {kind: 'slow-disk', subtask: 1, generations: [1], afterCheckpoints: 3, millis: 2500},
    heard: () => (most = Math.max(most, attempts())),
  });
  const failed = told.events.filter(({type}) => type === 'checkpoint_failed');
  expect(JSON.stringify(failed)).toContain('within the timeout');
  expect(told.summary, JSON.stringify(failed)).toMatchObject({state: 'FINISHED', restarts: 0});
  expect(most).toBeLessThanOrEqual(3);
  job.checkEnd();
});
