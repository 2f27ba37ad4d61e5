import {unlessMissing} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {nodeFileSystem} from '../storage/node-file-system.ts';
import {storageFailed} from '../storage/storage-error.ts';

/** Writes a report beside its target and renames it there: a reader never sees half of it. Absolute path. */
export async function writeReportFile(
  path: string,
  text: string,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  try {
    const handle = await files.createNew(aside);
    try {
      try {
        await handle.append(Buffer.from(text));
      } finally {
        await handle.close();
      }
      await files.rename(aside, path);
    } catch (error) {
      await unlessMissing(async () => files.unlink(aside));
      throw error;
    }
  } catch (error) {
    throw storageFailed('writing the report', path, error);
  }
}
