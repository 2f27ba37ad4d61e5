// What lies in a checkpoint directory, newest first: published checkpoints with what they are, and attempts
// that are under way. Reads names, sizes and metadata; never writes.

import {KnownPaths} from '../storage/check-sizes.ts';
import {
  deriveCheckpointState,
  statusOrNull,
  type CheckpointState,
  type ReadableCheckpoint,
} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {Finding} from '../storage/finding.ts';
import {isSavepointHeld, listHolds} from '../storage/holds.ts';
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
import type {FlinkDirectoryOptions} from './flink/read-flink-directory.ts';
import {nothingThere} from './nothing-there.ts';
import {releaseNeeded, unclaimedFiles, weighOrphans, type Orphan} from '../storage/list-orphans.ts';
import {notRead} from '../storage/not-read.ts';
import {openToAll, openToAllMessage} from '../storage/open-to-all.ts';
import {
  attemptsUnderWay,
  pendingAttempts,
  type PendingAttempt,
} from '../storage/pending-attempts.ts';
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

/** `directory`: of one job, or one with directories of jobs, or savepoints, in it. NOT_FOUND when it is neither, REFUSED of a link. */
export async function listCheckpointDirectory(
  files: FileSystem,
  directory: string,
  {maps = [], processes = systemProcessTable}: ListOptions = {},
): Promise<CheckpointList> {
  try {
    /** By the directory that cannot be read: the first sentence of it. */
    const unread = new Map<string, string>();
    const onUnread: OnUnread = ({message}, path) => {
      if (!unread.has(path)) unread.set(path, message);
    };
    const jobs = await jobDirectoriesIn(files, directory, onUnread);
    const lists = [await listSnapshots(files, directory, maps, onUnread)];
    for (const job of jobs) lists.push(await listJob(files, new JobPaths(job), maps, processes));
    const items = lists.flatMap((list) => list.items);
    // What has a row has been told of with it.
    for (const {path} of items) unread.delete(path);
    if (jobs.length === 0 && items.length === 0 && unread.size === 0) {
      throw await nothingThere(files, directory);
    }
    const warnings = lists.flatMap((list) => list.warnings);
    return {
      items,
      orphans: lists.flatMap(({orphans}) => orphans),
      warnings: [...new Set([...warnings, ...unread.values()])],
    };
  } catch (error) {
    throw storageFailed('reading', directory, error);
  }
}

/** Hears of what cannot be read; without one, that is the end of it. */
export type OnUnread = (finding: Finding, path: string) => void;

/** `directory` itself when it is a job's, else those directories in it that are; `onUnread`: of them, not of itself. */
export async function jobDirectoriesIn(
  files: FileSystem,
  directory: string,
  onUnread?: OnUnread,
): Promise<readonly string[]> {
  if ((await statusOrNull(files, directory))?.kind !== 'directory') {
    throw await nothingThere(files, directory);
  }
  if (await isJobDirectory(files, directory)) return [directory];
  const jobs: string[] = [];
  for (const {name, kind} of await files.list(directory)) {
    if (kind !== 'directory') continue;
    const path = join(directory, name);
    // No job is called so, whatever a trash or a snapshot of somebody else holds.
    const tell = name.startsWith('.') ? () => undefined : onUnread;
    if (await unlessUnread(path, false, tell, async () => isJobDirectory(files, path))) {
      jobs.push(path);
    }
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
  onUnread?: OnUnread,
): Promise<readonly string[]> {
  const found: string[] = [];
  const own = new JobPaths(directory);
  const {sharedDirectory, workDirectory, ownerDirectory, holdsDirectory} = own;
  const ownDirectories = [sharedDirectory, workDirectory, ownerDirectory, holdsDirectory];
  for (const {name, kind} of await files.list(directory)) {
    // A chk-N is of the job whose directory this is; a hidden one is under way, or left over.
    if (kind !== 'directory' || parseCheckpointName(name) !== null || name.startsWith('.'))
      continue;
    const path = join(directory, name);
    const has = async (): Promise<boolean> => hasMetadata(files, path);
    const tell = ownDirectories.includes(path) ? () => undefined : onUnread;
    if (parseSavepointName(name) !== null || (await unlessUnread(path, false, tell, has))) {
      found.push(path);
    }
  }
  return found;
}

export async function hasMetadata(files: FileSystem, directory: string): Promise<boolean> {
  return (await statusOrNull(files, join(directory, METADATA_FILE))) !== null;
}

/** `otherwise` of what cannot be read, when `onUnread` is there to hear of it. */
async function unlessUnread<T>(
  path: string,
  otherwise: T,
  onUnread: OnUnread | undefined,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const finding = notRead(path, error);
    if (onUnread === undefined || finding === null) throw error;
    onUnread(finding, path);
    return otherwise;
  }
}

