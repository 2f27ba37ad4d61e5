import {systemErrorCode} from '../base/errors.ts';
import type {FileSystem} from './file-system.ts';
import {parentOf} from './paths.ts';

/**
 * Syncs `directory` and everything above it: which of those a predecessor made and died before syncing, nobody knows.
 * Those that we made must sync; the others may be unreadable for us, then others made them.
 */
export async function syncAbove(
  files: FileSystem,
  directory: string,
  made: ReadonlySet<string>,
): Promise<void> {
  await files.syncDirectory(directory);
  for (let path = directory; path !== '/'; path = parentOf(path)) {
    try {
      await files.syncDirectory(parentOf(path));
    } catch (error) {
      const code = systemErrorCode(error) ?? '';
      if (made.has(path) || !['EACCES', 'EPERM', 'EINVAL', 'EROFS'].includes(code)) throw error;
    }
  }
}
