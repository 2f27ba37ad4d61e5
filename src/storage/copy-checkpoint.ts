// A checkpoint or savepoint copied to another place. Every byte is checked against its chunk and its digest on the way, and
// the copy exists with one rename, as a savepoint does:
//
//   1. the directory that it goes into and its missing parents are made; what a copy to the same place left there whose
//      process is dead is removed; `.copying-…-<name>` is made in it (unfinished-copies.ts)
//   2. state files are written and synced below that; files of shared/ go into it (self-contained), or beside it into
//      shared/, by links out of it: a file that is there already is read and must be the same
//   3. each shared/ab/, shared/ and the directory above are synced, where something was linked or found
//   4. `_metadata`, SHA256SUMS, all directories: seal-checkpoint.ts
//   5. rename to its name; sync the directory and everything above it
//
// Whatever fails, nothing visible is left but files in shared/ that nobody needs. A crash may leave the hidden directory,
// which nobody takes for a checkpoint, and which the next copy to the same place removes, or a prune of orphans there.

import {must} from '../base/assert.ts';
import {sha256Hex} from '../base/checksum.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import {
  SHARED_FEATURE,
  type CheckpointMetadata,
  type FileState,
} from '../checkpoint/checkpoint-metadata.ts';
import {statusOrNull} from './derive-checkpoint-state.ts';
import {removeTree} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {goneMeanwhile, mayBeOfGone} from './gone-meanwhile.ts';
import {distinctFilesOf, encodeMetadata} from './metadata-encoder.ts';
import {checkpointFiles, type FileOpener} from './open-below.ts';
import {
  JobPaths,
  parentOf,
  parseSharedPath,
  stateFileAt,
  stateFilePath,
  toShareDirectory,
} from './paths.ts';
import type {ProcessTable} from './process-table.ts';
import {makeWithParents} from './savepoint-attempt.ts';
import {requireFree} from './require-free.ts';
import {sealCheckpoint} from './seal-checkpoint.ts';
import {damageHint, StateFileReader} from './state-file-reader.ts';
import {writeStateFile} from './state-file-writer.ts';
import {storageFailed} from './storage-error.ts';
import {syncAbove} from './sync-above.ts';
import {removeDeadCopies, unfinishedCopyAt} from './unfinished-copies.ts';

