// The last steps before a directory of state files may be renamed to where it counts as a checkpoint or savepoint:
//
//   1. what is there is exactly what `metadata` names
//   2. `_metadata`, SHA256SUMS: written, synced; `_metadata` read back and compared
//   3. directories synced bottom-up: each <uid>/, then the directory itself

import {assert} from '../base/assert.ts';
import {sha256Hex} from '../base/checksum.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {encodeChecksums} from './checksum-list.ts';
import {readWholeFile, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {decodeMetadata} from './metadata-decoder.ts';
import {encodeMetadata, METADATA_BYTES_MAX, stateFilesOf} from './metadata-encoder.ts';
import {CHECKSUMS_FILE, METADATA_FILE, parentOf} from './paths.ts';
import {storageFailed} from './storage-error.ts';

export interface SealedCheckpoint {
  /** Of all its files. */
  readonly bytes: number;
  /** SHA-256 of `_metadata`. */
  readonly metadataSha256: string;
}

/** All state files are durable and named in `metadata`. A failure is a system error or an EngineError. */
export async function sealCheckpoint(
  files: FileSystem,
  directory: string,
  metadata: CheckpointMetadata,
): Promise<SealedCheckpoint> {
  const metadataBytes = encodeMetadata(metadata);
  const checksums = encodeChecksums(metadata, metadataBytes);
  const metadataPath = `${directory}/${METADATA_FILE}`;
  await requireExactly(files, directory, metadata);
  await writeDurableBytes(files, metadataPath, metadataBytes);
  await writeDurableBytes(files, `${directory}/${CHECKSUMS_FILE}`, checksums);
  const readBack = await readWholeFile(files, metadataPath, METADATA_BYTES_MAX);
  if (!Buffer.from(readBack).equals(metadataBytes)) {
    const cause = new Error('other bytes than were written');
    throw storageFailed('reading back', metadataPath, cause, {outcome: 'not-published'});
  }
  for (const inner of stateDirectoriesOf(metadata)) {
    await files.syncDirectory(`${directory}/${inner}`);
  }
  await files.syncDirectory(directory);
  const decoded = decodeMetadata(metadataBytes);
  assert(
    decoded.kind === 'decoded',
    `metadata that cannot be read back: ${JSON.stringify(decoded)}`,
  );
  const stateBytes = stateFilesOf(metadata).reduce((sum, file) => sum + file.length, 0);
  return {
    bytes: stateBytes + metadataBytes.length + checksums.length,
    metadataSha256: sha256Hex(metadataBytes),
  };
}

/** What is there is what `metadata` names: each file with its length, and no other file. */
async function requireExactly(
  files: FileSystem,
  directory: string,
  metadata: CheckpointMetadata,
): Promise<void> {
  const expected = new Map(stateFilesOf(metadata).map((file) => [file.path, file.length]));
  for (const [path, length] of expected) {
    const status = await files.status(`${directory}/${path}`);
    assert(
      status.kind === 'file' && status.size === length,
      `${path} has ${status.size} bytes, its handle says ${length}`,
    );
  }
  for (const {name, kind} of await files.list(directory)) {
    if (kind !== 'directory') continue;
    for (const inner of await files.list(`${directory}/${name}`)) {
      const path = `${name}/${inner.name}`;
      // A snapshot that was given up leaves its file; what is published has only what it names.
      if (!expected.has(path)) await files.unlink(`${directory}/${path}`);
    }
  }
}

/** `<uid>/…` of every state file, deepest first. */
function stateDirectoriesOf(metadata: CheckpointMetadata): readonly string[] {
  const directories = new Set<string>();
  for (const {path} of stateFilesOf(metadata)) {
    for (let parent = parentOf(`/${path}`); parent !== '/'; parent = parentOf(parent)) {
      directories.add(parent.slice(1));
    }
  }
  return [...directories].sort((left, right) => right.length - left.length);
}
