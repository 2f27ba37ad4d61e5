// Writes the state file of a frozen table (layout: snapshot-format.ts). Runs in the writer thread, or on
// the task's own thread in tests and the simulation.

import {compressChunk} from './compressed-chunk.ts';
import {ChangedRows} from './hashmap/changed-rows.ts';
import {ChunkEncoder} from './hashmap/chunk-encoder.ts';
import {FrozenReader} from './hashmap/frozen-reader.ts';
import {keyLayout, rowLayout, type RowLayout} from './hashmap/row-layout.ts';
import {
  CHUNK_MAGIC,
  encodeHeader,
  END_BYTES,
  END_MAGIC,
  headerVersion,
  schemaJson,
  snapshotSchema,
  TOMBSTONE_MAGIC,
  type SnapshotHeader,
} from './snapshot-format.ts';
import {copyStateFile} from './copy-state-file.ts';
import {
  givenUp,
  type CopyRequest,
  type DeltaRequest,
  type FrozenTombstones,
  type SnapshotRequest,
  type SnapshotWriter,
} from './snapshot-request.ts';
import {makeStateDirectory, StateFile} from './state-file.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {join, stateFilePath} from '../storage/paths.ts';
import {shareFile} from '../storage/share-file.ts';
import {storageFailed} from '../storage/storage-error.ts';

/**
 * The file is synced and closed when it resolves, and set apart if it is to be shared; its entry in the directory is not
 * synced. `description.delta` of the handle: it has only what changed.
 */
export async function answerSnapshot(
  request: SnapshotRequest | CopyRequest,
  files: FileSystem,
): Promise<FileState> {
  return 'table' in request ? writeSnapshot(request, files) : copyStateFile(request, files);
}

async function writeSnapshot(request: SnapshotRequest, files: FileSystem): Promise<FileState> {
  const path = stateFilePath(request.uid, request.subtask, request.spec.name);
  const target = join(request.directory, path);
  try {
    await makeStateDirectory(files, `${request.directory}/${request.uid}`);
    const file = new StateFile(await files.createNew(target));
    let state: FileState;
    try {
      state = await writeTable(request, file, path);
    } catch (error) {
      await file.abandon();
      throw error;
    }
    return request.shared ? await shareFile(files, request.directory, state) : state;
  } catch (error) {
    throw storageFailed(`writing the state of ${request.uid} to`, target, error, {
      checkpoint: request.checkpointId,
    });
  }
}

