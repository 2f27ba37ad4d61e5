import type {KnownPaths} from './check-sizes.ts';
import {deriveCheckpointState, errorAt, type CheckpointState} from './derive-checkpoint-state.ts';
import type {FileSystem} from './file-system.ts';
import type {Finding} from './finding.ts';
import {parseCheckpointName, type JobPaths} from './paths.ts';

export interface ListedCheckpoint {
  readonly checkpointId: number;
  /** Absolute. */
  readonly path: string;
  readonly state: CheckpointState;
}

/**
 * The published checkpoints of a job directory, highest id first; damaged and foreign ones too. With
 * `jobName`, a checkpoint of another job is `incompatible`.
 */
export async function listCheckpoints(
  files: FileSystem,
  paths: JobPaths,
  jobName: string | null,
): Promise<readonly ListedCheckpoint[]> {
  const listed: ListedCheckpoint[] = [];
  for (const checkpointId of await publishedIds(files, paths)) {
    const path = paths.checkpoint(checkpointId);
    const state = ofJob(path, await deriveCheckpointState(files, path), jobName);
    if (state.kind !== 'gone') listed.push({checkpointId, path, state});
  }
  return listed;
}

/** Highest first. `known`: gets those that are directories. */
export async function publishedIds(
  files: FileSystem,
  paths: JobPaths,
  known?: KnownPaths,
): Promise<readonly number[]> {
  const ids: number[] = [];
  for (const {name, kind} of await files.list(paths.root)) {
    const id = parseCheckpointName(name);
    if (id === null) continue;
    ids.push(id);
    if (kind === 'directory') known?.directories.add(paths.checkpoint(id));
  }
  return ids.sort((left, right) => right - left);
}

function ofJob(path: string, state: CheckpointState, jobName: string | null): CheckpointState {
  if (state.kind !== 'complete' || jobName === null || state.metadata.jobName === jobName) {
    return state;
  }
  const found = state.metadata.jobName;
  const finding: Finding = {
    ...errorAt('job-differs', path, `${path} belongs to the job ${found}, not to ${jobName}`),
    expected: jobName,
    found,
  };
  return {kind: 'incompatible', needs: `the job ${found}`, findings: [finding]};
}
