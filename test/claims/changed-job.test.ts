// Promise: an edited job is planned before it runs, in words, and then goes on exactly: state is converted where a type
// became wider, begun where an aggregate is new, and left behind only where -n says so. Each kind of change has its own row in
// test/recovery/changed-job.test.ts; here a few go through the command line.

import {readFileSync, truncateSync, writeFileSync} from 'node:fs';
import {afterEach, beforeEach, expect, test} from 'vitest';

import {OrdersJob} from '../hostile/support/orders-job.ts';
import {sampleTest, whole} from '../hostile/support/sample.ts';

let job: OrdersJob;
beforeEach(async () => {
  // More than a slow machine reads before the third checkpoint, which else is the last.
  job = new OrdersJob({rows: 3000});
  await job.crash('storage.publish.after-rename:3');
});
afterEach(() => job.remove());

function edit(from: string, to: string): void {
  const text = readFileSync(job.file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(job.file, text.replace(from, to));
}

interface Plan {
  readonly restorable: boolean;
  readonly operators: readonly {uid: string; action: string; reason: string}[];
  readonly positions: readonly {operator: string; at: readonly string[]}[];
}

async function planned(
  flags: readonly string[] = [],
): Promise<Plan & {readonly status: number | null}> {
  const {status, stdout} = await job.run(['--dry-run', '--json', ...flags]);
  return {status, ...(JSON.parse(stdout) as Plan)};
}

sampleTest('a wider type: said in the plan, and the totals are exact', async () => {
  edit('amount: int', 'amount: bigint');
  const plan = await planned();
  expect(plan.operators).toContainEqual(
    expect.objectContaining({
      uid: 'by-user',
      action: 'restore',
      reason: 'aggregate total is widened from int to bigint',
    }),
  );
  expect(plan.positions).toEqual([
    {operator: 'orders', at: [expect.stringMatching(/^data\/a\.ndjson at byte \d+ of \d+$/)]},
  ]);
  expect((await job.finish()).status).toBe(0);
  expect(job.rows('totals')).toEqual(job.referenceTotals());
  expect(job.rows('orders')).toEqual(job.referenceOrders());
});

test.runIf(whole)(
  'an aggregate less is refused by name; -n drops it and says so, and the others are exact',
  async () => {
    edit('orders: COUNT(*), total', 'total');
    const refused = await planned();
    expect([refused.status, refused.restorable]).toEqual([12, false]);
    expect((await job.finish()).status).toBe(12);
    const plan = await planned(['-n']);
    expect(plan.operators).toContainEqual(
      expect.objectContaining({
        uid: 'by-user',
        action: 'restore',
        reason: 'left behind: aggregate orders',
      }),
    );
    const finished = await job.finish(['-n']);
    expect(finished.status).toBe(0);
    expect(finished.stdout).toContain('as -n says: by-user: aggregate orders');
    const expected = job.referenceTotals().map((line) => line.replace(/"orders":\d+,/, ''));
    expect(job.rows('totals')).toEqual(expected);
  },
);

test.runIf(whole)(
  'an aggregate more begins at its neutral value, and the rest is exact',
  async () => {
    edit('total: SUM(amount)', 'total: SUM(amount), seen: COUNT(*)');
    const text = await job.run(['--dry-run']);
    expect(text.stdout).toContain('aggregate seen is added and starts at its neutral value');
    expect(text.stdout).toMatch(/source orders goes on: data\/a\.ndjson at byte \d+ of \d+/);
    expect((await job.finish()).status).toBe(0);
    const rows = job
      .rows('totals')
      .map((line) => JSON.parse(line) as {orders: number; seen: number});
    for (const {orders, seen} of rows) expect(seen).toBeLessThan(orders);
    const expected = job.rows('totals').map((line) => line.replace(/,"seen":\d+/, ''));
    expect(expected).toEqual(job.referenceTotals());
  },
);

sampleTest(
  'a changed key and kind: 12 with every reason, and the job put back is exact',
  async () => {
    const before = readFileSync(job.file, 'utf8');
    edit('total: SUM(amount)', 'total: MAX(amount)');
    edit('group-by: [user]', 'group-by: [id]');
    const refused = await job.finish();
    expect(refused.status).toBe(12);
    expect(refused.stdout).toContain('its key columns were (user) and are (id)');
    expect(refused.stdout).toContain('aggregate total was');
    writeFileSync(job.file, before);
    expect((await job.finish()).status).toBe(0);
    expect(job.rows('totals')).toEqual(job.referenceTotals());
  },
);

sampleTest(
  'an edit is in nobody’s way when the whole input is read: the plan says what the run does',
  async () => {
    job.remove();
    job = new OrdersJob({intervalMillis: 600_000});
    await job.crash('storage.publish.after-rename:1');
    edit('group-by: [user]', 'group-by: [id]');
    const plan = await planned();
    expect([plan.status, plan.restorable, plan.operators]).toEqual([0, true, []]);
    expect((await job.finish()).status).toBe(0);
    expect(job.rows('totals')).toEqual(job.referenceTotals());
  },
);

sampleTest('input that is lost: the plan is refused as the start would be', async () => {
  expect(await planned()).toMatchObject({status: 0, restorable: true});
  truncateSync(job.input, 100);
  expect(await planned()).toMatchObject({
    status: 17,
    restorable: false,
    refusals: [expect.stringContaining('data/a.ndjson has changed')],
  });
  expect((await job.finish()).status).toBe(17);
});
