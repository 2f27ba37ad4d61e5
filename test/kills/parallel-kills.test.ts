// Promise 1 with real threads: a job with exchanges by key under back-pressure is killed again and again, goes on with
// another number of subtasks and another kind of barrier each time, and gives every row once.
// TIDEMARK_PROOF=1: 100 kills.

import {expect, test} from 'vitest';

import {SeededRandom} from '#src/base/random.js';

import {part, proofSeed as seed, whole} from '../hostile/support/sample.ts';
import {MixedJob} from './support/mixed-job.ts';
import {expectStatus} from './support/kill-loop.ts';
import {inLanes, pause, Tidemark, tidemark} from './support/process.ts';

const KILLS_EACH = 8;
const JOBS = whole ? part(39) : 1;

const MODES = {
  aligned: [],
  unaligned: ['checkpointing.unaligned.enabled=true'],
  'timed-out': [
    'checkpointing.unaligned.enabled=true',
    'checkpointing.aligned-checkpoint-timeout=20ms',
  ],
} as const;
const MODE_NAMES = ['aligned', 'unaligned', 'timed-out'] as const;

const counts = {
  kills: 0,
  tooLate: 0,
  restoredInFlight: 0,
  rescaled: 0,
  modes: {aligned: 0, unaligned: 0, 'timed-out': 0},
};

function pick<T>(items: readonly T[], random: SeededRandom): T {
  return items[Math.floor(random.next() * items.length)]!;
}

interface Draw {
  readonly flags: readonly string[];
  /** Its checkpoints may hold in-flight data. */
  readonly mayOvertake: boolean;
}

/** `-p` and the kind of barriers. */
function draw(parallelism: number, random: SeededRandom): Draw {
  const mode = pick(MODE_NAMES, random);
  counts.modes[mode] += 1;
  const settings = MODES[mode].flatMap((setting) => ['--set', setting]);
  const mayOvertake = mode !== 'aligned' && parallelism > 1;
  return {flags: ['--json', '-p', String(parallelism), ...settings], mayOvertake};
}

/** Dies as soon as a checkpoint with in-flight data is there, after some checkpoints, or anywhere at all. */
async function killOnce(
  job: MixedJob,
  {flags, mayOvertake}: Draw,
  random: SeededRandom,
): Promise<{readonly died: boolean; readonly stdout: string}> {
  const running = new Tidemark(['run', job.file, ...flags]);
  const {outcome} = running;
  const [how, millis] = [random.next(), 20 * 20 ** random.next()];
  const last = job.checkpoints().at(-1)?.id ?? 0;
  const until = async (isThere: () => boolean): Promise<void> => {
    while (!isThere() && (await Promise.race([outcome, pause(10)])) === undefined);
  };
  if (how < 0.5 && mayOvertake) {
    await until(() => job.checkpoints().some(({id, inFlight}) => id > last && inFlight));
  } else {
    const further = Math.floor(random.next() * 5);
    if (how < 0.8) await until(() => (job.checkpoints().at(-1)?.id ?? 0) > last + further);
    await Promise.race([outcome, pause(millis)]);
  }
  running.signal('SIGKILL');
  const {signal, stdout} = await outcome;
  if (signal !== 'SIGKILL') expectStatus(await outcome, 0);
  return {died: signal === 'SIGKILL' && !job.finished, stdout};
}

async function killThrough(job: MixedJob, random: SeededRandom): Promise<void> {
  let [parallelism, before] = [2, 0];
  for (let kill = 0; kill < KILLS_EACH; kill += 1) {
    const newest = job.checkpoints().at(-1);
    const {died, stdout} = await killOnce(job, draw(parallelism, random), random);
    if (newest !== undefined && stdout.includes(`"restored_from":"${newest.path}"`)) {
      if (newest.inFlight) counts.restoredInFlight += 1;
      if (before !== 0 && before !== parallelism) counts.rescaled += 1;
    }
    job.checkVisible();
    if (!died) {
      counts.tooLate += 1;
      break;
    }
    counts.kills += 1;
    before = newest?.operators[0]?.parallelism ?? 0;
    parallelism = pick([1, 2, 2, 2, 3], random);
  }
  if (!job.finished) {
    const flags = [
      ...draw(parallelism, random).flags,
      '--set',
      'sources.readings.rate-limit=50000',
    ];
    expectStatus(await tidemark(['run', job.file, ...flags]), 0);
  }
  job.checkEnd();
  expectStatus(await tidemark(['checkpoint', 'verify', job.checkpointDirectory, '--json']), 0);
}

test(
  'no row is lost or doubled at any parallelism and with any barrier',
  {timeout: 1_200_000},
  async () => {
    await inLanes(JOBS, async (round) => {
      const random = new SeededRandom(seed + 1000 * round);
      const job = new MixedJob({
        seed: seed + round,
        rows: 24_000,
        rowsPerSecond: 3000,
        windowsPerSecond: 40,
      });
      await killThrough(job, random).catch((error: unknown) => {
        throw new Error(`seed ${seed}, job ${round} in ${job.directory}`, {cause: error});
      });
      job.remove();
    });
    process.stdout.write(`parallel kills (seed ${seed}): ${JSON.stringify(counts)}\n`);
    expect(counts.kills).toBeGreaterThanOrEqual(JOBS * (KILLS_EACH - 2));
    expect(counts.restoredInFlight).toBeGreaterThanOrEqual(JOBS);
    expect(counts.rescaled).toBeGreaterThanOrEqual(JOBS);
  },
);
