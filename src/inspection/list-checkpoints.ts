// What lies in a checkpoint directory, newest first: published checkpoints with what they are, and attempts
// that are under way. Reads names, sizes and metadata; never writes.

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {
  deriveCheckpointState,
  statusOrNull,
  type CheckpointState,
  type ReadableCheckpoint,
} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {listHolds} from '../storage/holds.ts';
import {bytesBelow} from '../storage/list-leftovers.ts';
import {publishedIds} from '../storage/list-checkpoints.ts';
import {
  baseName,
  join,
  JobPaths,
  METADATA_FILE,
  parseCheckpointName,
  parseSavepointName,
} from '../storage/paths.ts';
import {storageFailed} from '../storage/storage-error.ts';
import type {PathMap} from './flink/locate-file.ts';
import type {CheckpointItem} from './checkpoint-item.ts';
import {listFlinkDirectory} from './flink/list-flink-directory.ts';
import {releaseNeeded, unclaimedFiles, weighOrphans, type Orphan} from '../storage/list-orphans.ts';
import {openToAll, openToAllMessage} from '../storage/open-to-all.ts';
import {attemptsUnderWay, pendingAttempts} from '../storage/pending-attempts.ts';
import {systemProcessTable, type ProcessTable} from '../storage/process-table.ts';
import {sharedNames} from '../storage/shared-directory.ts';

export interface CheckpointList {
  readonly items: readonly CheckpointItem[];
  /** In `shared/`, and needed by no checkpoint. */
  readonly orphans: readonly Orphan[];
  readonly warnings: readonly string[];
}

export interface ListOptions {
  /** Where files of Flink's checkpoints are looked for that have moved. */
  readonly maps?: readonly PathMap[] | undefined;
  /** Who tells whether the process of an attempt is dead; that of this machine by default. */
  readonly processes?: ProcessTable | undefined;
}

/** `directory`: of one job, or one with directories of jobs, or savepoints, in it. NOT_FOUND when it is neither. */
export async function listCheckpointDirectory(
  files: FileSystem,
  directory: string,
  {maps = [], processes = systemProcessTable}: ListOptions = {},
): Promise<CheckpointList> {
  try {
    const jobs = await jobDirectoriesIn(files, directory);
    const lists = [await listSnapshots(files, directory, maps)];
    for (const job of jobs) lists.push(await listJob(files, new JobPaths(job), maps, processes));
    const items = lists.flatMap((list) => list.items);
    if (jobs.length === 0 && items.length === 0) throw await nothingThere(files, directory);
    return {
      items,
      orphans: lists.flatMap(({orphans}) => orphans),
      warnings: [...new Set(lists.flatMap(({warnings}) => warnings))],
    };
  } catch (error) {
    throw storageFailed('reading', directory, error);
  }
}

/** `directory` itself when it is a job's, else those directories in it that are. */
export async function jobDirectoriesIn(
  files: FileSystem,
  directory: string,
): Promise<readonly string[]> {
  if ((await statusOrNull(files, directory))?.kind !== 'directory') {
    throw await nothingThere(files, directory);
  }
  if (await isJobDirectory(files, directory)) return [directory];
  const jobs: string[] = [];
  for (const {name, kind} of await files.list(directory)) {
    const path = `${directory}/${name}`;
    if (kind === 'directory' && (await isJobDirectory(files, path))) jobs.push(path);
  }
  return jobs;
}

/**
 * Directories in `directory` that are named like a savepoint, whatever is in them, and those that hold a `_metadata`:
 * copies have the name that somebody gave them.
 */
export async function snapshotsIn(
  files: FileSystem,
  directory: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const {name, kind} of await files.list(directory)) {
    // A chk-N is of the job whose directory this is; a hidden one is under way, or left over.
    if (kind !== 'directory' || parseCheckpointName(name) !== null || name.startsWith('.'))
      continue;
    const path = `${directory}/${name}`;
    if (parseSavepointName(name) !== null || (await hasMetadata(files, path))) found.push(path);
  }
  return found;
}

