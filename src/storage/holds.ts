// Holds: names in `holds/` of checkpoints that are not deleted. That a name is there is all that counts; the
// content says the same for a person. One file per reason, so that releasing one leaves the other:
//
//   holds/chk-N             the user asked for it (`checkpoint hold`)
//   holds/chk-N.<lineage>   that lineage was restored from it without a claim
//
//   held in a savepoint     the user asked for it; no job owns the directory, so it is made in its place
//
// The first two are linked out of and renamed into the owner's work/<G>/: a process that was taken over changes none.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {statusOrNull} from './derive-checkpoint-state.ts';
import {unlessMissing, writeDurableBytes} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {
  baseName,
  HOLD_FILE,
  holdName,
  join,
  parseHoldName,
  type Hold,
  type JobPaths,
} from './paths.ts';
import {sealJson} from './sealed-json.ts';

/** Names that are no hold's are left alone. REFUSED when `holds/` is no directory: nobody knows what is held. */
export async function listHolds(files: FileSystem, paths: JobPaths): Promise<readonly Hold[]> {
  const holds: Hold[] = [];
  await requireDirectory(files, paths.holdsDirectory);
  await unlessMissing(async () => {
    for (const {name} of await files.list(paths.holdsDirectory)) {
      const hold = parseHoldName(name);
      if (hold !== null) holds.push(hold);
    }
  });
  return holds;
}

async function requireDirectory(files: FileSystem, path: string): Promise<void> {
  const status = await statusOrNull(files, path);
  if (status === null || status.kind === 'directory') return;
  throw new EngineError('REFUSED', `${path} is not a directory`, {
    file: path,
    hint: 'A link is not followed. Move it away; `tidemark checkpoint hold` holds anew what it held.',
  });
}

/** Durable when it resolves; placing it again is fine. `aside`: a new name in the own work/<G>/. */
export async function placeHold(
  files: FileSystem,
  paths: JobPaths,
  aside: string,
  hold: Hold,
): Promise<void> {
  const {checkpointId, lineage} = hold;
  await writeDurableBytes(files, aside, sealJson({checkpoint_id: checkpointId, lineage}));
  await unlessThere(async () => files.makeDirectory(paths.holdsDirectory));
  await requireDirectory(files, paths.holdsDirectory);
  await unlessThere(async () => files.link(aside, paths.hold(hold)));
  await files.syncDirectory(paths.holdsDirectory);
  // Whoever made holds/ may have died before it synced it.
  await files.syncDirectory(paths.root);
  await files.unlink(aside);
}

/** Gone for good when it resolves; releasing what is not held is fine. `deleted`: the own work/<G>/deleted/. */
export async function removeHold(
  files: FileSystem,
  paths: JobPaths,
  deleted: string,
  hold: Hold,
): Promise<void> {
  const aside = `${deleted}/hold-${holdName(hold)}`;
  try {
    await files.rename(paths.hold(hold), aside);
  } catch (error) {
    const gone =
      systemErrorCode(error) === 'ENOENT' &&
      (await statusOrNull(files, paths.hold(hold))) === null &&
      (await statusOrNull(files, deleted)) !== null;
    // Released before, perhaps by a call that was cut short. Without our deleted/ we were taken over.
    if (!gone) throw error;
  }
  await unlessMissing(async () => files.syncDirectory(paths.holdsDirectory));
  await unlessMissing(async () => files.unlink(aside));
}

/** As `placeHold`, of a savepoint: whoever may write there holds and releases it. */
export async function holdSavepoint(files: FileSystem, directory: string): Promise<void> {
  const bytes = sealJson({savepoint: baseName(directory)});
  // Torn, it holds all the same.
  await unlessThere(async () => writeDurableBytes(files, join(directory, HOLD_FILE), bytes));
  await files.syncDirectory(directory);
}

/** Gone for good when it resolves; releasing what is not held is fine. */
export async function releaseSavepoint(files: FileSystem, directory: string): Promise<void> {
  await unlessMissing(async () => files.unlink(join(directory, HOLD_FILE)));
  await files.syncDirectory(directory);
}

export async function isSavepointHeld(files: FileSystem, directory: string): Promise<boolean> {
  return (await statusOrNull(files, join(directory, HOLD_FILE))) !== null;
}

async function unlessThere(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}
