// The watermark before each row is what a plain reading of the rules says, whatever the batches.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {SplitWatermarks} from '#src/connectors/split-watermarks.js';

const DELAY = 10;

function of(ordered: boolean): SplitWatermarks {
  return new SplitWatermarks({maxOutOfOrdernessMillis: DELAY, ordered});
}

function advance(
  marks: SplitWatermarks,
  slot: number,
  times: readonly (number | null)[],
): number[] {
  const target = new Float64Array(times.length);
  const values = Float64Array.from(times, (time) => time ?? 1e15);
  const nulls = times.includes(null) ? Uint8Array.from(times, (time) => +(time === null)) : null;
  marks.advance(slot, values, nulls, times.length, target);
  return [...target];
}

test('a row is given the watermark made by the rows before it', () => {
  const marks = of(false);
  marks.expect(1);
  const slot = marks.open();
  expect(advance(marks, slot, [100, 90, 200, 150])).toEqual([-Infinity, 89, 89, 189]);
  expect(marks.current).toBe(189);
});

test('a NULL timestamp does not advance it', () => {
  const marks = of(false);
  marks.expect(1);
  const slot = marks.open();
  expect(advance(marks, slot, [null, 100, null])).toEqual([-Infinity, -Infinity, 89]);
  expect(marks.current).toBe(89);
});

test('an unread split holds the watermark at -Infinity', () => {
  const marks = of(false);
  marks.expect(2);
  const first = marks.open();
  expect(advance(marks, first, [100, 200])).toEqual([-Infinity, -Infinity]);
  marks.finish(first);
  expect(marks.current).toBe(-Infinity);
  advance(marks, marks.open(), [50, 60]);
  expect(marks.current).toBe(49);
});

test('ordered splits do not hold it back while they are unread', () => {
  const marks = of(true);
  marks.expect(2);
  const first = marks.open();
  advance(marks, first, [100]);
  expect(marks.current).toBe(89);
  marks.finish(first);
  const second = marks.open();
  expect(advance(marks, second, [50, 300])).toEqual([89, 89]);
  expect(marks.current).toBe(289);
});

test('a finished split drops out and lets the watermark rise', () => {
  const marks = of(false);
  marks.expect(2);
  const slow = marks.open();
  const fast = marks.open();
  advance(marks, slow, [100]);
  advance(marks, fast, [1000]);
  expect(marks.current).toBe(89);
  marks.finish(slow);
  expect(marks.current).toBe(989);
});

test('it never goes back when a slower split appears, and is +Infinity at the end', () => {
  const marks = of(false);
  marks.expect(1);
  advance(marks, marks.open(), [1000]);
  marks.expect(1);
  advance(marks, marks.open(), [5]);
  expect(marks.current).toBe(989);
  marks.end();
  expect(marks.current).toBe(Infinity);
});

test('rows of several splits, batched or not, get what the definition says', () => {
  const rows = fc.array(fc.tuple(fc.integer({min: 0, max: 3}), fc.integer({min: 0, max: 1000})), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(rows, fc.integer({min: 1, max: 7}), (list, size) => {
      const greatest = [-Infinity, -Infinity, -Infinity, -Infinity];
      const wanted = list.map(([split, time]) => {
        const before = Math.min(...greatest) - DELAY - 1;
        greatest[split] = Math.max(greatest[split]!, time);
        return before;
      });
      const marks = of(false);
      marks.expect(4);
      const slots = [marks.open(), marks.open(), marks.open(), marks.open()];
      const found: number[] = [];
      for (let start = 0; start < list.length; start += size) {
        const part = list.slice(start, start + size);
        const target = new Float64Array(part.length);
        marks.advanceInterleaved(
          Int32Array.from(part, ([split]) => slots[split]!),
          Float64Array.from(part, ([, time]) => time),
          part.length,
          target,
        );
        found.push(...target);
      }
      expect(found).toEqual(wanted);
    }),
  );
});
