// The coordinator decides as PROTOCOL.md says: when a checkpoint is triggered, complete, given up, and
// when the job fails. Each test tells one coordinator what happens and reads what it says.

import {describe, expect, test} from 'vitest';
import {RETRY_LAST_MILLIS} from '#src/checkpoint/coordinator-protocol.js';

import {Coordination} from './coordination.js';

describe('periodic checkpoints', () => {
  test('the first one is due after one interval, with an id above the base', () => {
    const job = new Coordination();
    expect(job.wakeAt).toBe(1000);
    expect(job.at(999).words).toEqual([]);
    expect(job.at(1000).words).toEqual(['trigger 11 periodic']);
  });

  test('ids start above completed ones too', () => {
    const job = new Coordination({}, {highestId: 3, completed: [19, 20]});
    expect(job.at(1000).words).toEqual(['trigger 21 periodic']);
  });

  test('complete once every task has acknowledged, notified once published', () => {
    const job = new Coordination().at(1000);
    expect(job.acknowledge(11, 'b').words).toEqual([]);
    expect(job.acknowledge(11, 'a').words).toEqual(['complete 11']);
    expect(job.said[0]).toMatchObject({
      parent: null,
      acknowledgements: [{task: 'a'}, {task: 'b'}],
    });
    expect(job.published(11).words).toEqual(['notify-complete 11']);
    expect(job.at(2000).words).toEqual(['trigger 12 periodic']);
    expect(job.acknowledge(12).said[0]).toMatchObject({kind: 'complete', parent: 11});
  });

  test('triggers that fell due while one was pending are not made up for', () => {
    const job = new Coordination().at(1000).at(2500).at(4500).acknowledge(11);
    expect(job.published(11).words).toEqual(['notify-complete 11', 'trigger 12 periodic']);
    job.acknowledge(12).published(12);
    expect(job.words).toEqual(['notify-complete 12']);
    expect(job.wakeAt).toBe(5500);
  });

  test('one that is being published counts as pending', () => {
    const job = new Coordination().at(1000).acknowledge(11);
    expect(job.at(3000).words).toEqual([]);
    expect(job.at(60_000).words).toEqual([]);
    expect(job.wakeAt).toBeNull();
  });

  test('nor are those that fell due while nothing was completed', () => {
    const job = new Coordination({tolerableFailed: 9}).at(1000).at(4500).decline(11);
    expect(job.words).toEqual(['abort 11 declined', 'notify-aborted 11']);
    expect(job.cleaned(11).words).toEqual(['trigger 12 periodic']);
    job.decline(12);
    expect(job.words).toEqual(['abort 12 declined', 'notify-aborted 12']);
    expect(job.cleaned(12).wakeAt).toBe(5500);
  });

  test('min-pause counts from the last completion', () => {
    const job = new Coordination({minPauseMillis: 700}).at(1000).acknowledge(11);
    job.now = 1900;
    job.published(11);
    expect(job.wakeAt).toBe(2600);
    expect(job.at(2599).words).toEqual([]);
    expect(job.at(2600).words).toEqual(['trigger 12 periodic']);
  });

  test('up to max-concurrent run at once', () => {
    const job = new Coordination({maxConcurrent: 2}).at(1000).at(2000);
    expect(job.words).toEqual(['trigger 12 periodic']);
    expect(job.at(3000).words).toEqual([]);
  });

  test('a newer one goes on when an older one is published', () => {
    const job = new Coordination({maxConcurrent: 2}).at(1000).at(2000).acknowledge(11);
    expect(job.published(11).words).toEqual(['notify-complete 11']);
    expect(job.acknowledge(12).words).toEqual(['complete 12']);
  });

  test('without an interval there are none', () => {
    const job = new Coordination({intervalMillis: null});
    expect(job.wakeAt).toBeNull();
    expect(job.at(1e9).words).toEqual([]);
  });
});

