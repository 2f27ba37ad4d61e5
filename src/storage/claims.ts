// `claimed-by` in a checkpoint or savepoint that lies outside of the job directory that restores it: whose it is
// from then on. Sealed JSON {job_directory, lineage}, created if absent, never changed; withdrawn if the
// owner came back while it was written:
//
//   1. written aside under a name with the lineage, synced
//   2. linked to `claimed-by` (EEXIST: the same claim goes on, any other is refused); the directory synced, and
//      the one above it: an owner that counts as dead may have published the checkpoint, and not synced it
//   3. the aside is removed

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {readWholeFile, unlessMissing, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {FieldError, Fields} from './json-fields.ts';
import {checkpointFiles} from './open-below.ts';
import {wrongKind} from './finding.ts';
import {CLAIM_FILE, claimAsideName, parentOf} from './paths.ts';
import {openSealedJson, sealJson} from './sealed-json.ts';
import {storageFailed} from './storage-error.ts';

const CLAIM_BYTES_MAX = 64 * 1024;
const CLAIM_HINT = 'It says whose this checkpoint is. Remove it if no job claims the checkpoint.';

export interface Claim {
  /** Absolute. */
  readonly jobDirectory: string;
  readonly lineage: string;
}

/** Null: nobody claimed it. CHECKPOINT_DAMAGED when nobody can say who did, REFUSED when no file is there in its place. */
export async function readClaim(files: FileSystem, directory: string): Promise<Claim | null> {
  const path = `${directory}/${CLAIM_FILE}`;
  let bytes: Uint8Array;
  try {
    bytes = await readWholeFile(checkpointFiles(files, directory), path, CLAIM_BYTES_MAX);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    if (code === 'ELOOP' || code === 'EINVAL' || code === 'EISDIR') {
      throw new EngineError('REFUSED', wrongKind(path).message, {file: path, hint: CLAIM_HINT});
    }
    throw storageFailed('reading', path, error);
  }
  const opened = openSealedJson(bytes);
  if (opened.kind === 'damaged') throw damagedClaim(path, opened.message);
  try {
    return decodeClaim(new Fields(opened.fields, ''));
  } catch (error) {
    if (error instanceof FieldError) throw damagedClaim(path, error.message);
    throw error;
  }
}

export function encodeClaim({jobDirectory, lineage}: Claim): {readonly [key: string]: string} {
  return {job_directory: jobDirectory, lineage};
}

/** Throws FieldError. */
export function decodeClaim(fields: Fields): Claim {
  return {
    jobDirectory: fields.path('job_directory'),
    lineage: fields.text('lineage', /^[0-9a-f]{16}$/),
  };
}

/**
 * Durable when it resolves; writing the same one again is fine. ALREADY_RUNNING: it is somebody else's; NOT_FOUND: it has
 * gone.
 */
export async function writeClaim(
  files: FileSystem,
  directory: string,
  claim: Claim,
): Promise<void> {
  const aside = `${directory}/${claimAsideName(claim.lineage)}`;
  const bytes = sealJson(encodeClaim(claim));
  try {
    // Left by an attempt of this lineage that died.
    await unlessMissing(async () => files.unlink(aside));
    await writeDurableBytes(files, aside, bytes);
    try {
      await files.link(aside, `${directory}/${CLAIM_FILE}`);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
      const there = await readClaim(files, directory);
      if (there === null || !sameClaim(there, claim)) {
        await unlessMissing(async () => files.unlink(aside));
        throw claimedByAnother(directory, there);
      }
    }
    await files.syncDirectory(directory);
    await files.syncDirectory(parentOf(directory));
    await files.unlink(aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') {
      throw new EngineError('NOT_FOUND', `${directory} has gone while the job began from it`, {
        file: directory,
        cause: error,
      });
    }
    throw storageFailed('claiming', directory, error);
  }
}

/** Of a claim that was just written, and that nobody goes on from. */
export async function withdrawClaim(
  files: FileSystem,
  directory: string,
  claim: Claim,
): Promise<void> {
  const there = await readClaim(files, directory);
  if (there === null || !sameClaim(there, claim)) return;
  try {
    await unlessMissing(async () => files.unlink(`${directory}/${CLAIM_FILE}`));
    await files.syncDirectory(directory);
  } catch (error) {
    throw storageFailed('withdrawing the claim of', directory, error);
  }
}

export function sameClaim(left: Claim, right: Claim): boolean {
  return left.jobDirectory === right.jobDirectory && left.lineage === right.lineage;
}

/** `claim`: null, it went away while it was looked at. */
export function claimedByAnother(directory: string, claim: Claim | null): EngineError {
  const who = claim === null ? 'another job' : `${claim.jobDirectory} (lineage ${claim.lineage})`;
  return new EngineError(
    'ALREADY_RUNNING',
    `${directory} is claimed by ${who}, which owns it and deletes it once it has a checkpoint of its own`,
    {
      file: `${directory}/${CLAIM_FILE}`,
      hint: `Run the job of that directory to go on from it; if that job is gone for good, remove ${directory}/${CLAIM_FILE}.`,
      facts: {claimed_by: claim?.jobDirectory ?? null, lineage: claim?.lineage ?? null},
    },
  );
}

function damagedClaim(path: string, reason: string): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `${path} is damaged: ${reason}`, {
    file: path,
    hint: CLAIM_HINT,
  });
}
