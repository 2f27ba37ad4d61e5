// What recovery does with the files of a file sink, from names and recorded committables alone: the sink
// may be gone from the job, or write elsewhere by now. Who may call what, and in which order, is
// RELIABILITY part 3 and `recovery/`'s.

import {join} from 'node:path';
import {EngineError, systemErrorCode} from '../../base/errors.ts';
import type {CheckpointMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import type {FileSystem} from '../../storage/file-system.ts';
import {storageError} from '../storage-error.ts';
import {commitParts, partsNotFinal, unlinkIfThere} from './commit-parts.ts';
import {parsePartName, parseTemporaryName, type PartName} from './part-names.ts';
import {readCommittables, type Committables, type PreparedPart} from './prepared-part.ts';

/** Everything one sink prepared in one directory. */
export interface SinkCommittables extends Committables {
  /** Its operator uid. */
  readonly sink: string;
}

/** A committed part and where it lies. */
export interface CommittedPart {
  readonly name: string;
  readonly part: PartName;
}

/** Which parts or temporaries are meant. */
export interface PartSelection {
  readonly files: FileSystem;
  /** Absolute. One that is not there has no parts. */
  readonly directory: string;
  readonly job: string;
  /** Operator uid. */
  readonly sink: string;
}

/** What a checkpoint prepared, over all sinks and subtasks; names that are not this job's are refused. */
export function committablesOf(metadata: CheckpointMetadata): readonly SinkCommittables[] {
  const all: SinkCommittables[] = [];
  for (const {uid, subtasks} of metadata.operators) {
    for (const {states} of subtasks) {
      for (const state of states) {
        if (state.kind !== 'committables') continue;
        const owner = {job: metadata.jobName, sink: uid};
        all.push({sink: uid, ...readCommittables(state, owner)});
      }
    }
  }
  return all;
}

/** Commits; idempotent. COMMIT_UNDECIDED when the truth cannot be known. */
export async function settleSink(request: {
  readonly files: FileSystem;
  readonly committables: readonly SinkCommittables[];
}): Promise<void> {
  for (const each of request.committables) {
    await commitParts(request.files, each.sink, each, 'recorded');
  }
}

/** What `settleSink` would still have to do, or could not: for a run that may only look. */
export async function findUnsettled(request: {
  readonly files: FileSystem;
  readonly committables: readonly SinkCommittables[];
}): Promise<readonly {readonly directory: string; readonly part: PreparedPart}[]> {
  const unsettled = [];
  for (const each of request.committables) {
    for (const part of await partsNotFinal(request.files, each.sink, each)) {
      unsettled.push({directory: each.directory, part});
    }
  }
  return unsettled;
}

/** Parts that are final are so after a power loss, too: whoever committed them may have died before the sync. */
export async function syncParts(request: {
  readonly files: FileSystem;
  readonly committables: readonly SinkCommittables[];
}): Promise<void> {
  const synced = new Set<string>();
  for (const {sink, directory, parts} of request.committables) {
    if (parts.length === 0 || synced.has(directory)) continue;
    try {
      await request.files.syncDirectory(directory);
    } catch (error) {
      throw storageError(sink, 'commit parts in', directory, error);
    }
    synced.add(directory);
  }
}

/**
 * Removes and syncs the temporaries of `lineages`, but for the names in `except`; returns their names. Those of a
 * generation after `generation` stay: whoever was taken over without knowing it must not touch what its successor makes.
 */
export async function removeTemporaries(
  request: PartSelection & {
    readonly lineages: ReadonlySet<string>;
    readonly except: ReadonlySet<string>;
    readonly generation: number;
  },
): Promise<readonly string[]> {
  const {files, directory, job, sink, lineages, except, generation} = request;
  const removed: string[] = [];
  return inDirectory(request, 'remove temporaries in', async () => {
    for (const {name} of await listNames(files, directory)) {
      const part = parseTemporaryName(name);
      if (part === null || part.job !== job || part.sink !== sink) continue;
      if (!lineages.has(part.lineage) || except.has(name)) continue;
      if (part.generation > generation) continue;
      await unlinkIfThere(files, join(directory, name));
      removed.push(name);
    }
    if (removed.length > 0) await files.syncDirectory(directory);
    return removed;
  });
}

/** The committed parts of this job's sink, of every lineage, sorted by name. */
export async function listParts(request: PartSelection): Promise<readonly CommittedPart[]> {
  const {files, directory, job, sink} = request;
  return inDirectory(request, 'list parts in', async () => {
    const parts: CommittedPart[] = [];
    for (const {name, kind} of await listNames(files, directory)) {
      const part = kind === 'file' ? parsePartName(name) : null;
      if (part !== null && part.job === job && part.sink === sink) parts.push({name, part});
    }
    return parts;
  });
}

/** The parts of this job's sink that were withdrawn and lie in `.withdrawn/` still. */
export async function listWithdrawn(request: PartSelection): Promise<readonly CommittedPart[]> {
  const {files, directory} = request;
  const parent = join(directory, '.withdrawn');
  const generations = await inDirectory(request, 'list', async () => listNames(files, parent));
  const all: CommittedPart[] = [];
  for (const {name, kind} of generations) {
    if (kind !== 'directory') continue;
    all.push(...(await listParts({...request, directory: join(parent, name)})));
  }
  return all;
}

/** Moves parts into `.withdrawn/<generation>/` of their directory, and syncs both. */
export async function withdrawParts(
  request: PartSelection & {readonly generation: number; readonly names: readonly string[]},
): Promise<void> {
  const {files, directory, generation, names} = request;
  if (names.length === 0) return;
  const parent = join(directory, '.withdrawn');
  const target = join(parent, String(generation));
  await inDirectory(request, 'withdraw parts from', async () => {
    await makeIfMissing(files, parent);
    await makeIfMissing(files, target);
    for (const name of names) {
      await refuseOverwriting(files, join(target, name));
      await files.rename(join(directory, name), join(target, name));
    }
    await files.syncDirectory(target);
    await files.syncDirectory(parent);
    await files.syncDirectory(directory);
  });
}

export type SinkMode = 'append' | 'overwrite' | 'error-if-exists';

/** What a fresh start finds in the directory of one sink. */
export interface FreshCheck extends PartSelection {
  readonly mode: SinkMode;
  /** The lineage that begins, or that begins again because it never had a checkpoint. */
  readonly lineage: string;
  /** Those that worked in this checkpoint directory before. */
  readonly earlierLineages: ReadonlySet<string>;
  /** What the settlement of those will still commit. */
  readonly toCommit: readonly SinkCommittables[];
}

/**
 * Before the lineage is recorded; changes nothing. `error-if-exists` refuses a directory that has any file
 * but hidden ones and our own, or is about to get one. `overwrite` refuses parts of a lineage that this
 * checkpoint directory does not know: another run's, which may be alive and not ours to remove.
 */
export async function checkFresh(request: FreshCheck): Promise<void> {
  switch (request.mode) {
    case 'append':
      return;
    case 'overwrite':
      await refuseUnknownParts(request);
      return;
    case 'error-if-exists':
      await refuseExisting(request);
  }
}

/** Removes and syncs the parts of `lineages` and no others; returns their names. */
export async function removeEarlierParts(
  request: PartSelection & {readonly lineages: ReadonlySet<string>},
): Promise<readonly string[]> {
  const {files, directory, lineages} = request;
  const earlier = (await listParts(request)).filter(({part}) => lineages.has(part.lineage));
  return inDirectory(request, 'remove earlier parts in', async () => {
    for (const {name} of earlier) await unlinkIfThere(files, join(directory, name));
    if (earlier.length > 0) await files.syncDirectory(directory);
    return earlier.map(({name}) => name);
  });
}

async function refuseUnknownParts(request: FreshCheck): Promise<void> {
  const {directory, sink, lineage, earlierLineages} = request;
  const unknown = (await listParts(request)).find(
    ({part}) => part.lineage !== lineage && !earlierLineages.has(part.lineage),
  );
  if (unknown === undefined) return;
  const message = `${sink}: ${directory} holds ${unknown.name}, which no run in this checkpoint directory wrote, so mode overwrite does not remove it`;
  throw new EngineError('REFUSED', message, {
    hint: 'If no other run writes there, remove those part files yourself; else choose another path, or set `mode: append` to keep both.',
    file: join(directory, unknown.name),
  });
}

async function refuseExisting(request: FreshCheck): Promise<void> {
  const {files, directory, job, sink, lineage} = request;
  const entries = await inDirectory(request, 'list', async () => listNames(files, directory));
  const other = entries.find(({name}) => {
    if (name.startsWith('.')) return false;
    const part = parsePartName(name);
    return part === null || part.job !== job || part.sink !== sink || part.lineage !== lineage;
  });
  const coming = request.toCommit.find((each) => each.directory === directory)?.parts[0];
  const name = other?.name ?? coming?.final;
  if (name === undefined) return;
  const why = other === undefined ? `an earlier run is yet to commit ${name}` : name;
  const message = `${sink}: ${directory} is not empty (${why}), and its mode is error-if-exists`;
  throw new EngineError('REFUSED', message, {
    hint: 'Empty the directory, choose another path, or set `mode: append` or `mode: overwrite`.',
    file: join(directory, name),
  });
}

async function refuseOverwriting(files: FileSystem, path: string): Promise<void> {
  try {
    await files.status(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  throw new EngineError('REFUSED', `${path} is there already; it is not overwritten`, {
    hint: 'Move it away, then run the command again.',
    file: path,
  });
}

async function makeIfMissing(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.makeDirectory(directory);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}

async function listNames(
  files: FileSystem,
  directory: string,
): Promise<Awaited<ReturnType<FileSystem['list']>>> {
  try {
    return await files.list(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function inDirectory<T>(
  request: PartSelection,
  action: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(request.sink, action, request.directory, error);
  }
}
