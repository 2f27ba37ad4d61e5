// Verifies a checkpoint before its first record is used: `_metadata`, SHA256SUMS, kinds, sizes, and every
// byte of every state file against its chunk's CRC and the file's SHA-256. The only file of this room that
// reads. Stops at the first damage: `checkpoint verify` is what lists all of it.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {deriveCheckpointState} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {distinctFilesOf} from '../storage/metadata-encoder.ts';
import {checkpointFiles} from '../storage/open-below.ts';
import {stateFileAt} from '../storage/paths.ts';
import {StateFileReader} from '../storage/state-file-reader.ts';
import {storageFailed} from '../storage/storage-error.ts';
import {checkpointFacts} from './directory-facts.ts';
import type {CheckpointFacts, CompleteCheckpoint} from './facts.ts';

declare const verified: unique symbol;

/** The right to restore from a checkpoint; only `verifyCheckpoint` makes it. */
export interface VerifiedCheckpoint extends CompleteCheckpoint {
  readonly [verified]: true;
}

export type Verification =
  | {readonly kind: 'verified'; readonly checkpoint: VerifiedCheckpoint}
  /** `facts` take the place of the checkpoint's, and the start is chosen again. */
  | {readonly kind: 'damaged'; readonly facts: Exclude<CheckpointFacts, CompleteCheckpoint>};

/** A failing disk is STORAGE_FAILED: it says nothing about the checkpoint. */
export async function verifyCheckpoint(
  files: FileSystem,
  checkpoint: CompleteCheckpoint,
): Promise<Verification> {
  const {id, path, metadata, metadataSha256} = checkpoint;
  const damaged = (damage: string): Verification => ({
    kind: 'damaged',
    facts: {state: 'damaged', id, path, metadata, damage},
  });
  const state = await deriveCheckpointState(files, path);
  const facts = checkpointFacts(metadata.checkpointId, path, state);
  if (facts === null) return damaged(`${path} is not there any more`);
  if (facts.state !== 'complete') return {kind: 'damaged', facts: {...facts, id}};
  if (facts.metadataSha256 !== metadataSha256) {
    return damaged(`${path}/_metadata has changed since it was chosen`);
  }
  const {own, shared} = distinctFilesOf(metadata);
  const opener = checkpointFiles(files, path);
  for (const file of [...own, ...shared]) {
    const filePath = stateFileAt(path, file.path);
    try {
      const reader = await StateFileReader.open(opener, filePath, file);
      await readToEnd(reader);
    } catch (error) {
      if (error instanceof EngineError && error.code === 'CHECKPOINT_DAMAGED') {
        return damaged(error.message);
      }
      if (systemErrorCode(error) === null) throw error;
      throw storageFailed('verifying', filePath, error);
    }
  }
  return {kind: 'verified', checkpoint: checkpoint as VerifiedCheckpoint};
}

/** Each chunk is checked as it is read, the digest after the last. */
async function readToEnd(reader: StateFileReader): Promise<void> {
  try {
    const chunks = reader.chunks();
    while ((await chunks.next()).done !== true);
  } finally {
    await reader.close();
  }
}