async function isJobDirectory(files: FileSystem, directory: string): Promise<boolean> {
  const entries = await files.list(directory);
  return entries.some(
    ({name, kind}) =>
      (name === 'FORMAT' && kind === 'file') ||
      (kind === 'directory' && parseCheckpointName(name) !== null),
  );
}

async function listJob(
  files: FileSystem,
  paths: JobPaths,
  maps: readonly PathMap[],
  processes: ProcessTable,
): Promise<CheckpointList> {
  const warnings = (await openToAll(files, paths.root)).map(openToAllMessage);
  const warn: OnUnread = ({message}) => warnings.push(message);
  const items: CheckpointItem[] = [];
  const {unneeded, attempts, underWay} = await lookBeside(files, paths, processes, warn);
  let unreadable = 0;
  const unread = new Set<string>();
  const known = new KnownPaths();
  const addPublished = async (checkpointId: number): Promise<void> => {
    const path = paths.checkpoint(checkpointId);
    const listed = await lookAt({files, directory: path, maps}, checkpointId, known);
    if (listed === null) return;
    const {state, item} = listed;
    if (state.kind === 'not-read') unread.add(path);
    if (state.kind === 'not-read' ? unneeded.size > 0 : !releaseNeeded(unneeded, state)) {
      unreadable += 1;
    }
    items.push(item);
    for (const warning of listed.warnings) warnings.push(warning);
  };
  const published = await publishedIds(files, paths, known);
  // One at a time, so that the metadata of a thousand is never held at once.
  for (const id of published) await addPublished(id);
  for (const attempt of attempts) {
    const {id, path} = attempt;
    if (published.includes(id)) continue;
    const kind = underWay.has(attempt) ? 'in-progress' : 'aborted';
    const isThere = async (): Promise<boolean> => (await statusOrNull(files, path)) !== null;
    if (!(await unlessUnread(path, true, warn, isThere))) await addPublished(id);
    else items.push(await toItem(files, id, path, {kind}, warn));
  }
  if (unreadable > 0 && unneeded.size > 0) {
    warnings.push(
      `${paths.sharedDirectory}: which files no checkpoint needs is not known, because one cannot be read`,
    );
  }
  items.sort((left, right) => (right.id ?? 0) - (left.id ?? 0));
  const holds = await unlessUnread(paths.holdsDirectory, [], warn, async () =>
    listHolds(files, paths),
  );
  const held = new Set(holds.map(({checkpointId}) => checkpointId));
  // Nobody knows of one that cannot be read whether it is the newest: a resume would not pass it over.
  const first = items.findIndex(({state, path}) => state === 'complete' || unread.has(path));
  const newest = unread.has(items[first]?.path ?? '') ? -1 : first;
  return {
    items: items.map((item, index) => ({
      ...item,
      newest_restorable: index === newest,
      held: !isAttempt(item) && item.id !== null && held.has(item.id),
    })),
    orphans: unreadable === 0 ? await weighOrphans(files, paths, unneeded) : [],
    warnings,
  };
}

interface Beside {
  /** Digests of what lies in `shared/` and no attempt under way has brought; none when that is not known. */
  readonly unneeded: Set<string>;
  readonly attempts: readonly PendingAttempt[];
  readonly underWay: ReadonlySet<PendingAttempt>;
}