export async function hasMetadata(files: FileSystem, directory: string): Promise<boolean> {
  return (await statusOrNull(files, join(directory, METADATA_FILE))) !== null;
}

async function isJobDirectory(files: FileSystem, directory: string): Promise<boolean> {
  const entries = await files.list(directory);
  return entries.some(
    ({name, kind}) =>
      (name === 'FORMAT' && kind === 'file') ||
      (kind === 'directory' && parseCheckpointName(name) !== null),
  );
}

/** The hint names a job file that lies there, if one does. */
export async function nothingThere(files: FileSystem, directory: string): Promise<EngineError> {
  const isDirectory = (await statusOrNull(files, directory))?.kind === 'directory';
  const entries = isDirectory ? await files.list(directory) : [];
  const jobFile = entries.find(({name}) => /\.job\.ya?ml$/u.test(name))?.name;
  return new EngineError(
    'NOT_FOUND',
    `no checkpoints in ${directory}: looked for FORMAT and chk-N there and in the directories in it, and for savepoints`,
    {
      file: directory,
      hint:
        jobFile === undefined
          ? 'name the checkpoint directory that the job file sets, or one job in it'
          : `those of the job: tidemark checkpoint list ${shellWord(join(directory, jobFile))}`,
    },
  );
}

async function listJob(
  files: FileSystem,
  paths: JobPaths,
  maps: readonly PathMap[],
  processes: ProcessTable,
): Promise<CheckpointList> {
  const warnings = (await openToAll(files, paths.root)).map(openToAllMessage);
  const items: CheckpointItem[] = [];
  const lying = await sharedNames(files, paths);
  // Before the published ones: whatever is published meanwhile is found as the one or the other.
  const attempts = await pendingAttempts(files, paths);
  const underWay = await attemptsUnderWay(files, paths, attempts, processes);
  const unneeded = await unclaimedFiles(files, lying, [...underWay]);
  let unreadable = 0;
  const known = new Set<string>();
  const addPublished = async (checkpointId: number): Promise<void> => {
    const path = paths.checkpoint(checkpointId);
    const state = await deriveCheckpointState(files, path, known);
    if (state.kind === 'gone') return;
    if (!releaseNeeded(unneeded, state)) unreadable += 1;
    const listed =
      state.kind === 'foreign'
        ? await listFlinkDirectory({files, directory: path, maps}, checkpointId)
        : {item: await toItem(files, checkpointId, path, state), warnings: warningsOf(state)};
    items.push(listed.item);
    for (const warning of listed.warnings) warnings.push(warning);
  };
  const published = await publishedIds(files, paths);
  // One at a time, so that the metadata of a thousand is never held at once.
  for (const id of published) await addPublished(id);
  for (const attempt of attempts) {
    const {id, path} = attempt;
    if (published.includes(id)) continue;
    const kind = underWay.has(attempt) ? 'in-progress' : 'aborted';
    if ((await statusOrNull(files, path)) === null) await addPublished(id);
    else items.push(await toItem(files, id, path, {kind}));
  }
  if (unreadable > 0 && unneeded.size > 0) {
    warnings.push(
      `${paths.sharedDirectory}: which files no checkpoint needs is not known, because one cannot be read`,
    );
  }
  items.sort((left, right) => right.id - left.id);
  const held = new Set((await listHolds(files, paths)).map(({checkpointId}) => checkpointId));
  const newest = items.findIndex((item) => item.state === 'complete');
  return {
    items: items.map((item, index) => ({
      ...item,
      newest_restorable: index === newest,
      held: !isAttempt(item) && held.has(item.id),
    })),
    orphans: unreadable === 0 ? await weighOrphans(files, paths, unneeded) : [],
    warnings,
  };
}

