// Writes the canonical state file (layout: canonical-format.ts) of a table, a run of key groups at a time. What is in
// memory at once is the tables that it is given: the caller slices; and a part, where it is compressed.

import {ByteSink} from './byte-sink.ts';
import {
  CANONICAL_END_BYTES,
  CANONICAL_END_MAGIC,
  encodeCanonicalHeader,
  GROUP_HEADER_BYTES,
  ROW_HEADER_BYTES,
  type CanonicalHeader,
  type WrittenRows,
} from './canonical-format.ts';
import {GroupWriter, type AppendPiece, type RowsOut} from './group-writer.ts';
import {encodeKey} from './key-codec.ts';
import {PartWriter} from './part-writer.ts';
import {encodeValues} from './value-codec.ts';
import {assert} from '../../base/assert.ts';
import {compileKeyGroups, type KeyGroups} from '../../keys/key-groups-kernel.ts';
import type {HashTable} from '../hashmap/hash-table.ts';
import type {TableSpec} from '../state-backend.ts';

export class CanonicalWriter {
  readonly #append: AppendPiece;
  readonly #spec: TableSpec;
  readonly #header: CanonicalHeader;
  readonly #keyGroups: KeyGroups;
  readonly #values = new ByteSink();
  readonly #out: RowsOut;
  #rowCount = 0;
  #plainBytes = 0;
  #lastGroup = -1;

  constructor(spec: TableSpec, header: CanonicalHeader, append: AppendPiece) {
    const {schema, compression} = header;
    const {maxParallelism} = schema;
    this.#spec = spec;
    this.#header = header;
    this.#append = append;
    this.#out =
      compression === 'none' ? new GroupWriter(append) : new PartWriter(compression, append);
    this.#keyGroups = compileKeyGroups(spec.key.slice(0, spec.keyGroupColumns), maxParallelism);
  }

  async begin(): Promise<void> {
    const plain = encodeCanonicalHeader({...this.#header, compression: 'none'});
    this.#plainBytes = plain.length + CANONICAL_END_BYTES;
    await this.#append(encodeCanonicalHeader(this.#header));
  }

  /** All rows of `table`: key groups that are higher than those of the tables before. */
  async add(table: HashTable): Promise<void> {
    const rows = liveRows(table);
    const keys = new EncodedKeys(table, this.#spec, rows);
    const groups = this.#groupsOf(table, rows);
    const order = Array.from(rows.keys()).sort(
      (left, right) => groups[left]! - groups[right]! || keys.compare(left, right),
    );
    for (let first = 0; first < order.length;) {
      const group = groups[order[first]!]!;
      let end = first;
      while (end < order.length && groups[order[end]!] === group) end += 1;
      await this.#addGroup(table, group, rows, keys, order.slice(first, end));
      first = end;
    }
  }

  async finish(): Promise<WrittenRows> {
    await this.#out.flush();
    const end = new DataView(new ArrayBuffer(CANONICAL_END_BYTES));
    end.setUint32(0, CANONICAL_END_MAGIC, true);
    end.setBigUint64(8, BigInt(this.#rowCount), true);
    await this.#append(new Uint8Array(end.buffer));
    return {rowCount: this.#rowCount, plainBytes: this.#plainBytes};
  }

  async #addGroup(
    table: HashTable,
    group: number,
    rows: Int32Array,
    keys: EncodedKeys,
    order: readonly number[],
  ): Promise<void> {
    assert(group > this.#lastGroup, `key group ${group} after ${this.#lastGroup}`);
    this.#lastGroup = group;
    this.#rowCount += order.length;
    const values = this.#values;
    let byteCount = 0;
    for (const at of order) {
      values.clear();
      encodeValues(table, rows[at]!, values);
      byteCount += ROW_HEADER_BYTES + keys.lengthOf(at) + values.length;
    }
    this.#plainBytes += GROUP_HEADER_BYTES + byteCount;
    const out = this.#out;
    out.beginGroup(group, order.length, byteCount);
    for (const at of order) {
      values.clear();
      encodeValues(table, rows[at]!, values);
      const key = keys.read(at);
      if (!out.hasRoom(ROW_HEADER_BYTES + key.length + values.length)) await out.flush();
      out.add(key, values.written);
    }
  }

  #groupsOf(table: HashTable, rows: Int32Array): Uint16Array {
    const columns = Array.from({length: this.#spec.keyGroupColumns}, (_, index) =>
      table.readKey(index, rows, 0, rows.length),
    );
    const groups = new Uint16Array(rows.length);
    this.#keyGroups(columns, null, rows.length, groups);
    return groups;
  }
}

function liveRows(table: HashTable): Int32Array {
  const rows = new Int32Array(table.liveCount);
  let count = 0;
  for (let row = 0; row < table.rowCount; row += 1) {
    if (!table.isLive(row)) continue;
    rows[count] = row;
    count += 1;
  }
  return rows;
}

/** The keys of rows, encoded, one behind the other. */
class EncodedKeys {
  readonly #ends: Float64Array;
  readonly #bytes: Buffer;

  constructor(table: HashTable, {key}: TableSpec, rows: Int32Array) {
    const columns = key.map((_, index) => table.readKey(index, rows, 0, rows.length));
    const sink = new ByteSink(rows.length * 16);
    this.#ends = new Float64Array(rows.length + 1);
    for (let at = 0; at < rows.length; at += 1) {
      encodeKey(key, columns, at, sink);
      this.#ends[at + 1] = sink.length;
    }
    const {buffer, byteOffset, length} = sink.written;
    this.#bytes = Buffer.from(buffer, byteOffset, length);
  }

  lengthOf(at: number): number {
    return this.#ends[at + 1]! - this.#ends[at]!;
  }

  read(at: number): Uint8Array {
    return this.#bytes.subarray(this.#ends[at], this.#ends[at + 1]);
  }

  compare(left: number, right: number): number {
    const ends = this.#ends;
    return this.#bytes.compare(
      this.#bytes,
      ends[right],
      ends[right + 1],
      ends[left],
      ends[left + 1],
    );
  }
}
