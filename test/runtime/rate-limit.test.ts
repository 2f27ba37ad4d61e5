// The subtasks of a source keep its rate together: over any stretch of time no more rows are let through
// than the rate and one burst allow, and none is lost, however the subtasks take turns.

import fc from 'fast-check';
import {expect, test} from 'vitest';

import {newBucket, newBuckets, RateLimit} from '#src/runtime/rate-limit.js';
import type {JobSpec} from '#src/job/job-spec.js';

const BURST_MILLIS = 100;

function limits(count: number, rowsPerSecond: number, now = 0): RateLimit[] {
  const bucket = newBucket(now);
  return Array.from({length: count}, () => new RateLimit(rowsPerSecond, bucket));
}

test('a rate limit lets through its rate, and a burst of a tenth of a second after a pause', () => {
  const [limit] = limits(1, 1000) as [RateLimit];
  let rows = 0;
  for (let now = 0; now <= 10_000; now += 3) rows += limit.take(now, 4096);
  expect(rows).toBeGreaterThan(9900);
  expect(rows).toBeLessThanOrEqual(10_000);
  expect(limit.take(60_000, 4096)).toBe(100);
  expect(limit.take(60_000, 4096)).toBe(0);
});

test('a slow rate waits for whole rows', () => {
  const [limit] = limits(1, 2) as [RateLimit];
  expect(limit.take(400, 10)).toBe(0);
  expect(limit.waitMillis(400)).toBeCloseTo(100);
  expect(limit.take(500, 10)).toBe(1);
});

test('rows that were not read are given back, to whoever asks next', () => {
  const [one, two] = limits(2, 1000) as [RateLimit, RateLimit];
  expect(one.take(100, 80)).toBe(80);
  expect(two.take(100, 4096)).toBe(20);
  one.giveBack(50);
  expect(two.take(100, 4096)).toBe(50);
  expect(one.take(100, 4096)).toBe(0);
});

for (const busy of [1, 2, 5]) {
  test(`${busy} of 5 subtasks at work make the whole rate`, () => {
    const all = limits(5, 300);
    let rows = 0;
    for (let now = 0; now <= 20_000; now += 7) {
      for (const limit of all.slice(0, busy)) rows += limit.take(now, 4096);
    }
    expect(rows).toBeGreaterThan(5900);
    expect(rows).toBeLessThanOrEqual(6000);
  });
}

test('no stretch of time has more rows than its rate and one burst', () => {
  const turn = fc.record({
    subtask: fc.nat(3),
    pause: fc.oneof(fc.nat(5), fc.nat(400)),
    maxRows: fc.integer({min: 1, max: 5000}),
    read: fc.double({min: 0, max: 1, noNaN: true}),
  });
  const rate = fc.constantFrom(0.5, 3, 250, 77_000, 2e6);
  fc.assert(
    fc.property(rate, fc.array(turn, {maxLength: 60}), (rowsPerSecond, turns) => {
      const all = limits(4, rowsPerSecond, 5);
      const read: {at: number; rows: number}[] = [];
      let now = 5;
      for (const {subtask, pause, maxRows, read: share} of turns) {
        now += pause;
        const granted = all[subtask]!.take(now, maxRows);
        expect(granted).toBeLessThanOrEqual(maxRows);
        const rows = Math.floor(granted * share);
        all[subtask]!.giveBack(granted - rows);
        read.push({at: now, rows});
      }
      const burst = Math.max(1, (rowsPerSecond * BURST_MILLIS) / 1000);
      read.forEach(({at: from}, first) => {
        let sum = 0;
        for (const {at, rows} of read.slice(first)) {
          sum += rows;
          expect(sum).toBeLessThanOrEqual(burst + ((at - from) * rowsPerSecond) / 1000 + 0.01);
        }
      });
    }),
  );
});

test('a limit that gives nothing says when to ask again', () => {
  for (const rowsPerSecond of [0.5, 250, 77_000]) {
    const [one, two] = limits(2, rowsPerSecond) as [RateLimit, RateLimit];
    let now = 0;
    for (let round = 0; round < 50; round += 1) {
      now += two.waitMillis(now);
      // A rounding error may cost one more millisecond.
      if (one.take(now, 1e6) === 0) expect(one.take(now + 1, 1e6)).toBeGreaterThan(0);
    }
  }
});

test('only a source with a limit has a bucket', () => {
  const sources = [
    {uid: 'a', rateLimit: 5},
    {uid: 'b', rateLimit: null},
  ] as unknown as JobSpec['sources'];
  expect([...newBuckets({sources}, 0).keys()]).toEqual(['a']);
});
