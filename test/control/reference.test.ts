// Which job a reference means, and what `wait --for` may be told.

import {describe, expect, test} from 'vitest';
import {parseCondition} from '#src/control/await-job.js';
import {resolveJob} from '#src/control/job-reference.js';
import type {RegisteredJob} from '#src/control/job-registry.js';

function job(jobId: string, name: string, live: boolean, started: number): RegisteredJob {
  return {jobId: jobId.padEnd(32, '0'), live, record: {name, started}} as RegisteredJob;
}

const JOBS = [
  job('aaaa1', 'clicks', true, 5),
  job('aaaa2', 'clicks', false, 9),
  job('bbbb1', 'orders', false, 1),
  job('bbbb2', 'orders', false, 2),
  job('cccc1', 'twins', true, 3),
  job('cccc2', 'twins', true, 4),
  job('dddd1', 'aaaa1', false, 8),
];

function idOf(reference: string): string {
  return resolveJob(JOBS, reference).jobId.slice(0, 5);
}

describe('a reference', () => {
  test.each([
    ['its whole id', 'bbbb1'.padEnd(32, '0'), 'bbbb1'],
    ['its name', 'clicks', 'aaaa1'],
    ['the name of ended jobs: the newest', 'orders', 'bbbb2'],
    ['digits that only its id begins with', 'bbbb2', 'bbbb2'],
    ['a name that looks like an id', 'aaaa1', 'dddd1'],
  ])('by %s', (_how, reference, id) => {
    expect(idOf(reference)).toBe(id);
  });

  test.each([
    ['a name that two live jobs have', 'twins', 'USAGE', /cccc1.*cccc2|cccc2.*cccc1/],
    ['digits that two ids begin with', 'bbbb', 'USAGE', /bbbb1/],
    ['three digits', 'bbb', 'NOT_FOUND', /no such job/],
    ['a name with a slip', 'clikcs', 'NOT_FOUND', /no such job: clikcs/],
  ])('%s is refused', (_what, reference, code, message) => {
    const resolve = (): unknown => resolveJob(JOBS, reference);
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(expect.objectContaining({code}));
  });

  test('the nearest name is in the hint', () => {
    expect(() => resolveJob(JOBS, 'clikcs')).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({hint: 'did you mean clicks?'}) as unknown,
      }),
    );
  });
});

describe('a condition', () => {
  test.each([
    ['running', {kind: 'state', state: 'RUNNING'}],
    ['Finished', {kind: 'state', state: 'FINISHED'}],
    ['canceled', {kind: 'state', state: 'CANCELED'}],
    ['ended', {kind: 'ended'}],
    ['checkpoint>=3', {kind: 'checkpoint', id: 3}],
    [`trigger=${'a'.repeat(32)}`, {kind: 'trigger', triggerId: 'a'.repeat(32)}],
  ])('%s', (text, value) => {
    expect(parseCondition(text)).toEqual({kind: 'ok', value});
  });

  test.each(['', 'dancing', 'checkpoint>3', 'checkpoint>=x', 'trigger=1', 'constructor'])(
    '%s is refused with what can be written',
    (text) => {
      expect(parseCondition(text)).toMatchObject({
        kind: 'invalid',
        suggestion: expect.stringContaining('checkpoint>=3'),
      });
    },
  );
});
