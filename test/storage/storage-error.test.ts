// What the disk did wrong is told apart from what we did wrong: a mistake of ours is never said to be the disk's.

import {expect, test} from 'vitest';

import {EngineError} from '#src/base/errors.js';
import {storageFailed} from '#src/storage/storage-error.js';

test.each([
  [new RangeError('Invalid time value'), 'UNEXPECTED'],
  [new TypeError('x is not a function'), 'UNEXPECTED'],
  [Object.assign(new TypeError('bad'), {code: 'ENOSPC'}), 'STORAGE_FAILED'],
  [Object.assign(new Error('ENOSPC: write'), {code: 'ENOSPC'}), 'STORAGE_FAILED'],
  [new Error('lost'), 'STORAGE_FAILED'],
  [new EngineError('NOT_FOUND', 'gone'), 'NOT_FOUND'],
])('%s is %s', (cause, code) => {
  expect(storageFailed('reading', '/a', cause)).toMatchObject({code});
});
