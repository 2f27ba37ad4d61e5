// Puts the files of a stored database where RocksDB can open them. SST files are linked when they lie on the same file system:
// RocksDB never changes one. CURRENT, MANIFEST and OPTIONS are copied, since RocksDB writes such files itself. Last, what is there is
// compared with what the MANIFEST names: RocksDB would open a database without some of its files and miss them later.

import type {StoredDatabase, StoredFile} from './stored-database.ts';
import {readStoredManifest} from './stored-manifest.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {closeQuietly} from '../../storage/durable-file.ts';
import type {FileHandle, FileSystem} from '../../storage/file-system.ts';
import {checkpointFiles} from '../../storage/open-below.ts';
import {stateFileAt} from '../../storage/paths.ts';
import {storageFailed} from '../../storage/storage-error.ts';

/** Most of what is copied is small: larger ones take longer to be made than that. */
const PIECE_BYTES = 128 * 1024;
/** Said by file systems that cannot link, or not from there. */
const NOT_LINKED = new Set([
  'EXDEV',
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

export interface PlaceRequest {
  readonly stored: StoredDatabase;
  /** The checkpoint's directory, whose bytes are verified. */
  readonly source: string;
  /** Exists and is empty. */
  readonly target: string;
  /** Files at once. */
  readonly threads: number;
}

export async function placeDatabase(files: FileSystem, request: PlaceRequest): Promise<void> {
  const {stored, source, target, threads} = request;
  const waiting = [...stored.files];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      await placeFile(files, next, source, target);
    }
  };
  const results = await Promise.allSettled(Array.from({length: threads}, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason as Error;
  try {
    await readStoredManifest(files, stored, ({file}) => `${target}/${file}`);
  } catch (error) {
    throw storageFailed('restoring the state from', source, error);
  }
}

async function placeFile(
  files: FileSystem,
  {state, file}: StoredFile,
  source: string,
  target: string,
): Promise<void> {
  const [from, to] = [stateFileAt(source, state.path), `${target}/${file}`];
  try {
    const opened = await checkpointFiles(files, source).openForRead(from);
    try {
      if (file.endsWith('.sst') && (await isLinked(files, opened, from, to))) return;
      await copy(files, opened, to);
    } finally {
      await closeQuietly(opened);
    }
  } catch (error) {
    throw storageFailed('restoring the state from', from, error);
  }
}

/** A link follows what leads elsewhere above `from`: what it made is compared with what was opened there. */
async function isLinked(
  files: FileSystem,
  opened: FileHandle,
  from: string,
  to: string,
): Promise<boolean> {
  try {
    await files.link(from, to);
  } catch (error) {
    if (NOT_LINKED.has(systemErrorCode(error) ?? '')) return false;
    throw error;
  }
  const [wanted, made] = [await opened.status(), await files.status(to)];
  if (wanted.inode === made.inode && wanted.device === made.device) return true;
  throw new EngineError('REFUSED', `${from} was replaced while it was restored`, {
    file: from,
    hint: 'Nobody else may write in the directory of the checkpoint. Run the restore again.',
  });
}

async function copy(files: FileSystem, source: FileHandle, to: string): Promise<void> {
  const target = await files.createNew(to);
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (let position = 0; ;) {
      const count = await source.read(piece, 0, PIECE_BYTES, position);
      if (count === 0) break;
      await target.append(piece.subarray(0, count));
      position += count;
    }
  } finally {
    await target.close();
  }
}
