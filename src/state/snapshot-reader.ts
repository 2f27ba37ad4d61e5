// Fills a table from state files (layout: snapshot-format.ts). The bytes were verified against their
// checksums before; here every length and every cell is checked once more before it is used.

import type {HashTable} from './hashmap/hash-table.ts';
import {stringCells} from './hashmap/chunk-encoder.ts';
import {RowMapping} from './hashmap/row-mapping.ts';
import {GROUP_MASK, LIVE_BIT, rowLayout} from './hashmap/row-layout.ts';
import {ChunkReader, type ChunkRows} from './snapshot-chunk.ts';
import {refuseOtherSchema} from './refuse-other-schema.ts';
import {damaged, snapshotSchema, type SnapshotSchema} from './snapshot-format.ts';
import type {TableSpec, ValueSlot} from './state-backend.ts';
import {systemErrorCode} from '../base/errors.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {storageFailed} from '../storage/storage-error.ts';

/** Adds what the file at `path` holds of `range` to `table`; none of it may be there yet. */
export async function restoreTable(
  files: FileSystem,
  path: string,
  table: HashTable,
  range: KeyGroupRange,
  maxParallelism: number,
): Promise<void> {
  try {
    await restoreFrom(files, path, table, range, maxParallelism);
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('reading the state from', path, error);
  }
}

async function restoreFrom(
  files: FileSystem,
  path: string,
  table: HashTable,
  range: KeyGroupRange,
  maxParallelism: number,
): Promise<void> {
  const handle = await files.openForRead(path);
  try {
    const {size} = await handle.status();
    const reader = new ChunkReader(handle, path, size);
    const {header, next} = await reader.readHeader();
    const {schema} = header;
    refuseOtherSchema(schema, snapshotSchema(table.spec, maxParallelism), path);
    const stored = {...table.spec, values: storedValues(schema, path)};
    const filler = new TableFiller(table, stored, path);
    const widths = {rows: filler.rowBytes, tombstones: 0};
    let rowCount = 0;
    let upcoming = reader.readChunk(next, widths, range);
    for (;;) {
      const chunk = await upcoming;
      if (chunk.kind === 'end') {
        if (chunk.rowCount === rowCount) return;
        throw damaged(path, size - 8, `it has ${rowCount} rows, not ${chunk.rowCount}`);
      }
      upcoming = reader.readChunk(chunk.next, widths, range);
      // Awaited in the next turn; without this, a failure here would leave its rejection unhandled.
      upcoming.catch(() => undefined);
      rowCount += chunk.chunkRowCount;
      filler.add(chunk);
    }
  } finally {
    await handle.close();
  }
}

class TableFiller {
  readonly rowBytes: number;
  readonly #table: HashTable;
  readonly #mapping: RowMapping;
  readonly #strings: ReturnType<typeof stringCells>;
  readonly #path: string;

  constructor(table: HashTable, stored: TableSpec, path: string) {
    const layout = rowLayout(stored);
    this.rowBytes = layout.rowInts * 4;
    this.#table = table;
    this.#mapping = new RowMapping(layout, table.shape);
    this.#strings = stringCells(layout);
    this.#path = path;
  }

  add(chunk: ChunkRows): void {
    this.#check(chunk);
    if (this.#strings.length > 0) this.#placeStrings(chunk);
    const first = this.#table.appendRows(chunk.rowCount);
    this.#mapping.copy(chunk.rows, this.#table.memory().ints, first, chunk.rowCount);
    this.#table.indexRows(first, first + chunk.rowCount);
  }

  #check({rows, groups, offset}: ChunkRows): void {
    const rowInts = this.rowBytes / 4;
    let at = 1;
    for (const {group, endRow} of groups) {
      const expected = group | LIVE_BIT;
      for (const end = endRow * rowInts; at < end; at += rowInts) {
        if ((rows[at]! & (GROUP_MASK | LIVE_BIT)) === expected) continue;
        throw damaged(this.#path, offset + at * 4, `a row of another key group than ${group}`);
      }
    }
  }

  /** Moves the strings to the table's arena and their addresses into the rows. */
  #placeStrings({rows, rowCount, strings, offset}: ChunkRows): void {
    const rowInts = this.rowBytes / 4;
    let used = 0;
    for (let base = 0; base < rowCount * rowInts; base += rowInts) {
      for (const cell of this.#strings) {
        const length = rows[base + cell.length]!;
        if ((rows[base + cell.flagInt]! & cell.setMask) === 0) continue;
        if (length < 0 || (length > cell.inlineMax && used + length > strings.length)) {
          throw damaged(
            this.#path,
            offset + (base + cell.length) * 4,
            `a string of ${length} bytes`,
          );
        }
        if (length <= cell.inlineMax) continue;
        rows[base + cell.address] = this.#table.appendBytes(strings, used, used + length);
        used += length;
      }
    }
    if (used !== strings.length) throw damaged(this.#path, offset, 'strings that belong to no row');
  }
}

function storedValues(schema: SnapshotSchema, path: string): ValueSlot[] {
  return schema.values.map(([name, kind]) => {
    if (kind === 'float64' || kind === 'int64' || kind === 'bytes' || kind === 'flag') {
      return {name, kind};
    }
    throw damaged(path, 0, `a slot of the unknown kind '${kind}'`);
  });
}
