// The driver carries out what the coordinator decides, and tells it what became of that: what falls due by time, what was
// given up while its directory was being made, what could not be published, and what is cleaned.

import {beforeEach, describe, expect, test} from 'vitest';

import {EngineError} from '#src/base/errors.js';
import type {CoordinatorConfig} from '#src/checkpoint/coordinator-protocol.js';
import {CheckpointDriver, type AttemptHandle} from '#src/runtime/checkpoint-driver.js';
import type {FromTask, ToTask} from '#src/runtime/task-messages.js';
import {ManualTime, settled} from './support/manual-time.ts';

const CONFIG: CoordinatorConfig = {
  mode: 'exactly-once',
  unaligned: false,
  alignedTimeoutMillis: 0,
  intervalMillis: 1000,
  minPauseMillis: 0,
  timeoutMillis: 5000,
  maxConcurrent: 1,
  tolerableFailed: 100,
  numRetained: 1,
};

class Driven {
  readonly time = new ManualTime();
  readonly said: string[] = [];
  /** What stands in its way; null: nothing. */
  begin: Promise<void> | null = null;
  lacking: string | null = null;
  publishFailure: Error | null = null;
  /** The thread does not end to write for what was given up. */
  writesOn = false;
  completedFailure: Error | null = null;
  readonly driver: CheckpointDriver<AttemptHandle>;

  constructor(config: Partial<CoordinatorConfig> = {}) {
    this.driver = new CheckpointDriver({
      config: {...CONFIG, ...config},
      generation: 1,
      tasks: ['a'],
      threads: [0],
      highestId: 0,
      completed: [],
      consecutiveFailures: 0,
      clock: this.time,
      timers: this.time,
      ports: {
        beginAttempt: async (id) => {
          await this.begin;
          return {
            directory: `/pending/chk-${id}`,
            lacking: this.lacking,
            abort: async () => Promise.resolve(void this.said.push(`removed ${id}`)),
          };
        },
        publish: async (_attempt, {id}) => {
          if (this.publishFailure !== null) throw this.publishFailure;
          return Promise.resolve({path: `/chk-${id}`, bytes: 1});
        },
        post: (message: ToTask) => {
          if (!('checkpointId' in message)) return;
          const {kind, checkpointId} = message;
          const full = 'full' in message && message.full ? ' full' : '';
          this.said.push(`${kind} ${checkpointId}${full}`);
          if (kind === 'notify-aborted' && !this.writesOn) this.driver.released(0, checkpointId);
        },
        completed: ({id}) => {
          this.said.push(`completed ${id}`);
          if (this.completedFailure !== null) throw this.completedFailure;
        },
        lacking: (id, path) => this.said.push(`${id} lacks ${path}`),
        failed: (id) => this.said.push(`failed ${id}`),
        committed: async () => Promise.resolve(),
        fail: (error) => this.said.push(`stop: ${(error as Error).message}`),
      },
    });
  }

  async acknowledge(checkpointId: number): Promise<void> {
    const message = {kind: 'acknowledge', checkpointId, task: 'a', snapshots: [], stats: STATS};
    this.driver.handle(message as unknown as Extract<FromTask, {kind: 'acknowledge'}>);
    await settled();
  }

  async decline(checkpointId: number): Promise<void> {
    const message = {
      kind: 'decline',
      checkpointId,
      task: 'a',
      reason: 'declined',
      error: new Error('why'),
    };
    this.driver.handle(message as unknown as Extract<FromTask, {kind: 'decline'}>);
    await settled();
  }
}

const STATS = {
  alignment: 'aligned',
  startDelayMillis: 0,
  alignmentMillis: 0,
  syncMillis: 0,
  asyncMillis: 0,
  alignmentBytes: 0,
  persistedBytes: 0,
};

