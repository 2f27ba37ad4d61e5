// What the history tells of checkpoints that retention has deleted, and of a savepoint that was made from one.

import {expect, test} from 'vitest';

import {CheckpointHistory} from '#src/metrics/checkpoint-history.js';
import {summarize} from '#src/metrics/checkpoint-stats.js';

const stats = summarize([]);
const facts = (id: number) => ({id, path: `/chk-${id}`, bytes: 1, durationMillis: 1, stats});

test('a deleted checkpoint is discarded, the newest one too; the savepoint made from it is not', () => {
  const history = new CheckpointHistory(() => 0);
  for (const id of [1, 2]) history.completed({...facts(id), savepoint: null});
  history.savepointTaken({...facts(2), path: '/savepoint', savepoint: 'native'});
  const discarded = (): [number, boolean][] =>
    history.view().history.map((entry) => [entry.id, entry.discarded]);
  history.discarded(new Set([1]));
  expect(discarded()).toEqual([
    [2, false],
    [1, true],
  ]);
  history.discarded(new Set([2]));
  expect(history.view().latest).toMatchObject({
    completed: {id: 2, discarded: true},
    savepoint: {path: '/savepoint', discarded: false},
  });
});
