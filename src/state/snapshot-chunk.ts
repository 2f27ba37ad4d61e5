// Reads the chunks of a state file, and of each only what lies in a range of key groups. Every length is
// checked against the file's size, or against what a chunk may expand to, before anything is allocated.

import {must} from '../base/assert.ts';
import type {Codec} from '../base/compression.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileHandle} from '../storage/file-system.ts';
import {COMPRESSED_HEADER_BYTES, PART_ENTRY_BYTES, type Part} from './compressed-chunk.ts';
import {EXPANDED_BYTES_MAX, expandPart} from './compressed-part.ts';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_MAGIC,
  COMPRESSED_CHUNK_MAGIC,
  COMPRESSED_TOMBSTONE_MAGIC,
  damaged,
  END_BYTES,
  END_MAGIC,
  GROUP_ENTRY_BYTES,
  HEADER_BYTES,
  paddedTo8,
  parseHeader,
  parseHeaderStart,
  TOMBSTONE_MAGIC,
  type SnapshotHeader,
} from './snapshot-format.ts';

/** The rows of one chunk that are in range. */
export interface ChunkRows {
  readonly kind: 'rows' | 'tombstones';
  /** Where the next chunk begins. */
  readonly next: number;
  /** Rows of the whole chunk. */
  readonly chunkRowCount: number;
  readonly rowCount: number;
  readonly rows: Int32Array;
  readonly strings: Uint8Array;
  /** For messages: where the first of `rows` stands in the file; in a compressed chunk, its part. */
  readonly offset: number;
  /** Per row in `rows`: [end row, group] of each run. */
  readonly groups: readonly {readonly group: number; readonly endRow: number}[];
}

export type Chunk =
  ChunkRows | {readonly kind: 'end'; readonly rowCount: number; readonly tombstoneCount: number};

/** Bytes of a row, and of a row of tombstones. */
export interface RowWidths {
  readonly rows: number;
  readonly tombstones: number;
}

/** What the beginning of a chunk says. */
interface ChunkHead {
  readonly kind: 'rows' | 'tombstones';
  readonly isCompressed: boolean;
  readonly offset: number;
  readonly rowBytes: number;
  readonly groupCount: number;
  readonly rowCount: number;
  readonly stringBytes: number;
}

/** A key group of a chunk. */
interface GroupRun {
  readonly group: number;
  readonly rowCount: number;
  readonly stringBytes: number;
}

