// Reads the chunks of a state file, and of each only what lies in a range of key groups. Every length is
// checked against the file's size before anything is allocated.

import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileHandle} from '../storage/file-system.ts';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_MAGIC,
  damaged,
  END_BYTES,
  END_MAGIC,
  GROUP_ENTRY_BYTES,
  HEADER_BYTES,
  paddedTo8,
  parseHeaderStart,
  parseSchema,
  type SnapshotSchema,
} from './snapshot-format.ts';

/** The rows of one chunk that are in range. */
export interface ChunkRows {
  readonly kind: 'rows';
  /** Where the next chunk begins. */
  readonly next: number;
  /** Rows of the whole chunk. */
  readonly chunkRowCount: number;
  readonly rowCount: number;
  readonly rows: Int32Array;
  readonly strings: Uint8Array;
  /** For messages: where the first of `rows` stands in the file. */
  readonly offset: number;
  /** Per row in `rows`: [end row, group] of each run. */
  readonly groups: readonly {readonly group: number; readonly endRow: number}[];
}

export type Chunk = ChunkRows | {readonly kind: 'end'; readonly rowCount: number};

export class ChunkReader {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #size: number;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.#path = path;
    this.#size = size;
  }

  /** The schema, and where the first chunk begins. */
  async readHeader(): Promise<{readonly schema: SnapshotSchema; readonly next: number}> {
    const start = await this.#read(0, HEADER_BYTES, 'the header');
    const length = parseHeaderStart(start, this.#path);
    const text = await this.#read(HEADER_BYTES, length, 'the schema');
    return {schema: parseSchema(text, this.#path), next: HEADER_BYTES + length};
  }

  async readChunk(
    offset: number,
    rowBytes: number,
    schema: SnapshotSchema,
    range: KeyGroupRange,
  ): Promise<Chunk> {
    const head = viewOf(await this.#read(offset, CHUNK_HEADER_BYTES, 'a chunk'));
    const magic = head.getUint32(0, true);
    if (magic === END_MAGIC) return this.#end(offset, head);
    if (magic !== CHUNK_MAGIC) throw damaged(this.#path, offset, 'no chunk begins here');
    const groupCount = head.getUint32(4, true);
    const rowCount = head.getUint32(8, true);
    const stringBytes = head.getUint32(12, true);
    if (groupCount > schema.maxParallelism || groupCount > rowCount) {
      throw damaged(
        this.#path,
        offset + 4,
        `${groupCount} key groups in a chunk of ${rowCount} rows`,
      );
    }
    const rowsAt = offset + paddedTo8(CHUNK_HEADER_BYTES + groupCount * GROUP_ENTRY_BYTES);
    const stringsAt = rowsAt + rowCount * rowBytes;
    const next = stringsAt + stringBytes;
    if (stringBytes % 8 !== 0 || next > this.#size - END_BYTES) {
      throw damaged(
        this.#path,
        offset + 8,
        `a chunk of ${rowCount} rows and ${stringBytes} bytes ends behind the file`,
      );
    }
    const entries = await this.#read(
      offset + CHUNK_HEADER_BYTES,
      groupCount * GROUP_ENTRY_BYTES,
      'the key groups of a chunk',
    );
    const part = this.#selectGroups(
      viewOf(entries),
      offset,
      {rowCount, stringBytes},
      schema,
      range,
    );
    const rowsOffset = rowsAt + part.firstRow * rowBytes;
    const rows = await this.#read(rowsOffset, part.rowCount * rowBytes, 'rows');
    const strings = await this.#read(stringsAt + part.firstByte, part.byteCount, 'strings');
    return {
      kind: 'rows',
      next,
      chunkRowCount: rowCount,
      rowCount: part.rowCount,
      rows: new Int32Array(rows.buffer, 0, rows.length / 4),
      strings,
      offset: rowsOffset,
      groups: part.groups,
    };
  }

  /** The run of groups in range: they are ascending, so it is one run of rows and one of strings. */
  #selectGroups(
    entries: DataView,
    offset: number,
    chunk: {readonly rowCount: number; readonly stringBytes: number},
    schema: SnapshotSchema,
    range: KeyGroupRange,
  ): {
    firstRow: number;
    rowCount: number;
    firstByte: number;
    byteCount: number;
    groups: {group: number; endRow: number}[];
  } {
    const groups: {group: number; endRow: number}[] = [];
    let [firstRow, rowCount, firstByte, byteCount] = [0, 0, 0, 0];
    let [rowsSoFar, bytesSoFar, last] = [0, 0, -1];
    for (let at = 0; at < entries.byteLength; at += GROUP_ENTRY_BYTES) {
      const group = entries.getUint32(at, true);
      const rows = entries.getUint32(at + 4, true);
      const bytes = entries.getUint32(at + 8, true);
      if (group <= last || group >= schema.maxParallelism || rows === 0) {
        throw damaged(
          this.#path,
          offset + CHUNK_HEADER_BYTES + at,
          `key group ${group} is out of order`,
        );
      }
      last = group;
      if (group >= range.start && group <= range.end) {
        if (rowCount === 0) [firstRow, firstByte] = [rowsSoFar, bytesSoFar];
        rowCount += rows;
        byteCount += bytes;
        groups.push({group, endRow: rowCount});
      }
      rowsSoFar += rows;
      bytesSoFar += bytes;
    }
    if (rowsSoFar !== chunk.rowCount || paddedTo8(bytesSoFar) !== chunk.stringBytes) {
      throw damaged(this.#path, offset, 'the key groups of a chunk do not add up to its rows');
    }
    return {firstRow, rowCount, firstByte, byteCount, groups};
  }

  #end(offset: number, head: DataView): Chunk {
    if (offset + END_BYTES !== this.#size) {
      throw damaged(this.#path, offset, 'bytes follow behind the end');
    }
    return {kind: 'end', rowCount: head.getFloat64(8, true)};
  }

  async #read(offset: number, length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    if (offset + length > this.#size) {
      throw damaged(this.#path, offset, `${what} of ${length} bytes ends behind the file`);
    }
    const bytes = new Uint8Array(length);
    const count = length === 0 ? 0 : await this.#handle.read(bytes, 0, length, offset);
    if (count !== length) throw damaged(this.#path, offset + count, `the file ends within ${what}`);
    return bytes;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
