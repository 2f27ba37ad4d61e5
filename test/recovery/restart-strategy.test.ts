// When a failed deployment is restarted and when the job fails: Flink's strategies with its options, and
// the failures that no restart cures.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {EngineError, ERROR_CODES, type ErrorCode} from '#src/base/errors.js';
import type {RestartStrategySpec} from '#src/job/job-spec.js';
import {
  backoffMillis,
  checkpointCompleted,
  decideRestart,
  failureOf,
  startRestarts,
  type RestartDecision,
} from '#src/recovery/restart-strategy.js';

const EXPONENTIAL: Extract<RestartStrategySpec, {type: 'exponential-delay'}> = {
  type: 'exponential-delay',
  initialBackoffMillis: 1000,
  maxBackoffMillis: 60_000,
  multiplier: 1.5,
  jitterFactor: 0.1,
  resetThresholdMillis: 3_600_000,
  attemptsBeforeReset: null,
};

/** Fails at each of `times`, each time in another way; half-way through the jitter. */
function failAt(strategy: RestartStrategySpec, ...times: readonly number[]): readonly string[] {
  let state = startRestarts(strategy);
  return times.map((now, index) => {
    const failure = failureOf(new Error(`way ${index}`));
    const step = decideRestart(state, failure, now, 0.5);
    state = step.state;
    return words(step.decision);
  });
}

function words(decision: RestartDecision): string {
  return decision.kind === 'restart' ? `at ${decision.at}` : 'give up';
}

describe('strategies', () => {
  test('none gives up at once', () => {
    expect(failAt({type: 'none'}, 5)).toEqual(['give up']);
  });

  test('fixed-delay restarts so often, and never forgets', () => {
    const strategy = {type: 'fixed-delay', attempts: 2, delayMillis: 100} as const;
    expect(failAt(strategy, 0, 1000, 9_000_000)).toEqual(['at 100', 'at 1100', 'give up']);
  });

  test('failure-rate counts the failures of its interval', () => {
    const strategy = {
      type: 'failure-rate',
      maxFailuresPerInterval: 2,
      intervalMillis: 1000,
      delayMillis: 10,
    } as const;
    expect(failAt(strategy, 0, 500, 1001, 1400)).toEqual(['at 10', 'at 510', 'at 1011', 'give up']);
  });

  test('exponential-delay grows by its multiplier up to its limit', () => {
    const at = [0, 10_000, 20_000, 30_000].map((time) => time);
    expect(failAt(EXPONENTIAL, ...at)).toEqual(['at 1000', 'at 11500', 'at 22250', 'at 33375']);
    expect(backoffMillis(EXPONENTIAL, 5000, 0.99)).toBe(60_000);
  });

  test('failures before the planned restart are one attempt', () => {
    expect(failAt(EXPONENTIAL, 0, 10, 999, 1000)).toEqual([
      'at 1000',
      'at 1000',
      'at 1000',
      'at 2500',
    ]);
  });

  test('a quiet time resets the back-off and the attempts', () => {
    const strategy = {...EXPONENTIAL, resetThresholdMillis: 5000, attemptsBeforeReset: 2};
    expect(failAt(strategy, 0, 2000, 9000)).toEqual(['at 1000', 'at 3500', 'at 10000']);
    expect(failAt(strategy, 0, 2000, 8000)).toEqual(['at 1000', 'at 3500', 'give up']);
  });

  test('the back-off stays within its limits for any jitter', () => {
    fc.assert(
      fc.property(
        fc.nat({max: 2000}),
        fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true}),
        (attempts, random) => {
          const wait = backoffMillis(EXPONENTIAL, attempts, random);
          expect(wait).toBeGreaterThanOrEqual(1000);
          expect(wait).toBeLessThanOrEqual(60_000);
        },
      ),
    );
  });
});

describe('failures that are final', () => {
  const forever: RestartStrategySpec = {
    type: 'fixed-delay',
    attempts: Number.MAX_SAFE_INTEGER,
    delayMillis: 0,
  };

  test('only these codes are retried', () => {
    const retried = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => {
      const failure = failureOf(new EngineError(code, 'x'));
      return decideRestart(startRestarts(forever), failure, 0, 0).decision.kind === 'restart';
    });
    expect(retried.toSorted()).toEqual([
      'JOB_FAILED',
      'STORAGE_FAILED',
      'TIMED_OUT',
      'UNEXPECTED',
      'USER_CODE_FAILED',
    ]);
  });

  function run(...errors: readonly Error[]): readonly string[] {
    let state = startRestarts(forever);
    return errors.map((error, index) => {
      const step = decideRestart(state, failureOf(error), index, 0);
      state = step.state;
      return step.decision.kind;
    });
  }
  const disk = (chk: number, code: string): Error =>
    new EngineError('STORAGE_FAILED', `writing work/7/pending/chk-${chk}/a failed`, {
      cause: Object.assign(new Error(code), {code}),
    });

  test('the same storage error three times in a row, whatever the path', () => {
    expect(run(disk(1, 'ENOSPC'), disk(2, 'ENOSPC'), disk(3, 'ENOSPC'))).toEqual([
      'restart',
      'restart',
      'give-up',
    ]);
  });

  test('another error in between starts the count again', () => {
    const full = disk(1, 'ENOSPC');
    expect(run(full, full, disk(1, 'EIO'), full, full)).toEqual(Array(5).fill('restart'));
  });

  test('the same record in user code three times in a row', () => {
    const record = new EngineError('USER_CODE_FAILED', 'step s failed at a.ndjson:812');
    const other = new EngineError('USER_CODE_FAILED', 'step s failed at a.ndjson:813');
    expect(run(record, other, record, record, record)).toEqual([
      'restart',
      'restart',
      'restart',
      'restart',
      'give-up',
    ]);
  });

  test('other failures are left to the strategy, however often they repeat', () => {
    const lost = new EngineError('JOB_FAILED', 'the task thread ended');
    expect(run(lost, lost, lost, lost, lost)).toEqual(Array(5).fill('restart'));
    const bug = new TypeError('x is undefined');
    expect(run(bug, bug, bug, bug)).toEqual(Array(4).fill('restart'));
    const full = disk(1, 'ENOSPC');
    expect(run(full, full, lost, full, full)).toEqual(Array(5).fill('restart'));
  });

  test('a completed checkpoint breaks the row, and changes nothing else', () => {
    const failure = failureOf(disk(1, 'ENOSPC'));
    let state = startRestarts({...EXPONENTIAL, attemptsBeforeReset: 3});
    const decided: string[] = [];
    for (const now of [0, 10_000, 20_000, 30_000]) {
      const step = decideRestart(checkpointCompleted(state), failure, now, 0.5);
      state = step.state;
      decided.push(words(step.decision));
    }
    // The strategy's own attempts go on.
    expect(decided).toEqual(['at 1000', 'at 11500', 'at 22250', 'give up']);
    expect(decideRestart(state, failure, 40_000, 0.5).decision.kind).toBe('give-up');
  });

  test('an undecided publish is not retried', () => {
    const facts = (outcome: string) => ({facts: {outcome}});
    const message = 'publishing chk-3 failed';
    expect(run(new EngineError('STORAGE_FAILED', message, facts('undecided')))).toEqual([
      'give-up',
    ]);
    expect(run(new EngineError('STORAGE_FAILED', message, facts('not-published')))).toEqual([
      'restart',
    ]);
  });
});
