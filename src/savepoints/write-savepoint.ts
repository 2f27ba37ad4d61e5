// Makes a savepoint out of a published checkpoint whose output is committed: every byte that goes into it was checked
// against its checksum first. `native` copies, `canonical` converts the keyed state. Files of shared/ are copied into
// it, under their digest and once for each operator: a savepoint refers to nothing outside itself.

import {assert} from '../base/assert.ts';
import {systemErrorCode} from '../base/errors.ts';
import type {
  CheckpointMetadata,
  FileState,
  SavepointFormat,
} from '../checkpoint/checkpoint-metadata.ts';
import {isCanonical} from '../state/canonical/canonical-format.ts';
import type {ConversionRequest} from '../state/canonical/convert-snapshot.ts';
import {makeStateDirectory} from '../state/state-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {join, parseSharedPath, stateFileAt, stateFilePath} from '../storage/paths.ts';
import type {SavepointAttempt} from '../storage/savepoint-attempt.ts';
import {StateFileReader} from '../storage/state-file-reader.ts';
import {writeStateFile} from '../storage/state-file-writer.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {savepointMetadata} from './savepoint-metadata.ts';

/** Turns a backend's own state file into a canonical one; in a thread of its own when it is large. */
export type ConvertState = (request: ConversionRequest) => Promise<FileState>;

export interface SavepointSource {
  /** Absolute; nobody deletes it meanwhile. */
  readonly directory: string;
  readonly metadata: CheckpointMetadata;
}

/** Returns the bytes of all its files. The caller discards the attempt when it rejects. */
export async function writeSavepoint(
  files: FileSystem,
  source: SavepointSource,
  attempt: SavepointAttempt,
  format: SavepointFormat,
  convert: ConvertState,
): Promise<number> {
  const {metadata} = source;
  assert(!metadata.unaligned, `checkpoint ${metadata.checkpointId} holds records in flight`);
  const written = new Map<FileState, FileState>();
  /** Of one operator, by digest. */
  let copies = new Map<string, string>();
  let operator = '';
  try {
    for (const {uid, subtask, position, state} of placedFilesOf(metadata)) {
      if (uid !== operator) copies = new Map();
      operator = uid;
      await makeStateDirectory(files, join(attempt.directory, uid));
      const isShared = parseSharedPath(state.path) !== null;
      if (format === 'canonical' && state.kind === 'keyed' && !isCanonical(state)) {
        const path = isShared ? stateFilePath(uid, subtask, `shared-${position}`) : state.path;
        written.set(state, await converted(files, source, state, attempt, path, convert));
        continue;
      }
      const copy = copies.get(state.sha256);
      const path = isShared ? (copy ?? stateFilePath(uid, subtask, state.sha256)) : state.path;
      if (path !== copy) await copied(files, source, state, attempt, path);
      if (isShared) copies.set(state.sha256, path);
      written.set(state, {...state, path});
    }
    const {bytes} = await attempt.publish(savepointMetadata(metadata, format, written));
    return bytes;
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('writing the savepoint', attempt.path, error);
  }
}

/** Each handle of a state file with its place in `_metadata`; `position`: among those of its subtask. */
function placedFilesOf({operators}: CheckpointMetadata): readonly {
  readonly uid: string;
  readonly subtask: number;
  readonly position: number;
  readonly state: FileState;
}[] {
  return operators.flatMap(({uid, subtasks}) =>
    subtasks.flatMap(({index, states}) =>
      states.flatMap((state, position) =>
        state.location === 'file' ? [{uid, subtask: index, position, state}] : [],
      ),
    ),
  );
}

async function copied(
  files: FileSystem,
  {directory}: SavepointSource,
  state: FileState,
  attempt: SavepointAttempt,
  path: string,
): Promise<void> {
  const target = join(attempt.directory, path);
  const written = await writeStateFile(files, target, async (append) => {
    await readChecked(files, directory, state, append);
  });
  assert(written.sha256 === state.sha256, `${target} has other bytes than were read`);
}

async function converted(
  files: FileSystem,
  {directory}: SavepointSource,
  state: FileState,
  attempt: SavepointAttempt,
  targetPath: string,
  convert: ConvertState,
): Promise<FileState> {
  await readChecked(files, directory, state, async () => Promise.resolve());
  const targetDirectory = attempt.directory;
  return convert({sourceDirectory: directory, state, targetDirectory, targetPath});
}

/** The chunks of a state file in order; rejects when it is damaged. */
async function readChecked(
  files: FileSystem,
  directory: string,
  state: FileState,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const reader = await StateFileReader.open(files, stateFileAt(directory, state.path), state);
  try {
    for await (const chunk of reader.chunks()) await take(chunk);
  } finally {
    await reader.close();
  }
}
