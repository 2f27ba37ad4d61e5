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

/** So large that the digest costs more than the calls; the buffers of all copies at once stay some megabytes. */
const PIECE_BYTES = 256 * 1024;
/** One is read while those before it are being written. */
const PIECES = 4;
/** Pieces that are kept for further copies: as many as four at once have. */
const SPARE_MAX = 16;

/**
 * Of copies that are over, for the next ones in this thread. New ones for each file would be garbage by the megabyte, which a
 * collector that sees only their handles leaves for long.
 */
const spare: Uint8Array[] = [];

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
  const pieces: Uint8Array[] = [];
  try {
    for (let position = 0, turn = 0; ; turn = (turn + 1) % PIECES) {
      if (Atomics.load(control, 0) !== 0) throw givenUp(request.uid, request.checkpointId);
      const piece = (pieces[turn] ??= spare.pop() ?? new Uint8Array(PIECE_BYTES));
      const count = await from.read(piece, 0, piece.length, position);
      if (count === 0) break;
      await file.append(piece.subarray(0, count));
      position += count;
    }
    return {...request.state, ...(await file.finish())};
  } catch (error) {
    await file.abandon();
    throw error;
  } finally {
    // Written, or given up for good: nobody reads or fills them any more.
    spare.push(...pieces.slice(0, SPARE_MAX - spare.length));
  }
}
