// A checkpoint of any parallelism restores at any other, with what was in flight, and the output is exact: windows, groups
// at the end and at each checkpoint, files that are begun and files that nobody has opened, parts of a generator.
// TIDEMARK_PROOF=1: each kind of barrier; else unaligned.

import {afterEach, describe, expect, test} from 'vitest';

import {sample} from '../hostile/support/sample.ts';
import {MixedJob} from '../kills/support/mixed-job.ts';
import {expectStatus} from '../kills/support/kill-loop.ts';
import {pause, Tidemark, tidemark} from '../kills/support/process.ts';
import type {FoundCheckpoint} from '../kills/support/published-checkpoints.ts';

const ALIGNED: readonly string[] = [];
const UNALIGNED = ['checkpointing.unaligned.enabled=true'];
const TIMED_OUT = [...UNALIGNED, 'checkpointing.aligned-checkpoint-timeout=20ms'];
const FAST = ['sources.readings', 'sources.generated', 'sinks.slow'].map(
  (it) => `${it}.rate-limit=1000000`,
);

let job: MixedJob;
afterEach(() => job.remove());

function flagsOf(parallelism: number, settings: readonly string[]): string[] {
  const set = settings.flatMap((setting) => ['--set', setting]);
  return ['--json', '-p', String(parallelism), ...set];
}

/** Runs until a new checkpoint is there that `fits`, and dies. It is the newest one then. */
async function runUntil(
  {parallelism, settings}: {parallelism: number; settings: readonly string[]},
  fits: (checkpoint: FoundCheckpoint) => boolean,
): Promise<FoundCheckpoint> {
  const last = job.checkpoints().at(-1)?.id ?? 0;
  const running = new Tidemark(['run', job.file, ...flagsOf(parallelism, settings)]);
  const isThere = (): boolean => job.checkpoints().some((it) => it.id > last && fits(it));
  while (!isThere()) {
    const ended = await Promise.race([running.outcome, pause(10)]);
    if (ended === undefined) continue;
    expectStatus(ended, 0);
    throw new Error('it ended before such a checkpoint came');
  }
  running.signal('SIGKILL');
  await running.outcome;
  job.checkVisible();
  const newest = job.checkpoints().at(-1);
  if (newest === undefined) throw new Error('no checkpoint is left');
  return newest;
}

async function finish(parallelism: number, settings: readonly string[]): Promise<void> {
  const from = job.checkpoints().at(-1);
  const outcome = await tidemark([
    'run',
    job.file,
    ...flagsOf(parallelism, [...settings, ...FAST]),
  ]);
  expectStatus(outcome, 0);
  expect(outcome.stdout).toContain(`"restored_from":"${from?.path ?? ''}"`);
  job.checkEnd();
}

const holdsData = ({inFlight, sections}: FoundCheckpoint): boolean =>
  inFlight && sections.some(({edge}) => edge.endsWith('>by-minute#0'));

describe.each(
  sample(
    [{kind: 'unaligned', settings: UNALIGNED, fits: holdsData}],
    [
      {kind: 'aligned', settings: ALIGNED, fits: () => true},
      {kind: 'timed out', settings: TIMED_OUT, fits: holdsData},
    ],
  ),
)('$kind', ({settings, fits}) => {
  test(
    'a checkpoint of 4 subtasks restores at 1, 3 and 8, and that of those at 4 again',
    {timeout: 300_000},
    async () => {
      job = new MixedJob({seed: 4, rows: 16_000, rowsPerSecond: 4000, windowsPerSecond: 40});
      await runUntil({parallelism: 4, settings}, fits);
      job.save();
      for (const parallelism of [1, 3, 8]) {
        job.reset();
        // On one thread nothing is ever in flight.
        await runUntil({parallelism, settings}, parallelism === 1 ? () => true : fits);
        await finish(4, settings);
      }
    },
  );
});
