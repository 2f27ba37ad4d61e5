// Puts the files of a stored database where RocksDB can open them. SST files are linked when they lie on the same file system:
// RocksDB never changes one. CURRENT, MANIFEST and OPTIONS are copied, since RocksDB writes such files itself. Last, what is there is
// compared with what the MANIFEST names: RocksDB would open a database without some of its files and miss them later.

import {readManifest, tableFileName} from './read-manifest.ts';
import {damagedHandle, type StoredDatabase, type StoredFile} from './stored-database.ts';
import {must} from '../../base/assert.ts';
import {sha256Hex} from '../../base/checksum.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {closeQuietly, readWholeFile} from '../../storage/durable-file.ts';
import type {FileHandle, FileSystem} from '../../storage/file-system.ts';
import {checkpointFiles} from '../../storage/open-below.ts';
import {stateFileAt} from '../../storage/paths.ts';
import {storageFailed} from '../../storage/storage-error.ts';

/** Most of what is copied is small: larger ones take longer to be made than that. */
const PIECE_BYTES = 128 * 1024;
const CURRENT_BYTES_MAX = 1024;
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
    await requireWhole(files, stored, target);
  } catch (error) {
    throw storageFailed('restoring the state from', source, error);
  }
}

async function requireWhole(
  files: FileSystem,
  stored: StoredDatabase,
  directory: string,
): Promise<void> {
  const of = (name: string): StoredFile => {
    const found = stored.files.find(({file}) => file === name);
    if (found !== undefined) return found;
    const current = must(
      stored.files.find(({file}) => file === 'CURRENT'),
      'CURRENT',
    );
    throw damagedHandle(current.state, `its ${name} is missing in the checkpoint`);
  };
  const current = await readWholeFile(files, `${directory}/CURRENT`, CURRENT_BYTES_MAX);
  const manifest = of(new TextDecoder().decode(current).trim());
  const path = `${directory}/${manifest.file}`;
  const bytes = await readWholeFile(files, path, manifest.state.length);
  for (const number of liveFilesOf(bytes, path, manifest)) of(tableFileName(number));
}

/** What is not understood is damage when it is what was written, and a failing disk's when it is not. */
function liveFilesOf(bytes: Uint8Array, path: string, {state}: StoredFile): Iterable<number> {
  try {
    const {liveFiles, isTorn} = readManifest(bytes, path);
    if (isTorn) throw damagedHandle(state, 'it ends within an edit');
    return liveFiles;
  } catch (error) {
    if (!(error instanceof EngineError) || sha256Hex(bytes) !== state.sha256) throw error;
    throw damagedHandle(state, `it cannot be read: ${error.message}`);
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
