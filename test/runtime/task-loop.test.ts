// A thread answers `notify-aborted` with `released`, once every snapshot that it began for the checkpoint is over, however
// it ended, and not before. The loop here has no tasks of its own.

import {expect, test} from 'vitest';

import {JobMetrics} from '#src/metrics/job-metrics.js';
import type {FromTask} from '#src/runtime/task-messages.js';
import {TaskLoop} from '#src/runtime/task-loop.js';
import type {StateBackend} from '#src/state/state-backend.js';
import type {Task, TaskSnapshot} from '#src/runtime/task.js';
import {ManualTime, settled} from './support/manual-time.ts';

const SNAPSHOT = {snapshots: [], stats: {}} as unknown as TaskSnapshot;

class Looped {
  readonly said: string[] = [];
  /** What the state backends heard. */
  readonly told: string[] = [];
  readonly loop: TaskLoop;
  readonly ended: Promise<void>;
  #ring = (): void => undefined;

  constructor() {
    const time = new ManualTime();
    this.loop = new TaskLoop({
      clock: time,
      timers: time,
      bell: {
        ring: () => this.#ring(),
        wait: async () => new Promise((resolve) => (this.#ring = resolve)),
      },
      metrics: new JobMetrics(),
      post: (message) => this.#heard(message),
      beat: () => undefined,
      beatIntervalMillis: 1000,
    });
    this.ended = this.loop.run(() => ({
      tasks: [],
      backends: [this.#backend()],
      restoreInFlight: async () => Promise.resolve(),
    }));
  }

  /** A snapshot of one task, which ends when the test says so. */
  begins(task: string, checkpointId: number): {ends: () => void; fails: () => void} {
    let ends = (): void => undefined;
    let fails = (): void => undefined;
    const done = new Promise<TaskSnapshot>((resolve, reject) => {
      ends = () => resolve(SNAPSHOT);
      fails = () => reject(new Error('given up'));
    });
    this.loop.snapshotStarted({id: task} as unknown as Task, checkpointId, done);
    return {ends, fails};
  }

  async aborted(checkpointId: number): Promise<void> {
    this.loop.deliver({kind: 'notify-aborted', checkpointId});
    await settled();
  }

  async completed(checkpointId: number): Promise<void> {
    this.loop.deliver({kind: 'notify-complete', checkpointId});
    await settled();
  }

  #backend(): StateBackend {
    return {
      checkpointCompleted: (id: number) => this.told.push(`completed ${id}`),
      checkpointAborted: (id: number) => this.told.push(`aborted ${id}`),
      close: async () => Promise.resolve(),
    } as unknown as StateBackend;
  }

  #heard(message: FromTask): void {
    if ('checkpointId' in message) this.said.push(`${message.kind} ${message.checkpointId}`);
  }
}

test('a checkpoint for which nothing is written is released at once', async () => {
  const it = new Looped();
  await settled();
  await it.aborted(1);
  expect(it.said).toEqual(['released 1']);
});

test('one for which snapshots are under way is released when the last of them is over', async () => {
  const it = new Looped();
  await settled();
  const [slow, broken, other] = [it.begins('a/0', 1), it.begins('b/0', 1), it.begins('a/0', 2)];
  await it.aborted(1);
  broken.fails();
  await settled();
  other.ends();
  await settled();
  expect(it.said).toEqual(['decline 1', 'acknowledge 2']);
  slow.ends();
  await settled();
  expect(it.said.slice(2)).toEqual(['acknowledge 1', 'released 1']);
});

test('state backends are told what became of each checkpoint', async () => {
  const looped = new Looped();
  await looped.completed(1);
  await looped.aborted(2);
  expect(looped.told).toEqual(['completed 1', 'aborted 2']);
  looped.loop.deliver({kind: 'cancel'});
  await looped.ended;
});
