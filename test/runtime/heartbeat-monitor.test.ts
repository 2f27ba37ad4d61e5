// A thread of which nothing is heard for the time that the job allows is reported, once; one that beats is not, nor any
// because this process itself stood still.

import {expect, test} from 'vitest';

import {HeartbeatMonitor} from '#src/runtime/heartbeat-monitor.js';

const TIMEOUT_MILLIS = 1000;

class Watched {
  now = 0;
  readonly beats = new Int32Array(new SharedArrayBuffer(8));
  readonly silent: number[] = [];
  #next: (() => void) | null = null;
  readonly monitor: HeartbeatMonitor;

  constructor() {
    this.monitor = new HeartbeatMonitor({
      beats: this.beats.buffer,
      clock: {monotonicMillis: () => this.now, wallMillis: () => this.now},
      timers: {
        after: (_millis, action) => {
          this.#next = action;
          return {cancel: () => (this.#next = null)};
        },
        yield: async () => Promise.resolve(),
      },
      timeoutMillis: TIMEOUT_MILLIS,
      silent: (subtask) => this.silent.push(subtask),
    });
  }

  /** `subtasks` beat, then `millis` pass until the monitor looks. */
  pass(millis: number, ...subtasks: number[]): void {
    for (const subtask of subtasks) Atomics.add(this.beats, subtask, 1);
    this.now += millis;
    this.#next?.();
  }
}

test('a thread that falls silent is reported once, and not before its time', () => {
  const threads = new Watched();
  for (let turn = 0; turn < 20; turn += 1) threads.pass(200, 0, 1);
  for (let turn = 0; turn < 4; turn += 1) threads.pass(200, 0);
  expect(threads.silent).toEqual([]);
  threads.pass(200, 0);
  threads.pass(200, 0);
  expect(threads.silent).toEqual([1]);
  for (let turn = 0; turn < 20; turn += 1) threads.pass(200, 0);
  expect(threads.silent).toEqual([1]);
});

test('that this process stood still says nothing of the others', () => {
  const threads = new Watched();
  threads.pass(200, 0, 1);
  threads.pass(60_000);
  threads.pass(200, 0, 1);
  for (let turn = 0; turn < 10; turn += 1) threads.pass(200, 0, 1);
  expect(threads.silent).toEqual([]);
});
