// The files of a database at one moment, without stopping it. The caller lets nothing be written meanwhile; compactions and
// flushes go on. In this order:
//
//   1. flush: what was written is in SST files
//   2. copy CURRENT, then the MANIFEST that it names, and the newest OPTIONS. An edit that is not whole, because a compaction just
//      writes it: all of it again. It could not be told from one whose length is damaged, and without that one and those
//      behind it the copy would be the database of an earlier moment
//   3. link every *.sst: they are never changed, only removed
//   4. every file that the copied MANIFEST names must be among the links: a compaction may have removed it in between.
//      One that is not, or a file that vanished before it was copied or linked: all of it again
//
// The staging directory is not synced: what is durable is the copy of it in the checkpoint.

import type {Database} from './database.ts';
import {readManifest, tableFileName} from './read-manifest.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {readWholeFile, removeTree} from '../../storage/durable-file.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {storageFailed} from '../../storage/storage-error.ts';

const TRIES_MAX = 10;
const MANIFEST_BYTES_MAX = 256 * 1024 * 1024;
const SMALL_BYTES_MAX = 1024 * 1024;
const TABLE_PATTERN = /^\d{6,}\.sst$/;

/** Returns the names in `target`, which is made. */
export async function stageCheckpoint(
  database: Pick<Database, 'directory' | 'flush'>,
  files: FileSystem,
  target: string,
): Promise<readonly string[]> {
  await database.flush();
  let why = '';
  try {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const staged = await stage(database.directory, files, target);
      if (typeof staged !== 'string') return staged;
      why = staged;
      await removeTree(files, target);
    }
  } catch (error) {
    throw storageFailed('linking the files of the RocksDB database', database.directory, error);
  }
  throw new EngineError(
    'STORAGE_FAILED',
    why === 'torn'
      ? `the MANIFEST of the RocksDB database ${database.directory} ended within an edit ${TRIES_MAX} times while it was read`
      : `files of the RocksDB database ${database.directory} vanished ${TRIES_MAX} times while they were linked`,
    {
      file: database.directory,
      hint:
        why === 'torn'
          ? 'The job resumes from its newest checkpoint. Check the disk and the memory.'
          : 'Look whether anything else removes files there; RocksDB itself does not so often.',
    },
  );
}

/** A string: why it is to be done again. */
async function stage(
  source: string,
  files: FileSystem,
  target: string,
): Promise<readonly string[] | 'torn' | 'vanished'> {
  await files.makeDirectory(target);
  const copy = async (name: string, bytes: Uint8Array): Promise<void> => {
    const handle = await files.createNew(`${target}/${name}`);
    try {
      await handle.append(bytes);
    } finally {
      await handle.close();
    }
  };
  return unlessVanished(source, files, async () => {
    const current = await readWholeFile(files, `${source}/CURRENT`, SMALL_BYTES_MAX);
    const manifest = new TextDecoder().decode(current).trim();
    const path = `${source}/${manifest}`;
    const bytes = await readWholeFile(files, path, MANIFEST_BYTES_MAX);
    const {liveFiles, isTorn, isBegun} = readManifest(bytes, path);
    if (isTorn || !isBegun) return 'torn';
    await copy('CURRENT', current);
    await copy(manifest, bytes);
    const names = (await files.list(source)).map(({name}) => name);
    const options = names.filter((name) => /^OPTIONS-\d+$/.test(name)).at(-1);
    if (options !== undefined) {
      await copy(options, await readWholeFile(files, `${source}/${options}`, SMALL_BYTES_MAX));
    }
    const live = new Set(liveFiles.map(tableFileName));
    const tables = names.filter((name) => TABLE_PATTERN.test(name) && live.has(name));
    if (tables.length < live.size) return 'vanished';
    for (const name of tables) await files.link(`${source}/${name}`, `${target}/${name}`);
    return ['CURRENT', manifest, ...(options === undefined ? [] : [options]), ...tables];
  });
}

/** `vanished`: a file was not there any more, though its directory is. */
async function unlessVanished<T>(
  source: string,
  files: FileSystem,
  work: () => Promise<T>,
): Promise<T | 'vanished'> {
  try {
    return await work();
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    await files.status(`${source}/CURRENT`);
    return 'vanished';
  }
}
