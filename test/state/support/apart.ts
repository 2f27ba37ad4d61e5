// One file system for what lies below a directory, and another for everything else: nothing is linked between the two.
import type {FileSystem} from '#src/storage/file-system.js';

export function apart(directory: string, inside: FileSystem, outside: FileSystem): FileSystem {
  const isInside = (path: string): boolean =>
    path === directory || path.startsWith(`${directory}/`);
  const of = (path: string): FileSystem => (isInside(path) ? inside : outside);
  return {
    openForRead: async (path) => of(path).openForRead(path),
    createNew: async (path) => of(path).createNew(path),
    makeDirectory: async (path) => of(path).makeDirectory(path),
    list: async (path) => of(path).list(path),
    status: async (path) => of(path).status(path),
    rename: async (source, target) => of(source).rename(source, target),
    link: async (source, target) => {
      if (of(source) === of(target)) return of(source).link(source, target);
      throw Object.assign(new Error(`EXDEV: ${source}`), {code: 'EXDEV'});
    },
    unlink: async (path) => of(path).unlink(path),
    removeDirectory: async (path) => of(path).removeDirectory(path),
    syncDirectory: async (path) => of(path).syncDirectory(path),
    freeBytes: async (path) => of(path).freeBytes(path),
  };
}