export interface CopyRequest {
  /** Absolute. */
  readonly source: string;
  readonly metadata: CheckpointMetadata;
  /** Of the bytes that `metadata` was read from. */
  readonly metadataSha256: string;
  /** Absolute; nothing may be there. */
  readonly target: string;
  /** Files of shared/ go into the copy, which then needs nothing outside its directory. */
  readonly selfContained: boolean;
  /** 12 hexadecimal digits that nobody else has. */
  readonly random: string;
  /** Whose process is this, and which are dead? */
  readonly processes: ProcessTable;
  /** Ends the copy, of which no more is left than of one that fails; rejects with its reason. */
  readonly abort?: AbortSignal | undefined;
  /** Bytes read since the last call. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

export interface CopiedCheckpoint {
  readonly files: number;
  readonly bytes: number;
}

/** CHECKPOINT_DAMAGED, REFUSED when something is in the way, INCOMPATIBLE, NOT_FOUND when it goes meanwhile, or STORAGE_FAILED: nothing was made then. */
export async function copyCheckpoint(
  files: FileSystem,
  request: CopyRequest,
): Promise<CopiedCheckpoint> {
  const {target, metadata, random, processes, abort} = request;
  try {
    await requireFree(files, target, metadata.checkpointId);
    const made = new Set<string>();
    await makeWithParents(files, parentOf(target), made);
    await removeDeadCopies(files, target, processes);
    const hidden = unfinishedCopyAt(target, processes, random);
    await files.makeDirectory(hidden);
    try {
      return await write(files, request, hidden, made);
    } catch (error) {
      await removeTree(files, hidden);
      throw error;
    }
  } catch (error) {
    // Not of what failed when it was taken away.
    if (abort?.aborted === true && error === abort.reason) throw error;
    const isGone = mayBeOfGone(error) && (await statusOrNull(files, request.source)) === null;
    if (isGone) throw goneMeanwhile(request.source);
    throw systemErrorCode(error) === null ? error : storageFailed('copying to', target, error);
  }
}

async function write(
  files: FileSystem,
  request: CopyRequest,
  hidden: string,
  made: ReadonlySet<string>,
): Promise<CopiedCheckpoint> {
  const {target, metadata, selfContained} = request;
  const {own, shared} = distinctFilesOf(metadata);
  const directories = new Set<string>();
  const copyInto = async (file: FileState, path: string): Promise<void> => {
    const directory = parentOf(`${hidden}/${path}`);
    if (!directories.has(directory)) await files.makeDirectory(directory);
    directories.add(directory);
    await copyFile(files, request, `${hidden}/${path}`, file);
  };
  for (const file of own) await copyInto(file, file.path);
  let copy = metadata;
  if (shared.length > 0 && selfContained) copy = await bringIn(metadata, copyInto);
  else if (shared.length > 0) await placeBeside(files, request, shared, hidden);
  // A later minor may have fields that were not read: they would be lost.
  if (copy === metadata && sha256Hex(encodeMetadata(metadata)) !== request.metadataSha256) {
    const {source} = request;
    throw new EngineError('INCOMPATIBLE', `${source} has metadata that this version would change`, {
      file: source,
      hint: `Copy it with tidemark ${metadata.engine}.`,
    });
  }
  const {bytes} = await sealCheckpoint(files, hidden, copy);
  request.abort?.throwIfAborted();
  await publish(files, hidden, target, made);
  const {own: ownCopies, shared: sharedCopies} = distinctFilesOf(copy);
  return {files: ownCopies.length + sharedCopies.length, bytes};
}

async function publish(
  files: FileSystem,
  hidden: string,
  target: string,
  made: ReadonlySet<string>,
): Promise<void> {
  // A rename would replace an empty directory without a word.
  if ((await statusOrNull(files, target)) !== null) {
    throw new EngineError('REFUSED', `${target} is there already`, {file: target});
  }
  await files.rename(hidden, target);
  try {
    await syncAbove(files, parentOf(target), made);
  } catch (error) {
    // It may not be durable, and nobody was told of it: it goes.
    await files.rename(target, hidden);
    throw error;
  }
}

/** The metadata with each file of shared/ in the copy itself, once for each operator. */
async function bringIn(
  metadata: CheckpointMetadata,
  copyInto: (file: FileState, path: string) => Promise<void>,
): Promise<CheckpointMetadata> {
  const paths = new Map<string, string>();
  for (const {uid, subtasks} of metadata.operators) {
    for (const {index, states} of subtasks) {
      for (const state of states) {
        if (state.location !== 'file' || parseSharedPath(state.path) === null) continue;
        const key = `${uid} ${state.sha256}`;
        if (paths.has(key)) continue;
        const path = stateFilePath(uid, index, state.sha256);
        paths.set(key, path);
        await copyInto(state, path);
      }
    }
  }
  return {
    ...metadata,
    requiredFeatures: metadata.requiredFeatures.filter((feature) => feature !== SHARED_FEATURE),
    operators: metadata.operators.map((operator) => ({
      ...operator,
      subtasks: operator.subtasks.map((subtask) => ({
        ...subtask,
        states: subtask.states.map((state) => {
          if (state.location !== 'file' || parseSharedPath(state.path) === null) return state;
          const path = must(paths.get(`${operator.uid} ${state.sha256}`), state.path);
          return {...state, path};
        }),
      })),
    })),
  };
}

/** Where files are read, and who hears of it. */
type Origin = Pick<CopyRequest, 'source' | 'onRead' | 'abort'>;

/** Into shared/ beside the copy: steps 2 and 3. */
async function placeBeside(
  files: FileSystem,
  origin: Origin,
  shared: readonly FileState[],
  hidden: string,
): Promise<void> {
  const paths = new JobPaths(parentOf(hidden));
  const aside = toShareDirectory(hidden);
  await files.makeDirectory(aside);
  await makeUnlessThere(files, paths.sharedDirectory);
  const touched = new Set<string>();
  for (const file of shared) {
    const {sha256} = file;
    const directory = paths.sharedSubdirectory(sha256);
    if (!touched.has(directory)) await makeUnlessThere(files, directory);
    touched.add(directory);
    await copyFile(files, origin, `${aside}/${sha256}`, file);
    try {
      await files.link(`${aside}/${sha256}`, paths.sharedFile(sha256));
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
      const opener = checkpointFiles(files, hidden);
      await readAll(opener, paths.sharedFile(sha256), file, async () => Promise.resolve());
    }
  }
  for (const directory of touched) await files.syncDirectory(directory);
  await files.syncDirectory(paths.sharedDirectory);
  await files.syncDirectory(paths.root);
}

async function makeUnlessThere(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.makeDirectory(directory);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    if ((await files.status(directory)).kind === 'directory') return;
    throw new EngineError('REFUSED', `${directory} is not a directory`, {
      file: directory,
      hint: 'A link is not followed. Move it away.',
    });
  }
}

async function copyFile(
  files: FileSystem,
  {source, onRead, abort}: Origin,
  to: string,
  file: FileState,
): Promise<void> {
  const from = stateFileAt(source, file.path);
  const opener = checkpointFiles(files, source);
  const written = await writeStateFile(files, to, async (append) => {
    await readAll(opener, from, file, async (chunk) => {
      abort?.throwIfAborted();
      onRead?.(chunk.length);
      await append(chunk);
    });
  });
  // Each chunk was as its CRC says; a forged one may have the same.
  if (written.sha256 === file.sha256) return;
  throw new EngineError('CHECKPOINT_DAMAGED', `${from} has another SHA-256 than _metadata says`, {
    file: from,
    hint: damageHint(from),
    facts: {expected: file.sha256, found: written.sha256},
  });
}

async function readAll(
  files: FileOpener,
  path: string,
  file: FileState,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const reader = await StateFileReader.open(files, path, file);
  try {
    for await (const chunk of reader.chunks()) await take(chunk);
  } finally {
    await reader.close();
  }
}
