// Which SST files of a live database lie in `shared/` already. RocksDB never changes one and never uses its number again while the
// database lives, so that a file of the same name, inode and length needs neither be read nor hashed once more. Only files of
// completed checkpoints count: what an attempt brought that was given up may be gone. After a restore these are the files that the
// restored checkpoint has there, if it is the lineage's own: a link to one, or a copy whose bytes were verified, is the same file.
//
// A file that the newest completed checkpoint does not have is dead in the database and does not come back.

import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileStatus} from '../../storage/file-system.ts';

/** What is the same for a file and every link to it. */
export type FileIdentity = Pick<FileStatus, 'device' | 'inode' | 'size'>;

export interface UploadedFile {
  readonly identity: FileIdentity;
  /** As it stands in the metadata of the checkpoint: its path leads to `shared/`. */
  readonly state: FileState;
}

/** By their names in the database. */
export type UploadedByName = ReadonlyMap<string, UploadedFile>;

/** Of one live database, from its opening on. */
export class UploadedFiles {
  #completed: UploadedByName = new Map();
  #pending: {readonly checkpointId: number; readonly files: UploadedByName}[] = [];

  /** What the restored checkpoint has, which the lineage owns: from the first snapshot on it is only referred to. */
  restored(files: UploadedByName): void {
    this.#completed = files;
  }

  /** The handle of the file that a completed checkpoint has; null: it must be uploaded. */
  find(name: string, {device, inode, size}: FileIdentity): FileState | null {
    const found = this.#completed.get(name);
    if (found === undefined) return null;
    const {identity, state} = found;
    const isSame = identity.device === device && identity.inode === inode && identity.size === size;
    return isSame ? state : null;
  }

  /** All that the snapshot has in `shared/`, brought or referred to. */
  written(checkpointId: number, files: UploadedByName): void {
    this.#pending.push({checkpointId, files});
  }

  completed(checkpointId: number): void {
    const newest = this.#pending.findLast((pending) => pending.checkpointId <= checkpointId);
    if (newest !== undefined) this.#completed = newest.files;
    this.#pending = this.#pending.filter((pending) => pending.checkpointId > checkpointId);
  }

  aborted(checkpointId: number): void {
    this.#pending = this.#pending.filter((pending) => pending.checkpointId !== checkpointId);
  }
}
