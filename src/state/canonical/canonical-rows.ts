// Reads the rows of a canonical state file (layout: canonical-format.ts), of which it takes only the key groups in range. The
// bytes were verified against their checksums before; here every length, order and key is checked once more. In memory: a
// piece of the file, and a block of rows.

import {ByteSink} from './byte-sink.ts';
import {
  CANONICAL_END_BYTES,
  CANONICAL_END_MAGIC,
  CANONICAL_HEADER_BYTES,
  GROUP_HEADER_BYTES,
  GROUP_MAGIC,
  parseCanonicalStart,
  ROW_HEADER_BYTES,
  ROW_PART_BYTES_MAX,
  specOfSchema,
} from './canonical-format.ts';
import {decodeKey} from './key-codec.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {BatchBuilder} from '../../records/batch-builder.ts';
import type {Column} from '../../records/column.ts';
import type {FileHandle} from '../../storage/file-system.ts';
import {damaged, parseSchema, type SnapshotSchema} from '../snapshot-format.ts';
import type {TableSpec} from '../state-backend.ts';

/** Read at once; a longer row is read whole. */
const PIECE_BYTES = 1024 * 1024;
/** Rows that are handed out together. */
export const BLOCK_ROWS = 1024;

/** Rows of one key group, ascending by key. Good until the next block is asked for. */
export interface CanonicalBlock {
  readonly group: number;
  /** Where the rows of the group begin in the file. */
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

  constructor(handle: FileHandle, path: string, size: number) {
    this.path = path;
    this.#file = new FilePieces(handle, path, size);
  }

  /** What the file says of itself. */
  async readSchema(): Promise<SnapshotSchema> {
    const start = await this.#file.read(0, CANONICAL_HEADER_BYTES, 'the header');
    const schemaBytes = parseCanonicalStart(start, this.path);
    const text = await this.#file.read(CANONICAL_HEADER_BYTES, schemaBytes, 'the schema');
    return parseSchema(text, this.path);
  }

  /** After `readSchema`, whose result is `schema`. */
  async *read(schema: SnapshotSchema, range: KeyGroupRange): AsyncGenerator<CanonicalBlock> {
    const file = this.#file;
    const {path} = this;
    const spec = specOfSchema(schema, path);
    const start = await file.read(0, CANONICAL_HEADER_BYTES, 'the header');
    let at = CANONICAL_HEADER_BYTES + parseCanonicalStart(start, path);
    let rowCount = 0;
    for (let last = -1; ;) {
      const head = viewOf(await file.read(at, CANONICAL_END_BYTES, 'a key group'));
      if (head.getUint32(0, true) === CANONICAL_END_MAGIC) {
        if (at + CANONICAL_END_BYTES !== file.size) throw damaged(path, at, 'bytes follow the end');
        if (Number(head.getBigUint64(8, true)) === rowCount) return;
        throw damaged(path, at + 8, `it has ${rowCount} rows`);
      }
      const group = await readGroup(file, at, last, schema.maxParallelism);
      if (group.group >= range.start && group.group <= range.end) {
        yield* this.#rowsOf(group, spec);
      }
      rowCount += group.rowCount;
      last = group.group;
      at = group.rowsAt + group.byteCount;
    }
  }

  async *#rowsOf(place: GroupPlace, {key: fields}: TableSpec): AsyncGenerator<CanonicalBlock> {
    const {path} = this;
    const {group, rowsAt} = place;
    const block = new BatchBuilder({fields});
    const end = rowsAt + place.byteCount;
    let values: Uint8Array[] = [];
    let at = rowsAt;
    let previous: Uint8Array | null = null;
    for (let row = 0; row < place.rowCount; row += 1) {
      const found = this.#rowAt(at, end) ?? (await this.#readRow(at, end));
      const {key} = found;
      if (previous !== null && Buffer.compare(previous, key) >= 0) {
        throw damaged(path, at, 'a key is out of order');
      }
      previous = key;
      if (!decodeKey(fields, key, block, this.#unescaped)) {
        throw damaged(path, at, 'a key of other types than the schema says');
      }
      values.push(found.values);
      at = found.next;
      if (values.length < BLOCK_ROWS && row < place.rowCount - 1) continue;
      yield {group, rowsAt, rowCount: values.length, key: block.build().columns, values};
      values = [];
      block.reset();
    }
    if (at !== end) throw damaged(path, at, `bytes behind the rows of key group ${group}`);
  }