describe('acknowledgements that change nothing', () => {
  test.each([
    ['of another generation', {generation: 6, task: 'a', checkpointId: 11}],
    ['of an unknown task', {generation: 7, task: 'z', checkpointId: 11}],
    ['of an id never given', {generation: 7, task: 'a', checkpointId: 99}],
    ['of an older id', {generation: 7, task: 'a', checkpointId: 3}],
  ])('one %s', (_what, foreign) => {
    const job = new Coordination().at(1000);
    const before = job.state;
    expect(job.tell({kind: 'acknowledge', snapshot: [], ...foreign}).words).toEqual([]);
    expect(job.state).toEqual(before);
    const declined = job.tell({kind: 'decline', reason: 'declined', detail: '', ...foreign});
    expect(declined.words).toEqual([]);
    expect(job.state).toEqual(before);
  });

  test('a duplicate, and one after all have come', () => {
    const job = new Coordination().at(1000).acknowledge(11, 'a', 'a');
    expect(job.words).toEqual([]);
    job.acknowledge(11, 'b');
    const before = job.state;
    expect(job.acknowledge(11, 'b').words).toEqual([]);
    expect(job.state).toEqual(before);
  });

  test('a duplicate does not replace what was acknowledged first', () => {
    const job = new Coordination().at(1000);
    const subtask = {index: 0, states: [], watermark: null};
    const snapshot = [{uid: 'step', type: 'aggregate', subtask}];
    job.tell({kind: 'acknowledge', checkpointId: 11, generation: 7, task: 'a', snapshot});
    job.acknowledge(11, 'a', 'b');
    expect(job.said[0]).toMatchObject({acknowledgements: [{task: 'a', snapshot}, {task: 'b'}]});
  });

  test('a late one of an aborted checkpoint discards its own files and nothing else', () => {
    const job = new Coordination({tolerableFailed: 1}).at(1000).decline(11);
    const before = job.state;
    expect(job.acknowledge(11, 'b').words).toEqual(['discard 11 b']);
    expect(job.state).toEqual(before);
  });

  test('a late one of a completed checkpoint discards nothing', () => {
    const job = new Coordination().at(1000).acknowledge(11).published(11);
    expect(job.acknowledge(11).words).toEqual([]);
  });

  test('a decline while publishing', () => {
    const job = new Coordination().at(1000).acknowledge(11);
    expect(job.decline(11).words).toEqual([]);
    expect(job.published(11).words).toEqual(['notify-complete 11']);
  });
});

