// The files of a database into a checkpoint's attempt, some at a time. With incremental checkpoints the SST files go to `shared/`
// (storage/share-file.ts), and those that a completed checkpoint has there are only referred to; CURRENT, MANIFEST and OPTIONS
// belong to one checkpoint. A copy has an inode of its own: no file of a live database is ever linked into a checkpoint.

import type {TableDigests} from './table-digests.ts';
import type {UploadedFile, UploadedFiles} from './uploaded-files.ts';
import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileStatus, FileSystem} from '../../storage/file-system.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import type {SnapshotWriter} from '../snapshot-request.ts';
import type {BackendSnapshotTarget} from '../state-backend.ts';

export interface UploadRequest {
  readonly target: BackendSnapshotTarget;
  readonly uid: string;
  readonly control: SharedArrayBuffer;
  /** Where the files are; nobody changes them meanwhile. */
  readonly directory: string;
  readonly names: readonly string[];
  readonly files: FileSystem;
  readonly writer: SnapshotWriter;
  /** Files at once. */
  readonly threads: number;
  /** Null: every file belongs to this checkpoint alone. */
  readonly uploaded: UploadedFiles | null;
  /** Of the live database. */
  readonly digests: TableDigests;
  readonly describe: (name: string) => Omit<FileState, 'length' | 'sha256' | 'chunkCrcs'>;
}

/** Their handles, in the order of `names`; waits for all that was begun before it rejects. */
export async function uploadFiles(request: UploadRequest): Promise<readonly FileState[]> {
  const {target, names, threads, uploaded, digests} = request;
  const handles: FileState[] = [];
  const inShared = new Map<string, UploadedFile>();
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < names.length && !failed) {
      const index = next++;
      const name = names[index]!;
      try {
        if (uploaded !== null && name.endsWith('.sst')) {
          const file = await shareTable(request, uploaded, name);
          inShared.set(name, file);
          handles[index] = file.state;
        } else handles[index] = await copyFile(request, name, false);
        if (name.endsWith('.sst')) digests.check(name, handles[index].sha256);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({length: threads}, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason as Error;
  digests.keepOnly(names);
  uploaded?.written(target.checkpointId, inShared);
  return handles;
}

async function shareTable(
  request: UploadRequest,
  uploaded: UploadedFiles,
  name: string,
): Promise<UploadedFile> {
  const {directory, files, target} = request;
  const identity = await identityOf(files, `${directory}/${name}`);
  const known = target.full === true ? null : uploaded.find(name, identity);
  return {identity, state: known ?? (await copyFile(request, name, true))};
}

/** What tells a file of a live database from others. */
export async function identityOf(files: FileSystem, path: string): Promise<FileStatus> {
  try {
    return await files.status(path);
  } catch (error) {
    throw storageFailed('uploading the files of the RocksDB database', path, error);
  }
}

async function copyFile(
  {target, uid, control, directory, writer, describe}: UploadRequest,
  name: string,
  shared: boolean,
): Promise<FileState> {
  return writer.call({
    checkpointId: target.checkpointId,
    directory: target.directory,
    source: `${directory}/${name}`,
    state: describe(name),
    ...{uid, control, shared},
  });
}
