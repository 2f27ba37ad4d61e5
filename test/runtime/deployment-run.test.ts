// A deployment ends when every thread has committed its last checkpoint, and not before; what one thread fails with ends all
// of them. The threads here do nothing by themselves.

import {expect, test} from 'vitest';

import {serializeError} from '#src/base/errors.js';
import type {AttemptHandle} from '#src/runtime/checkpoint-driver.js';
import type {DeploymentOutcome} from '#src/runtime/deployment-run.js';
import {DeploymentRun} from '#src/runtime/deployment-run.js';
import type {Deployment, FromTask, ToTask} from '#src/runtime/task-messages.js';
import type {TaskThreadListener} from '#src/runtime/task-thread.js';
import {ManualTime, settled} from './support/manual-time.ts';

const STATS = {
  alignment: 'aligned',
  startDelayMillis: 0,
  alignmentMillis: 0,
  alignmentBytes: 0,
  persistedBytes: 0,
  syncMillis: 0,
  asyncMillis: 0,
} as const;

class Deployed {
  readonly time = new ManualTime();
  readonly orders: ToTask[][] = [];
  readonly committed: number[] = [];
  readonly terminated: number[] = [];
  readonly run: DeploymentRun<AttemptHandle>;
  outcome: DeploymentOutcome | null = null;
  readonly #listeners: TaskThreadListener[] = [];

  constructor(threads: number) {
    const memory = {rings: {}, bells: [], beats: new SharedArrayBuffer(threads * 4)};
    this.run = new DeploymentRun({
      startThread: ({subtask}, listener) => {
        this.#listeners[subtask] = listener;
        this.orders[subtask] = [];
        return {
          post: (order) => this.orders[subtask]?.push(order),
          terminate: async () => {
            this.terminated.push(subtask);
            listener.exited(null);
            return Promise.resolve();
          },
        };
      },
      clock: this.time,
      timers: this.time,
      deployments: Array.from(
        {length: threads},
        (_, subtask) => ({subtask, memory}) as unknown as Deployment,
      ),
      heartbeatTimeoutMillis: 60_000,
      driver: {
        config: {
          mode: 'exactly-once',
          unaligned: false,
          alignedTimeoutMillis: 0,
          intervalMillis: 1000,
          minPauseMillis: 0,
          timeoutMillis: 5000,
          maxConcurrent: 1,
          tolerableFailed: 100,
          numRetained: 1,
        },
        generation: 1,
        highestId: 0,
        completed: [],
        consecutiveFailures: 0,
        clock: this.time,
        timers: this.time,
      },
      beginAttempt: async (id) =>
        Promise.resolve({
          directory: `/attempt-${id}`,
          lacking: null,
          abort: async () => Promise.resolve(),
        }),
      publish: async (_, {id}) => Promise.resolve({path: `/chk-${id}`, bytes: 1}),
      committed: async (id) => {
        this.committed.push(id);
        return Promise.resolve();
      },
      listener: {
        started: () => undefined,
        metrics: () => undefined,
        rows: () => undefined,
        warning: () => undefined,
        checkpointCompleted: () => undefined,
        checkpointLacks: () => undefined,
        checkpointFailed: () => undefined,
      },
      caughtUp: async () => Promise.resolve(),
    });
    void this.run.outcome.then((outcome) => {
      this.outcome = outcome;
    });
    for (let subtask = 0; subtask < threads; subtask += 1) {
      this.says(subtask, {kind: 'deployed', tasks: [`t/${subtask}`]});
    }
  }

  says(subtask: number, message: FromTask): void {
    this.#listeners[subtask]?.message(message);
  }

  exits(subtask: number, error: unknown = null): void {
    this.#listeners[subtask]?.exited(error);
  }

  acknowledges(subtask: number, checkpointId: number): void {
    const task = `t/${subtask}`;
    this.says(subtask, {kind: 'acknowledge', checkpointId, task, snapshots: [], stats: STATS});
  }

  kinds(subtask: number): string[] {
    return (this.orders[subtask] ?? []).map(({kind}) => kind);
  }
}

