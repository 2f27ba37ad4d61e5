import {ByteSink} from './canonical/byte-sink.ts';
import {decodeValues, encodeValues, storedSlots} from './canonical/value-codec.ts';
import {assert} from '../base/assert.ts';
import type {HashTable} from './hashmap/hash-table.ts';
import type {KeyedTable} from './state-backend.ts';

/** Adds all rows of `source` to `target`, which has the same key, slots that can take those of `source`, and none of its rows. */
export function moveRows(source: HashTable, target: KeyedTable): void {
  const slots = storedSlots(source.spec.values, target.shape);
  const values = new ByteSink();
  source.visitRows((from, count) => {
    const columns = source.spec.key.map((_, index) => source.readKey(index, from, 0, count));
    const to = new Int32Array(count);
    target.resolve(columns, null, 0, count, to);
    assert(target.added.count === count, `a row of ${source.spec.name} is there twice`);
    for (let at = 0; at < count; at += 1) {
      values.clear();
      encodeValues(source, from[at]!, values);
      assert(decodeValues(target, to[at]!, slots, values.written), 'values that were just encoded');
    }
  });
}
