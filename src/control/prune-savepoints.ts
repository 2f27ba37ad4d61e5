// `checkpoint prune` of savepoints in one directory, each job's by the same rules as checkpoints. They are a user's, who
// named the directory; each goes as `savepoint --dispose` does it, and one that holds something else stays.

import {systemErrorCode} from '../base/errors.ts';
import {systemClock} from '../base/clock.ts';
import {systemRandom} from '../base/random.ts';
import {planPrune, type PrunePolicy, type PruneReason} from '../checkpoint/prune.ts';
import {unreadableSavepoint} from '../storage/delete-checkpoints.ts';
import {deriveCheckpointState, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import {removeTree} from '../storage/durable-file.ts';
import {bytesBelow} from '../storage/list-leftovers.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {
  baseName,
  isDisposedName,
  join,
  parentOf,
  parseSavepointName,
  savepointNameOf,
} from '../storage/paths.ts';
import type {ClientOptions} from './client-types.ts';
import {disposeUnlessNeeded, neededBy} from './dispose-savepoint.ts';
import {readJobs} from './job-client.ts';
import {userOf} from './job-origins.ts';
import type {RegisteredJob} from './job-registry.ts';

export interface SavepointPruneOptions extends ClientOptions {
  readonly policy: PrunePolicy;
  readonly keepAll: boolean;
  /** Absolute paths: nothing else is deleted; null: whatever the policy says. */
  readonly among: readonly string[] | null;
  readonly dryRun: boolean;
}

export interface PrunedSavepoints {
  readonly deleted: readonly string[];
  readonly kept: readonly {readonly path: string; readonly reason: PruneReason}[];
  /** What a disposal that was cut short left behind. */
  readonly leftovers: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly ageMillis: number;
  }[];
  readonly freedBytes: number;
}

interface Found {
  readonly path: string;
  readonly jobName: string;
  readonly completed: number;
  readonly restorable: boolean;
  readonly bytes: number;
}

/** CHECKPOINT_DAMAGED while the `_metadata` of one of them cannot be read. */
export async function pruneSavepoints(
  directory: string,
  options: SavepointPruneOptions,
): Promise<PrunedSavepoints> {
  const {policy, keepAll, among, dryRun} = options;
  const jobs = readJobs(options);
  const {found, disposed} = await look(directory);
  const kept: {path: string; reason: PruneReason}[] = [];
  const remove: Found[] = [];
  for (const jobName of new Set(found.map((one) => one.jobName))) {
    const own = found.filter((one) => one.jobName === jobName).sort(byAge);
    const pinned = new Map<number, PruneReason>();
    for (const [index, {path}] of own.entries()) {
      const pin = await pinOf(path, jobs, keepAll, among);
      if (pin !== null) pinned.set(index + 1, pin);
    }
    const candidates = own.map((one, index) => ({...one, id: index + 1}));
    const plan = planPrune(candidates, pinned, policy, systemClock.wallMillis());
    remove.push(...plan.remove.map((id) => own[id - 1]!));
    kept.push(...plan.keep.map(({id, reason}) => ({path: own[id - 1]!.path, reason})));
  }
  const leftovers = await weigh(dryRun ? disposed : await withoutGivenBack(disposed));
  const left = leftovers.reduce((sum, {bytes}) => sum + bytes, 0);
  const gone = dryRun ? remove : await dispose(remove, () => readJobs(options), kept);
  if (!dryRun) for (const {path} of leftovers) await removeTree(files, path);
  return {
    deleted: gone.map(({path}) => path),
    kept,
    leftovers,
    freedBytes: left + gone.reduce((sum, {bytes}) => sum + bytes, 0),
  };
}

async function look(
  directory: string,
): Promise<{readonly found: readonly Found[]; readonly disposed: readonly string[]}> {
  const found: Found[] = [];
  const disposed: string[] = [];
  for (const {name, kind} of await files.list(directory)) {
    const path = join(directory, name);
    if (kind === 'directory' && isDisposedName(name)) disposed.push(path);
    if (kind !== 'directory' || parseSavepointName(name) === null) continue;
    const state = await deriveCheckpointState(files, path);
    if (state.kind === 'gone' || state.kind === 'foreign') continue;
    const readable =
      state.kind === 'complete' ? state : state.kind === 'damaged' ? state.readable : null;
    if (readable === null) throw unreadableSavepoint(path);
    const {metadata, bytes} = readable;
    const {jobName, completed} = metadata;
    found.push({path, jobName, completed, restorable: state.kind === 'complete', bytes});
  }
  return {found, disposed};
}

async function pinOf(
  path: string,
  jobs: readonly RegisteredJob[],
  keepAll: boolean,
  among: readonly string[] | null,
): Promise<PruneReason | null> {
  if (keepAll) return 'keep-savepoints';
  if ((await userOf(files, jobs, path)) !== null) return 'in-use';
  const needed = await neededBy(files, path);
  if (needed !== null) return needed.reason;
  return among === null || among.includes(path) ? null : 'appeared-since';
}

/** Those that are gone; what is more than a savepoint stays, and is added to `kept`. */
async function dispose(
  remove: readonly Found[],
  jobs: () => readonly RegisteredJob[],
  kept: {path: string; reason: PruneReason}[],
): Promise<readonly Found[]> {
  const gone: Found[] = [];
  for (const one of remove) {
    try {
      const disposal = await disposeUnlessNeeded({files, random: systemRandom, jobs}, one.path);
      if (disposal.kind === 'disposed') gone.push(one);
      else kept.push({path: one.path, reason: disposal.reason});
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'REFUSED') kept.push({path: one.path, reason: 'not-alone'});
      // Somebody else was quicker.
      else if (code !== 'NOT_FOUND') throw error;
    }
  }
  return gone;
}

/** A disposal that was cut short between its rename and its second look may have taken what somebody needs. */
async function withoutGivenBack(disposed: readonly string[]): Promise<readonly string[]> {
  const left: string[] = [];
  for (const path of disposed) {
    const savepoint = join(parentOf(path), savepointNameOf(baseName(path)));
    const isNeeded = (await neededBy(files, path)) !== null;
    if (!isNeeded || (await statusOrNull(files, savepoint)) !== null) {
      left.push(path);
      continue;
    }
    await files.rename(path, savepoint);
    await files.syncDirectory(parentOf(path));
  }
  return left;
}

async function weigh(paths: readonly string[]): Promise<PrunedSavepoints['leftovers']> {
  return Promise.all(
    paths.map(async (path) => {
      const {modifiedMillis} = await files.status(path);
      const ageMillis = Math.max(0, systemClock.wallMillis() - modifiedMillis);
      return {path, bytes: await bytesBelow(files, path), ageMillis};
    }),
  );
}

function byAge(left: Found, right: Found): number {
  return left.completed - right.completed || (left.path < right.path ? -1 : 1);
}
