// Every shipped job gives the same rows with one, two and four subtasks and with every kind of barrier, undisturbed and
// killed, as JOB.md compares them. TIDEMARK_PROOF=1: a part of them, another one with each seed; else a sample.

import {afterEach, describe, expect, test} from 'vitest';

import {inTurn, whole} from '../hostile/support/sample.ts';
import {pause} from '../kills/support/process.ts';
import {airportDelays, asMultiset, birdStrikes, twoSpeeds, type Row} from './support/reference.ts';
import {newestByKey, ScratchJob} from './support/run-job.ts';

const MODES = {
  aligned: [],
  'at-least-once': ['checkpointing.mode=at-least-once'],
  unaligned: ['checkpointing.unaligned.enabled=true'],
  'timed-out': [
    'checkpointing.unaligned.enabled=true',
    'checkpointing.aligned-checkpoint-timeout=10ms',
  ],
} as const;
type Mode = keyof typeof MODES;

interface Shipped {
  readonly settings: readonly string[];
  /** What a run has when it is to be killed. */
  readonly slow: readonly string[];
  readonly reference: () => readonly Row[] | Promise<readonly Row[]>;
  /** The rows that count. */
  readonly count?: (rows: readonly Row[]) => readonly Row[];
  /** A column that only grows when records come twice. */
  readonly counter: string;
  readonly key: (row: Row) => unknown;
}

const CLICKS = ['sources.clicks.rows=40000'];

const JOBS: Readonly<Record<string, Shipped>> = {
  'airport-delays': {
    settings: ['sources.flights.rate-limit=40000'],
    slow: ['sources.flights.rate-limit=2500'],
    reference: airportDelays,
    counter: 'flights',
    key: ({origin, day}) => `${origin} ${day}`,
  },
  'bird-strikes': {
    settings: ['sources.strikes.rate-limit=20000'],
    slow: ['sources.strikes.rate-limit=1500'],
    reference: birdStrikes,
    count: (rows) => newestByKey(rows, 'state'),
    counter: 'strikes',
    key: ({state}) => state,
  },
  clicks: {
    settings: [...CLICKS, 'sources.clicks.rate-limit=40000'],
    slow: [...CLICKS, 'sources.clicks.rate-limit=5000'],
    reference: undisturbedClicks,
    counter: 'clicks',
    key: ({page, minute}) => `${page} ${minute}`,
  },
  'two-speeds': {
    settings: ['sources.dense.rate-limit=40000', 'sources.sparse.rate-limit=3000'],
    slow: ['sources.dense.rate-limit=2500', 'sources.sparse.rate-limit=250'],
    reference: twoSpeeds,
    counter: 'flights',
    key: ({origin, day}) => `${origin} ${day}`,
  },
};

let clicks: Promise<Row[]> | null = null;

/** The generator's own numbers are compared with one thread's. */
async function undisturbedClicks(): Promise<Row[]> {
  clicks ??= runClicksOnce();
  return clicks;
}

async function runClicksOnce(): Promise<Row[]> {
  const once = new ScratchJob('clicks', JOBS['clicks']!.settings);
  expect((await once.run()).status).toBe(0);
  const rows = once.rows();
  once.remove();
  return rows;
}

let job: ScratchJob;
afterEach(() => job.remove());

async function killTwice(
  shipped: Shipped,
  parallelism: number,
  settings: readonly string[],
): Promise<void> {
  for (let kill = 0; kill < 2; kill += 1) {
    const ids = (): number => job.checkpoints().at(-1)?.id ?? 0;
    const before = ids();
    const running = job.start({parallelism, settings: [...shipped.slow, ...settings]});
    while (ids() < before + 2) {
      if ((await Promise.race([running.outcome, pause(10)])) !== undefined) break;
    }
    running.signal('SIGKILL');
    expect((await running.outcome).signal).toBe('SIGKILL');
  }
}

function expectNothingLost(
  {key, counter}: Shipped,
  rows: readonly Row[],
  due: readonly Row[],
): void {
  const found = new Map(rows.map((row) => [key(row), Number(row[counter])]));
  for (const row of due) {
    expect(found.get(key(row)), JSON.stringify(row)).toBeGreaterThanOrEqual(Number(row[counter]));
  }
}

interface Case {
  readonly name: string;
  readonly parallelism: number;
  readonly mode: Mode;
  readonly killed: boolean;
}

const ALL: readonly Case[] = Object.keys(JOBS).flatMap((name) =>
  [1, 2, 4].flatMap((parallelism) =>
    (Object.keys(MODES) as Mode[]).flatMap((mode) =>
      [false, true].map((killed) => ({name, parallelism, mode, killed})),
    ),
  ),
);

/** Each job, each mode, killed and not, at more than one thread. */
const SAMPLE: readonly Case[] = [
  {name: 'airport-delays', parallelism: 2, mode: 'aligned', killed: true},
  {name: 'bird-strikes', parallelism: 2, mode: 'unaligned', killed: true},
  {name: 'clicks', parallelism: 4, mode: 'at-least-once', killed: false},
  {name: 'two-speeds', parallelism: 2, mode: 'aligned', killed: false},
  {name: 'two-speeds', parallelism: 2, mode: 'timed-out', killed: true},
];

describe('as the reference', () => {
  test.each(whole ? inTurn(ALL) : SAMPLE)(
    '$name, -p $parallelism, $mode, killed: $killed',
    {timeout: 120_000},
    async ({name, parallelism, mode, killed}) => {
      const shipped = JOBS[name]!;
      const due = await shipped.reference();
      const settings = ['checkpointing.interval=100ms', ...MODES[mode]];
      job = new ScratchJob(name);
      if (killed) await killTwice(shipped, parallelism, settings);
      const last = await job.run({parallelism, settings: [...shipped.settings, ...settings]});
      expect(last.status, last.stdout.slice(-2000) + last.stderr).toBe(0);
      if (killed) expect(last.stdout).toMatch(/"decision":"resumed"/);
      const rows = (shipped.count ?? ((all) => all))(job.rows());
      if (killed && mode === 'at-least-once') expectNothingLost(shipped, rows, due);
      else expect(asMultiset(rows)).toEqual(asMultiset(due));
    },
  );
});
