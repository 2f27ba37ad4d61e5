// Ids are never used twice: a generation starts above the highest one seen anywhere in the directory.

import {EngineError} from '../base/errors.ts';
import {readWholeFile, unlessMissing} from './durable-file.ts';
import type {FileSystem} from './file-system.ts';
import {decodeClaimedRecord, decodeLineageRecord, RECORD_BYTES_MAX} from './owner-record.ts';
import {parseCheckpointName, parseOwnerName, type JobPaths, type OwnerMark} from './paths.ts';

/** Deeper than anything that take-overs that died one after another leave behind in practice. */
const DEPTH_MAX = 64;

export async function highestCheckpointId(files: FileSystem, paths: JobPaths): Promise<number> {
  let highest = 0;
  for (const {name} of await files.list(paths.root)) {
    highest = Math.max(highest, parseCheckpointName(name) ?? 0);
  }
  highest = Math.max(highest, await highestBelow(files, paths.workDirectory, 0));
  return Math.max(highest, await highestInRecords(files, paths));
}

/** In work/: pending attempts and what is being deleted, also of generations taken over one by another. */
async function highestBelow(files: FileSystem, directory: string, depth: number): Promise<number> {
  let highest = 0;
  if (depth > DEPTH_MAX) return highest;
  await unlessMissing(async () => {
    for (const {name, kind} of await files.list(directory)) {
      const id = parseCheckpointName(name);
      if (id !== null) highest = Math.max(highest, id);
      else if (kind === 'directory') {
        highest = Math.max(highest, await highestBelow(files, `${directory}/${name}`, depth + 1));
      }
    }
  });
  return highest;
}

/** Origins and branches name ids of checkpoints that may be elsewhere or gone, as records of what was claimed do. */
async function highestInRecords(files: FileSystem, paths: JobPaths): Promise<number> {
  let highest = 0;
  for (const {name} of await files.list(paths.ownerDirectory)) {
    const parsed = parseOwnerName(name);
    if (parsed?.kind !== 'mark') continue;
    const idsIn = ID_READERS[parsed.mark];
    if (idsIn === undefined) continue;
    highest = Math.max(
      highest,
      ...(await idsInRecord(files, `${paths.ownerDirectory}/${name}`, idsIn)),
    );
  }
  return highest;
}

type ReadIds = (bytes: Uint8Array, path: string) => readonly number[];

const ID_READERS: Partial<Record<OwnerMark, ReadIds>> = {
  lineage(bytes, path) {
    const {origin, ancestors} = decodeLineageRecord(bytes, path);
    const ids = ancestors.map(({checkpointId}) => checkpointId);
    return origin.kind === 'checkpoint' ? [...ids, origin.checkpointId] : ids;
  },
  claimed: (bytes, path) => [decodeClaimedRecord(bytes, path).checkpointId],
};

async function idsInRecord(
  files: FileSystem,
  path: string,
  idsIn: ReadIds,
): Promise<readonly number[]> {
  try {
    return idsIn(await readWholeFile(files, path, RECORD_BYTES_MAX), path);
  } catch (error) {
    // Damage is reported by whoever reads the history to decide; here it only names no id.
    if (error instanceof EngineError && error.code === 'CHECKPOINT_DAMAGED') return [];
    throw error;
  }
}
