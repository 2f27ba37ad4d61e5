// Makes a savepoint out of a published checkpoint whose output is committed: every byte that goes into it was checked
// against its checksum first. `native` copies, `canonical` converts the keyed state.

import {assert} from '../base/assert.ts';
import {systemErrorCode} from '../base/errors.ts';
import type {
  CheckpointMetadata,
  FileState,
  SavepointFormat,
} from '../checkpoint/checkpoint-metadata.ts';
import {isCanonical} from '../state/canonical/canonical-format.ts';
import type {DatabaseConversion} from '../state/canonical/convert-database.ts';
import type {ConversionRequest} from '../state/canonical/convert-snapshot.ts';
import {isRocksdbFile, storedDatabaseOf} from '../state/rocksdb/stored-database.ts';
import {makeStateDirectory} from '../state/state-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {stateFilesOf} from '../storage/metadata-encoder.ts';
import {parentOf} from '../storage/paths.ts';
import type {SavepointAttempt} from '../storage/savepoint-attempt.ts';
import {StateFileReader} from '../storage/state-file-reader.ts';
import {writeStateFile} from '../storage/state-file-writer.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {savepointMetadata} from './savepoint-metadata.ts';

/** Turns state in a backend's own form into a canonical file; in a thread of its own when it is large. */
export type ConvertState = (request: ConversionRequest | DatabaseConversion) => Promise<FileState>;

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
  const written = new Map<string, readonly FileState[]>();
  try {
    for (const state of stateFilesOf(metadata)) {
      await makeStateDirectory(
        files,
        `${attempt.directory}/${parentOf(`/${state.path}`).slice(1)}`,
      );
      if (format === 'canonical' && isRocksdbFile(state)) {
        await readChecked(files, source.directory, state, async () => Promise.resolve());
        written.set(state.path, []);
        continue;
      }
      const isConverted = format === 'canonical' && state.kind === 'keyed' && !isCanonical(state);
      const handle = isConverted
        ? await converted(files, source, state, attempt, convert)
        : await copied(files, source, state, attempt);
      written.set(state.path, [handle]);
    }
    if (format === 'canonical') await convertDatabases(source, attempt, convert, written);
    const {bytes} = await attempt.publish(savepointMetadata(metadata, format, written));
    return bytes;
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('writing the savepoint', attempt.path, error);
  }
}

/** What the files of each database become stands with its first one. */
async function convertDatabases(
  {directory, metadata}: SavepointSource,
  attempt: SavepointAttempt,
  convert: ConvertState,
  written: Map<string, readonly FileState[]>,
): Promise<void> {
  for (const {uid, subtasks} of metadata.operators) {
    for (const subtask of subtasks) {
      const stored = storedDatabaseOf(subtask);
      if (stored === null) continue;
      const handles: FileState[] = [];
      for (const table of stored.schemas.keys()) {
        const request = {sourceDirectory: directory, targetDirectory: attempt.directory};
        handles.push(await convert({...request, uid, subtask, table}));
      }
      written.set(stored.path, handles);
    }
  }
}

async function copied(
  files: FileSystem,
  {directory}: SavepointSource,
  state: FileState,
  attempt: SavepointAttempt,
): Promise<FileState> {
  const target = `${attempt.directory}/${state.path}`;
  const written = await writeStateFile(files, target, async (append) => {
    await readChecked(files, directory, state, append);
  });
  assert(written.sha256 === state.sha256, `${target} has other bytes than were read`);
  return state;
}

async function converted(
  files: FileSystem,
  {directory}: SavepointSource,
  state: FileState,
  attempt: SavepointAttempt,
  convert: ConvertState,
): Promise<FileState> {
  await readChecked(files, directory, state, async () => Promise.resolve());
  const request = {sourceDirectory: directory, state, targetDirectory: attempt.directory};
  return convert(request);
}

/** The chunks of a state file in order; rejects when it is damaged. */
async function readChecked(
  files: FileSystem,
  directory: string,
  state: FileState,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const reader = await StateFileReader.open(files, `${directory}/${state.path}`, state);
  try {
    for await (const chunk of reader.chunks()) await take(chunk);
  } finally {
    await reader.close();
  }
}