describe('giving up', () => {
  test('one that is not acknowledged in time expires', () => {
    const job = new Coordination({tolerableFailed: 9}).at(1000).acknowledge(11, 'a');
    expect(job.wakeAt).toBe(6000);
    expect(job.at(6000).words).toEqual(['abort 11 expired', 'notify-aborted 11']);
  });

  test('nothing is triggered while a task writes for one that was given up', () => {
    const job = new Coordination({tolerableFailed: 100, intervalMillis: 5000});
    for (let now = 0; now <= 500_000; now += 2500) job.at(now);
    expect(job.all.filter(({kind}) => kind === 'trigger')).toHaveLength(1);
    expect(job.wakeAt).toBeNull();
    // Not one that is asked for either: the task would have to decline it.
    expect(job.request('requested', 'r').words).toEqual([]);
    // It lets go: cleaned, and checkpoints go on.
    expect(job.cleaned(11).words).toEqual(['trigger 12 requested']);
    expect(job.acknowledge(12).published(12).words).toContain('trigger 13 periodic');
  });

  test('with several at once, those that were given up take their places', () => {
    const job = new Coordination({tolerableFailed: 100, maxConcurrent: 2}).at(1000).at(2000);
    job.decline(11).decline(12);
    expect(job.at(9000).words).toEqual([]);
    expect(job.cleaned(12).words).toEqual(['trigger 13 periodic']);
    expect(job.at(12_000).words).toEqual([]);
    expect(job.cleaned(11).words).toEqual(['trigger 14 periodic']);
  });

  test('retention slower than checkpoints holds back the next trigger', () => {
    const job = new Coordination({numRetained: 1});
    for (let id = 11; id <= 13; id++) {
      job.at((id - 10) * 1000);
      job.acknowledge(id).published(id);
    }
    expect(job.words).toEqual(['notify-complete 13', 'subsume 12']);
    expect(job.at(10_000).words).toEqual([]);
    expect(job.cleaned(11).words).toEqual(['trigger 14 periodic']);
  });

  test('a newer completed one subsumes an older pending one, without counting it', () => {
    const job = new Coordination({maxConcurrent: 2}).at(1000).at(2000).acknowledge(12);
    expect(job.words).toEqual(['complete 12']);
    expect(job.published(12).words).toEqual([
      'abort 11 subsumed',
      'notify-aborted 11',
      'notify-complete 12',
    ]);
  });

  test('publications are serial and by id', () => {
    const job = new Coordination({maxConcurrent: 3}).at(1000).at(2000).at(3000);
    expect(job.acknowledge(11).words).toEqual(['complete 11']);
    expect(job.acknowledge(13).acknowledge(12).words).toEqual([]);
    expect(job.published(11).words).toContain('complete 12');
  });

  test('a task failure aborts what is pending and stops', () => {
    const job = new Coordination({maxConcurrent: 2}).at(1000).at(2000).acknowledge(11);
    job.tell({kind: 'task-failed', task: 'a', detail: 'threw'});
    expect(job.words).toEqual(['abort 12 task-failure', 'notify-aborted 12']);
    expect(job.at(90_000).words).toEqual([]);
    expect(job.published(11).words).toEqual(['notify-complete 11']);
  });

  test('shutdown lets a publication end and triggers nothing', () => {
    const job = new Coordination().at(1000).acknowledge(11).request('requested', 'r1');
    expect(job.tell({kind: 'shutdown'}).words).toEqual(['answer r1 refused coordinator-stopped']);
    expect(job.published(11).words).toEqual(['notify-complete 11']);
    expect(job.request('stop', 's').words).toEqual(['answer s refused coordinator-stopped']);
  });
});

describe('a drain', () => {
  const drain = (job: Coordination): Coordination => job.tell({kind: 'drain-requested'});

  test('begins at once when nothing is pending, and nothing but the final checkpoint follows', () => {
    const job = new Coordination();
    expect(drain(job).words).toEqual(['drain']);
    expect(job.wakeAt).toBeNull();
    expect(job.at(90_000).words).toEqual([]);
    expect(drain(job).words).toEqual([]);
    job.tell({kind: 'task-ended', task: 'a'});
    expect(job.tell({kind: 'task-ended', task: 'b'}).words).toEqual(['trigger 11 final']);
    expect(job.acknowledge(11).published(11).words).toEqual(['notify-complete 11']);
    expect(job.at(190_000).words).toEqual([]);
  });

  test('waits for what is pending, so that no barrier goes out behind it', () => {
    const job = new Coordination({maxConcurrent: 2}).at(1000).at(2000);
    expect(drain(job).words).toEqual([]);
    expect(job.at(3000).words).toEqual([]);
    expect(job.acknowledge(11).published(11).words).toEqual(['notify-complete 11']);
    expect(job.acknowledge(12).published(12).words).toEqual(['notify-complete 12', 'drain']);
  });

  test('serves what was asked for before it and refuses what comes after', () => {
    const job = new Coordination().at(1000).request('requested', 'r1');
    drain(job);
    expect(job.request('requested', 'r2').words).toEqual(['answer r2 refused draining']);
    expect(job.request('stop', 's').words).toEqual(['answer s refused draining']);
    expect(job.acknowledge(11).published(11).words).toEqual([
      'notify-complete 11',
      'trigger 12 requested',
    ]);
    expect(job.acknowledge(12).published(12).words).toEqual([
      'notify-complete 12',
      'answer r1 completed 12',
      'drain',
    ]);
    expect(job.request('requested', 'r3').words).toEqual(['answer r3 refused draining']);
  });

  test('one whose final checkpoint fails fails the job', () => {
    const job = new Coordination({tolerableFailed: 9});
    drain(job);
    for (const task of ['a', 'b']) job.tell({kind: 'task-ended', task});
    expect(job.decline(11).words).toEqual(['abort 11 declined', 'notify-aborted 11', 'fail-job']);
  });
});

