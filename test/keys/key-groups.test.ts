// Promise: a record is sent to the key group that a keyed table stores with its key, whatever the key's
// types. Checked against the rows of a table, over random keys.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {compileKeyGroups} from '#src/keys/key-groups-kernel.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {GROUP_MASK} from '#src/state/hashmap/row-layout.js';
import {anySchema, rowOf} from '../channels/support/random-batches.ts';

const numRuns = process.env['TIDEMARK_PROOF'] === '1' ? 3000 : 150;

describe('compileKeyGroups', () => {
  it('gives the key group that a keyed table stores in the row', () => {
    const scenario = anySchema({minLength: 0, maxLength: 4}).chain((schema) =>
      fc.record({
        schema: fc.constant(schema),
        rows: fc.array(rowOf(schema), {minLength: 1, maxLength: 40}),
        namespace: fc.boolean(),
        maxParallelism: fc.constantFrom(1, 2, 128, 32_768),
      }),
    );
    fc.assert(
      fc.property(scenario, ({schema, rows, namespace, maxParallelism}) => {
        const fields = schema.fields;
        const keyGroupColumns = namespace ? fields.length >> 1 : fields.length;
        const table = new HashTable(
          {name: 't', key: fields, keyGroupColumns, values: []},
          maxParallelism,
          'test',
        );
        const builder = new BatchBuilder(schema);
        for (const row of rows) builder.appendRow(row);
        const {columns} = builder.build();
        // Every second row is live.
        const selection = Int32Array.from({length: rows.length >> 1}, (_, at) => at * 2 + 1);
        for (const live of [null, selection]) {
          const count = live === null ? rows.length : live.length;
          const tableRows = new Int32Array(count);
          table.resolve(columns, live, 0, count, tableRows);
          const groups = new Uint16Array(count);
          const keyFields = fields.slice(0, keyGroupColumns);
          compileKeyGroups(keyFields, maxParallelism)(
            columns.slice(0, keyGroupColumns),
            live,
            count,
            groups,
          );
          const {ints} = table.memory();
          const stored = Array.from(
            tableRows,
            (row) => ints[row * table.shape.rowInts + 1]! & GROUP_MASK,
          );
          expect([...groups]).toEqual(stored);
        }
      }),
      {numRuns},
    );
  });

  it('gives the key without columns one key group', () => {
    const groups = new Uint16Array(3);
    compileKeyGroups([], 128)([], null, 3, groups);
    expect(new Set(groups).size).toBe(1);
  });
});
