// What happens to the process: signals that come in a storm, a heap that is too small, streams that are
// closed, a death around the final checkpoint, and owners that only seem to live.

import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {systemProcessTable} from '#src/storage/process-table.js';
import {shell} from '../commands/tidemark.ts';
import {errorOf, eventsOf, summaryOf} from './support/ending.ts';
import {seal} from './support/forge.ts';
import {sample, sampleTest} from './support/sample.ts';
import {OrdersJob, type OrdersOptions} from './support/orders-job.ts';

let job: OrdersJob;

beforeEach(() => {
  job = new OrdersJob();
});

afterEach(() => {
  job.remove();
});

function another(options: OrdersOptions): void {
  job.remove();
  job = new OrdersJob(options);
}

async function expectExactAfter(...flags: string[]): Promise<void> {
  const run = await job.finish(flags);
  expect(run.status, run.stdout).toBe(0);
  expect(job.rows('orders')).toEqual(job.referenceOrders());
  expect(job.rows('totals')).toEqual(job.referenceTotals());
}

sampleTest.each([
  {storm: ['SIGINT', 'SIGINT'], statuses: [130]},
  {storm: ['SIGTERM', 'SIGTERM', 'SIGTERM'], statuses: [143]},
  // Which of them arrives first, the kernel decides.
  {storm: ['SIGTERM', 'SIGINT', 'SIGINT'], statuses: [130, 143]},
] as const)(
  'sig-storm $storm: $statuses, kept, and the next run resumes',
  async ({storm, statuses}) => {
    const running = job.start();
    expect(await running.printed('"type":"checkpoint"')).toBe(true);
    for (const signal of storm) running.signal(signal);
    const {status: ended, stdout, signal} = await running.outcome;
    expect(signal, stdout).toBeNull();
    expect(statuses, stdout).toContain(ended);
    for (const line of stdout.trimEnd().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    // The third leaves without another word.
    if (storm.length === 2) expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/"type":"summary"/);
    const seen = job.parts().map((path) => [path, readFileSync(path, 'utf8')]);
    await expectExactAfter();
    expect(job.parts().map((path) => [path, readFileSync(path, 'utf8')])).toEqual(
      expect.arrayContaining(seen),
    );
  },
);

sampleTest('oom-small-heap: a message or an abort, and the next start is exact', async () => {
  another({rows: 20_000, rowsPerSecond: 1_000_000, users: 5000});
  const small = await job.run(['--json'], {NODE_OPTIONS: '--max-old-space-size=9'});
  // 0: it was enough after all; null: V8 aborted it.
  expect([0, 1, 134, null], small.stderr.slice(-500)).toContain(small.status);
  if (small.status === null) expect(['SIGABRT', 'SIGTRAP', 'SIGILL']).toContain(small.signal);
  if (small.status !== 0) await expectExactAfter();
});

test.each(sample(['<&- >&- 2>&-', '>/dev/full'], ['<&-', '>&-', '2>&-']))(
  'closed stdout, no TTY, TERM=dumb (%s): the job goes on to the end',
  async (closed) => {
    another({rows: 40, rowsPerSecond: 10_000});
    const {stderr} = await shell(`"$NODE" "$BIN" run '${job.file}' ${closed}`, {TERM: 'dumb'});
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(job.rows('orders')).toEqual(job.referenceOrders());
    expect(job.rows('totals')).toEqual(job.referenceTotals());
  },
);

test.each(
  sample(
    ['storage.publish.before-rename', 'storage.publish.after-rename', 'sink.commit.after-link'],
    ['storage.publish.before-metadata', 'sink.commit.before-link'],
  ),
)('B17 killed at %s of the final checkpoint: exact, and no part twice', async (place) => {
  // The only checkpoint is the final one: everything hangs on it.
  another({rows: 80, rowsPerSecond: 10_000, intervalMillis: 3_600_000});
  await job.crash(place);
  const next = await job.finish();
  expect(next.status, next.stdout).toBe(0);
  expect(job.rows('orders')).toEqual(job.referenceOrders());
  expect(job.rows('totals')).toEqual(job.referenceTotals());
  expect(eventsOf(next, 'started')[0]).toMatchObject({decision: 'resumed'});
  expect(summaryOf(next)).toMatchObject({state: 'FINISHED'});
});

sampleTest(
  'B18 notifications that never come: the next commit brings all that was published',
  async () => {
    for (const count of [2, 1]) await job.crash(`storage.publish.after-rename:${count}`);
    await expectExactAfter();
  },
);

/** The newest owner record, as another process would have written it. */
function rewriteOwner(change: (fields: Record<string, unknown>) => void): void {
  const path = join(job.state, 'owner', '0000000001');
  const {_sha256: _, ...fields} = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  change(fields);
  const sorted = Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path, seal(`${JSON.stringify(sorted).slice(1)}\n`));
}

sampleTest(
  'stale-owner: a pid that another program has taken since is no owner; nobody removes anything',
  async () => {
    await job.crash('storage.publish.after-rename:2');
    rewriteOwner((fields) => (fields['pid'] = process.pid));
    await expectExactAfter();
  },
);

sampleTest(
  'two-at-once: an owner that lives is named, with what to do; --take-over counts it as dead',
  async () => {
    await job.crash('storage.publish.after-rename:2');
    const {pid, startTime} = systemProcessTable.self();
    rewriteOwner((fields) => Object.assign(fields, {pid, start_time: startTime}));
    const before = job.kept();
    const refused = await job.run(['--json']);
    expect(refused.status, refused.stdout).toBe(11);
    expect(errorOf(refused)).toMatchObject({code: 'ALREADY_RUNNING'});
    expect(errorOf(refused).message).toContain(String(process.pid));
    expect(errorOf(refused).hint).toContain('--take-over');
    expect(job.kept()).toEqual(before);
    await expectExactAfter('--take-over');
  },
);