/** A `SnapshotWriter` on the caller's own thread. */
export class InProcessWriter implements SnapshotWriter {
  readonly #files: FileSystem;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  async call(request: SnapshotRequest | CopyRequest): Promise<FileState> {
    return answerSnapshot(request, this.#files);
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

async function writeTable(
  request: SnapshotRequest,
  file: StateFile,
  path: string,
): Promise<FileState> {
  const {spec, maxParallelism, compression, table} = request;
  const layout = rowLayout(spec);
  const delta = chosenDelta(request, layout);
  const schema = snapshotSchema(spec, maxParallelism);
  const header: SnapshotHeader = {schema, compression, delta: delta?.place ?? null};
  const writing = new TableWriting(request, file);
  await writing.begin(header);
  if (delta !== null) await writing.addTombstones(delta.changes.tombstones);
  const changed = delta === null ? null : new ChangedRows(delta.changes.bits, table.rowCount);
  await writing.addRows(layout, changed);
  const {rowCount, tombstoneCount, plainBytes} = await writing.end();
  return {
    location: 'file',
    name: spec.name,
    kind: 'keyed',
    codecVersion: headerVersion(header),
    keyGroups: request.keyGroups,
    path,
    ...(await file.finish()),
    description: {
      ...schemaJson(schema),
      rows: rowCount,
      ...(delta === null ? {} : {tombstones: tombstoneCount, delta: {...delta.place}}),
      ...(compression === 'none' ? {} : {compression, uncompressed_length: plainBytes}),
    },
  };
}

/** Null: all rows are written, because that was asked for, or because a delta would not be much less. */
function chosenDelta(
  {delta, table, spec}: SnapshotRequest,
  layout: RowLayout,
): DeltaRequest | null {
  if (delta === null) return null;
  const {bits, tombstones} = delta.changes;
  const rows = new ChangedRows(bits, table.rowCount).count() * layout.rowInts;
  const keys = tombstones.count * keyLayout(spec).rowInts;
  return (rows + keys) * 4 > delta.bytesMax ? null : delta;
}

/** One state file, from the header to the end. */
class TableWriting {
  readonly #request: SnapshotRequest;
  readonly #file: StateFile;
  readonly #control: Int32Array;
  #rowCount = 0;
  #tombstoneCount = 0;
  #plainBytes = 0;

  constructor(request: SnapshotRequest, file: StateFile) {
    this.#request = request;
    this.#file = file;
    this.#control = new Int32Array(request.control, 0, 1);
  }

  async begin(header: SnapshotHeader): Promise<void> {
    const bytes = encodeHeader(header);
    this.#plainBytes = bytes.length + END_BYTES;
    await this.#file.append(bytes);
  }

  async addTombstones({rows, arena, count}: FrozenTombstones): Promise<void> {
    const {spec, maxParallelism} = this.#request;
    const layout = keyLayout(spec);
    const source = new Int32Array(rows, 0, count * layout.rowInts);
    const encoder = new ChunkEncoder(
      layout,
      maxParallelism,
      viewBytes(arena),
      count,
      TOMBSTONE_MAGIC,
    );
    const pageInts = layout.rowInts << layout.pageShift;
    for (let from = 0; from < source.length; from += pageInts) {
      const page = source.subarray(from, from + pageInts);
      encoder.raw.set(page, encoder.rawInts);
      encoder.addPage(page.length);
      if (!encoder.full && from + pageInts < source.length) continue;
      this.#tombstoneCount += await this.#append(encoder, layout);
    }
  }

  /** All of them, or those of `changed`. */
  async addRows(layout: RowLayout, changed: ChangedRows | null): Promise<void> {
    const {table, maxParallelism} = this.#request;
    const reader = new FrozenReader(table);
    const arena = viewBytes(table.arena);
    const encoder = new ChunkEncoder(layout, maxParallelism, arena, table.rowCount, CHUNK_MAGIC);
    const {rowInts} = layout;
    const pageRows = 2 ** layout.pageShift;
    for (let page = 0; page < table.pages.count; page += 1) {
      const first = page * pageRows;
      const rows = Math.min(pageRows, table.rowCount - first);
      if (changed?.any(first, rows) === false) {
        reader.skip(page);
      } else {
        const at = encoder.rawInts;
        reader.take(page, encoder.raw, at);
        const kept = changed?.keep(encoder.raw, at, first, rows, rowInts) ?? rows * rowInts;
        encoder.addPage(kept);
      }
      if (!encoder.full && page + 1 < table.pages.count) continue;
      this.#rowCount += await this.#append(encoder, layout);
    }
  }

  async end(): Promise<{
    readonly rowCount: number;
    readonly tombstoneCount: number;
    /** The length that the file would have without compression. */
    readonly plainBytes: number;
  }> {
    const end = new DataView(new ArrayBuffer(END_BYTES));
    end.setUint32(0, END_MAGIC, true);
    end.setUint32(4, this.#tombstoneCount, true);
    end.setFloat64(8, this.#rowCount, true);
    await this.#file.append(new Uint8Array(end.buffer));
    return {
      rowCount: this.#rowCount,
      tombstoneCount: this.#tombstoneCount,
      plainBytes: this.#plainBytes,
    };
  }

  /** What the encoder has; returns the number of rows. */
  async #append(encoder: ChunkEncoder, layout: RowLayout): Promise<number> {
    if (Atomics.load(this.#control, 0) !== 0) {
      throw givenUp(this.#request.uid, this.#request.checkpointId);
    }
    const chunk = encoder.finish();
    if (chunk === null) return 0;
    const {bytes, rowCount} = chunk;
    const {compression} = this.#request;
    this.#plainBytes += bytes.length;
    const rowBytes = layout.rowInts * 4;
    await this.#file.append(
      compression === 'none' ? bytes : compressChunk(bytes, rowBytes, compression),
    );
    return rowCount;
  }
}

/** With a length of its own: an array that follows a growing buffer is slow. */
function viewBytes(buffer: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(buffer, 0, buffer.byteLength);
}
