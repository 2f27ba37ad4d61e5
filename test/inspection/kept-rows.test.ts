// Promise: whatever there is of rows, no more of them are in memory than may be, and each is compared in just one pass.

import * as fc from 'fast-check';
import {expect, test} from 'vitest';

import {ALL_KEYS, KeptRows, type KeyPart} from '#src/inspection/state/kept-rows.js';

/** Of a row, about; with a key and a value of a few bytes. */
const ROW_BYTES = 140;

test('each key is kept in one pass of as many as it takes, never more than fit', () => {
  const keys = fc.uniqueArray(fc.string({maxLength: 9}), {maxLength: 200});
  fc.assert(
    fc.property(keys, fc.integer({min: 1, max: 50}), (all, rowsMax) => {
      const kept = new KeptRows(rowsMax * ROW_BYTES);
      const compared: string[] = [];
      const parts: KeyPart[] = [ALL_KEYS];
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        kept.begin(part);
        for (const key of all) {
          if (kept.has(key)) kept.keep(key, {common: key, rest: ''});
          expect(kept.size).toBeLessThanOrEqual(rowsMax + 1);
        }
        for (const key of all) {
          if (!kept.has(key)) continue;
          expect(kept.take(key)).toEqual({common: key, rest: ''});
          compared.push(key);
        }
        expect(kept.size).toBe(0);
        parts.push(...kept.takeLeft());
      }
      expect(compared.sort()).toEqual([...all].sort());
    }),
    {numRuns: 100},
  );
});

test('a key that comes again takes no further room', () => {
  const kept = new KeptRows(3 * ROW_BYTES);
  kept.begin(ALL_KEYS);
  kept.keep('a', {common: '', rest: ''});
  for (let time = 0; time < 100; time += 1) kept.keep('b', {common: String(time), rest: ''});
  expect(kept.size).toBe(2);
  expect(kept.takeLeft()).toEqual([]);
});