describe('tolerable failures', () => {
  test('the job fails when counted failures in a row exceed the limit', () => {
    const job = new Coordination({tolerableFailed: 1}).at(1000).decline(11);
    expect(job.words).toEqual(['abort 11 declined', 'notify-aborted 11']);
    job.cleaned(11).at(2000).acknowledge(12).publishFailed(12);
    expect(job.words).toEqual(['abort 12 publish-failed', 'notify-aborted 12', 'fail-job']);
    expect(job.at(9000).words).toEqual([]);
  });

  test('a success resets the count', () => {
    const job = new Coordination({tolerableFailed: 1}).at(1000).decline(11);
    job.cleaned(11).at(2000).acknowledge(12).published(12).at(3000).decline(13);
    expect(job.words).toContain('abort 13 declined');
    expect(job.words).not.toContain('fail-job');
  });

  test('the count goes on across a restart inside the process', () => {
    const job = new Coordination({tolerableFailed: 1}, {consecutiveFailures: 1}).at(1000);
    expect(job.decline(11).words).toContain('fail-job');
  });

  test('the count that failed the job is not handed on to the next deployment', () => {
    const job = new Coordination({tolerableFailed: 1}).at(1000).decline(11);
    expect(job.state.consecutiveFailures).toBe(1);
    expect(job.cleaned(11).at(2000).decline(12).words).toContain('fail-job');
    expect(job.state.consecutiveFailures).toBe(0);
  });

  test.each(['declined-task-not-ready', 'declined-subsumed', 'declined-task-closing'] as const)(
    '%s is not counted',
    (reason) => {
      const job = new Coordination().at(1000).decline(11, 'a', reason);
      expect(job.words).toEqual([`abort 11 ${reason}`, 'notify-aborted 11']);
    },
  );

  test('an attempt that could not be started counts', () => {
    const job = new Coordination().at(1000).tell({kind: 'trigger-failed', id: 11, detail: 'EIO'});
    expect(job.words).toContain('fail-job');
  });

  test('two declines of one id count once', () => {
    const job = new Coordination({tolerableFailed: 1}).at(1000).decline(11, 'a').decline(11, 'b');
    expect(job.state.consecutiveFailures).toBe(1);
  });
});

describe('requests', () => {
  test('one that comes while another is pending waits for it and is not lost', () => {
    const job = new Coordination().at(1000).request('requested', 'r1').request('requested', 'r2');
    expect(job.words).toEqual([]);
    expect(job.acknowledge(11).published(11).words).toEqual([
      'notify-complete 11',
      'trigger 12 requested',
    ]);
    expect(job.acknowledge(12).published(12).words).toContain('answer r1 r2 completed 12');
  });

  test('one that comes after the trigger is not answered by it', () => {
    const job = new Coordination().request('requested', 'r1').request('requested', 'r2');
    expect(job.acknowledge(11).published(11).words).toEqual([
      'notify-complete 11',
      'answer r1 completed 11',
      'trigger 12 requested',
    ]);
  });

  test('nothing else is triggered beside a requested one', () => {
    const job = new Coordination({maxConcurrent: 4}).request('requested', 'r');
    expect(job.at(3000).words).toEqual([]);
  });

  test('its failure is answered', () => {
    const job = new Coordination({tolerableFailed: 1}).request('requested', 'r').decline(11);
    expect(job.words).toContain('answer r aborted 11');
  });

  test('savepoints and last checkpoints are aligned, periodic ones as configured', () => {
    const job = new Coordination({unaligned: true}).request('requested', 'r');
    expect(job.said[0]).toMatchObject({alignment: {kind: 'aligned'}});
    job.acknowledge(11).published(11).at(5000);
    expect(job.said[0]).toMatchObject({purpose: 'periodic', alignment: {kind: 'unaligned'}});
  });
});

