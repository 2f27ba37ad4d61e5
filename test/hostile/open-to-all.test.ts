// H45 ck-world-writable: a start says it where every user may replace the checkpoints, and refuses them with --strict.

import {chmodSync, mkdirSync, readdirSync} from 'node:fs';

import {expect, test} from 'vitest';

import {errorOf} from './support/ending.ts';
import {OrdersJob} from './support/orders-job.ts';

test('H45 ck-world-writable: run and restore warn and go on, and refuse with --strict before anything begins', async () => {
  const orders = new OrdersJob();
  try {
    mkdirSync(orders.state, {recursive: true});
    chmodSync(orders.state, 0o777);
    const told = `${orders.state} may be written by every user`;
    const [strict, plan] = await Promise.all([
      orders.run(['--strict', '--json']),
      orders.run(['--strict', '--dry-run', '--json']),
    ]);
    for (const refused of [strict, plan]) {
      expect(refused.status, refused.stdout).toBe(13);
      expect(errorOf(refused)).toMatchObject({code: 'REFUSED', exit_code: 13});
      expect(errorOf(refused).message).toContain(told);
    }
    expect(readdirSync(orders.state)).toEqual([]);
    const run = await orders.finish(['--json']);
    expect(run.status, run.stdout).toBe(0);
    expect(run.stdout).toContain('"code":"OPEN_TO_ALL"');
    expect(run.stdout).toContain(told);
    const [newest = 0] = orders.checkpointIds().slice(-1);
    const restore = await orders.restore(orders.checkpoint(newest), ['--strict', '--json']);
    expect(restore.status, restore.stdout).toBe(13);
  } finally {
    orders.remove();
  }
});
