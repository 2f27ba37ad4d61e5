// Reads the rows of a canonical state file (layout: canonical-format.ts), of which it takes only the key groups in range. The
// bytes were verified against their checksums before; here every length, order and key is checked once more. In memory: a
// piece of the file, or an expanded part of it, and a block of rows.

import {ByteSink} from './byte-sink.ts';
import {
  CANONICAL_END_BYTES,
  CANONICAL_END_MAGIC,
  CANONICAL_HEADER_BYTES,
  parseCanonicalHeader,
  parseCanonicalStart,
  ROW_HEADER_BYTES,
  ROW_PART_BYTES_MAX,
  specOfSchema,
} from './canonical-format.ts';
import {decodeKey} from './key-codec.ts';
import {readGroup, readPart, type GroupPlace, type Section} from './read-section.ts';
import {FilePieces, type RowBytes} from './row-bytes.ts';
import {must} from '../../base/assert.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {BatchBuilder} from '../../records/batch-builder.ts';
import type {Column} from '../../records/column.ts';
import type {FileHandle} from '../../storage/file-system.ts';
import {damaged, type Compression, type SnapshotSchema} from '../snapshot-format.ts';
import type {TableSpec} from '../state-backend.ts';

/** Rows that are handed out together. */
export const BLOCK_ROWS = 1024;

/** Rows of one key group, ascending by key. Good until the next block is asked for. */
export interface CanonicalBlock {
  readonly group: number;
  /** Where the rows of the group begin in the file, or the part that they are in. */
  readonly rowsAt: number;
  readonly rowCount: number;
  readonly key: readonly Column[];
  /** Per row: value-codec.ts. */
  readonly values: readonly Uint8Array[];
}

export class CanonicalRows {
  readonly path: string;
  readonly #file: FilePieces;
  readonly #unescaped = new ByteSink();
  #header: {readonly compression: Compression; readonly next: number} | null = null;
  /** The row before, which may stand in another part. */
  #previous: {readonly group: number; readonly key: Uint8Array} | null = null;

  constructor(handle: FileHandle, path: string, size: number) {
    this.path = path;
    this.#file = new FilePieces(handle, path, size);
  }

  /** What the file says of itself. */
  async readSchema(): Promise<SnapshotSchema> {
    const start = await this.#file.read(0, CANONICAL_HEADER_BYTES, 'the header');
    const {version, length} = parseCanonicalStart(start, this.path);
    const text = await this.#file.read(CANONICAL_HEADER_BYTES, length, 'the schema');
    const {schema, compression} = parseCanonicalHeader(text, version, this.path);
    this.#header = {compression, next: CANONICAL_HEADER_BYTES + length};
    return schema;
  }

  /** After `readSchema`, whose result is `schema`; once. */
  async *read(schema: SnapshotSchema, range: KeyGroupRange): AsyncGenerator<CanonicalBlock> {
    const file = this.#file;
    const {path} = this;
    const {compression, next} = must(this.#header, 'the schema is read first');
    const spec = specOfSchema(schema, path);
    const {maxParallelism} = schema;
    let at = next;
    let rowCount = 0;
    for (let last = -1; ;) {
      const head = viewOf(await file.read(at, CANONICAL_END_BYTES, 'a key group'));
      if (head.getUint32(0, true) === CANONICAL_END_MAGIC) {
        if (at + CANONICAL_END_BYTES !== file.size) throw damaged(path, at, 'bytes follow the end');
        if (Number(head.getBigUint64(8, true)) === rowCount) return;
        throw damaged(path, at + 8, `it has ${rowCount} rows`);
      }
      const context = {last, maxParallelism};
      const section =
        compression === 'none'
          ? await readGroup(file, at, context)
          : await readPart(file, at, context, compression);
      yield* this.#wantedOf(section, spec, range);
      for (const group of section.groups) {
        rowCount += group.rowCount;
        last = group.group;
      }
      at = section.next;
    }
  }

  /** What of it is in range: nothing else is read or expanded. */
  async *#wantedOf(
    {groups, open}: Section,
    spec: TableSpec,
    range: KeyGroupRange,
  ): AsyncGenerator<CanonicalBlock> {
    const wanted = groups.filter(({group}) => group >= range.start && group <= range.end);
    if (wanted.length === 0) return;
    const bytes = await open();
    for (const group of wanted) yield* this.#rowsOf(bytes, group, spec);
  }

  async *#rowsOf(
    bytes: RowBytes,
    place: GroupPlace,
    {key: fields}: TableSpec,
  ): AsyncGenerator<CanonicalBlock> {
    const {path} = this;
    const {group, rowsAt} = place;
    const block = new BatchBuilder({fields});
    const end = rowsAt + place.byteCount;
    let values: Uint8Array[] = [];
    let at = rowsAt;
    let previous = this.#previous?.group === group ? this.#previous.key : null;
    for (let row = 0; row < place.rowCount; row += 1) {
      const found = rowAt(bytes, at, end) ?? (await readRow(bytes, at, end));
      const {key} = found;
      if (previous !== null && Buffer.compare(previous, key) >= 0) {
        throw damaged(path, bytes.placeOf(at), 'a key is out of order');
      }
      previous = key;
      if (!decodeKey(fields, key, block, this.#unescaped)) {
        throw damaged(path, bytes.placeOf(at), 'a key of other types than the schema says');
      }
      values.push(found.values);
      at = found.next;
      if (values.length < BLOCK_ROWS && row < place.rowCount - 1) continue;
      const offset = bytes.placeOf(rowsAt);
      const {columns} = block.build();
      yield {group, rowsAt: offset, rowCount: values.length, key: columns, values};
      values = [];
      block.reset();
    }
    this.#previous = previous === null ? null : {group, key: previous};
    if (at !== end) {
      throw damaged(path, bytes.placeOf(at), `bytes behind the rows of key group ${group}`);
    }
  }
}

/** Null: not all of it is in memory. */
function rowAt(from: RowBytes, at: number, end: number): CanonicalRow | null {
  const head = from.at(at, ROW_HEADER_BYTES);
  if (head === null || at + ROW_HEADER_BYTES > end) return null;
  const keyLength = uint32At(head, 0);
  const length = keyLength + uint32At(head, 4);
  const next = at + ROW_HEADER_BYTES + length;
  const bytes = next > end ? null : from.at(at + ROW_HEADER_BYTES, length);
  if (bytes === null) return null;
  return {key: bytes.subarray(0, keyLength), values: bytes.subarray(keyLength), next};
}

async function readRow(from: RowBytes, at: number, end: number): Promise<CanonicalRow> {
  const {path} = from;
  const place = from.placeOf(at);
  if (at + ROW_HEADER_BYTES > end) throw damaged(path, place, 'a row ends behind its key group');
  const head = viewOf(await from.read(at, ROW_HEADER_BYTES, 'a row'));
  const keyLength = head.getUint32(0, true);
  const valueLength = head.getUint32(4, true);
  const length = keyLength + valueLength;
  const next = at + ROW_HEADER_BYTES + length;
  if (next > end || keyLength > ROW_PART_BYTES_MAX || valueLength > ROW_PART_BYTES_MAX) {
    throw damaged(path, place, `a row of ${length} bytes ends behind its key group`);
  }
  const bytes = await from.read(at + ROW_HEADER_BYTES, length, 'a row');
  return {key: bytes.subarray(0, keyLength), values: bytes.subarray(keyLength), next};
}

interface CanonicalRow {
  readonly key: Uint8Array;
  readonly values: Uint8Array;
  /** Where the next one begins. */
  readonly next: number;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
