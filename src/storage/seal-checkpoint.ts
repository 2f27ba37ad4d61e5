// The last steps before a directory of state files may be renamed to where it counts as a checkpoint or savepoint:
//
//   1. what is there is exactly what `metadata` names, as far as it is not shared
//   2. `_metadata`, SHA256SUMS: written, synced; `_metadata` read back and compared
//   3. what an attempt has linked into shared/ loses its place in the attempt: until here either that place or
//      `_metadata` says whose it is
//   4. directories synced bottom-up: each <uid>/, then the directory itself

import {assert} from '../base/assert.ts';
import {sha256Hex} from '../base/checksum.ts';
import type {CheckpointMetadata, FileState} from '../checkpoint/checkpoint-metadata.ts';
import {encodeChecksums} from './checksum-list.ts';
import {readWholeFile, removeTree, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {decodeMetadata} from './metadata-decoder.ts';
import {distinctFilesOf, encodeMetadata, lengthOf, METADATA_BYTES_MAX} from './metadata-encoder.ts';
import {CHECKSUMS_FILE, METADATA_FILE, parentOf, toShareDirectory} from './paths.ts';
import {storageFailed} from './storage-error.ts';

export interface SealedCheckpoint {
  /** Of all its files, the shared ones too. */
  readonly bytes: number;
  /** SHA-256 of `_metadata`. */
  readonly metadataSha256: string;
}

/**
 * All state files are durable and named in `metadata`; shared ones are in their place. A failure is a system error or an
 * EngineError.
 */
export async function sealCheckpoint(
  files: FileSystem,
  directory: string,
  metadata: CheckpointMetadata,
): Promise<SealedCheckpoint> {
  const metadataBytes = encodeMetadata(metadata);
  const metadataSha256 = sha256Hex(metadataBytes);
  const checksums = encodeChecksums(metadata, metadataSha256);
  const metadataPath = `${directory}/${METADATA_FILE}`;
  const {own, shared} = distinctFilesOf(metadata);
  await requireExactly(files, directory, own);
  await writeDurableBytes(files, metadataPath, metadataBytes);
  await writeDurableBytes(files, `${directory}/${CHECKSUMS_FILE}`, checksums);
  const readBack = await readWholeFile(files, metadataPath, METADATA_BYTES_MAX);
  if (!Buffer.from(readBack).equals(metadataBytes)) {
    const cause = new Error('other bytes than were written');
    throw storageFailed('reading back', metadataPath, cause, {outcome: 'not-published'});
  }
  await removeTree(files, toShareDirectory(directory));
  for (const inner of stateDirectoriesOf(own)) {
    await files.syncDirectory(`${directory}/${inner}`);
  }
  await files.syncDirectory(directory);
  const decoded = decodeMetadata(metadataBytes);
  assert(
    decoded.kind === 'decoded',
    `metadata that cannot be read back: ${JSON.stringify(decoded)}`,
  );
  return {
    bytes: lengthOf(own) + lengthOf(shared) + metadataBytes.length + checksums.length,
    metadataSha256,
  };
}

/** What is there is what `metadata` names: each file with its length, and no other file. */
async function requireExactly(
  files: FileSystem,
  directory: string,
  own: readonly FileState[],
): Promise<void> {
  const expected = new Map(own.map((file) => [file.path, file.length]));
  for (const [path, length] of expected) {
    const status = await files.status(`${directory}/${path}`);
    assert(
      status.kind === 'file' && status.size === length,
      `${path} has ${status.size} bytes, its handle says ${length}`,
    );
  }
  for (const {name, kind} of await files.list(directory)) {
    const absolute = `${directory}/${name}`;
    if (kind !== 'directory' || absolute === toShareDirectory(directory)) continue;
    let isEmpty = true;
    for (const inner of await files.list(absolute)) {
      // A snapshot that was given up leaves its file; what is published has only what it names.
      if (expected.has(`${name}/${inner.name}`)) isEmpty = false;
      else await files.unlink(`${absolute}/${inner.name}`);
    }
    // All that was written there is shared.
    if (isEmpty) await files.removeDirectory(absolute);
  }
}

/** `<uid>/…` of every state file, deepest first. */
function stateDirectoriesOf(own: readonly FileState[]): readonly string[] {
  const directories = new Set<string>();
  for (const {path} of own) {
    for (let parent = parentOf(`/${path}`); parent !== '/'; parent = parentOf(parent)) {
      directories.add(parent.slice(1));
    }
  }
  return [...directories].sort((left, right) => right.length - left.length);
}
