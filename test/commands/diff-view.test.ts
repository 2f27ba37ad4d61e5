// What is told of a difference: user text cannot move the cursor.

import {expect, test} from 'vitest';

import {diffLines} from '#commands/_shared/diff-view.js';
import {makeStyle} from '#commands/_shared/style.js';
import type {DiffReport} from '#src/index.js';

const style = makeStyle({isTTY: false, environment: {}, color: null});

const DIFF: DiffReport = {
  equal: false,
  from: '/a',
  to: '/b',
  operators: {
    added: [],
    removed: [],
    changed: [{uid: 'a\u001b[2J', type: {from: 'map\u001b[2J', to: 'x\u0007'}, states: []}],
  },
  sources: [],
  positions: [],
  bytes: {from: 1, to: 1},
};

test('a type with an escape sequence is escaped', () => {
  const text = diffLines(DIFF, style).join('\n');
  expect(text).toContain('operator a\\u001b[2J was map\\u001b[2J, is x\\u0007');
  expect(text).not.toContain('\u001b');
});

test('where a source goes on is told for both, some lines of it', () => {
  const from = Array.from({length: 12}, (_, index) => `in/${index}.csv from its beginning`);
  const positions = [{operator: 'orders', from, to: ['in/0.csv\u001b[2J at byte 9 of 9']}];
  const lines = diffLines({...DIFF, positions}, style);
  const at = lines.indexOf('  source orders goes on elsewhere');
  expect(lines.slice(at + 1, at + 3)).toEqual([
    '    - in/0.csv from its beginning',
    '    - in/1.csv from its beginning',
  ]);
  expect(lines.slice(at + 11, at + 13)).toEqual([
    '    - and 2 more (all of them with --json)',
    '    + in/0.csv\\u001b[2J at byte 9 of 9',
  ]);
});
