import {systemErrorCode} from '../base/errors.ts';
import type {FileStatus, FileSystem} from './file-system.ts';

/** Null: nothing is there. */
export async function statusOrNull(files: FileSystem, path: string): Promise<FileStatus | null> {
  try {
    return await files.status(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
