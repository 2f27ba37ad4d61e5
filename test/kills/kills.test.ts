// Promise 1 (exactly-once) against real deaths: SIGKILL at any time, in recovery, between publish and
// commit. The oracle reads only the output files and computes what they must hold by itself.
// TIDEMARK_PROOF=1: a part of 220 kills of a job that takes 20 s undisturbed; `npm run proof -- --parts 1` runs all.

import {expect, test} from 'vitest';

import {part, proofSeed as seed, whole} from '../hostile/support/sample.ts';
import {runKills, type KillPlan} from './support/kill-loop.ts';

const sample: KillPlan = {
  seed,
  timed: 5,
  failpoints: [
    {name: 'recovery.after-verify', kills: 1},
    {name: 'recovery.after-restore', kills: 1},
    {name: 'storage.publish.after-rename:3', kills: 1},
    {name: 'sink.commit.before-link:2', kills: 1},
    {name: 'sink.commit.after-link:2', kills: 1},
  ],
  job: {rows: 12_000, rowsPerSecond: 2000},
};

const proof: KillPlan = {
  seed,
  timed: part(160),
  failpoints: [
    {name: 'recovery.before-settle', kills: part(7)},
    {name: 'recovery.after-verify', kills: part(8)},
    {name: 'recovery.after-restore', kills: part(7)},
    {name: 'storage.publish.after-rename:2', kills: part(8)},
    {name: 'sink.commit.before-link:2', kills: part(8)},
    {name: 'sink.commit.after-link:3', kills: part(8)},
    {name: 'storage.delete.after-rename', kills: part(4)},
    {name: 'storage.fence.after-link', kills: part(4)},
    {name: 'storage.fence.after-work', kills: part(4)},
    {name: 'storage.publish.before-rename:2', kills: part(4)},
  ],
  job: {rows: 40_000, rowsPerSecond: 2000},
};

test('no row is lost or doubled, whenever the process is killed', {timeout: 900_000}, async () => {
  const plan = whole ? proof : sample;
  const counts = await runKills(plan);
  process.stdout.write(`kills (seed ${plan.seed}): ${JSON.stringify(counts)}\n`);
  expect(counts.beforeEnd).toBeGreaterThanOrEqual(whole ? part(150) : 4);
  expect(counts.inRecovery).toBeGreaterThanOrEqual(whole ? part(20) : 1);
  expect(counts.betweenPublishAndCommit).toBeGreaterThanOrEqual(whole ? part(20) : 2);
});
