// What rescaling meets beside keys: ends that were in flight, records that go to each subtask in turn or to every one.

import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterEach, beforeEach, expect, test} from 'vitest';

import {sample, sampleTest, whole} from '../hostile/support/sample.ts';
import {expectStatus} from '../kills/support/kill-loop.ts';
import {pause, Tidemark, tidemark} from '../kills/support/process.ts';
import {
  newestCheckpoint,
  publishedCheckpoints,
  type FoundCheckpoint,
} from '../kills/support/published-checkpoints.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-partitioning-'));
  file = join(directory, 'parts.job.yaml');
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

const CHECKPOINTING = `checkpointing:
  interval: 150ms
  dir: file:./state
  num-retained: 50
  unaligned: {enabled: true}
`;
/** The sink that holds everything up takes all at once. */
const FAST = ['--set', 'sinks.slow.rate-limit=1000000'];

/** Dies when the newest checkpoint is one that `fits`. */
async function killWhen(
  parallelism: number,
  fits: (checkpoint: FoundCheckpoint) => boolean,
): Promise<FoundCheckpoint> {
  const running = new Tidemark(['run', file, '--json', '-p', String(parallelism)]);
  const newest = (): FoundCheckpoint | null => newestCheckpoint(join(directory, 'state', 'parts'));
  const before = newest()?.id ?? 0;
  while (true) {
    const checkpoint = newest();
    if (checkpoint !== null && checkpoint.id > before && fits(checkpoint)) {
      running.signal('SIGSTOP');
      // It may have gone on before it stood still.
      if (newest()?.id === checkpoint.id) {
        running.signal('SIGKILL');
        await running.outcome;
        return checkpoint;
      }
      running.signal('SIGCONT');
    }
    const ended = await Promise.race([running.outcome, pause(5)]);
    if (ended !== undefined) {
      throw new Error(`it ended before such a checkpoint came: ${ended.stdout.slice(-1500)}`);
    }
  }
}

/** Again from the beginning while it fails: how threads interleave is not known. */
async function untilFound<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tried === 8) throw error;
      for (const name of ['state', 'counted', 'summed', 'all']) {
        rmSync(join(directory, name), {recursive: true, force: true});
      }
    }
  }
}

async function finish(parallelism: number, from: FoundCheckpoint): Promise<void> {
  const outcome = await tidemark(['run', file, '--json', '-p', String(parallelism), ...FAST]);
  expectStatus(outcome, 0);
  expect(outcome.stdout).toContain(`"restored_from":"${from.path}"`);
}

