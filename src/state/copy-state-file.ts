// Copies a finished file into a checkpoint's attempt, with checksums over what was read: the copy has its own inode, so that
// nothing that happens to the original can reach a published checkpoint. One that later checkpoints may refer to is set apart.

import {givenUp, type CopyRequest} from './snapshot-request.ts';
import {makeStateDirectory, StateFile} from './state-file.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import {closeQuietly} from '../storage/durable-file.ts';
import type {FileHandle, FileSystem} from '../storage/file-system.ts';
import {join} from '../storage/paths.ts';
import {shareFile} from '../storage/share-file.ts';
import {storageFailed} from '../storage/storage-error.ts';

const PIECE_BYTES = 1024 * 1024;
/** Of the first ones, for most files are small: four of the others take longer to be made than such a file to be copied. */
const PIECE_BYTES_FIRST = 64 * 1024;
/** One is read while those before it are being written. */
const PIECES = 4;

/** The file is synced and closed when it resolves; its entry in the directory is not synced. */
export async function copyStateFile(request: CopyRequest, files: FileSystem): Promise<FileState> {
  const {directory, uid, source, state} = request;
  const target = join(directory, state.path);
  try {
    await makeStateDirectory(files, `${directory}/${uid}`);
    const from = await files.openForRead(source);
    try {
      const copy = await copyFrom(from, request, files, target);
      return request.shared ? await shareFile(files, directory, copy) : copy;
    } finally {
      await closeQuietly(from);
    }
  } catch (error) {
    throw storageFailed(`writing the state of ${uid} to`, target, error, {
      checkpoint: request.checkpointId,
    });
  }
}

async function copyFrom(
  from: FileHandle,
  request: CopyRequest,
  files: FileSystem,
  target: string,
): Promise<FileState> {
  const control = new Int32Array(request.control, 0, 1);
  const file = new StateFile(await files.createNew(target));
  try {
    const pieces: Uint8Array[] = [];
    for (let position = 0, turn = 0; ; turn = (turn + 1) % PIECES) {
      if (Atomics.load(control, 0) !== 0) throw givenUp(request.uid, request.checkpointId);
      const piece = pieceFor(position, pieces[turn]);
      pieces[turn] = piece;
      const count = await from.read(piece, 0, piece.length, position);
      if (count === 0) break;
      await file.append(piece.subarray(0, count));
      position += count;
    }
    return {...request.state, ...(await file.finish())};
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** `before`, where it is large enough for what is read at `position`. */
function pieceFor(position: number, before?: Uint8Array): Uint8Array {
  const size = Math.min(PIECE_BYTES, Math.max(PIECE_BYTES_FIRST, position));
  return before !== undefined && before.length >= size ? before : new Uint8Array(size);
}
