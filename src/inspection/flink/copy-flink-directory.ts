// Carries a plan of a copy out: in a hidden directory beside the target, each file written and synced, `_metadata` last, the
// directory synced, then renamed; the directory above is synced before anybody is told. So the target is there whole or
// not at all; a crash leaves the hidden directory, which the next copy to the same place removes (unfinished-copies.ts).

import {EngineError, systemErrorCode} from '../../base/errors.ts';
import {statusOrNull} from '../../storage/derive-checkpoint-state.ts';
import {
  closeQuietly,
  removeTree,
  writeDurableBytes,
  writeDurableFile,
} from '../../storage/durable-file.ts';
import type {FileHandle, FileStatus, FileSystem} from '../../storage/file-system.ts';
import {goneMeanwhile, mayBeOfGone} from '../../storage/gone-meanwhile.ts';
import {openBelow} from '../../storage/open-below.ts';
import {join, METADATA_FILE, parentOf} from '../../storage/paths.ts';
import type {ProcessTable} from '../../storage/process-table.ts';
import {makeWithParents} from '../../storage/savepoint-attempt.ts';
import {storageFailed} from '../../storage/storage-error.ts';
import {syncAbove} from '../../storage/sync-above.ts';
import {removeDeadCopies, unfinishedCopyAt} from '../../storage/unfinished-copies.ts';
import type {FlinkCopyPiece, FlinkCopyPlan} from './plan-flink-copy.ts';

const BUFFER_BYTES = 1024 * 1024;

export interface FlinkCopyOptions {
  readonly files: FileSystem;
  readonly plan: FlinkCopyPlan;
  /** Absolute; it is not there. Directories above it are made. */
  readonly target: string;
  /** 12 hexadecimal digits that nobody else has. */
  readonly random: string;
  /** Whose process is this, and which are dead? */
  readonly processes: ProcessTable;
  /** Ends the copy, of which nothing is left; rejects with its reason. */
  readonly abort?: AbortSignal | undefined;
  /** Bytes written since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * REFUSED when the target is there, CHECKPOINT_DAMAGED when a file has become shorter than planned, NOT_FOUND when it goes meanwhile, STORAGE_FAILED. What
 * fails leaves nothing behind but directories above the target.
 */
export async function copyFlinkDirectory(options: FlinkCopyOptions): Promise<void> {
  const {files, target, processes, random} = options;
  const above = parentOf(target);
  try {
    if ((await statusOrNull(files, target)) !== null) throw isThere(target);
    const made = new Set<string>();
    await makeWithParents(files, above, made);
    await removeDeadCopies(files, target, processes);
    const hidden = unfinishedCopyAt(target, processes, random);
    await files.makeDirectory(hidden);
    let own: FileStatus | null = null;
    try {
      own = await files.status(hidden);
      await writeAll(options, hidden);
      // A rename would replace an empty directory without a word.
      if ((await statusOrNull(files, target)) !== null) throw isThere(target);
      await files.rename(hidden, target);
      await syncAbove(files, above, made);
    } catch (error) {
      await removeTree(files, hidden);
      // It was renamed, and nobody was told: it goes. What another made there has another inode.
      const there = await statusOrNull(files, target);
      if (own !== null && there !== null && isSame(own, there)) await removeTree(files, target);
      throw error;
    }
  } catch (error) {
    const {abort} = options;
    // Not of what failed when it was taken away.
    if (abort?.aborted === true && error === abort.reason) throw error;
    const {source} = options.plan;
    // Flink removes it before the files that it names.
    const metadata = join(source, METADATA_FILE);
    const isGone = mayBeOfGone(error) && (await statusOrNull(files, metadata)) === null;
    if (isGone) throw goneMeanwhile(source);
    throw systemErrorCode(error) === null ? error : storageFailed('copying to', target, error);
  }
}

async function writeAll(
  {files, plan, onProgress, abort}: FlinkCopyOptions,
  directory: string,
): Promise<void> {
  const onCopied = (bytes: number): void => {
    abort?.throwIfAborted();
    onProgress?.(bytes);
  };
  for (const piece of plan.pieces) {
    await writeDurableFile(files, join(directory, piece.name), async (handle) =>
      copyPiece(files, piece, handle, onCopied),
    );
  }
  await writeDurableBytes(files, join(directory, METADATA_FILE), plan.metadata);
  onProgress?.(plan.metadata.length);
  await files.syncDirectory(directory);
  abort?.throwIfAborted();
}

async function copyPiece(
  files: FileSystem,
  {source, root, start, length}: FlinkCopyPiece,
  target: FileHandle,
  onCopied: (bytes: number) => void,
): Promise<void> {
  const handle = await openBelow(files, source, root);
  try {
    const buffer = new Uint8Array(Math.min(BUFFER_BYTES, length));
    for (let done = 0; done < length;) {
      const wanted = Math.min(buffer.length, length - done);
      const count = await handle.read(buffer, 0, wanted, start + done);
      if (count === 0) throw shortened(source, start + done, start + length);
      await target.append(buffer.subarray(0, count));
      onCopied(count);
      done += count;
    }
  } finally {
    await closeQuietly(handle);
  }
}

function isSame(one: FileStatus, other: FileStatus): boolean {
  return one.inode === other.inode && one.device === other.device;
}

function shortened(path: string, found: number, expected: number): EngineError {
  return new EngineError(
    'CHECKPOINT_DAMAGED',
    `${path} ends at byte ${found}, ${expected} were planned: it was changed meanwhile`,
    {file: path, hint: 'Run the copy again.'},
  );
}

function isThere(target: string): EngineError {
  return new EngineError('REFUSED', `${target} is there already`, {
    file: target,
    hint: 'Name a directory that does not exist.',
  });
}