function rows(sink: string): Record<string, unknown>[] {
  const out = join(directory, sink);
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(out, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Of the last subtask at 2 and at 4; most others are not. */
const HOT = 'k7';
const KEYS = ['k1', 'k13', 'k16', 'k2', 'k20', 'k5', HOT, 'k8'];

test.each(
  sample(
    [[4, 1]],
    [
      [4, 3],
      [2, 5],
    ],
  ) as readonly (readonly [number, number])[],
)(
  'some of %i subtasks were at their end, others not: exact at %i',
  {timeout: 180_000},
  async (p, q) => {
    const weights = KEYS.map((key) => (key === HOT ? 93 : 1)).join(', ');
    // One subtask reads everything, and most of it has the key of another one, which is the last to end.
    writeFileSync(
      file,
      `name: parts
sources:
  short:
    connector: generator
    rows: 4000
    splits: 1
    fields:
      id: {kind: sequence}
      key: {kind: choice, values: [${KEYS.join(', ')}], weights: [${weights}]}
steps:
  - {id: so-far, type: aggregate, input: short, group-by: [key], emit: on-update, select: {n: COUNT(*)}}
  - {id: counts, type: aggregate, input: so-far, group-by: [key], select: {n: MAX(n), rows: COUNT(*)}}
  - {id: totals, type: aggregate, input: short, group-by: [key], select: {n: COUNT(*), sum: SUM(id)}}
sinks:
  slow: {connector: blackhole, input: so-far, rate-limit: 1500}
  counted: {connector: file, input: counts, path: counted/, format: json}
  summed: {connector: file, input: totals, path: summed/, format: json}
${CHECKPOINTING}`,
    );
    const from = await untilFound(async () =>
      killWhen(p, ({operators, inFlight}) => {
        const ended = operators
          .find(({uid}) => uid === 'so-far')
          ?.subtasks.map((it) => it.inputEnded);
        return inFlight && ended?.includes(true) === true && ended.includes(false);
      }),
    );
    await finish(q, from);
    const counted = rows('counted');
    expect(counted.map(({key}) => key).sort()).toEqual(KEYS);
    for (const {n, rows: count} of counted) expect(n).toBe(count);
    expect(counted.reduce((sum, {n}) => sum + Number(n), 0)).toBe(4000);
    const summed = rows('summed');
    expect(summed.map(({key}) => key).sort()).toEqual(KEYS);
    expect(summed.reduce((sum, {n}) => sum + Number(n), 0)).toBe(4000);
    expect(summed.reduce((sum, {sum: own}) => sum + Number(own), 0)).toBe((4000 * 3999) / 2);
  },
);

/** All that the keyed step gets has to go through one subtask; whatever feeds it on that thread is held up with it. */
function writeSpread(partitioning: string, counted: 'spread' | 'numbers'): void {
  const weights = KEYS.map((key) => (key === HOT ? 93 : 1)).join(', ');
  writeFileSync(
    file,
    `name: parts
sources:
  numbers:
    connector: generator
    rows: 9000
    rate-limit: 3000
    fields:
      id: {kind: sequence}
      key: {kind: choice, values: [${KEYS.join(', ')}], weights: [${weights}]}
steps:
  - {id: spread, type: project, input: numbers, partitioning: ${partitioning}, select: {id: id, key: key}}
  - {id: counts, type: aggregate, input: ${counted}, group-by: [key], emit: on-update, select: {n: COUNT(*)}}
sinks:
  slow: {connector: blackhole, input: counts, rate-limit: 400}
  beside: {connector: blackhole, input: numbers}
  all: {connector: file, input: spread, path: all/, format: json}
${CHECKPOINTING}`,
  );
}

/** Ids 0 to `count`, each `times` times. */
function expectEach(found: readonly {id?: unknown}[], count: number, times: number): void {
  const ids = found.map(({id}) => Number(id)).sort((left, right) => left - right);
  expect(ids).toEqual(Array.from({length: count * times}, (_, index) => Math.floor(index / times)));
}

const isSpread = ({edge}: {readonly edge: string}): boolean => edge === 'numbers>spread#0';

test.runIf(whole)(
  'rebalance: what was on its way to each subtask in turn comes once, at any parallelism',
  {timeout: 180_000},
  async () => {
    writeSpread('rebalance', 'spread');
    const from = await untilFound(async () => {
      await killWhen(4, ({sections}) => sections.some(isSpread));
      await killWhen(3, ({sections}) => sections.some(isSpread));
      return killWhen(2, ({sections}) => sections.some(isSpread));
    });
    await finish(5, from);
    expectEach(rows('all'), 9000, 1);
  },
);

sampleTest(
  'broadcast: its barriers overtake nothing, and every subtask gets every record once',
  {timeout: 180_000},
  async () => {
    writeSpread('broadcast', 'numbers');
    // Of the exchange by key beside it there is in-flight data.
    const from = await untilFound(async () => killWhen(2, ({inFlight}) => inFlight));
    const all = publishedCheckpoints(join(directory, 'state', 'parts'));
    expect(all.flatMap(({sections}) => sections).filter(isSpread)).toEqual([]);
    await finish(2, from);
    expectEach(rows('all'), 9000, 2);
  },
);

sampleTest(
  'while it is replayed a checkpoint is declined at once, and a stop waits until it is over',
  {timeout: 180_000},
  async () => {
    writeSpread('rebalance', 'spread');
    // Little comes after what is replayed: the stop waits for all of it.
    const often = [
      'checkpointing.interval=10ms',
      'sources.numbers.rate-limit=100',
      'sinks.slow.rate-limit=1000',
    ].flatMap((setting) => ['--set', setting]);
    const {from, running} = await untilFound(async () => {
      const killed = await killWhen(2, ({sections}) => sections.some(isSpread));
      const again = new Tidemark(['run', file, '--json', '-p', '3', ...often]);
      const isDeclined = await again.printed('was declined, because a task was not ready"');
      if (!isDeclined) throw new Error('what was in flight was replayed between two checkpoints');
      again.signal('SIGINT');
      return {from: killed, running: again};
    });
    expectStatus(await running.outcome, 130);
    const stopped = newestCheckpoint(join(directory, 'state', 'parts'));
    expect(stopped?.id).toBeGreaterThan(from.id);
    expect(stopped?.inFlight).toBe(false);
    await finish(2, stopped!);
    expectEach(rows('all'), 9000, 1);
  },
);
