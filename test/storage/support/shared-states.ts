// Checkpoints whose state lies in shared/, as one-liners: what a checkpoint brings, and what it refers to.

import {
  SHARED_FEATURE,
  type CheckpointMetadata,
  type FileState,
} from '#src/checkpoint/checkpoint-metadata.js';
import type {CheckpointAttempt, PublishedCheckpoint} from '#src/storage/attempt.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import type {FileSystem} from '#src/storage/file-system.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths} from '#src/storage/paths.js';
import {shareFile} from '#src/storage/share-file.js';
import {writeStateFile} from '#src/storage/state-file-writer.js';
import {JOB_DIRECTORY, metadataOf} from './fixture.js';

export interface SharingCheckpoint extends PublishedCheckpoint {
  /** The handles of its shared files, in the order of `brings`, then `refers`. */
  readonly states: readonly FileState[];
}

/** Writes one state file of the attempt and sets it apart. `content` is all that it holds. */
export async function bring(
  files: FileSystem,
  attempt: CheckpointAttempt,
  content: string,
  place = 0,
): Promise<FileState> {
  const path = `count/0.part-${place}`;
  await files.makeDirectory(`${attempt.directory}/count`).catch(() => undefined);
  const summary = await writeStateFile(files, `${attempt.directory}/${path}`, async (append) =>
    append(Buffer.from(content)),
  );
  return shareFile(files, attempt.directory, {
    location: 'file',
    name: `part-${place}`,
    kind: 'keyed',
    codecVersion: 1,
    keyGroups: {start: 0, end: 127},
    path,
    ...summary,
    description: null,
  });
}

export function sharingMetadata(
  owner: Ownership,
  checkpointId: number,
  states: readonly FileState[],
): CheckpointMetadata {
  const metadata = metadataOf(owner, checkpointId, []);
  return {
    ...metadata,
    incremental: true,
    requiredFeatures: [SHARED_FEATURE],
    operators: [
      ...metadata.operators,
      {
        uid: 'count',
        type: 'aggregate',
        parallelism: 1,
        maxParallelism: 128,
        subtasks: [{index: 0, watermark: null, states}],
      },
    ],
  };
}

/** A checkpoint that brings files with these contents and refers to those of completed ones. */
export async function publishShared(
  files: FileSystem,
  owner: Ownership,
  checkpointId: number,
  {brings = [], refers = []}: {brings?: readonly string[]; refers?: readonly FileState[]},
): Promise<SharingCheckpoint> {
  const attempt = await owner.beginAttempt(checkpointId);
  const brought: FileState[] = [];
  for (const [place, content] of brings.entries()) {
    brought.push(await bring(files, attempt, content, place));
  }
  const states = [...brought, ...refers];
  const published = await attempt.publish(sharingMetadata(owner, checkpointId, states));
  return {...published, states};
}

/** The contents of the files in shared/, sorted. */
export async function sharedContents(
  disk: FileSystem & {contentOf(path: string): Buffer},
  jobDirectory: string,
): Promise<readonly string[]> {
  const contents: string[] = [];
  const shared = `${jobDirectory}/shared`;
  for (const {name} of await disk.list(shared).catch(() => [])) {
    for (const file of await disk.list(`${shared}/${name}`)) {
      contents.push(disk.contentOf(`${shared}/${name}/${file.name}`).toString());
    }
  }
  return contents.sort();
}

/** Codes of everything that is wrong with a checkpoint. */
export async function findingsOf(files: FileSystem, id: number): Promise<readonly string[]> {
  const codes: string[] = [];
  await checkCheckpoint({
    files,
    directory: new JobPaths(JOB_DIRECTORY).checkpoint(id),
    level: 'checksum',
    onFinding: ({code}) => codes.push(code),
  });
  return codes;
}
