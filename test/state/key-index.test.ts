// Promise: rows that are put into a key index in one pass are found as if they had been added one by one, however their
// hashes lie; it goes on growing and shrinking from there, and takes no more memory than one that grew.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {SeededRandom} from '#src/base/random.js';
import {KeyIndex, SEGMENT_MASK} from '#src/state/hashmap/key-index.js';

const ROW_INTS = 2;

/** `spread`: of how many hashes in 2^32 they are drawn. */
function rowsOf(seed: number, count: number, spread: number): Int32Array {
  const random = new SeededRandom(seed);
  const ints = new Int32Array(count * ROW_INTS);
  for (let row = 0; row < count; row += 1) {
    const hash = Math.floor(random.next() * spread) * (2 ** 32 / spread);
    ints[row * ROW_INTS] = hash + Math.floor(random.next() * 4096);
  }
  return ints;
}

function found({entries, directory, shift}: KeyIndex, hash: number, row: number): boolean {
  const first = directory[hash >>> shift]!;
  for (let slot = hash, steps = 0; steps <= SEGMENT_MASK; slot += 1, steps += 1) {
    const at = (first + (slot & SEGMENT_MASK)) * 2;
    if (entries[at + 1] === 0) return false;
    if (entries[at] === hash && entries[at + 1] === row + 1) return true;
  }
  return false;
}

const hashAt = (ints: Int32Array, row: number): number => ints[row * ROW_INTS]!;

describe('many rows at once', () => {
  it('each is found, and only those that are there', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({min: 0, max: 30_000}),
        // All over the index, or crowded into parts of it, so that segments are full before the others are.
        fc.constantFrom(2 ** 32, 2 ** 20, 23),
        fc.nat({max: 100}),
        (seed, count, spread, firstShare) => {
          const ints = rowsOf(seed, count, spread);
          const index = new KeyIndex('test');
          const middle = Math.floor((count * firstShare) / 100);
          // The second time there are rows already.
          index.insertRows(ints, ROW_INTS, 0, middle);
          index.insertRows(ints, ROW_INTS, middle, count);
          let missing = 0;
          for (let row = 0; row < count; row += 1) {
            if (!found(index, hashAt(ints, row), row)) missing += 1;
          }
          expect(missing).toBe(0);
          for (let row = 0; row < count; row += 3) index.remove(hashAt(ints, row), row);
          let wrong = 0;
          for (let row = 0; row < count; row += 1) {
            if (found(index, hashAt(ints, row), row) !== (row % 3 !== 0)) wrong += 1;
          }
          expect(wrong).toBe(0);
        },
      ),
      {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 100 : 10},
    );
  });

  it('it is as large as one that grew', () => {
    for (const count of [0, 1, 9000, 12_000, 50_000, 300_000]) {
      const ints = rowsOf(7, count, 2 ** 32);
      const [grown, made] = [new KeyIndex('grown'), new KeyIndex('made')];
      for (let row = 0; row < count; row += 1) grown.insert(hashAt(ints, row), row);
      made.insertRows(ints, ROW_INTS, 0, count);
      expect(made.sizeBytes).toBeLessThanOrEqual(grown.sizeBytes * 2);
      expect(made.sizeBytes).toBeGreaterThanOrEqual(grown.sizeBytes / 2);
      for (let row = 0; row < count; row += 1) made.insert(hashAt(ints, row) ^ 1, count + row);
      let missing = 0;
      for (let row = 0; row < count; row += 1) {
        if (!found(made, hashAt(ints, row), row)) missing += 1;
        if (!found(made, hashAt(ints, row) ^ 1, count + row)) missing += 1;
      }
      expect(missing).toBe(0);
    }
  });
});
