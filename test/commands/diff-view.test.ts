// What is told of a difference: user text cannot move the cursor.

import {expect, test} from 'vitest';

import {diffLines} from '#commands/_shared/diff-view.js';
import {makeStyle} from '#commands/_shared/style.js';
import type {CheckpointDiff} from '#src/index.js';

const style = makeStyle({isTTY: false, environment: {}, color: null});

const DIFF: CheckpointDiff = {
  equal: false,
  from: '/a',
  to: '/b',
  operators: {
    added: [],
    removed: [],
    changed: [{uid: 'a\u001b[2J', type: {from: 'map\u001b[2J', to: 'x\u0007'}, states: []}],
  },
  sources: [],
  bytes: {from: 1, to: 1},
};

test('a type with an escape sequence is escaped', () => {
  const text = diffLines(DIFF, style).join('\n');
  expect(text).toContain('operator a\\u001b[2J was map\\u001b[2J, is x\\u0007');
  expect(text).not.toContain('\u001b');
});
