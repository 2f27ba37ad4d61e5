// Makes prepared parts visible. For each part:
//   1. the temporary is whole → link it to the final name;
//   2. the final name is taken, or the temporary is gone or changed → the final file is accepted when it
//      has the size and SHA-256 that were prepared, else COMMIT_UNDECIDED. Nothing is ever overwritten.
// Then the directory is synced, and only then the temporaries are unlinked. Every step may have been done
// before, by us or by a process that died: the outcome is the same.

import {join} from 'node:path';
import {sha256} from '../../base/checksum.ts';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {failpoint} from '../../base/failpoint.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';
import type {Committables, PreparedPart} from './prepared-part.ts';

const READ_BYTES = 1_048_576;

/**
 * How far a temporary is trusted: `written`, this process wrote and synced it, its size is looked at;
 * `recorded`, its content is compared with the record before it is linked.
 */
export type PartTrust = 'written' | 'recorded';

export async function commitParts(
  files: FileSystem,
  sink: string,
  committables: Committables,
  trust: PartTrust,
): Promise<void> {
  const {directory, parts} = committables;
  if (parts.length === 0) return;
  for (const part of parts) {
    failpoint('sink.commit.before-link');
    try {
      await makeVisible(files, directory, part, trust);
    } catch (error) {
      throw storageError(sink, 'commit', join(directory, part.final), error);
    }
    failpoint('sink.commit.after-link');
  }
  try {
    await files.syncDirectory(directory);
    for (const part of parts) await unlinkIfThere(files, join(directory, part.temporary));
  } catch (error) {
    throw storageError(sink, 'commit parts in', directory, error);
  }
}

/** The parts whose final file is not there with the content that was prepared; nothing is changed. */
export async function partsNotFinal(
  files: FileSystem,
  sink: string,
  committables: Committables,
): Promise<readonly PreparedPart[]> {
  const {directory, parts} = committables;
  const missing: PreparedPart[] = [];
  for (const part of parts) {
    const path = join(directory, part.final);
    try {
      if ((await compare(files, path, part, 'recorded')) !== 'same') missing.push(part);
    } catch (error) {
      throw storageError(sink, 'look for', path, error);
    }
  }
  return missing;
}

async function makeVisible(
  files: FileSystem,
  directory: string,
  part: PreparedPart,
  trust: PartTrust,
): Promise<void> {
  const temporary = join(directory, part.temporary);
  const final = join(directory, part.final);
  const prepared = await compare(files, temporary, part, trust);
  if (prepared === 'same') {
    const linked = await linkUnlessThere(files, temporary, final);
    if (linked) return;
  }
  const found = await compare(files, final, part, 'recorded');
  if (found === 'same') return;
  const reason =
    found === 'other'
      ? `${part.final} is there with other content than was prepared`
      : `${part.temporary} ${prepared === 'gone' ? 'is gone' : 'is not as it was prepared'}, and ${part.final} is not there`;
  throw new EngineError('COMMIT_UNDECIDED', `cannot commit to ${directory}: ${reason}`, {
    hint:
      found === 'other'
        ? `Look at ${final}; move it away if it is not this job's, then run the job again.`
        : `Put ${temporary} back (${part.size} bytes, SHA-256 ${part.sha256}) and run the job again; or restore an older checkpoint with --output-ahead.`,
    file: found === 'other' ? final : temporary,
    facts: {...part, directory, temporary_state: prepared, final_state: found},
  });
}

/** False: something has that name, or the temporary went away meanwhile. */
async function linkUnlessThere(
  files: FileSystem,
  temporary: string,
  final: string,
): Promise<boolean> {
  try {
    await files.link(temporary, final);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

async function compare(
  files: FileSystem,
  path: string,
  part: PreparedPart,
  trust: PartTrust,
): Promise<'same' | 'other' | 'gone'> {
  try {
    const status = await files.status(path);
    if (status.kind !== 'file' || status.size !== part.size) return 'other';
    if (trust === 'written') return 'same';
    return (await hashFile(files, path)) === part.sha256 ? 'same' : 'other';
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 'gone';
    throw error;
  }
}

async function hashFile(files: FileSystem, path: string): Promise<string> {
  const handle = await files.openForRead(path);
  try {
    const hash = sha256();
    const buffer = new Uint8Array(READ_BYTES);
    for (let position = 0; ;) {
      const count = await handle.read(buffer, 0, buffer.length, position);
      if (count === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, count));
      position += count;
    }
  } finally {
    await handle.close();
  }
}

export async function unlinkIfThere(files: FileSystem, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
