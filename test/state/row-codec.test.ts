// Promise: a key of the store is its key group, then the canonical bytes of the key: the order of bytes is the order of key groups
// and, in one, of keys; and it reads back.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, BOOLEAN, DOUBLE, INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import {readValue} from '#src/records/value.js';
import {ByteSink} from '#src/state/canonical/byte-sink.js';
import {encodeKey} from '#src/state/canonical/key-codec.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {GROUP_MASK} from '#src/state/hashmap/row-layout.js';
import {PackedList} from '#src/state/rocksdb/packed-list.js';
import {RowCodec} from '#src/state/rocksdb/row-codec.js';
import {groupPrefix} from '#src/state/rocksdb/stored-rows.js';
import {TableKeys} from '#src/state/rocksdb/table-keys.js';
import type {TableSpec} from '#src/state/state-backend.js';

const SPEC: TableSpec = {
  name: 'rows',
  key: [
    {name: 'text', type: STRING},
    {name: 'flag', type: BOOLEAN},
    {name: 'small', type: INT},
    {name: 'large', type: BIGINT},
    {name: 'ratio', type: DOUBLE},
    {name: 'at', type: TIMESTAMP},
  ],
  keyGroupColumns: 5,
  values: [],
};
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, {nil: null});
const aKey = fc.tuple(
  orNull(fc.oneof(fc.string({maxLength: 20}), fc.constantFrom('\0', 'a\0\0b', 'a\0'))),
  orNull(fc.boolean()),
  orNull(fc.integer()),
  orNull(fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n})),
  orNull(fc.double()),
  fc.integer({min: -(2 ** 50), max: 2 ** 50}),
);

test('a key is its group, big-endian, and its canonical bytes', () => {
  fc.assert(
    fc.property(fc.array(aKey, {minLength: 1, maxLength: 40}), (keys) => {
      // More than 256 key groups: both bytes count.
      const table = new HashTable(SPEC, 3000, 'test');
      const builder = new BatchBuilder({fields: SPEC.key});
      for (const key of keys) builder.appendRow(key);
      const {columns} = builder.build();
      const rows = new Int32Array(keys.length);
      table.resolve(columns, null, 0, keys.length, rows);
      const codec = new RowCodec(SPEC, table.shape);
      const list = new PackedList();
      for (const row of rows) {
        codec.encodeKey(table.memory(), table.arena(), row, list);
        list.endItem();
      }
      const sink = new ByteSink();
      for (const [at, row] of rows.entries()) {
        const stored = list.item(at);
        const group = table.memory().ints[row * table.shape.rowInts + 1]! & GROUP_MASK;
        expect(Buffer.compare(groupPrefix(group), stored)).toBeLessThan(0);
        expect(Buffer.compare(stored, groupPrefix(group + 1))).toBeLessThan(0);
        sink.clear();
        encodeKey(SPEC.key, columns, at, sink);
        expect(Buffer.from(stored.subarray(2)).equals(Buffer.from(sink.written))).toBe(true);
      }
      const decoded = new TableKeys(SPEC).decode(list, 0)!;
      for (const at of keys.keys()) {
        for (const [index, {type}] of SPEC.key.entries()) {
          const [now, before] = [decoded[index]!, columns[index]!].map((column) =>
            readValue(type, column, at),
          );
          // -0 is 0 in a key.
          expect(now === before || Object.is(now, before)).toBe(true);
        }
      }
    }),
    {numRuns: 200},
  );
});