/** Before the published ones: whatever is published meanwhile is found as the one or the other. */
async function lookBeside(
  files: FileSystem,
  paths: JobPaths,
  processes: ProcessTable,
  warn: OnUnread,
): Promise<Beside> {
  const lying = await unlessUnread(paths.sharedDirectory, [], warn, async () =>
    sharedNames(files, paths),
  );
  const attempts = await unlessUnread(paths.workDirectory, null, warn, async () =>
    pendingAttempts(files, paths),
  );
  if (attempts === null) return {unneeded: new Set(), attempts: [], underWay: new Set()};
  const underWay = await unlessUnread(paths.ownerDirectory, new Set(attempts), warn, async () =>
    attemptsUnderWay(files, paths, attempts, processes),
  );
  const unneeded = await unlessUnread(paths.workDirectory, new Set<string>(), warn, async () =>
    unclaimedFiles(files, lying, [...underWay]),
  );
  return {unneeded, attempts, underWay};
}

interface LookedAt {
  readonly state: CheckpointState | {readonly kind: 'not-read'};
  readonly item: CheckpointItem;
  readonly warnings: readonly string[];
}

/** `id`: of the directory's name. Null: it is not there any more. */
async function lookAt(
  {files, directory, maps}: FlinkDirectoryOptions,
  id: number | null,
  known?: KnownPaths,
): Promise<LookedAt | null> {
  const warnings: string[] = [];
  const warn: OnUnread = ({message}) => warnings.push(message);
  const unread = {kind: 'not-read'} as const;
  const state = await unlessUnread<LookedAt['state']>(directory, unread, warn, async () =>
    deriveCheckpointState(files, directory, known),
  );
  if (state.kind === 'gone' && id !== null) return null;
  if (state.kind === 'foreign') {
    const listed = await unlessUnread(directory, null, warn, async () =>
      listFlinkDirectory({files, directory, maps}, id),
    );
    if (listed !== null) return {state, ...listed};
  }
  const shown = state.kind === 'foreign' ? unread : state;
  const shownId = id ?? readableOf(shown)?.metadata.checkpointId ?? null;
  // Of what cannot be read one sentence is enough.
  const tell = shown.kind === 'not-read' ? () => undefined : warn;
  const item = await toItem(files, shownId, directory, shown, tell);
  return {state: shown, item, warnings: [...warningsOf(shown), ...warnings]};
}

/** Those in `directory` itself, newest first; of whatever jobs they are. */
async function listSnapshots(
  files: FileSystem,
  directory: string,
  maps: readonly PathMap[],
  onUnread: OnUnread,
): Promise<CheckpointList> {
  const warnings: string[] = [];
  const items: CheckpointItem[] = [];
  // What is named is one of them itself.
  const paths = (await hasMetadata(files, directory))
    ? [directory]
    : await snapshotsIn(files, directory, onUnread);
  for (const path of paths) {
    const listed = await lookAt({files, directory: path, maps}, null);
    if (listed === null) continue;
    const isNamedSo = parseSavepointName(baseName(path)) !== null;
    const isHeld = async (): Promise<boolean> => isSavepointHeld(files, path);
    // A directory that cannot be looked into has been told of.
    const held = await unlessUnread(path, false, () => undefined, isHeld);
    const {item} = listed;
    items.push({...item, kind: isNamedSo ? 'savepoint' : item.kind, held});
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
type ListedState =
  Exclude<CheckpointState, {kind: 'foreign'}> | {readonly kind: 'aborted' | 'not-read'};

function warningsOf(state: ListedState): readonly string[] {
  switch (state.kind) {
    case 'damaged':
    case 'incomplete':
    case 'incompatible':
      return state.findings.map((finding) => finding.message);
    case 'aborted':
    case 'complete':
    case 'gone':
    case 'in-progress':
    case 'not-read':
      return [];
  }
}

async function toItem(
  files: FileSystem,
  id: number | null,
  path: string,
  state: ListedState,
  warn: OnUnread,
): Promise<CheckpointItem> {
  const readable = readableOf(state);
  const weigh = async (): Promise<number> => bytesBelow(files, path);
  const bytes = readable?.bytes ?? (await unlessUnread(path, 0, warn, weigh));
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

function readableOf(state: ListedState): ReadableCheckpoint | null {
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
    // Of what cannot be read nobody knows: not damaged, and nothing that a restore could begin from.
    case 'gone':
    case 'not-read':
      return 'incomplete';
  }
}