describe('a checkpoint', () => {
  let job: Driven;

  beforeEach(() => {
    job = new Driven();
  });

  test('has all state when a file that it would refer to is not there, and the next may refer again', async () => {
    job.lacking = '/shared/ab';
    await job.time.passTo(1000);
    expect(job.said.splice(0)).toEqual(['1 lacks /shared/ab', 'trigger 1 full']);
    await job.acknowledge(1);
    job.lacking = null;
    await job.time.passTo(2000);
    expect(job.said.at(-1)).toBe('trigger 2');
  });

  test('is triggered when it is due, published, told, and followed by the next', async () => {
    await job.time.passTo(999);
    expect(job.said).toEqual([]);
    await job.time.passTo(1000);
    await job.acknowledge(1);
    expect(job.said).toEqual(['trigger 1', 'completed 1', 'notify-complete 1']);
    await job.time.passTo(2000);
    expect(job.said.at(-1)).toBe('trigger 2');
  });

  test('that expires is removed, told, and followed by the next', async () => {
    await job.time.passTo(1000);
    await job.time.passTo(6000);
    expect(job.said).toEqual([
      'trigger 1',
      'failed 1',
      'notify-aborted 1',
      'removed 1',
      'trigger 2',
    ]);
  });

  test('of which each attempt was removed does not keep the next from being triggered', async () => {
    for (let id = 1; id <= 5; id += 1) {
      await job.time.passTo(id * 1000);
      expect(job.said).toContain(`trigger ${id}`);
      await job.decline(id);
    }
  });

  test('is not triggered while a thread writes for one that was given up', async () => {
    job.writesOn = true;
    await job.time.passTo(1000);
    await job.decline(1);
    expect(job.said).toContain('removed 1');
    await job.time.passTo(3000);
    expect(job.said).not.toContain('trigger 2');
    // Another one's word, and one of another checkpoint, is not it.
    job.driver.released(7, 1);
    job.driver.released(0, 9);
    await settled();
    expect(job.said).not.toContain('trigger 2');
    job.driver.released(0, 1);
    await settled();
    expect(job.said.at(-1)).toBe('trigger 2');
  });

  test('is triggered all the same when that does not end within the time of a checkpoint', async () => {
    job.writesOn = true;
    await job.time.passTo(1000);
    await job.decline(1);
    await job.time.passTo(5999);
    expect(job.said).not.toContain('trigger 2');
    await job.time.passTo(6000);
    await settled();
    expect(job.said.at(-1)).toBe('trigger 2');
  });

  test('for which a thread writes on does not hold up the end', async () => {
    job.writesOn = true;
    await job.time.passTo(1000);
    let closed = false;
    void job.driver.close().then(() => {
      closed = true;
    });
    await settled();
    await settled();
    expect(closed).toBe(true);
    expect(job.said).toContain('removed 1');
  });

  test('that was given up while its directory was being made is not triggered', async () => {
    let made = (): void => undefined;
    job.begin = new Promise((resolve) => {
      made = resolve;
    });
    await job.time.passTo(1000);
    await job.time.passTo(6000);
    expect(job.said).toEqual(['failed 1', 'notify-aborted 1']);
    made();
    await settled();
    expect(job.said).not.toContain('trigger 1');
    expect(job.said).toContain('removed 1');
  });

  test('that could not be published is removed; one of which nobody knows stops the job', async () => {
    job.publishFailure = new EngineError('STORAGE_FAILED', 'disk full', {
      facts: {outcome: 'not-published'},
    });
    await job.time.passTo(1000);
    await job.acknowledge(1);
    expect(job.said).toEqual(['trigger 1', 'failed 1', 'notify-aborted 1', 'removed 1']);
    job.publishFailure = new EngineError('STORAGE_FAILED', 'who knows', {
      facts: {outcome: 'undecided'},
    });
    await job.time.passTo(2000);
    await job.acknowledge(2);
    expect(job.said.slice(4)).toEqual(['trigger 2', 'stop: who knows']);
  });

  test('that exists is never called failed, whatever goes wrong when it is told', async () => {
    job.completedFailure = new Error('nobody listens');
    await job.time.passTo(1000);
    await job.acknowledge(1);
    expect(job.said).toEqual(['trigger 1', 'completed 1', 'stop: nobody listens']);
  });

  test.each(['undecided', 'not told'])(
    'that was asked for and is %s leaves nobody waiting when the deployment ends',
    async (how) => {
      if (how === 'not told') job.completedFailure = new Error('nobody listens');
      else
        job.publishFailure = new EngineError('STORAGE_FAILED', 'who knows', {
          facts: {outcome: 'undecided'},
        });
      const answer = job.driver.request('stop');
      await job.acknowledge(1);
      await job.driver.close();
      expect(await answer).toEqual({kind: 'refused', why: 'coordinator-stopped'});
    },
  );

  test('that is being published holds up the end of the deployment', async () => {
    let published = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      published = resolve;
    });
    job.begin = slow;
    await job.time.passTo(1000);
    let closed = false;
    void job.driver.close().then(() => {
      closed = true;
    });
    await settled();
    expect(closed).toBe(false);
    published();
    await settled();
    await settled();
    expect(closed).toBe(true);
  });
});
