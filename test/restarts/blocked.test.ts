// With a sink that takes next to nothing, the sources are held back: memory does not grow, aligned checkpoints run into
// their timeout and are aborted, unaligned ones complete.
//
// Only the owner of one key is stuck. The source of the other thread goes on until the channel to it is full: were both
// stuck, each could have been so before its source sent anything to the other, and no record would be in flight.

import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {sampleTest, whole} from '../hostile/support/sample.ts';
import {pause, Tidemark} from '../kills/support/process.ts';
import {newestCheckpoint} from '../kills/support/published-checkpoints.ts';

/** Room for what has nothing to do with waiting records: code, garbage, the next snapshot. */
const GROWTH_MAX_BYTES = 48 << 20;

let directory: string;
let running: Tidemark | null = null;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-blocked-'));
});
afterEach(async () => {
  running?.signal('SIGKILL');
  await running?.outcome;
  rmSync(directory, {recursive: true, force: true});
});

function start(unaligned: boolean): Tidemark {
  const file = join(directory, 'blocked.job.yaml');
  writeFileSync(
    file,
    `name: blocked
sources:
  numbers:
    connector: generator
    fields: {id: {kind: sequence}, key: {kind: zipf, n: 50, exponent: 0.2, prefix: k}}
steps:
  - {id: counts, type: aggregate, input: numbers, group-by: [key], emit: on-update, select: {n: COUNT(*)}}
  - {id: one, type: filter, input: counts, where: "key = 'k1'"}
sinks:
  stuck: {connector: blackhole, input: one, rate-limit: 2}
checkpointing:
  interval: 100ms
  timeout: 1500ms
  tolerable-failed-checkpoints: 1000
  dir: file:./state
  unaligned: {enabled: ${unaligned}}
`,
  );
  running = new Tidemark(['run', file, '--json', '-p', '2']);
  return running;
}

function residentBytes({process}: Tidemark): number {
  const status = readFileSync(`/proc/${process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

test.runIf(whole)(
  'aligned: each checkpoint is aborted by its timeout, and nothing piles up',
  {timeout: 90_000},
  async () => {
    const job = start(false);
    // From the first failure on the channels are as full as they get.
    expect(await job.printed('"type":"checkpoint_failed"')).toBe(true);
    expect(await job.printed('"id":2,"reason":"checkpoint 2 was not acknowledged')).toBe(true);
    const before = residentBytes(job);
    expect(await job.printed('"id":7,"reason":"checkpoint 7 was not acknowledged')).toBe(true);
    expect(residentBytes(job) - before).toBeLessThan(GROWTH_MAX_BYTES);
    expect(newestCheckpoint(join(directory, 'state', 'blocked'))).toBeNull();
  },
);

sampleTest(
  'unaligned: checkpoints complete with what is in flight',
  {timeout: 90_000},
  async () => {
    const job = start(true);
    expect(await job.printed('"type":"checkpoint"')).toBe(true);
    const newest = (): number => newestCheckpoint(join(directory, 'state', 'blocked'))?.id ?? 0;
    const pass = async (count: number): Promise<void> => {
      const first = newest();
      while (newest() < first + count) {
        expect(await Promise.race([job.outcome, pause(20)])).toBeUndefined();
      }
    };
    await pass(25);
    const before = residentBytes(job);
    await pass(25);
    expect(residentBytes(job) - before).toBeLessThan(GROWTH_MAX_BYTES);
    expect(newestCheckpoint(join(directory, 'state', 'blocked'))?.inFlight).toBe(true);
  },
);
