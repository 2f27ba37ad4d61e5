// Makes a savepoint out of a published checkpoint whose output is committed: every byte that goes into it was checked
// against its checksum first. `native` copies, `canonical` converts the keyed state. Files of shared/ are copied into
// it, under their digest and once for each operator: a savepoint refers to nothing outside itself.

import {assert, must} from '../base/assert.ts';
import {HAS_ZSTD} from '../base/compression.ts';
import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {
  CheckpointMetadata,
  FileState,
  OperatorMetadata,
  SavepointFormat,
  StateHandle,
  SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import {isCanonical} from '../state/canonical/canonical-format.ts';
import type {DatabaseConversion} from '../state/canonical/convert-database.ts';
import type {ConversionRequest} from '../state/canonical/convert-snapshot.ts';
import {isRocksdbFile, storedDatabaseOf} from '../state/rocksdb/stored-database.ts';
import {makeStateDirectory} from '../state/state-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {checkpointFiles} from '../storage/open-below.ts';
import {join, parseSharedPath, stateFileAt, stateFilePath} from '../storage/paths.ts';
import type {SavepointAttempt} from '../storage/savepoint-attempt.ts';
import {chainsOf, requireWhole, type StateChain} from '../storage/state-chain.ts';
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
  if (format === 'canonical') requireCodec(metadata, attempt.path);
  const written = new Map<FileState, readonly FileState[]>();
  try {
    for (const operator of metadata.operators) {
      await writeOperator(files, source, operator, {attempt, format, convert, written});
    }
    const {bytes} = await attempt.publish(savepointMetadata(metadata, format, written));
    return bytes;
  } catch (error) {
    if (systemErrorCode(error) === null) throw error;
    throw storageFailed('writing the savepoint', attempt.path, error);
  }
}

/** A checkpoint of RocksDB says that its savepoints are compressed, and is not: whoever reads it may lack the codec. */
function requireCodec({compression, checkpointId}: CheckpointMetadata, path: string): void {
  if (compression !== 'zstd' || HAS_ZSTD) return;
  throw new EngineError(
    'INCOMPATIBLE',
    `the savepoint ${path} of checkpoint ${checkpointId} is to be compressed with zstd, which this Node does not have`,
    {file: path, hint: 'Use Node 22.15 or newer.'},
  );
}

interface Writing {
  readonly attempt: SavepointAttempt;
  readonly format: SavepointFormat;
  readonly convert: ConvertState;
  /** What each state file became. */
  readonly written: Map<FileState, readonly FileState[]>;
}

async function writeOperator(
  files: FileSystem,
  source: SavepointSource,
  {uid, subtasks}: OperatorMetadata,
  writing: Writing,
): Promise<void> {
  const {attempt, format, written} = writing;
  /** Copies of this operator's files of shared/, by digest. */
  const copies = new Map<string, string>();
  const hasFiles = subtasks.some(({states}) => states.some(isFile));
  if (hasFiles) await makeStateDirectory(files, join(attempt.directory, uid));
  for (const subtask of subtasks) {
    const {index} = subtask;
    const own = subtask.states.filter(isFile);
    for (const state of own) {
      if (isConverted(state, format)) continue;
      written.set(state, [await copiedOnce(files, source, {state, uid, index, attempt, copies})]);
    }
    const inTables = own.filter((state) => isConverted(state, format) && !isRocksdbFile(state));
    await convertChains(files, source, chainsOf(inTables), {uid, index, ...writing});
    if (format === 'canonical') await convertDatabase(files, source, subtask, {uid, ...writing});
  }
}

async function convertChains(
  files: FileSystem,
  source: SavepointSource,
  chains: ReturnType<typeof chainsOf>,
  {uid, index, attempt, convert, written}: Writing & {readonly uid: string; readonly index: number},
): Promise<void> {
  for (const [position, found] of chains.entries()) {
    const chain = requireWhole(found, source.directory);
    // Several handles may have one name: each of some key groups.
    const isRepeated = chains.findIndex(({name}) => name === chain.name) < position;
    const name = isRepeated ? `${chain.name}-${position}` : chain.name;
    const path = stateFilePath(uid, index, name);
    const [base, ...deltas] = chain.files;
    const handle = await converted(files, source, chain, attempt, path, convert);
    written.set(must(base, 'a base'), [handle]);
    for (const delta of deltas) written.set(delta, []);
  }
}

/** A file for each table; they stand where the database had its CURRENT. */
async function convertDatabase(
  files: FileSystem,
  {directory, metadata}: SavepointSource,
  subtask: SubtaskMetadata,
  {uid, attempt, convert, written}: Writing & {readonly uid: string},
): Promise<void> {
  const stored = storedDatabaseOf(subtask);
  if (stored === null) return;
  for (const {state} of stored.files) {
    await readChecked(files, directory, state, async () => Promise.resolve());
  }
  const handles: FileState[] = [];
  for (const table of stored.schemas.keys()) {
    const request = {
      sourceDirectory: directory,
      targetDirectory: attempt.directory,
      compression: metadata.compression,
    };
    handles.push(await convert({...request, uid, subtask, table}));
  }
  for (const {state, file} of stored.files) written.set(state, file === 'CURRENT' ? handles : []);
}

function isFile(state: StateHandle): state is FileState {
  return state.location === 'file';
}

function isConverted(state: FileState, format: SavepointFormat): boolean {
  return format === 'canonical' && state.kind === 'keyed' && !isCanonical(state);
}

/** A file of shared/ goes under its digest, and once for each operator. */
async function copiedOnce(
  files: FileSystem,
  source: SavepointSource,
  {
    state,
    uid,
    index,
    attempt,
    copies,
  }: {
    readonly state: FileState;
    readonly uid: string;
    readonly index: number;
    readonly attempt: SavepointAttempt;
    readonly copies: Map<string, string>;
  },
): Promise<FileState> {
  const isShared = parseSharedPath(state.path) !== null;
  const copy = isShared ? copies.get(state.sha256) : undefined;
  if (copy !== undefined) return {...state, path: copy};
  const path = isShared ? stateFilePath(uid, index, state.sha256) : state.path;
  await copied(files, source, state, attempt, path);
  if (isShared) copies.set(state.sha256, path);
  return {...state, path};
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
  {directory, metadata}: SavepointSource,
  {files: states}: StateChain,
  attempt: SavepointAttempt,
  targetPath: string,
  convert: ConvertState,
): Promise<FileState> {
  for (const state of states) {
    await readChecked(files, directory, state, async () => Promise.resolve());
  }
  const targetDirectory = attempt.directory;
  const {compression} = metadata;
  return convert({sourceDirectory: directory, states, targetDirectory, targetPath, compression});
}

/** The chunks of a state file in order; rejects when it is damaged. */
async function readChecked(
  files: FileSystem,
  directory: string,
  state: FileState,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const opener = checkpointFiles(files, directory);
  const reader = await StateFileReader.open(opener, stateFileAt(directory, state.path), state);
  try {
    for await (const chunk of reader.chunks()) await take(chunk);
  } finally {
    await reader.close();
  }
}