describe('the end', () => {
  test('the final checkpoint follows the end of the last task, and waits for a pending one', () => {
    const job = new Coordination().at(1000).taskEnded('a').taskEnded('b');
    expect(job.words).toEqual([]);
    job.acknowledge(11).published(11);
    expect(job.words).toEqual(['notify-complete 11', 'trigger 12 final']);
    expect(job.acknowledge(12).published(12).words).toEqual(['notify-complete 12']);
    expect(job.at(90_000).words).toEqual([]);
    expect(job.state.phase).toBe('ended');
  });

  test('there is one final checkpoint, also without periodic ones', () => {
    const job = new Coordination({intervalMillis: null}).taskEnded('a').taskEnded('b');
    expect(job.words).toEqual(['trigger 11 final']);
    expect(job.taskEnded('b').words).toEqual([]);
  });

  test('a failed final checkpoint fails the job, whatever is tolerated', () => {
    const job = new Coordination({tolerableFailed: 9}).taskEnded('a').taskEnded('b').decline(11);
    expect(job.words).toContain('fail-job');
  });

  test.each(['declined-task-not-ready', 'declined-on-cancellation-barrier'] as const)(
    'a final checkpoint that met %s is triggered again, a while later',
    (reason) => {
      const job = new Coordination().taskEnded('a').taskEnded('b').decline(11, 'a', reason);
      expect(job.words).toEqual([`abort 11 ${reason}`, 'notify-aborted 11']);
      expect(job.cleaned(11).wakeAt).toBe(RETRY_LAST_MILLIS);
      expect(job.at(RETRY_LAST_MILLIS - 1).words).toEqual([]);
      expect(job.at(RETRY_LAST_MILLIS).words).toEqual(['trigger 12 final']);
      expect(job.acknowledge(12).published(12).words).toEqual(['notify-complete 12']);
      expect(job.state.phase).toBe('ended');
    },
  );

  test('a last checkpoint is not triggered again once its timeout has passed', () => {
    const job = new Coordination({timeoutMillis: 1000}).request('stop', 's');
    for (const [id, now] of [
      [11, 100],
      [12, 1099],
    ] as const) {
      job.at(now - 100);
      job.at(now).decline(id, 'a', 'declined-task-not-ready');
      if (id === 11) job.cleaned(11);
    }
    expect(job.words).toContain('answer s aborted 12');
  });

  test('a stop that fails is answered, and the job goes on', () => {
    const job = new Coordination().request('stop', 's').decline(11);
    expect(job.words).toEqual(['abort 11 declined', 'notify-aborted 11', 'answer s aborted 11']);
    expect(job.cleaned(11).at(2000).words).toEqual(['trigger 12 periodic']);
  });

  test('after a stop nothing is triggered, and later requests are refused', () => {
    const job = new Coordination().request('stop', 's').request('requested', 'r').acknowledge(11);
    expect(job.published(11).words).toEqual([
      'notify-complete 11',
      'answer s completed 11',
      'answer r refused job-ended',
    ]);
    expect(job.request('stop', 's2').words).toEqual(['answer s2 refused job-ended']);
  });

  test('a stop that meets the end of the input is answered by the end of the job', () => {
    const job = new Coordination().at(1000).request('stop', 's').taskEnded('a').taskEnded('b');
    expect(job.acknowledge(11).published(11).words).toContain('trigger 12 final');
    expect(job.acknowledge(12).published(12).words).toEqual([
      'notify-complete 12',
      'answer s refused job-ended',
    ]);
  });
});
