// Promise: every live row goes to exactly one target (broadcast: to all), in order; by hash to the subtask
// that owns its key group; by rebalance so that the targets stay within one row of each other.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {keyGroupRangeOf} from '#src/base/key-groups.js';
import {HashPartitioner} from '#src/channels/hash-partitioner.js';
import {broadcast, forward} from '#src/channels/partition-whole.js';
import type {PartitionedRows} from '#src/channels/partitioner.js';
import {RebalancePartitioner} from '#src/channels/rebalance-partitioner.js';
import {compileKeyGroups} from '#src/keys/key-groups-kernel.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import {liveRow, type RecordBatch} from '#src/records/record-batch.js';
import {batchOf} from './support/random-batches.ts';

const numRuns = process.env['TIDEMARK_PROOF'] === '1' ? 3000 : 200;

const schema = {
  fields: [
    {name: 'user', type: STRING},
    {name: 'id', type: BIGINT},
  ],
};

const live = (batch: RecordBatch): number[] =>
  Array.from({length: batch.selectedCount}, (_, position) => liveRow(batch, position));

const rowsOf = ({selections, counts}: PartitionedRows): number[][] =>
  selections.map((selection, target) =>
    selection === null
      ? Array.from({length: counts[target]!}, (_, row) => row)
      : [...selection.subarray(0, counts[target])],
  );

const ascending = (rows: number[]): number[] => [...rows].sort((left, right) => left - right);

describe('hash', () => {
  it('sends each row to the owner of its key group', () => {
    const scenario = fc.record({
      batches: fc.array(batchOf(schema), {minLength: 1, maxLength: 3}),
      key: fc.subarray(['user', 'id']),
      targetCount: fc.integer({min: 1, max: 8}),
      maxParallelism: fc.constantFrom(8, 128, 1000),
    });
    fc.assert(
      fc.property(scenario, ({batches, key, targetCount, maxParallelism}) => {
        const partitioner = new HashPartitioner({schema, key, targetCount, maxParallelism});
        const indexes = key.map((name) => (name === 'user' ? 0 : 1));
        const keyGroups = compileKeyGroups(
          indexes.map((index) => schema.fields[index]!),
          maxParallelism,
        );
        for (const batch of batches) {
          const split = rowsOf(partitioner.split(batch));
          expect(ascending(split.flat())).toEqual(live(batch));
          split.forEach((rows, target) => {
            expect(rows).toEqual(ascending(rows));
            const groups = new Uint16Array(rows.length);
            const columns = indexes.map((index) => batch.columns[index]!);
            keyGroups(columns, Int32Array.from(rows), rows.length, groups);
            const {start, end} = keyGroupRangeOf(target, targetCount, maxParallelism);
            for (const group of groups) {
              expect(group).toBeGreaterThanOrEqual(start);
              expect(group).toBeLessThanOrEqual(end);
              expect(Math.floor((group * targetCount) / maxParallelism)).toBe(target);
            }
          });
        }
      }),
      {numRuns},
    );
  });
});

describe('rebalance', () => {
  it('keeps the targets within one row of each other at any time', () => {
    const scenario = fc.record({
      batches: fc.array(batchOf(schema, 12), {maxLength: 12}),
      targetCount: fc.integer({min: 1, max: 7}),
      first: fc.nat(20),
    });
    fc.assert(
      fc.property(scenario, ({batches, targetCount, first}) => {
        const partitioner = new RebalancePartitioner(targetCount, first);
        const totals = new Array<number>(targetCount).fill(0);
        for (const batch of batches) {
          const split = rowsOf(partitioner.split(batch));
          expect(ascending(split.flat())).toEqual(live(batch));
          split.forEach((rows, target) => {
            expect(rows).toEqual(ascending(rows));
            totals[target]! += rows.length;
          });
          expect(Math.max(...totals) - Math.min(...totals)).toBeLessThanOrEqual(1);
        }
      }),
      {numRuns},
    );
  });
});

describe('forward and broadcast', () => {
  it('send all rows to the one target, and to all', () => {
    fc.assert(
      fc.property(batchOf(schema), (batch) => {
        expect(rowsOf(forward().split(batch))).toEqual([live(batch)]);
        const all = rowsOf(broadcast(3).split(batch));
        expect(all).toEqual([live(batch), live(batch), live(batch)]);
      }),
      {numRuns},
    );
  });
});