test('a checkpoint is committed when the slowest thread has committed it', async () => {
  const deployed = new Deployed(2);
  await deployed.time.passTo(1000);
  deployed.acknowledges(0, 1);
  deployed.acknowledges(1, 1);
  await settled();
  expect(deployed.kinds(1)).toEqual(['start', 'trigger', 'notify-complete']);
  deployed.says(0, {kind: 'committed', checkpointId: 1});
  await settled();
  expect(deployed.committed).toEqual([]);
  deployed.says(1, {kind: 'committed', checkpointId: 1});
  await settled();
  expect(deployed.committed).toEqual([1]);
});

test.each(['stop', 'end'] as const)(
  'a %s ends with the last commit of every thread, not with the published checkpoint',
  async (how) => {
    const deployed = new Deployed(2);
    if (how === 'stop') deployed.run.stop();
    else for (const subtask of [0, 1]) deployed.says(subtask, {kind: 'ended'});
    await settled();
    deployed.acknowledges(0, 1);
    deployed.acknowledges(1, 1);
    await settled();
    expect(deployed.kinds(0)).not.toContain('cancel');
    deployed.says(1, {kind: 'committed', checkpointId: 1});
    await settled();
    expect(deployed.kinds(0)).not.toContain('cancel');
    deployed.says(0, {kind: 'committed', checkpointId: 1});
    await settled();
    for (const subtask of [0, 1]) {
      expect(deployed.kinds(subtask).at(-1)).toBe('cancel');
      deployed.exits(subtask);
    }
    await settled();
    const kind = how === 'stop' ? 'stopped' : 'finished';
    expect(deployed.outcome).toMatchObject({kind, last: {id: 1}});
  },
);

test('an earlier commit is not the last one', async () => {
  const deployed = new Deployed(1);
  await deployed.time.passTo(1000);
  deployed.acknowledges(0, 1);
  await settled();
  deployed.run.stop();
  await settled();
  deployed.acknowledges(0, 2);
  await settled();
  deployed.says(0, {kind: 'committed', checkpointId: 1});
  await settled();
  expect(deployed.kinds(0)).not.toContain('cancel');
  deployed.says(0, {kind: 'committed', checkpointId: 2});
  await settled();
  expect(deployed.kinds(0)).toContain('cancel');
});

test('what one thread fails with ends all of them, and is the outcome', async () => {
  const deployed = new Deployed(3);
  deployed.says(1, {kind: 'failed', error: serializeError(new Error('boom'))});
  for (const subtask of [0, 1, 2]) expect(deployed.kinds(subtask).at(-1)).toBe('cancel');
  deployed.exits(1);
  deployed.exits(0);
  await settled();
  expect(deployed.outcome).toBeNull();
  // One that does not listen is ended by force.
  await deployed.time.passTo(10_000);
  await settled();
  expect(deployed.terminated).toEqual([2]);
  expect(deployed.outcome).toMatchObject({kind: 'failed', error: {message: 'boom'}});
});

test('a thread that is gone without a word fails the deployment', async () => {
  const deployed = new Deployed(2);
  deployed.exits(0);
  expect(deployed.kinds(1).at(-1)).toBe('cancel');
  deployed.exits(1);
  await settled();
  expect(deployed.outcome).toMatchObject({kind: 'failed', error: {code: 'JOB_FAILED'}});
});

test('a thread of which nothing is heard ends all of them', async () => {
  const deployed = new Deployed(2);
  for (let now = 1000; now <= 130_000; now += 1000) await deployed.time.passTo(now);
  expect(deployed.kinds(0)).toContain('cancel');
});

test('what was counted is there for the next deployment', async () => {
  const deployed = new Deployed(1);
  const {run, time} = deployed;
  expect(run).toMatchObject({lastId: 0, consecutiveFailures: 0});
  await time.passTo(1000);
  deployed.says(0, {
    kind: 'decline',
    checkpointId: 1,
    task: 't/0',
    reason: 'declined',
    error: serializeError(new Error('why')),
  });
  await settled();
  deployed.exits(0);
  await settled();
  expect(run).toMatchObject({lastId: 1, consecutiveFailures: 1});
});
