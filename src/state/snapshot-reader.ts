// Fills a table from state files (layout: snapshot-format.ts). The bytes were verified against their
// checksums before; here every length and every cell is checked once more before it is used.

import {checkKeyGroups, placeStrings} from './chunk-rows.ts';
import type {HashTable} from './hashmap/hash-table.ts';
import {stringCells} from './hashmap/chunk-encoder.ts';
import {RowMapping} from './hashmap/row-mapping.ts';
import {keyLayout, rowLayout, type RowLayout} from './hashmap/row-layout.ts';
import {ChunkReader, type ChunkRows} from './snapshot-chunk.ts';
import {refuseOtherSchema} from './refuse-other-schema.ts';
import {
  damaged,
  HEADER_BYTES,
  snapshotSchema,
  type DeltaPlace,
  type SnapshotSchema,
} from './snapshot-format.ts';
import type {ValueSlot} from './state-backend.ts';
import {systemErrorCode} from '../base/errors.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {stateFileAt} from '../storage/paths.ts';
import {chainPlaceOf} from '../storage/state-chain.ts';
import {storageFailed} from '../storage/storage-error.ts';

/** A state file, and what its handle says of its place in a chain: null for a file that has all rows. */
export interface StoredTable {
  readonly path: string;
  readonly delta: DeltaPlace | null;
}

/** The files of a chain that lies whole in the checkpoint in `directory`. */
export function storedChain(
  chain: readonly FileState[],
  directory: string,
): readonly StoredTable[] {
  return chain.map((file) => {
    const {sequence = 0, previous = null} = chainPlaceOf(file) ?? {};
    const delta = sequence === 0 || previous === null ? null : {sequence, previous};
    return {path: stateFileAt(directory, file.path), delta};
  });
}

/**
 * Adds what `chain`, a file with all rows and its deltas in order, holds of `range` to `table`; none of it may be there
 * yet.
 */
export async function restoreTable(
  files: Pick<FileSystem, 'openForRead'>,
  chain: readonly StoredTable[],
  table: HashTable,
  range: KeyGroupRange,
  maxParallelism: number,
): Promise<void> {
  for (const stored of chain) {
    try {
      await restoreFrom(files, stored, table, range, maxParallelism);
    } catch (error) {
      if (systemErrorCode(error) === null) throw error;
      throw storageFailed('reading the state from', stored.path, error);
    }
  }
}

async function restoreFrom(
  files: Pick<FileSystem, 'openForRead'>,
  {path, delta}: StoredTable,
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
    refuseOtherPlace(header.delta, delta, path);
    const stored = {...table.spec, values: storedValues(schema, path)};
    const fillers = {
      rows: new TableFiller(table, rowLayout(stored), path, delta === null ? 'add' : 'replace'),
      tombstones: new TableFiller(table, keyLayout(stored), path, 'remove'),
    };
    const widths = {rows: fillers.rows.rowBytes, tombstones: fillers.tombstones.rowBytes};
    const counts = {rows: 0, tombstones: 0};
    let upcoming = reader.readChunk(next, widths, range);
    for (;;) {
      const chunk = await upcoming;
      if (chunk.kind === 'end') {
        if (chunk.rowCount === counts.rows && chunk.tombstoneCount === counts.tombstones) {
          fillers.rows.end();
          return;
        }
        throw damaged(path, size - 12, `it has ${counts.rows} rows, not ${chunk.rowCount}`);
      }
      upcoming = reader.readChunk(chunk.next, widths, range);
      // Awaited in the next turn; without this, a failure here would leave its rejection unhandled.
      upcoming.catch(() => undefined);
      if (chunk.kind === 'tombstones' && counts.rows > 0) {
        throw damaged(path, chunk.offset, 'keys that are gone behind the rows');
      }
      counts[chunk.kind] += chunk.chunkRowCount;
      fillers[chunk.kind].add(chunk);
    }
  } finally {
    await handle.close();
  }
}

/** The file must be what its handle says: a delta of another chain would pass unseen otherwise. */
function refuseOtherPlace(found: DeltaPlace | null, wanted: DeltaPlace | null, path: string): void {
  if (found?.sequence === wanted?.sequence && found?.previous === wanted?.previous) return;
  throw damaged(path, HEADER_BYTES, `it is ${placeText(found)}, not ${placeText(wanted)}`);
}

function placeText(place: DeltaPlace | null): string {
  return place === null ? 'a whole table' : `delta ${place.sequence} after ${place.previous}`;
}

class TableFiller {
  readonly rowBytes: number;
  readonly #table: HashTable;
  readonly #mapping: RowMapping;
  readonly #strings: ReturnType<typeof stringCells>;
  readonly #path: string;
  readonly #act: 'add' | 'replace' | 'remove';
  /** Of those that are added. */
  readonly #firstRow: number;

  /** `layout`: of the rows in the file. */
  constructor(
    table: HashTable,
    layout: RowLayout,
    path: string,
    act: 'add' | 'replace' | 'remove',
  ) {
    this.rowBytes = layout.rowInts * 4;
    this.#table = table;
    this.#mapping = new RowMapping(layout, table.shape);
    this.#strings = stringCells(layout);
    this.#path = path;
    this.#act = act;
    this.#firstRow = table.rowCount;
  }

  add(chunk: ChunkRows): void {
    const table = this.#table;
    const rowInts = this.rowBytes / 4;
    checkKeyGroups(chunk, rowInts, this.#path);
    if (this.#strings.length > 0) {
      placeStrings(chunk, this.#strings, rowInts, this.#path, (start, end) =>
        table.appendBytes(chunk.strings, start, end),
      );
    }
    const first = table.appendRows(chunk.rowCount);
    const end = first + chunk.rowCount;
    this.#mapping.copy(chunk.rows, table.memory().ints, first, chunk.rowCount);
    if (this.#act === 'replace') table.replaceRows(first, end);
    else if (this.#act === 'remove') table.removeRows(first, end);
  }

  /** There are no more of them. Rows that are added are found only from here on: it takes one pass to index them all. */
  end(): void {
    if (this.#act === 'add') this.#table.indexRows(this.#firstRow, this.#table.rowCount);
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
