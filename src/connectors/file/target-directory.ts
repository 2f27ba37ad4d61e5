import {dirname, isAbsolute, join, relative} from 'node:path';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';

/**
 * Makes `directory` and its missing parents. Returns the directories whose entries must be synced before
 * a file in it counts as durable: the parents of what was made, and all parents below `base`, because a
 * predecessor may have died between making and syncing them.
 */
export async function makeTargetDirectory(
  files: FileSystem,
  sink: string,
  directory: string,
  base: string,
): Promise<readonly string[]> {
  const parents = new Set<string>();
  const way = relative(base, directory);
  if (way !== '' && !way.startsWith('..') && !isAbsolute(way)) {
    for (let parent = dirname(directory); ; parent = dirname(parent)) {
      parents.add(parent);
      if (parent === base || parent === dirname(parent)) break;
    }
  }
  for (const missing of await findMissing(files, sink, directory)) {
    try {
      await files.makeDirectory(missing);
    } catch (error) {
      // Another subtask may be quicker.
      if (systemErrorCode(error) !== 'EEXIST') {
        throw storageError(sink, 'make the directory', missing, error);
      }
    }
    parents.add(dirname(missing));
  }
  return [...parents];
}

/** The directories that are not there, outermost first. */
async function findMissing(files: FileSystem, sink: string, directory: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = directory; ; path = dirname(path)) {
    const kind = await kindOf(files, sink, path);
    if (kind === 'directory' || kind === 'link') return missing;
    if (kind !== null) {
      throw new EngineError('STORAGE_FAILED', `${sink}: ${path} is not a directory`, {
        hint: 'Set `path` to a directory.',
        file: path,
      });
    }
    missing.unshift(path);
    if (path === dirname(path)) return missing;
  }
}

async function kindOf(files: FileSystem, sink: string, path: string): Promise<string | null> {
  try {
    const {kind} = await files.status(path);
    // What a link leads to is seen when something is made in it.
    if (kind === 'link') await files.list(join(path, '.'));
    return kind;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return null;
    throw storageError(sink, 'open the directory', path, error);
  }
}
