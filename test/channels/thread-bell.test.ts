// Promise: no ring is lost, at whatever point of a wait it comes, and at whatever point of a ring the wait begins. Between
// any two accesses to the shared word the other side gets its turn, one point after another.

import {afterEach, describe, expect, test} from 'vitest';

import type {Timers} from '#src/base/clock.js';
import {newBellBuffer, ThreadBell} from '#src/channels/thread-bell.js';

/** A sleeper that only a ring can wake. */
const NEVER: Timers = {
  after: () => ({cancel: () => undefined}),
  yield: async () => Promise.resolve(),
};
const LATER_MILLIS = 1_000_000;

const REAL = globalThis.Atomics;
const restore = (): void => {
  globalThis.Atomics = REAL;
};
afterEach(restore);

/** `act` has its turn before the access with this number, counted from now on; returns how many there were. */
function beforeAccess(number: number, act: () => void): {readonly count: () => number} {
  let count = 0;
  globalThis.Atomics = new Proxy(REAL, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const now = count;
        count += 1;
        if (now === number) act();
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
  return {count: () => count};
}

async function wakes(waiting: Promise<void>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), 2000);
  });
  return Promise.race([waiting.then(() => true), late]);
}

/** Accesses of a wait that sleeps, and of a ring that wakes: more than there are. */
const POINTS = [0, 1, 2, 3, 4];

describe('a ring', () => {
  test.each(POINTS)('before access %i of a wait wakes it', async (point) => {
    const buffer = newBellBuffer();
    const other = new ThreadBell(buffer);
    const bell = {rang: false};
    const ring = (): void => {
      bell.rang = true;
      other.ring();
    };
    beforeAccess(point, ring);
    const waiting = new ThreadBell(buffer).wait(NEVER, LATER_MILLIS);
    await Promise.resolve();
    restore();
    // That point is not reached before somebody rings.
    if (!bell.rang) ring();
    expect(await wakes(waiting)).toBe(true);
  });

  test.each(POINTS)('is heard by a wait that begins before its access %i', async (point) => {
    const buffer = newBellBuffer();
    const sleeper = new ThreadBell(buffer);
    let waiting: Promise<void> | null = null;
    const accesses = beforeAccess(point, () => {
      restore();
      waiting = sleeper.wait(NEVER, LATER_MILLIS);
    });
    new ThreadBell(buffer).ring();
    restore();
    // All of the ring came first.
    waiting ??= sleeper.wait(NEVER, LATER_MILLIS);
    expect(await wakes(waiting)).toBe(true);
    expect(accesses.count()).toBeGreaterThan(0);
  });

  test('is noticed once: the next wait sleeps until the next ring', async () => {
    const buffer = newBellBuffer();
    const bell = new ThreadBell(buffer);
    bell.ring();
    await bell.wait(NEVER, LATER_MILLIS);
    let woken = false;
    const waiting = bell.wait(NEVER, LATER_MILLIS).then(() => {
      woken = true;
    });
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(woken).toBe(false);
    new ThreadBell(buffer).ring();
    await waiting;
    expect(woken).toBe(true);
  });
});
