// Rows of a stored table, some key groups at a time, as a table in memory: what every reader of another backend's state needs.

import {PackedList} from './packed-list.ts';
import {GROUP_BYTES, RowCodec} from './row-codec.ts';
import type {RowStore} from './row-store.ts';
import {TableKeys} from './table-keys.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {HashTable} from '../hashmap/hash-table.ts';
import {GROUP_MASK} from '../hashmap/row-layout.ts';
import {damaged} from '../snapshot-format.ts';
import type {TableSpec} from '../state-backend.ts';

const SCAN_ENTRIES = 4096;

export interface StoredRows {
  readonly store: RowStore;
  /** Of the table's rows in the store. */
  readonly family: number;
  /** With the slots that are stored. */
  readonly spec: TableSpec;
  readonly maxParallelism: number;
  /** For errors. */
  readonly path: string;
}

/** The rows of `range` in tables of at most `rowsMax` rows, ascending by key group and key. */
export function* readStoredRows(
  {store, family, spec, maxParallelism, path}: StoredRows,
  range: KeyGroupRange,
  rowsMax: number,
): Generator<HashTable> {
  const to = groupPrefix(range.end + 1);
  const keysOf = new TableKeys(spec);
  let from = groupPrefix(range.start);
  let isAfter = false;
  for (let ended = false; !ended;) {
    const table = new HashTable(spec, maxParallelism, path);
    const codec = new RowCodec(spec, table.shape);
    const rows = new Int32Array(SCAN_ENTRIES);
    while (!ended && table.liveCount + SCAN_ENTRIES <= Math.max(rowsMax, SCAN_ENTRIES)) {
      const {keys, values} = store.scan({family, from, isAfter, to, limit: SCAN_ENTRIES});
      const {count} = keys;
      ended = count < SCAN_ENTRIES;
      if (count === 0) break;
      from = keys.item(count - 1).slice();
      isAfter = true;
      const columns = keysOf.decode(keys, 0);
      if (columns === null) throw damaged(path, 0, 'a key of other types than the schema says');
      table.resolve(columns, null, 0, count, rows);
      if (table.added.count !== count) throw damaged(path, 0, 'a key is there twice');
      for (let at = 0; at < count; at += 1) {
        const group = table.memory().ints[rows[at]! * table.shape.rowInts + 1]! & GROUP_MASK;
        const first = keys.startOf(at);
        if (((keys.bytes[first]! << 8) | keys.bytes[first + 1]!) !== group) {
          throw damaged(path, 0, `a row of key group ${group} is stored under another`);
        }
        const [start, end] = [values.startOf(at), values.ends[at]!];
        if (codec.decodeValues(table, rows[at]!, values.bytes, start, end)) continue;
        throw damaged(path, 0, 'values of other kinds than the schema says');
      }
    }
    if (table.liveCount > 0) yield table;
  }
}

/** Every key of group `group` and above is ≥ it; also of one behind the last. */
export function groupPrefix(group: number): Uint8Array {
  const prefix = new PackedList(GROUP_BYTES);
  prefix.uint16BigEndian(group);
  return prefix.bytes.slice(0, GROUP_BYTES);
}
