// The rows of one table of a stored database as columns: ascending by key group and key, some at a time.

import {valueColumns, type RowColumns} from './row-block.ts';
import type {StateShape} from './state-shape.ts';
import {StoredBlock} from './stored-block.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {GROUP_BYTES, RowCodec} from '../rocksdb/row-codec.ts';
import type {Entries} from '../rocksdb/sst/merge-entries.ts';
import type {StoredEntries} from '../rocksdb/stored-entries.ts';
import {groupPrefix} from '../rocksdb/stored-rows.ts';
import {TableKeys} from '../rocksdb/table-keys.ts';
import {rowLayout} from '../hashmap/row-layout.ts';
import {damaged} from '../snapshot-format.ts';

/** `path`: for messages. */
export async function* readDatabaseRows(
  database: StoredEntries,
  shape: StateShape,
  range: KeyGroupRange,
  path: string,
): AsyncGenerator<RowColumns> {
  const {spec} = shape;
  const layout = rowLayout(spec);
  const codec = new RowCodec(spec, layout);
  const keysOf = new TableKeys(spec);
  const block = new StoredBlock(layout, path);
  const [from, to] = [groupPrefix(range.start), groupPrefix(range.end + 1)];
  for await (const entries of database.read(spec.name, from, to)) {
    const {keys, values} = entries;
    const key = keysOf.decode(keys, 0);
    if (key === null) throw damaged(path, 0, 'a key of other types than the schema says');
    block.begin(keys.count);
    for (let row = 0; row < keys.count; row += 1) {
      const [start, end] = [values.startOf(row), values.ends[row]!];
      if (codec.decodeValues(block, row, values.bytes, start, end)) continue;
      throw damaged(path, 0, 'values of other kinds than the schema says');
    }
    const rowCount = keys.count;
    yield {
      ...{rowCount, key, path, offset: null, keyGroups: keyGroupsOf(entries)},
      values: valueColumns(block, shape),
    };
  }
}

function keyGroupsOf({keys}: Entries): Uint16Array {
  const groups = new Uint16Array(keys.count);
  for (let row = 0, at = 0; row < keys.count; row += 1) {
    groups[row] = (keys.bytes[at]! << 8) | keys.bytes[at + GROUP_BYTES - 1]!;
    at = keys.ends[row]!;
  }
  return groups;
}
