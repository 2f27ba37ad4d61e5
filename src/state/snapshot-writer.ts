// Writes the state file of a frozen table (layout: snapshot-format.ts). Runs in the writer thread, or on
// the task's own thread in tests and the simulation.

import {ChunkEncoder} from './hashmap/chunk-encoder.ts';
import {FrozenReader} from './hashmap/frozen-reader.ts';
import {rowLayout} from './hashmap/row-layout.ts';
import {compressChunk} from './compressed-chunk.ts';
import {
  encodeHeader,
  END_BYTES,
  END_MAGIC,
  headerVersion,
  schemaJson,
  snapshotSchema,
  type SnapshotHeader,
} from './snapshot-format.ts';
import type {SnapshotRequest, SnapshotWriter} from './snapshot-request.ts';
import {makeStateDirectory, StateFile} from './state-file.ts';
import {EngineError} from '../base/errors.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {join, stateFilePath} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';

/** The file is synced and closed when it resolves; its entry in the directory is not synced. */
export async function writeSnapshot(
  request: SnapshotRequest,
  files: FileSystem,
): Promise<FileState> {
  const path = stateFilePath(request.uid, request.subtask, request.spec.name);
  const target = join(request.directory, path);
  try {
    await makeStateDirectory(files, `${request.directory}/${request.uid}`);
    const file = new StateFile(await files.createNew(target));
    try {
      const {compression, spec, maxParallelism} = request;
      const schema = snapshotSchema(spec, maxParallelism);
      const header: SnapshotHeader = {schema, compression, delta: null};
      const {rowCount, plainBytes} = await writeTable(request, header, file);
      const written = await file.finish();
      return {
        location: 'file',
        name: request.spec.name,
        kind: 'keyed',
        codecVersion: headerVersion(header),
        keyGroups: request.keyGroups,
        path,
        ...written,
        description: {
          ...schemaJson(schema),
          rows: rowCount,
          ...(compression === 'none' ? {} : {compression, uncompressed_length: plainBytes}),
        },
      };
    } catch (error) {
      await file.abandon();
      throw error;
    }
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

  async call(request: SnapshotRequest): Promise<FileState> {
    return writeSnapshot(request, this.#files);
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Returns the number of rows written, and the length that the file would have without compression. */
async function writeTable(
  request: SnapshotRequest,
  header: SnapshotHeader,
  file: StateFile,
): Promise<{readonly rowCount: number; readonly plainBytes: number}> {
  const {table, spec, maxParallelism, compression} = request;
  const layout = rowLayout(spec);
  const control = new Int32Array(request.control, 0, 1);
  const reader = new FrozenReader(table);
  const arena = viewBytes(table.arena);
  const encoder = new ChunkEncoder(layout, maxParallelism, arena, table.rowCount);
  const pageRows = 2 ** layout.pageShift;
  let rowCount = 0;
  const head = encodeHeader(header);
  let plainBytes = head.length + END_BYTES;
  await file.append(head);
  for (let page = 0; page < table.pages.count; page += 1) {
    reader.take(page, encoder.raw, encoder.rawInts);
    const rows = Math.min(pageRows, table.rowCount - page * pageRows);
    encoder.addPage(rows * layout.rowInts);
    if (!encoder.full && page + 1 < table.pages.count) continue;
    if (Atomics.load(control, 0) !== 0) throw abandoned(request);
    const chunk = encoder.finish();
    if (chunk === null) continue;
    rowCount += chunk.rowCount;
    plainBytes += chunk.bytes.length;
    const rowBytes = layout.rowInts * 4;
    await file.append(
      compression === 'none' ? chunk.bytes : compressChunk(chunk.bytes, rowBytes, compression),
    );
  }
  const end = new DataView(new ArrayBuffer(END_BYTES));
  end.setUint32(0, END_MAGIC, true);
  end.setFloat64(8, rowCount, true);
  await file.append(new Uint8Array(end.buffer));
  return {rowCount, plainBytes};
}

function abandoned(request: SnapshotRequest): EngineError {
  return new EngineError(
    'JOB_FAILED',
    `checkpoint ${request.checkpointId} was aborted while the state of ${request.uid} was written`,
  );
}

/** With a length of its own: an array that follows a growing buffer is slow. */
function viewBytes(buffer: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(buffer, 0, buffer.byteLength);
}
