import type {FileHandle, FileSystem} from '#src/storage/file-system.js';

/** The same files, and how many bytes of them were read, and how often one was opened. */
export function counting(files: FileSystem): {
  readonly files: FileSystem;
  readonly bytes: () => number;
  readonly opens: () => number;
} {
  let bytes = 0;
  let opens = 0;
  const openForRead = async (path: string): Promise<FileHandle> => {
    const handle = await files.openForRead(path);
    opens += 1;
    return {
      ...handle,
      async read(...request) {
        const count = await handle.read(...request);
        bytes += count;
        return count;
      },
    };
  };
  const status = async (path: string) => files.status(path);
  return {
    files: Object.assign(Object.create(files) as FileSystem, {openForRead, status}),
    bytes: () => bytes,
    opens: () => opens,
  };
}
