// The operating system as the engine sees it. The only door to files: connectors, state and storage
// are handed one. Tests pass one that forgets unsynced bytes, is full, or fails at the n-th call.
//
// Every failure rejects with a Node system error (`code` ENOENT, EEXIST, ENOSPC, EIO, …); callers turn
// it into an EngineError with the path and the checkpoint. Paths are absolute.

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Bytes. */
  readonly size: number;
  readonly modifiedMillis: number;
  /** Device and inode: two paths with the same pair are the same file. */
  readonly device: number;
  readonly inode: number;
  readonly mode: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

/** An open file. Once `sync` failed the handle refuses further use: the kernel may have dropped the pages. */
export interface FileHandle {
  /** Up to `length` bytes into `buffer` at `offset`; fewer only at the end of the file; 0 = at the end. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Writes all of `bytes` at the current end (short writes are repeated). */
  append(bytes: Uint8Array): Promise<void>;
  /** Data and length are on the disk when it resolves. */
  sync(): Promise<void>;
  status(): Promise<FileStatus>;
  /** Where it lies at this moment, without a link in it; null, or no such call: the system does not tell. */
  readonly location?: () => string | null;
  close(): Promise<void>;
}

export interface FileSystem {
  /** Follows no link in the last part (ELOOP). A FIFO or device is refused without waiting for it (EINVAL). */
  openForRead(path: string): Promise<FileHandle>;
  /** Creates; EEXIST when anything of that name is there. Mode 0666 less the umask. */
  createNew(path: string): Promise<FileHandle>;
  /** One level; EEXIST when there. */
  makeDirectory(path: string): Promise<void>;
  /** Sorted by name (bytewise). */
  list(path: string): Promise<readonly DirectoryEntry[]>;
  /** Does not follow a link. ENOENT when absent. */
  status(path: string): Promise<FileStatus>;
  /**
   * As `status` of each, in their order; null: it is not there. For whom one call after another is quicker than many at
   * once; nobody needs it: `statusesOf`.
   */
  readonly statuses?: (paths: readonly string[]) => Promise<readonly (FileStatus | null)[]>;
  /** `path` without a link in it; where handles tell their location. Asked for by `openBelow`. */
  readonly realPath?: (path: string) => Promise<string>;
  /** Replaces files and empty directories silently, as POSIX does. */
  rename(source: string, target: string): Promise<void>;
  /** Hard link; EEXIST when the target is there. */
  link(source: string, target: string): Promise<void>;
  unlink(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  /** The directory's entries are on the disk when it resolves. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that an ordinary user can still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}
