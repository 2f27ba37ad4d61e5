// The rows of state files of the hashmap backend (layout: snapshot-format.ts). A file with all rows is read chunk by chunk, and
// so that no more than two of them are in memory; a chain with deltas some key groups at a time, about SLICE_BYTES of its
// files, or one key group when that has more, put together in a table.

import {columnsOfBlock, type RowBlock, type RowColumns} from './row-block.ts';
import type {StateShape} from './state-shape.ts';
import {must} from '../../base/assert.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileHandle, FileSystem} from '../../storage/file-system.ts';
import {checkKeyGroups, placeStrings} from '../chunk-rows.ts';
import {ADDRESS_BYTES} from '../hashmap/byte-arena.ts';
import {stringCells} from '../hashmap/chunk-encoder.ts';
import {HashTable} from '../hashmap/hash-table.ts';
import {rowLayout} from '../hashmap/row-layout.ts';
import {slicesOf} from '../slices.ts';
import {ChunkReader} from '../snapshot-chunk.ts';
import {
  damaged,
  HEADER_BYTES,
  plainLengthOf,
  schemaJson,
  snapshotSchema,
  type SnapshotSchema,
} from '../snapshot-format.ts';
import {restoreTable, storedChain, type StoredTable} from '../snapshot-reader.ts';

const SLICE_BYTES = 32 * 1024 * 1024;
/** Of a table that are handed out together. */
const BATCH_ROWS = 32 * 1024;

export interface SnapshotRows {
  readonly files: Pick<FileSystem, 'openForRead'>;
  /** Of the checkpoint. */
  readonly directory: string;
  /** A chain that is whole. */
  readonly chain: readonly FileState[];
  readonly shape: StateShape;
  /** Of all rows of the chain. */
  readonly keyGroups: KeyGroupRange;
  /** Within them: what is read. */
  readonly range: KeyGroupRange;
  readonly sliceBytes?: number | undefined;
}

export async function* readSnapshotRows(request: SnapshotRows): AsyncGenerator<RowColumns> {
  const {chain, directory} = request;
  const stored = storedChain(chain, directory);
  const base = must(stored[0], 'a state file');
  if (chain.length === 1) yield* readChunks(request, base);
  else yield* readSlices(request, stored);
}

async function* readChunks(request: SnapshotRows, base: StoredTable): AsyncGenerator<RowColumns> {
  const handle = await request.files.openForRead(base.path);
  try {
    yield* chunksOf(request, handle, base.path);
  } finally {
    await handle.close();
  }
}

async function* chunksOf(
  {shape, range}: SnapshotRows,
  handle: FileHandle,
  path: string,
): AsyncGenerator<RowColumns> {
  const {size} = await handle.status();
  const reader = new ChunkReader(handle, path, size);
  const {header, next: first} = await reader.readHeader();
  refuseOther(header.schema, shape, path);
  if (header.delta !== null) throw damaged(path, 0, 'a delta that stands alone');
  const layout = rowLayout(shape.spec);
  const {rowInts} = layout;
  const cells = stringCells(layout);
  const widths = {rows: rowInts * 4, tombstones: rowInts * 4};
  let rowCount = 0;
  let upcoming = reader.readChunk(first, widths, range);
  for (;;) {
    const chunk = await upcoming;
    if (chunk.kind === 'end') {
      if (chunk.rowCount === rowCount && chunk.tombstoneCount === 0) return;
      throw damaged(path, size - 12, `it has ${rowCount} rows, not ${chunk.rowCount}`);
    }
    upcoming = reader.readChunk(chunk.next, widths, range);
    // Awaited in the next turn, or never when nobody asks for more.
    upcoming.catch(() => undefined);
    rowCount += chunk.chunkRowCount;
    checkKeyGroups(chunk, rowInts, path);
    if (cells.length > 0) placeStrings(chunk, cells, rowInts, path, (start) => start);
    if (chunk.rowCount === 0) continue;
    const {rows, strings, offset} = chunk;
    const block = {layout, rowCount: chunk.rowCount, ints: rows, arena: strings, addressBytes: 1};
    yield columnsOfBlock({...block, path, offset}, shape);
  }
}

/** A file says once more what its handle says. */
export function refuseOther(found: SnapshotSchema, shape: StateShape, path: string): void {
  const wanted = snapshotSchema(shape.spec, shape.maxParallelism);
  if (JSON.stringify(schemaJson(found)) === JSON.stringify(schemaJson(wanted))) return;
  throw damaged(path, HEADER_BYTES, 'it has another schema than _metadata says');
}

async function* readSlices(
  {files, chain, shape, keyGroups, range, sliceBytes = SLICE_BYTES}: SnapshotRows,
  stored: readonly StoredTable[],
): AsyncGenerator<RowColumns> {
  const all = chain.reduce((sum, state) => sum + plainLengthOf(state), 0);
  const bytes = (all * groupsIn(range)) / groupsIn(keyGroups);
  const {path} = must(stored[0], 'a state file');
  for (const slice of slicesOf(range, Math.ceil(bytes / sliceBytes))) {
    const table = new HashTable(shape.spec, shape.maxParallelism, path);
    await restoreTable(files, stored, table, slice, shape.maxParallelism);
    yield* rowsOfTable(table, shape, path);
  }
}

function groupsIn({start, end}: KeyGroupRange): number {
  return end - start + 1;
}

/** All rows of a table, some at a time. */
export function* rowsOfTable(
  table: HashTable,
  shape: StateShape,
  path: string,
): Generator<RowColumns> {
  const layout = table.shape;
  const {rowInts} = layout;
  const {ints} = table.memory();
  for (let from = 0; from < table.rowCount; from += BATCH_ROWS) {
    const to = Math.min(table.rowCount, from + BATCH_ROWS);
    const own = new Int32Array((to - from) * rowInts);
    let rowCount = 0;
    for (let row = from; row < to;) {
      let end = row;
      while (end < to && table.isLive(end)) end += 1;
      own.set(ints.subarray(row * rowInts, end * rowInts), rowCount * rowInts);
      rowCount += end - row;
      row = end + 1;
    }
    if (rowCount === 0) continue;
    const block: RowBlock = {
      ...{layout, rowCount, ints: own, path, offset: null},
      ...{arena: table.arena(), addressBytes: ADDRESS_BYTES},
    };
    yield columnsOfBlock(block, shape);
  }
}
