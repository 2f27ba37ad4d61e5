// Does a directory's file system do what checkpoints stand on? It is tried in a directory of its own, which
// is removed again: write, sync, rename, hard link, sync of the directory, free space, the clock of the server.

import {dirname, join} from 'node:path';

import type {Clock} from '../base/clock.ts';
import {messageOf, systemErrorCode} from '../base/errors.ts';
import type {Random} from '../base/random.ts';
import {removeTree} from '../storage/durable-file.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {openToAll, openToAllMessage} from '../storage/open-to-all.ts';
import {bad, ok, warning, type Check} from './check.ts';
import {mountOf, type Mount} from './mounts.ts';

const MIB = 1_048_576;
const FREE_BYTES_LOW = 1024 * MIB;
const FREE_BYTES_NONE = 64 * MIB;
const CLOCK_SKEW_MILLIS = 5000;

const IN_MEMORY = new Set(['tmpfs', 'ramfs']);
const NETWORK = /^(nfs\d?|cifs|smb\d?|smbfs|9p|virtiofs|ceph|glusterfs|lustre|afs|fuse\..*)$/;

export interface DirectoryCheck {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly mounts: readonly Mount[];
}

/** `path`: absolute. What is not there yet is judged by the nearest directory above it. */
export async function checkDirectory(
  path: string,
  what: string,
  context: DirectoryCheck,
): Promise<readonly Check[]> {
  const place = await nearestDirectory(context.files, path);
  if (place.kind === 'unusable') {
    const suggestion = 'name another directory, or give yourself the rights to it';
    return [bad('directory-writable', `${what}: ${place.reason}`, suggestion, path)];
  }
  const tried = await tryOut(place.path, what, path, context);
  return [...tried, ...(await checkPlace(place.path, what, path, context))];
}

type Place =
  | {readonly kind: 'directory'; readonly path: string}
  | {readonly kind: 'unusable'; readonly reason: string};

async function nearestDirectory(files: FileSystem, path: string): Promise<Place> {
  try {
    const {kind} = await files.status(path);
    // A link is followed by those who use it.
    if (kind === 'directory' || kind === 'link') return {kind: 'directory', path};
    return {kind: 'unusable', reason: `${path} is no directory`};
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === null) throw error;
    if (code === 'ENOENT' && dirname(path) !== path) return nearestDirectory(files, dirname(path));
    return {kind: 'unusable', reason: `${path} cannot be looked at: ${code}`};
  }
}

/** Each step needs those before it: the first that fails ends the trial. */
async function tryOut(
  place: string,
  what: string,
  path: string,
  {files, clock, random}: DirectoryCheck,
): Promise<readonly Check[]> {
  const probe = join(place, `.tidemark-doctor-${random.hex(8)}`);
  const [first, second] = [join(probe, 'first'), join(probe, 'second')];
  let isMade = false as boolean;
  const steps: readonly Step[] = [
    {
      id: 'directory-writable',
      does: 'can be written',
      fails: 'cannot be written',
      suggestion: 'name another directory, or give yourself the rights to it',
      act: async () => {
        await files.makeDirectory(probe);
        isMade = true;
        await writeProbe(files, first);
      },
    },
    {
      id: 'rename',
      does: 'renames',
      fails: 'does not rename',
      suggestion: 'checkpoints are published by a rename: keep them on another file system',
      act: async () => files.rename(first, second),
    },
    {
      id: 'hard-link',
      does: 'makes hard links',
      fails: 'makes no hard links',
      suggestion: 'the fence and the output of sinks stand on them: take another file system',
      act: async () => files.link(second, first),
    },
    {
      id: 'directory-sync',
      does: 'syncs directories',
      fails: 'does not sync directories',
      suggestion: 'a name may be lost with the power: keep checkpoints on another file system',
      act: async () => files.syncDirectory(probe),
    },
  ];
  try {
    for (const step of steps) {
      const reason = await reasonOf(step.act);
      if (reason === null) continue;
      return [bad(step.id, `${what} ${step.fails}: ${reason}`, step.suggestion, path)];
    }
    const {modifiedMillis} = await files.status(second);
    const done = steps.map(({does}) => does).join(', ');
    return [
      ok('directory-writable', `${what} ${done}`, path),
      checkServerClock(clock.wallMillis() - modifiedMillis, what, path),
    ];
  } finally {
    if (isMade) await removeTree(files, probe);
  }
}

interface Step {
  readonly id: string;
  readonly does: string;
  readonly fails: string;
  readonly suggestion: string;
  readonly act: () => Promise<void>;
}

async function reasonOf(act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (error) {
    return systemErrorCode(error) ?? messageOf(error);
  }
}

async function writeProbe(files: FileSystem, path: string): Promise<void> {
  const handle = await files.createNew(path);
  try {
    await handle.append(new TextEncoder().encode('tidemark doctor\n'));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function checkServerClock(skewMillis: number, what: string, path: string): Check {
  if (Math.abs(skewMillis) <= CLOCK_SKEW_MILLIS) {
    return ok('file-clock', `${what}: its files have the time of this machine`, path);
  }
  const seconds = Math.round(skewMillis / 1000);
  return warning(
    'file-clock',
    `${what}: the times of its files are ${Math.abs(seconds)} s ${seconds > 0 ? 'behind' : 'ahead of'} this machine`,
    'set both clocks: the age of a beat is read from them',
    path,
  );
}

async function checkPlace(
  place: string,
  what: string,
  path: string,
  {files, mounts}: DirectoryCheck,
): Promise<readonly Check[]> {
  const mount = mountOf(mounts, place);
  return [
    ...(mount === null ? [] : [checkFileSystem(mount, what, path)]),
    await checkFreeSpace(files, place, what, path),
    ...(await openToAll(files, place)).map((open) =>
      warning(
        'open-to-all',
        `${what}: ${openToAllMessage(open)}`,
        'change its mode: `tidemark run --strict` and `checkpoint verify --strict` refuse it',
        open,
      ),
    ),
  ];
}

function checkFileSystem({type}: Mount, what: string, path: string): Check {
  if (IN_MEMORY.has(type)) {
    const suggestion = 'keep what must outlive the machine on a disk';
    return warning('file-system', `${what} is in memory (${type})`, suggestion, path);
  }
  if (NETWORK.test(type)) {
    return warning(
      'file-system',
      `${what} is on ${type}, which may be a network: a rename or a link there can be done and reported as failed`,
      'keep checkpoints on a disk of this machine',
      path,
    );
  }
  return ok('file-system', `${what} is on ${type}`, path);
}

async function checkFreeSpace(
  files: FileSystem,
  place: string,
  what: string,
  path: string,
): Promise<Check> {
  try {
    const free = await files.freeBytes(place);
    const text = `${what}: ${Math.floor(free / MIB)} MiB are free`;
    const suggestion = 'make room: a checkpoint that does not fit fails, and the job after it';
    if (free < FREE_BYTES_NONE) return bad('free-space', text, suggestion, path);
    if (free < FREE_BYTES_LOW) return warning('free-space', text, suggestion, path);
    return ok('free-space', text, path);
  } catch (error) {
    const reason = systemErrorCode(error) ?? messageOf(error);
    const message = `${what}: how much is free cannot be told (${reason})`;
    return warning('free-space', message, 'look with df', path);
  }
}