/** Those in `directory` itself, newest first; of whatever jobs they are. */
async function listSnapshots(
  files: FileSystem,
  directory: string,
  maps: readonly PathMap[],
): Promise<CheckpointList> {
  const warnings: string[] = [];
  const items: CheckpointItem[] = [];
  // What is named is one of them itself.
  const paths = (await hasMetadata(files, directory))
    ? [directory]
    : await snapshotsIn(files, directory);
  for (const path of paths) {
    const state = await deriveCheckpointState(files, path);
    const id = readableOf(state)?.metadata.checkpointId ?? 0;
    const listed =
      state.kind === 'foreign'
        ? await listFlinkDirectory({files, directory: path, maps}, 0)
        : {item: await toItem(files, id, path, state), warnings: warningsOf(state)};
    const isNamedSo = parseSavepointName(baseName(path)) !== null;
    items.push(isNamedSo ? {...listed.item, kind: 'savepoint'} : listed.item);
    for (const warning of listed.warnings) warnings.push(warning);
  }
  items.sort((left, right) => (right.created ?? '').localeCompare(left.created ?? ''));
  return {items, orphans: [], warnings};
}

/** What is not published: no checkpoint, whatever its id. */
function isAttempt({state}: CheckpointItem): boolean {
  return state === 'in-progress' || state === 'aborted';
}

/** What a directory is, or an attempt: `aborted`: nobody will publish it any more. */
type ListedState = Exclude<CheckpointState, {kind: 'foreign'}> | {readonly kind: 'aborted'};

function warningsOf(state: Exclude<CheckpointState, {kind: 'foreign'}>): readonly string[] {
  switch (state.kind) {
    case 'damaged':
    case 'incomplete':
    case 'incompatible':
      return state.findings.map((finding) => finding.message);
    case 'complete':
    case 'gone':
    case 'in-progress':
      return [];
  }
}

async function toItem(
  files: FileSystem,
  id: number,
  path: string,
  state: ListedState,
): Promise<CheckpointItem> {
  const readable = readableOf(state);
  const bytes = readable?.bytes ?? (await bytesBelow(files, path));
  const sharedBytes = readable?.sharedBytes ?? 0;
  return {
    id,
    kind: readable?.metadata.kind ?? 'checkpoint',
    state: shownState(state),
    path,
    format: 'tidemark',
    format_version: formatVersion(readable),
    created: readable === null ? null : new Date(readable.metadata.completed).toISOString(),
    duration_ms: durationMillis(readable),
    bytes,
    own_bytes: bytes - sharedBytes,
    shared_bytes: sharedBytes,
    generation: readable?.metadata.generation ?? null,
    job_name: readable?.metadata.jobName ?? null,
    unaligned: readable?.metadata.unaligned ?? null,
    incremental: readable?.metadata.incremental ?? null,
    newest_restorable: false,
    held: false,
  };
}

/** Null too where the clock was set back meanwhile. */
function durationMillis(readable: ReadableCheckpoint | null): number | null {
  if (readable === null) return null;
  const {triggered, completed} = readable.metadata;
  return completed < triggered ? null : completed - triggered;
}

function readableOf(state: ListedState | CheckpointState): ReadableCheckpoint | null {
  if (state.kind === 'complete') return state;
  return state.kind === 'damaged' ? state.readable : null;
}

function formatVersion(readable: ReadableCheckpoint | null): string | null {
  if (readable === null) return null;
  const {major, minor} = readable.metadata.format;
  return `${major}.${minor}`;
}

function shownState(state: ListedState): CheckpointItem['state'] {
  switch (state.kind) {
    case 'complete':
    case 'incomplete':
    case 'damaged':
    case 'in-progress':
    case 'aborted':
      return state.kind;
    // Of a version that this one cannot read: not ours to judge.
    case 'incompatible':
      return 'foreign';
    case 'gone':
      return 'incomplete';
  }
}
