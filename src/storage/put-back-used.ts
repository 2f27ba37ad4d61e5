// A checkpoint that was renamed away to be deleted, and whose deleter died, or failed, before its second look for marks of use
// and claims: whoever began from it until the rename is told of it nowhere else. So whoever takes over looks again, before anybody lists what
// there is, and whoever sweeps, before anything goes. Of what was looked at a second time nobody can have begun since: its removal
// may have begun, and then it is not whole any more and stays where it is.

import {EngineError, systemErrorCode} from '../base/errors.ts';
import {readClaim} from './claims.ts';
import {readMetadata} from './derive-checkpoint-state.ts';
import type {FileSystem} from './file-system.ts';
import {distinctFilesOf} from './metadata-encoder.ts';
import {
  CLAIM_FILE,
  JobPaths,
  parseCheckpointName,
  parseGenerationName,
  parseUseName,
  stateFileAt,
} from './paths.ts';
import {readHistory} from './read-history.ts';
import {namesIn} from './shared-directory.ts';
import {statusOrNull} from './status-or-null.ts';
import type {LookForUse} from './use-marks.ts';

/** `generation`: whose `deleted/` it is, with the work of older ones in it. Durable when it resolves. */
export async function putBackUsed(
  files: FileSystem,
  paths: JobPaths,
  generation: number,
  useOf: LookForUse,
): Promise<void> {
  const deleted = paths.deleted(generation);
  const places = [deleted];
  for (const name of await namesIn(files, deleted)) {
    if (parseGenerationName(name) !== null) places.push(`${deleted}/${name}/deleted`);
  }
  let count = 0;
  for (const place of places) {
    for (const name of await namesIn(files, place)) {
      const id = parseCheckpointName(name);
      const aside = `${place}/${name}`;
      if (id === null) continue;
      if (!(await isNeeded(files, aside, useOf))) continue;
      if ((await statusOrNull(files, paths.checkpoint(id))) !== null) continue;
      if (!(await hasAllOfItsOwn(files, aside))) continue;
      await files.rename(aside, paths.checkpoint(id));
      count += 1;
    }
  }
  if (count > 0) await files.syncDirectory(paths.root);
}

async function isNeeded(files: FileSystem, directory: string, useOf: LookForUse): Promise<boolean> {
  const names = await namesIn(files, directory);
  const isMarked = names.some((name) => parseUseName(name) !== null);
  if (isMarked && (await useOf(directory)) !== null) return true;
  return names.includes(CLAIM_FILE) && (await isClaimed(files, directory));
}

/** By a lineage without a checkpoint of its own: once it has one, it takes away what it claimed, and nobody else ever does. */
async function isClaimed(files: FileSystem, directory: string): Promise<boolean> {
  try {
    const claim = await readClaim(files, directory);
    if (claim === null) return false;
    const history = await readHistory(files, new JobPaths(claim.jobDirectory), Infinity);
    const known = history.lineages.find(({lineage}) => lineage === claim.lineage);
    return known?.published !== true;
  } catch (error) {
    // Nobody can say: what is put back stays claimed.
    if (error instanceof EngineError || systemErrorCode(error) !== null) return true;
    throw error;
  }
}

/** What it shares goes only after the look that has not been. */
async function hasAllOfItsOwn(files: FileSystem, directory: string): Promise<boolean> {
  const read = await readMetadata(files, directory);
  if (read.kind !== 'read') return false;
  for (const {path, length} of distinctFilesOf(read.metadata).own) {
    const status = await statusOrNull(files, stateFileAt(directory, path));
    if (status?.kind !== 'file' || status.size !== length) return false;
  }
  return true;
}
