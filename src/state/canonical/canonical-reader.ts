// Fills a table of any backend from a canonical state file (layout: canonical-format.ts), of which it reads only the key
// groups in range. The bytes were verified against their checksums before; here every length, order and key group is
// checked once more before it is used.

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
import {decodeValues, storedSlots, type StoredSlot} from './value-codec.ts';
import {systemErrorCode} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {compileKeyGroups, type KeyGroups} from '../../keys/key-groups-kernel.ts';
import {BatchBuilder} from '../../records/batch-builder.ts';
import type {FileHandle, FileSystem} from '../../storage/file-system.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import {refuseOtherSchema} from '../refuse-other-schema.ts';
import {damaged, parseSchema, snapshotSchema} from '../snapshot-format.ts';
import type {KeyedTable, TableSpec} from '../state-backend.ts';

/** Read at once; a longer row is read whole. */
const PIECE_BYTES = 1024 * 1024;
/** Rows that are put into the table together. */
const BLOCK_ROWS = 1024;

/** Adds what the file at `path` holds of `range` to `table`; none of it may be there yet. */
export async function restoreCanonical(
  files: FileSystem,
  path: string,
  table: KeyedTable,
  range: KeyGroupRange,
  maxParallelism: number,
): Promise<void> {
  try {
    const handle = await files.openForRead(path);
    try {
      const {size} = await handle.status();
      await restoreFrom(new FilePieces(handle, path, size), table, range, maxParallelism);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('reading the state from', path, error);
  }
}

async function restoreFrom(
  file: FilePieces,
  table: KeyedTable,
  range: KeyGroupRange,
  maxParallelism: number,
): Promise<void> {
  const {path} = file;
  const start = await file.read(0, CANONICAL_HEADER_BYTES, 'the header');
  const schemaBytes = parseCanonicalStart(start, path);
  const text = await file.read(CANONICAL_HEADER_BYTES, schemaBytes, 'the schema');
  const schema = parseSchema(text, path);
  refuseOtherSchema(schema, snapshotSchema(table.spec, maxParallelism), path);
  const filler = new CanonicalFiller(table, specOfSchema(schema, path), maxParallelism, path);
  let at = CANONICAL_HEADER_BYTES + schemaBytes;
  let rowCount = 0;
  for (let last = -1; ;) {
    const head = viewOf(await file.read(at, CANONICAL_END_BYTES, 'a key group'));
    if (head.getUint32(0, true) === CANONICAL_END_MAGIC) {
      if (at + CANONICAL_END_BYTES !== file.size) throw damaged(path, at, 'bytes follow the end');
      if (Number(head.getBigUint64(8, true)) === rowCount) return;
      throw damaged(path, at + 8, `it has ${rowCount} rows`);
    }
    const group = await readGroup(file, at, last, maxParallelism);
    if (group.group >= range.start && group.group <= range.end) await filler.add(file, group);
    rowCount += group.rowCount;
    last = group.group;
    at = group.rowsAt + group.byteCount;
  }
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

class CanonicalFiller {
  readonly #table: KeyedTable;
  readonly #stored: TableSpec;
  readonly #slots: readonly StoredSlot[];
  readonly #keyGroups: KeyGroups;
  readonly #path: string;
  readonly #block: BatchBuilder;
  readonly #unescaped = new ByteSink();
  readonly #rows = new Int32Array(BLOCK_ROWS);
  readonly #groups = new Uint16Array(BLOCK_ROWS);
  #values: Uint8Array[] = [];

  constructor(table: KeyedTable, stored: TableSpec, maxParallelism: number, path: string) {
    this.#table = table;
    this.#stored = stored;
    this.#slots = storedSlots(stored.values, table.shape);
    const {key, keyGroupColumns} = stored;
    this.#keyGroups = compileKeyGroups(key.slice(0, keyGroupColumns), maxParallelism);
    this.#path = path;
    this.#block = new BatchBuilder({fields: key});
  }

  async add(file: FilePieces, place: GroupPlace): Promise<void> {
    const end = place.rowsAt + place.byteCount;
    let at = place.rowsAt;
    let previous: Uint8Array | null = null;
    for (let row = 0; row < place.rowCount; row += 1) {
      const {key, values, next} = await this.#readRow(file, at, end);
      if (previous !== null && Buffer.compare(previous, key) >= 0) {
        throw damaged(this.#path, at, 'a key is out of order');
      }
      previous = key;
      if (!decodeKey(this.#stored.key, key, this.#block, this.#unescaped)) {
        throw damaged(this.#path, at, 'a key of other types than the schema says');
      }
      this.#values.push(values);
      at = next;
      if (this.#values.length === BLOCK_ROWS) this.#place(place);
    }
    this.#place(place);
    if (at !== end)
      throw damaged(this.#path, at, `bytes behind the rows of key group ${place.group}`);
  }

  async #readRow(
    file: FilePieces,
    at: number,
    end: number,
  ): Promise<{readonly key: Uint8Array; readonly values: Uint8Array; readonly next: number}> {
    if (at + ROW_HEADER_BYTES > end)
      throw damaged(this.#path, at, 'a row ends behind its key group');
    const head = viewOf(
      file.at(at, ROW_HEADER_BYTES) ?? (await file.read(at, ROW_HEADER_BYTES, 'a row')),
    );
    const keyLength = head.getUint32(0, true);
    const valueLength = head.getUint32(4, true);
    const length = keyLength + valueLength;
    const next = at + ROW_HEADER_BYTES + length;
    if (next > end || keyLength > ROW_PART_BYTES_MAX || valueLength > ROW_PART_BYTES_MAX) {
      throw damaged(this.#path, at, `a row of ${length} bytes ends behind its key group`);
    }
    const from = at + ROW_HEADER_BYTES;
    const bytes = file.at(from, length) ?? (await file.read(from, length, 'a row'));
    return {key: bytes.subarray(0, keyLength), values: bytes.subarray(keyLength), next};
  }

  #place({group, rowsAt}: GroupPlace): void {
    const count = this.#values.length;
    if (count === 0) return;
    const {columns} = this.#block.build();
    const keyColumns = columns.slice(0, this.#stored.keyGroupColumns);
    this.#keyGroups(keyColumns, null, count, this.#groups);
    const strange = this.#groups.subarray(0, count).findIndex((own) => own !== group);
    if (strange >= 0) {
      throw damaged(this.#path, rowsAt, `a row of another key group than ${group}`);
    }
    this.#table.resolve(columns, null, 0, count, this.#rows);
    if (this.#table.added.count !== count)
      throw damaged(this.#path, rowsAt, 'a key is there twice');
    for (const [index, values] of this.#values.entries()) {
      if (decodeValues(this.#table, this.#rows[index]!, this.#slots, values)) continue;
      throw damaged(this.#path, rowsAt, 'values of other kinds than the schema says');
    }
    this.#values = [];
    this.#block.reset();
  }
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