export class ChunkReader {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #size: number;
  #header: SnapshotHeader | null = null;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.#path = path;
    this.#size = size;
  }

  /** First; and where the first chunk begins. */
  async readHeader(): Promise<{readonly header: SnapshotHeader; readonly next: number}> {
    const start = await this.#read(0, HEADER_BYTES, 'the header');
    const {version, length} = parseHeaderStart(start, this.#path);
    const text = await this.#read(HEADER_BYTES, length, 'the schema');
    const header = parseHeader(text, version, this.#path);
    this.#header = header;
    return {header, next: HEADER_BYTES + length};
  }

  async readChunk(offset: number, widths: RowWidths, range: KeyGroupRange): Promise<Chunk> {
    const {compression, schema} = must(this.#header, 'the header is read first');
    const head = viewOf(await this.#read(offset, CHUNK_HEADER_BYTES, 'a chunk'));
    const magic = head.getUint32(0, true);
    if (magic === END_MAGIC) return this.#end(offset, head);
    const chunk = this.#parseHead(offset, head, widths);
    if (chunk.groupCount > schema.maxParallelism || chunk.groupCount > chunk.rowCount) {
      const found = `${chunk.groupCount} key groups in a chunk of ${chunk.rowCount} rows`;
      throw damaged(this.#path, offset + 4, found);
    }
    if (!chunk.isCompressed) return this.#readPlain(chunk, range);
    if (compression === 'none') throw damaged(this.#path, offset, 'a chunk that is compressed');
    return this.#readCompressed(chunk, range, compression);
  }

  #parseHead(offset: number, head: DataView, widths: RowWidths): ChunkHead {
    const known = CHUNK_KINDS.get(head.getUint32(0, true));
    if (known === undefined) throw damaged(this.#path, offset, 'no chunk begins here');
    const isDelta = must(this.#header, 'header').delta !== null;
    if (known.kind === 'tombstones' && !isDelta) {
      throw damaged(this.#path, offset, 'keys that are gone in a file that is no delta');
    }
    return {
      ...known,
      offset,
      rowBytes: widths[known.kind],
      groupCount: head.getUint32(4, true),
      rowCount: head.getUint32(8, true),
      stringBytes: head.getUint32(12, true),
    };
  }

  async #readPlain(chunk: ChunkHead, range: KeyGroupRange): Promise<ChunkRows> {
    const {offset, groupCount, rowCount, rowBytes, stringBytes} = chunk;
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
    const runs = await this.#readGroups(chunk, offset + CHUNK_HEADER_BYTES);
    const part = selectRuns(runs, range);
    const rowsOffset = rowsAt + part.firstRow * rowBytes;
    const rows = await this.#read(rowsOffset, part.rowCount * rowBytes, 'rows');
    const strings = await this.#read(stringsAt + part.firstByte, part.byteCount, 'strings');
    return {
      kind: chunk.kind,
      next,
      chunkRowCount: rowCount,
      rowCount: part.rowCount,
      rows: new Int32Array(rows.buffer, 0, rows.length / 4),
      strings,
      offset: rowsOffset,
      groups: part.groups,
    };
  }

  async #readCompressed(chunk: ChunkHead, range: KeyGroupRange, codec: Codec): Promise<ChunkRows> {
    const {offset, groupCount, rowBytes} = chunk;
    const more = viewOf(
      await this.#read(
        offset + CHUNK_HEADER_BYTES,
        COMPRESSED_HEADER_BYTES - CHUNK_HEADER_BYTES,
        'a chunk',
      ),
    );
    const partCount = more.getUint32(0, true);
    const dataBytes = more.getUint32(4, true);
    const partsAt = offset + COMPRESSED_HEADER_BYTES + groupCount * GROUP_ENTRY_BYTES;
    const dataAt = offset + paddedTo8(partsAt - offset + partCount * PART_ENTRY_BYTES);
    const next = dataAt + dataBytes;
    if (partCount > groupCount || dataBytes % 8 !== 0 || next > this.#size - END_BYTES) {
      const found = `${partCount} parts of ${dataBytes} bytes end behind the file`;
      throw damaged(this.#path, offset + CHUNK_HEADER_BYTES, found);
    }
    const runs = await this.#readGroups(chunk, offset + COMPRESSED_HEADER_BYTES);
    const parts = await this.#readParts(chunk, {runs, partCount, partsAt, dataBytes});
    const selected = selectRuns(runs, range);
    const rows = new Uint8Array(selected.rowCount * rowBytes);
    const strings = new Uint8Array(selected.byteCount);
    let [rowsUsed, stringsUsed, firstRun, at] = [0, 0, 0, dataAt];
    let first = dataAt;
    for (const part of parts) {
      const own = runs.slice(firstRun, firstRun + part.groupCount);
      const place = at;
      firstRun += part.groupCount;
      at += part.storedLength;
      const wanted = selectRuns(own, range);
      if (wanted.rowCount === 0) continue;
      if (rowsUsed === 0) first = place;
      const bytes = await this.#read(place, part.storedLength, 'a part of a chunk');
      const plain = expandPart(codec, part, bytes);
      if (typeof plain === 'string') throw damaged(this.#path, place, plain);
      const rowsFrom = wanted.firstRow * rowBytes;
      rows.set(plain.subarray(rowsFrom, rowsFrom + wanted.rowCount * rowBytes), rowsUsed);
      rowsUsed += wanted.rowCount * rowBytes;
      const stringsFrom = rowCountOf(own) * rowBytes + wanted.firstByte;
      strings.set(plain.subarray(stringsFrom, stringsFrom + wanted.byteCount), stringsUsed);
      stringsUsed += wanted.byteCount;
    }
    return {
      kind: chunk.kind,
      next,
      chunkRowCount: chunk.rowCount,
      rowCount: selected.rowCount,
      rows: new Int32Array(rows.buffer),
      strings,
      offset: first,
      groups: selected.groups,
    };
  }

  /** The key groups of a chunk, ascending, and adding up to its rows and strings. */
  async #readGroups(chunk: ChunkHead, at: number): Promise<readonly GroupRun[]> {
    const {maxParallelism} = must(this.#header, 'header').schema;
    const length = chunk.groupCount * GROUP_ENTRY_BYTES;
    const entries = viewOf(await this.#read(at, length, 'the key groups of a chunk'));
    const runs: GroupRun[] = [];
    let [rowsSoFar, bytesSoFar, last] = [0, 0, -1];
    for (let entry = 0; entry < length; entry += GROUP_ENTRY_BYTES) {
      const group = entries.getUint32(entry, true);
      const rowCount = entries.getUint32(entry + 4, true);
      const stringBytes = entries.getUint32(entry + 8, true);
      if (group <= last || group >= maxParallelism || rowCount === 0) {
        throw damaged(this.#path, at + entry, `key group ${group} is out of order`);
      }
      last = group;
      rowsSoFar += rowCount;
      bytesSoFar += stringBytes;
      runs.push({group, rowCount, stringBytes});
    }
    if (rowsSoFar !== chunk.rowCount || paddedTo8(bytesSoFar) !== chunk.stringBytes) {
      const found = 'the key groups of a chunk do not add up to its rows';
      throw damaged(this.#path, chunk.offset, found);
    }
    return runs;
  }

  /** The parts of a chunk: each is as long as its key groups say, and together they expand to no more than they may. */
  async #readParts(
    chunk: ChunkHead,
    place: {
      readonly runs: readonly GroupRun[];
      readonly partCount: number;
      readonly partsAt: number;
      readonly dataBytes: number;
    },
  ): Promise<readonly Part[]> {
    const {runs, partCount, partsAt, dataBytes} = place;
    const length = partCount * PART_ENTRY_BYTES;
    const entries = viewOf(await this.#read(partsAt, length, 'the parts of a chunk'));
    const parts: Part[] = [];
    let [firstRun, stored, expanded] = [0, 0, 0];
    for (let entry = 0; entry < length; entry += PART_ENTRY_BYTES) {
      const part: Part = {
        groupCount: entries.getUint32(entry, true),
        length: entries.getUint32(entry + 4, true),
        storedLength: entries.getUint32(entry + 8, true),
      };
      const own = runs.slice(firstRun, firstRun + part.groupCount);
      const strings = own.reduce((sum, run) => sum + run.stringBytes, 0);
      firstRun += part.groupCount;
      stored += part.storedLength;
      if (part.storedLength < part.length) expanded += part.length;
      const fits = stored <= dataBytes && expanded <= EXPANDED_BYTES_MAX;
      const isWhole = own.length === part.groupCount && own.length > 0;
      const isLong = part.length === rowCountOf(own) * chunk.rowBytes + strings;
      if (fits && isWhole && isLong && part.storedLength <= part.length) {
        parts.push(part);
        continue;
      }
      const found = `a part of ${part.length} bytes in ${part.storedLength}`;
      throw damaged(this.#path, partsAt + entry, found);
    }
    if (firstRun !== runs.length || paddedTo8(stored) !== dataBytes) {
      throw damaged(this.#path, chunk.offset, 'the parts of a chunk do not add up to it');
    }
    return parts;
  }

  #end(offset: number, head: DataView): Chunk {
    if (offset + END_BYTES !== this.#size) {
      throw damaged(this.#path, offset, 'bytes follow behind the end');
    }
    return {
      kind: 'end',
      tombstoneCount: head.getUint32(4, true),
      rowCount: head.getFloat64(8, true),
    };
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

const CHUNK_KINDS: ReadonlyMap<number, Pick<ChunkHead, 'kind' | 'isCompressed'>> = new Map([
  [CHUNK_MAGIC, {kind: 'rows', isCompressed: false}],
  [TOMBSTONE_MAGIC, {kind: 'tombstones', isCompressed: false}],
  [COMPRESSED_CHUNK_MAGIC, {kind: 'rows', isCompressed: true}],
  [COMPRESSED_TOMBSTONE_MAGIC, {kind: 'tombstones', isCompressed: true}],
]);

/** The run of groups in range: they are ascending, so it is one run of rows and one of strings. */
function selectRuns(
  runs: readonly GroupRun[],
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
  let [rowsSoFar, bytesSoFar] = [0, 0];
  for (const run of runs) {
    const {group} = run;
    if (group >= range.start && group <= range.end) {
      if (rowCount === 0) [firstRow, firstByte] = [rowsSoFar, bytesSoFar];
      rowCount += run.rowCount;
      byteCount += run.stringBytes;
      groups.push({group, endRow: rowCount});
    }
    rowsSoFar += run.rowCount;
    bytesSoFar += run.stringBytes;
  }
  return {firstRow, rowCount, firstByte, byteCount, groups};
}

function rowCountOf(runs: readonly GroupRun[]): number {
  return runs.reduce((sum, run) => sum + run.rowCount, 0);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
