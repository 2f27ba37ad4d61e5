// H45 ck-world-writable: where every user may replace what is there, list warns, verify says so, and with --strict it is refused;
// a sticky directory, as /tmp is, is none of those.

import {chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';

import {ERROR_CODES} from '#src/base/errors.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints, type VerifyEvent} from '#src/reports/verify-report.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {errorOf} from '../hostile/support/ending.ts';
import {OrdersJob} from '../hostile/support/orders-job.ts';
import {makeLargeCheckpoint} from '../bench/inspect-fixtures.js';

const root = mkdtempSync(join(tmpdir(), 'tidemark-open-to-all-'));
const checkpoint = makeLargeCheckpoint(join(root, 'checkpoints'), 0);
const job = dirname(checkpoint);

afterAll(() => rmSync(root, {recursive: true, force: true}));

async function verify(strict: boolean) {
  const findings: Extract<VerifyEvent, {type: 'finding'}>[] = [];
  const {errorCode, verdict, errors, hints} = await verifyCheckpoints([job], {
    ...{level: 'manifest', environment: {}, strict},
    onEvent: (event) => {
      if (event.type === 'finding') findings.push(event);
    },
  });
  const told = findings.map(({severity, code, path}) => [severity, code, path]);
  return {errorCode, verdict, errors, hints, told};
}

const nothing = {errorCode: null, verdict: 'ok', errors: 0, hints: 0, told: []};

describe('H45 ck-world-writable', () => {
  test.each([
    ['the checkpoint', checkpoint],
    ['the directory of its job', job],
    ['the directory of jobs', dirname(job)],
  ])('%s', async (_, open) => {
    chmodSync(open, 0o777);
    const told = (severity: string): unknown => [[severity, 'open-to-all', open]];
    // Four checkpoints are in it: it is told of once.
    expect(await verify(false)).toEqual({...nothing, hints: 1, told: told('hint')});
    const strict = await verify(true);
    expect(strict).toMatchObject({errorCode: 'REFUSED', errors: 1, told: told('error')});
    expect(ERROR_CODES.REFUSED).toBe(13);
    const {warnings, items} = await listCheckpointDirectory(nodeFileSystem, job);
    const warned = open === checkpoint ? [] : [expect.stringContaining(`${open} may be written`)];
    expect(warnings).toEqual(warned);
    expect(items.map(({state}) => state)).toEqual(['complete', 'complete', 'complete', 'complete']);
    for (const mode of [0o1777, 0o775]) {
      chmodSync(open, mode);
      expect(await verify(true)).toEqual(nothing);
    }
  });
});

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
