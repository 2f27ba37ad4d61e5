// Small files that are written once: written whole, synced, closed; read whole with a limit.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {FileHandle, FileSystem} from './file-system.ts';

/**
 * Writes a new file and syncs it. A descriptor whose sync failed is never synced again: the bytes go
 * once more into a new file of the same name; when that sync fails too, the call fails. The entry in
 * the directory is the caller's to sync.
 */
export async function writeDurableFile(
  files: FileSystem,
  path: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const first = await writeOnce(files, path, write);
  if (first.kind === 'synced') return;
  await files.unlink(path);
  const second = await writeOnce(files, path, write);
  if (second.kind === 'sync-failed') throw second.error;
}

export async function writeDurableBytes(
  files: FileSystem,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  await writeDurableFile(files, path, async (handle) => handle.append(bytes));
}

type WriteOutcome =
  {readonly kind: 'synced'} | {readonly kind: 'sync-failed'; readonly error: unknown};

async function writeOnce(
  files: FileSystem,
  path: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<WriteOutcome> {
  const handle = await files.createNew(path);
  try {
    await write(handle);
  } catch (error) {
    await closeQuietly(handle);
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    await closeQuietly(handle);
    return {kind: 'sync-failed', error};
  }
  await handle.close();
  return {kind: 'synced'};
}

/** After a failure that is reported itself. */
export async function closeQuietly(handle: FileHandle): Promise<void> {
  try {
    await handle.close();
  } catch {
    // The first failure is the one to report.
  }
}

/** The whole file. Longer than `bytesMax`: CHECKPOINT_DAMAGED, before anything is allocated. */
export async function readWholeFile(
  files: Pick<FileSystem, 'openForRead'>,
  path: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const handle = await files.openForRead(path);
  try {
    const {size} = await handle.status();
    if (size > bytesMax) {
      throw new EngineError(
        'CHECKPOINT_DAMAGED',
        `${path} has ${size} bytes, more than the ${bytesMax} that such a file can have`,
        {file: path},
      );
    }
    const bytes = new Uint8Array(size);
    const count = await handle.read(bytes, 0, size, 0);
    return bytes.subarray(0, count);
  } finally {
    await closeQuietly(handle);
  }
}

/** Removes a directory and all below it; what is gone already is fine. Links are removed, not followed. */
export async function removeTree(files: FileSystem, path: string): Promise<void> {
  await unlessMissing(async () => {
    for (const entry of await files.list(path)) {
      const child = `${path}/${entry.name}`;
      if (entry.kind === 'directory') await removeTree(files, child);
      else await unlessMissing(async () => files.unlink(child));
    }
    await files.removeDirectory(path);
  });
}

/** Runs `act`; ENOENT means that there was nothing to do. */
export async function unlessMissing(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
