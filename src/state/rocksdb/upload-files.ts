// The files of a database into a checkpoint's attempt, some at a time. The one place that decides how: each is copied whole.

import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import type {SnapshotWriter} from '../snapshot-request.ts';
import type {BackendSnapshotTarget} from '../state-backend.ts';

export interface UploadRequest {
  readonly target: BackendSnapshotTarget;
  readonly uid: string;
  readonly control: SharedArrayBuffer;
  /** Where the files are; nobody changes them meanwhile. */
  readonly directory: string;
  readonly names: readonly string[];
  readonly writer: SnapshotWriter;
  /** Files at once. */
  readonly threads: number;
  readonly describe: (name: string) => Omit<FileState, 'length' | 'sha256' | 'chunkCrcs'>;
}

/** Their handles, in the order of `names`; waits for all that was begun before it rejects. */
export async function uploadFiles(request: UploadRequest): Promise<readonly FileState[]> {
  const {target, uid, control, directory, names, writer, threads, describe} = request;
  const handles: FileState[] = [];
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    while (next < names.length && !failed) {
      const index = next++;
      const name = names[index]!;
      try {
        handles[index] = await writer.call({
          checkpointId: target.checkpointId,
          directory: target.directory,
          source: `${directory}/${name}`,
          state: describe(name),
          ...{uid, control},
        });
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({length: threads}, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason as Error;
  return handles;
}
