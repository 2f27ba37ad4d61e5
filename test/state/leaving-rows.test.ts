// Promise: rows leave the cache group by group when the store is that far, but for those that were used again, or whose number another
// row has meanwhile.
import {expect, test} from 'vitest';
import {LeavingRows} from '#src/state/rocksdb/leaving-rows.js';
import {CHANGED, DIRTY, RowFlags, STORED, USED} from '#src/state/rocksdb/row-flags.js';

function choose(leaving: LeavingRows, flags: RowFlags, rows: readonly number[], ticket: number) {
  const group = leaving.begin();
  for (const row of rows) {
    flags.set(row, STORED);
    flags.setGroup(row, group.number);
    group.rows.push(row);
  }
  leaving.add(group.number, group.rows, ticket);
}

function taken(leaving: LeavingRows, written: number): number[] {
  const {values, count} = leaving.take(written);
  return [...values.subarray(0, count)];
}

test('they leave when their group is written, in its order', () => {
  const flags = new RowFlags();
  const leaving = new LeavingRows(flags);
  expect(leaving.nextTicket).toBe(null);
  choose(leaving, flags, [1, 2], 1);
  choose(leaving, flags, [3], 4);
  expect([leaving.count, leaving.nextTicket, taken(leaving, 0)]).toEqual([3, 1, []]);
  expect(taken(leaving, 3)).toEqual([1, 2]);
  expect([leaving.count, leaving.nextTicket]).toEqual([1, 4]);
  expect(taken(leaving, 4)).toEqual([3]);
  expect([leaving.count, leaving.nextTicket]).toEqual([0, null]);
});

test('one that was used, written or noted again stays, and can be chosen again', () => {
  const flags = new RowFlags();
  const leaving = new LeavingRows(flags);
  choose(leaving, flags, [1, 2, 3, 4], 1);
  for (const [row, flag] of [
    [1, USED],
    [2, DIRTY],
    [3, CHANGED],
  ] as const) {
    flags.set(row, flag);
  }
  expect(taken(leaving, 1)).toEqual([4]);
  expect([1, 2, 3].map((row) => flags.groupOf(row))).toEqual([0, 0, 0]);
});

test('a row that has the number of one that was deleted is not taken for it', () => {
  const flags = new RowFlags();
  const leaving = new LeavingRows(flags);
  choose(leaving, flags, [1, 2], 1);
  flags.reset(1);
  choose(leaving, flags, [1], 2);
  expect(taken(leaving, 1)).toEqual([2]);
  expect(taken(leaving, 2)).toEqual([1]);
});

test('there are at most so many groups that each has a number of its own', () => {
  const flags = new RowFlags();
  const leaving = new LeavingRows(flags);
  let groups = 0;
  for (; !leaving.isFull; groups += 1) choose(leaving, flags, [groups], groups);
  expect(new Set(Array.from({length: groups}, (_, row) => flags.groupOf(row))).size).toBe(groups);
  expect(taken(leaving, groups).length).toBe(groups);
});

test('a freeze takes all flags, and what was dirty is stored and clean', () => {
  const flags = new RowFlags();
  flags.reserve(3001);
  const all = [0, DIRTY, USED, DIRTY | USED, STORED, DIRTY | STORED, CHANGED | DIRTY];
  const before = Array.from({length: 3001}, (_, row) => all[row % all.length]!);
  for (const [row, flag] of before.entries()) flags.set(row, flag);
  expect([...flags.freeze(3001)]).toEqual(before);
  for (const [row, flag] of before.entries()) {
    const now = (flag & DIRTY) === 0 ? flag : (flag & ~DIRTY) | STORED;
    for (const one of [DIRTY, USED, STORED, CHANGED]) {
      expect(flags.has(row, one)).toBe((now & one) !== 0);
    }
  }
});
