// Writes the state file of a frozen table (layout: snapshot-format.ts). Runs in the writer thread, or on
// the task's own thread in tests and the simulation.

import {ChunkEncoder} from './hashmap/chunk-encoder.ts';
import {FrozenReader} from './hashmap/frozen-reader.ts';
import {rowLayout} from './hashmap/row-layout.ts';
import {
  encodeHeader,
  END_BYTES,
  END_MAGIC,
  schemaJson,
  SNAPSHOT_VERSION,
  snapshotSchema,
} from './snapshot-format.ts';
import {copyStateFile} from './copy-state-file.ts';
import {abandoned} from './abandoned.ts';
import type {CopyRequest, SnapshotRequest, SnapshotWriter} from './snapshot-request.ts';
import {makeStateDirectory, StateFile} from './state-file.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {join, stateFilePath} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';

/** The file is synced and closed when it resolves; its entry in the directory is not synced. */
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
    try {
      const rowCount = await writeTable(request, file);
      const written = await file.finish();
      const schema = snapshotSchema(request.spec, request.maxParallelism);
      return {
        location: 'file',
        name: request.spec.name,
        kind: 'keyed',
        codecVersion: SNAPSHOT_VERSION,
        keyGroups: request.keyGroups,
        path,
        ...written,
        description: {...schemaJson(schema), rows: rowCount},
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

  async call(request: SnapshotRequest | CopyRequest): Promise<FileState> {
    return answerSnapshot(request, this.#files);
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Returns the number of rows written. */
async function writeTable(request: SnapshotRequest, file: StateFile): Promise<number> {
  const {table, spec, maxParallelism} = request;
  const layout = rowLayout(spec);
  const control = new Int32Array(request.control, 0, 1);
  const reader = new FrozenReader(table);
  const arena = viewBytes(table.arena);
  const encoder = new ChunkEncoder(layout, maxParallelism, arena, table.rowCount);
  const pageRows = 2 ** layout.pageShift;
  let rowCount = 0;
  await file.append(encodeHeader(snapshotSchema(spec, maxParallelism)));
  for (let page = 0; page < table.pages.count; page += 1) {
    reader.take(page, encoder.raw, encoder.rawInts);
    const rows = Math.min(pageRows, table.rowCount - page * pageRows);
    encoder.addPage(rows * layout.rowInts);
    if (!encoder.full && page + 1 < table.pages.count) continue;
    if (Atomics.load(control, 0) !== 0) throw abandoned(request);
    const chunk = encoder.finish();
    if (chunk === null) continue;
    rowCount += chunk.rowCount;
    await file.append(chunk.bytes);
  }
  const end = new DataView(new ArrayBuffer(END_BYTES));
  end.setUint32(0, END_MAGIC, true);
  end.setFloat64(8, rowCount, true);
  await file.append(new Uint8Array(end.buffer));
  return rowCount;
}

/** With a length of its own: an array that follows a growing buffer is slow. */
function viewBytes(buffer: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(buffer, 0, buffer.byteLength);
}
