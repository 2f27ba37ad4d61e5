// Promise 5: two processes never both commit for one job. Started twice at once, and paused past a
// take-over, exactly one of them goes on; the output is exactly-once all the same.
// TIDEMARK_PROOF=1: a part of 200 double starts and 50 paused-and-resumed processes.

import {expect, test} from 'vitest';

import {part, proofSeed, whole} from '../hostile/support/sample.ts';
import {KillJob, rowsOf} from './support/kill-job.ts';
import {expectStatus} from './support/kill-loop.ts';
import {inLanes, pause, Tidemark} from './support/process.ts';

function expectReference(job: KillJob): void {
  expect(rowsOf(job.parts('high'))).toEqual(job.referenceHigh());
  expect(rowsOf(job.parts('per-minute'))).toEqual(job.referencePerMinute());
}

test('of two that start at once exactly one runs', {timeout: 600_000}, async () => {
  const rounds = whole ? part(200) : 5;
  let refused = 0;
  await inLanes(rounds, async (round) => {
    const job = new KillJob({
      rows: 900,
      rowsPerSecond: 600,
      seed: proofSeed + round,
      checkpointMillis: 100,
    });
    const twins = [0, 1].map(() => new Tidemark(['run', job.file, '--json']));
    const outcomes = await Promise.all(twins.map(async (twin) => twin.outcome));
    const statuses = outcomes.map(({status}) => status).sort();
    expect(statuses, outcomes.map(({stdout}) => stdout.slice(-500)).join('\n')).toEqual([0, 11]);
    refused += 1;
    expectReference(job);
    expect(job.leftovers()).toEqual([]);
    job.remove();
  });
  process.stdout.write(`double starts: ${rounds}, refused: ${refused}\n`);
});

test('a process that was paused past a take-over writes nothing', {timeout: 600_000}, async () => {
  const rounds = whole ? part(50) : 3;
  let fenced = 0;
  await inLanes(rounds, async (round) => {
    const job = new KillJob({
      rows: 2400,
      rowsPerSecond: 1600,
      seed: proofSeed + round,
      checkpointMillis: 50,
    });
    const first = new Tidemark(['run', job.file, '--json']);
    expect(await first.printed('"type":"started"')).toBe(true);
    await pause(20 + 17 * (round % 25));
    first.signal('SIGSTOP');
    const second = new Tidemark(['run', job.file, '--json', '--take-over']);
    expect(await second.printed('"type":"started"')).toBe(true);
    await pause(11 * (round % 13));
    first.signal('SIGCONT');
    const [paused, winner] = await Promise.all([first.outcome, second.outcome]);
    expectStatus(winner, 0);
    // On a busy machine it may have finished before it was paused: the second is a run of its own then.
    expect([0, 11], paused.stdout.slice(-800) + paused.stderr).toContain(paused.status);
    if (paused.status === 11) {
      fenced += 1;
      expectReference(job);
      // What it made after the take-over nobody has asked for, and nobody else has touched.
      for (const name of job.leftovers())
        expect(name).toMatch(/\.g000001-s000-\d+\.ndjson\.inprogress$/);
    } else {
      expect(rowsOf(job.parts('high')).length).toBe(2 * job.referenceHigh().length);
    }
    job.remove();
  });
  process.stdout.write(`paused past a take-over: ${rounds}, fenced: ${fenced}\n`);
  expect(fenced).toBeGreaterThan(rounds / 2);
});
