// Deleting a savepoint that its owner does not want any more. Everything is looked at first: what is no savepoint,
// holds something else, or is what a live job began from, stays. Then one rename takes it away, and a crash after
// that leaves a directory that nobody takes for a savepoint.

import {EngineError} from '../base/errors.ts';
import type {Random} from '../base/random.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {readMetadata} from '../storage/derive-checkpoint-state.ts';
import {removeTree} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {
  baseName,
  CHECKSUMS_FILE,
  disposedName,
  join,
  METADATA_FILE,
  parentOf,
} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';
import type {RegisteredJob} from './job-registry.ts';

export interface DisposeSurroundings {
  readonly files: FileSystem;
  readonly random: Random;
  /** Of this user's registry: one that lives and began from the savepoint needs it until it has a checkpoint. */
  readonly jobs: readonly RegisteredJob[];
}

/** `path`: absolute, of the savepoint's directory. NOT_FOUND, or REFUSED with the reason. */
export async function disposeSavepoint(
  {files, random, jobs}: DisposeSurroundings,
  path: string,
): Promise<void> {
  const user = jobs.find(({live, record}) => live && record.restoredFrom === path);
  if (user !== undefined) {
    throw refused(path, `job ${user.record.name} (${user.jobId}) began from it and is running`);
  }
  try {
    await requireSavepointAlone(files, path, await savepointMetadata(files, path));
    const parent = parentOf(path);
    const aside = join(parent, disposedName(random.hex(8), baseName(path)));
    await files.rename(path, aside);
    await files.syncDirectory(parent);
    await removeTree(files, aside);
  } catch (error) {
    throw storageFailed('deleting', path, error);
  }
}

async function savepointMetadata(files: FileSystem, path: string): Promise<CheckpointMetadata> {
  const read = await readMetadata(files, path);
  switch (read.kind) {
    case 'gone':
      throw new EngineError('NOT_FOUND', `no such savepoint: ${path}`, {file: path});
    case 'read':
      if (read.metadata.kind === 'savepoint') return read.metadata;
      throw refused(path, 'it is a checkpoint, which its job owns');
    default:
      throw refused(path, `its ${METADATA_FILE} is ${read.kind}: nobody knows what belongs to it`);
  }
}

/** What `_metadata` does not name is not ours to delete. */
async function requireSavepointAlone(
  files: FileSystem,
  path: string,
  metadata: CheckpointMetadata,
): Promise<void> {
  const owned = new Set([METADATA_FILE, CHECKSUMS_FILE]);
  const directories = new Set<string>();
  for (const {uid, subtasks} of metadata.operators) {
    directories.add(uid);
    for (const state of subtasks.flatMap(({states}) => states)) {
      if (state.location === 'file') owned.add(state.path);
    }
  }
  const requireOwned = (name: string, isOwn: boolean): void => {
    if (!isOwn) throw refused(path, `it holds ${name}, which is not part of it`);
  };
  for (const entry of await files.list(path)) {
    if (entry.kind !== 'directory') {
      requireOwned(entry.name, entry.kind === 'file' && owned.has(entry.name));
      continue;
    }
    requireOwned(entry.name, directories.has(entry.name));
    for (const inner of await files.list(join(path, entry.name))) {
      const name = `${entry.name}/${inner.name}`;
      requireOwned(name, inner.kind === 'file' && owned.has(name));
    }
  }
}

function refused(path: string, why: string): EngineError {
  return new EngineError('REFUSED', `${path} is not deleted: ${why}`, {file: path});
}