  /** Null: not all of it is in memory. */
  #rowAt(at: number, end: number): CanonicalRow | null {
    const head = this.#file.at(at, ROW_HEADER_BYTES);
    if (head === null || at + ROW_HEADER_BYTES > end) return null;
    const keyLength = uint32At(head, 0);
    const length = keyLength + uint32At(head, 4);
    const next = at + ROW_HEADER_BYTES + length;
    const bytes = next > end ? null : this.#file.at(at + ROW_HEADER_BYTES, length);
    if (bytes === null) return null;
    return {key: bytes.subarray(0, keyLength), values: bytes.subarray(keyLength), next};
  }

  async #readRow(at: number, end: number): Promise<CanonicalRow> {
    const {path} = this;
    if (at + ROW_HEADER_BYTES > end) throw damaged(path, at, 'a row ends behind its key group');
    const head = viewOf(await this.#file.read(at, ROW_HEADER_BYTES, 'a row'));
    const keyLength = head.getUint32(0, true);
    const valueLength = head.getUint32(4, true);
    const length = keyLength + valueLength;
    const next = at + ROW_HEADER_BYTES + length;
    if (next > end || keyLength > ROW_PART_BYTES_MAX || valueLength > ROW_PART_BYTES_MAX) {
      throw damaged(path, at, `a row of ${length} bytes ends behind its key group`);
    }
    const bytes = await this.#file.read(at + ROW_HEADER_BYTES, length, 'a row');
    return {key: bytes.subarray(0, keyLength), values: bytes.subarray(keyLength), next};
  }
}

interface CanonicalRow {
  readonly key: Uint8Array;
  readonly values: Uint8Array;
  /** Where the next one begins. */
  readonly next: number;
}

interface GroupPlace {
  readonly group: number;
  readonly rowCount: number;
  readonly rowsAt: number;
  readonly byteCount: number;
}

async function readGroup(
  file: FilePieces,
  at: number,
  last: number,
  maxParallelism: number,
): Promise<GroupPlace> {
  const {path} = file;
  const head = viewOf(await file.read(at, GROUP_HEADER_BYTES, 'a key group'));
  if (head.getUint32(0, true) !== GROUP_MAGIC) throw damaged(path, at, 'no key group begins here');
  const group = head.getUint32(4, true);
  if (group <= last || group >= maxParallelism) {
    throw damaged(path, at + 4, `key group ${group} is out of order`);
  }
  const rowCount = Number(head.getBigUint64(8, true));
  const byteCount = Number(head.getBigUint64(16, true));
  const rowsAt = at + GROUP_HEADER_BYTES;
  if (rowCount === 0 || byteCount < rowCount * ROW_HEADER_BYTES || rowsAt + byteCount > file.size) {
    throw damaged(path, at + 8, `key group ${group} cannot have ${rowCount} rows`);
  }
  return {group, rowCount, rowsAt, byteCount};
}

/** Reads a file forwards in large pieces. What it hands out stays as it is. */
class FilePieces {
  readonly path: string;
  readonly size: number;
  readonly #handle: FileHandle;
  #piece = new Uint8Array(0);
  #start = 0;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.path = path;
    this.size = size;
  }

  /** Null: not read yet. */
  at(offset: number, length: number): Uint8Array | null {
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#piece.length) return null;
    return this.#piece.subarray(from, from + length);
  }

  async read(offset: number, length: number, what: string): Promise<Uint8Array> {
    if (offset + length > this.size) {
      throw damaged(this.path, offset, `${what} of ${length} bytes ends behind the file`);
    }
    const there = this.at(offset, length);
    if (there !== null) return there;
    const wanted = Math.min(this.size - offset, Math.max(length, PIECE_BYTES));
    const piece = new Uint8Array(wanted);
    const count = await this.#handle.read(piece, 0, wanted, offset);
    if (count < length) throw damaged(this.path, offset + count, `the file ends within ${what}`);
    this.#piece = piece.subarray(0, count);
    this.#start = offset;
    return this.#piece.subarray(0, length);
  }
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
