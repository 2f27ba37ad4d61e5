// shared/ after a power loss at any instant, whatever subset of the unsynced operations reached the disk: a published
// checkpoint finds every file that it names, those that it brought, those that it found there and those that an earlier
// checkpoint brought; also while checkpoints are deleted. And once the next run has swept, nothing is left that
// no checkpoint needs. Each single sync is dropped in turn: the proof must notice.

import {describe, expect, it} from 'vitest';

import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {orphansAmong, unclaimedFiles} from '#src/storage/list-orphans.js';
import {sharedNames} from '#src/storage/shared-directory.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths} from '#src/storage/paths.js';
import {beginFresh, JOB_DIRECTORY, start} from '../storage/support/fixture.js';
import {MemoryFileSystem, type Fault} from '../storage/support/memory-file-system.js';
import {bring, publishShared, sharingMetadata} from '../storage/support/shared-states.js';
import {
  findViolation,
  RECORDED_OWNERS,
  say,
  withoutEachSync,
  type Promised,
  type Recording,
} from './crash-disks.ts';

const paths = new JobPaths(JOB_DIRECTORY);

/**
 * 1 and 2 are published, 3 is given up, 4 finds what 3 linked; 1 is deleted, 5 is given up and its owner dies; the next one
 * sweeps, publishes 6 into a directory that 5 made, and deletes 2.
 */
async function record(droppedSyncs: ReadonlySet<number>): Promise<Recording> {
  const disk = new MemoryFileSystem({droppedSyncs});
  const promises: Promised[] = [];
  const promise = (what: string, holds: Promised['holds']): Promised => {
    const made = {what, since: disk.log.length, until: Infinity, holds};
    promises.push(made);
    return made;
  };
  const published = (id: number): Promised =>
    promise(`checkpoint ${id}`, async (crashed) => isWhole(crashed, id));
  disk.phase = 'before';
  const owner = await start(disk, RECORDED_OWNERS[0]);
  await beginFresh(owner);

  disk.phase = 'publish';
  const {states} = await publishShared(disk, owner, 1, {brings: ['base', 'more']});
  const first = published(1);
  const [base] = states;
  await publishShared(disk, owner, 2, {brings: ['delta'], refers: [base!]});
  const second = published(2);
  disk.phase = 'given up';
  await giveUp(disk, owner, 3, 'left behind', linkUnanswered);
  disk.phase = 'publish';
  await publishShared(disk, owner, 4, {brings: ['left behind'], refers: [base!]});
  published(4);

  disk.phase = 'delete';
  const permit = await owner.permitDeletion([1]);
  first.until = disk.log.length;
  await owner.deleteCheckpoints(permit);
  promise('checkpoint 1 is deleted', async (crashed) => !(await isThere(crashed, 1)));

  disk.phase = 'given up';
  await giveUp(disk, owner, 5, 'last', metadataRefused);

  disk.phase = 'before';
  const next = await start(disk, RECORDED_OWNERS[1]);
  await next.sweepDeleted();
  disk.phase = 'publish';
  await publishShared(disk, next, 6, {brings: ['more', 'last'], refers: [base!]});
  published(6);
  disk.phase = 'delete';
  second.until = disk.log.length;
  await next.deleteCheckpoints(await next.permitDeletion([2]));
  promise('checkpoint 2 is deleted', async (crashed) => !(await isThere(crashed, 2)));
  return {disk, promises};
}

const metadataRefused: Fault = ({name, path}) =>
  name === 'createNew' && path.endsWith('_metadata') ? {kind: 'fail', code: 'EIO'} : null;
/** It was made, and whoever asked for it does not know. */
const linkUnanswered: Fault = ({name}) =>
  name === 'link' ? {kind: 'reply-lost', code: 'EIO'} : null;

/** What it brought is linked, and nothing of it is synced. */
async function giveUp(
  disk: MemoryFileSystem,
  owner: Ownership,
  id: number,
  content: string,
  fault: Fault,
): Promise<void> {
  const attempt = await owner.beginAttempt(id);
  const state = await bring(disk, attempt, content);
  const {options} = disk;
  disk.options = {...options, fault};
  await expect(attempt.publish(sharingMetadata(owner, id, [state]))).rejects.toThrow('EIO');
  disk.options = options;
  await attempt.abort();
}

async function isWhole(disk: MemoryFileSystem, id: number): Promise<boolean> {
  const directory = paths.checkpoint(id);
  const onFinding = (): void => undefined;
  const result = await checkCheckpoint({files: disk, directory, level: 'checksum', onFinding});
  return result.state.kind === 'complete' && result.errors === 0;
}

async function isThere(disk: MemoryFileSystem, id: number): Promise<boolean> {
  return (await idsIn(disk)).includes(id);
}

async function idsIn(disk: MemoryFileSystem): Promise<readonly number[]> {
  const entries = await disk.list(JOB_DIRECTORY).catch(() => []);
  return entries.flatMap(({name}) => (/^chk-\d+$/.test(name) ? [Number(name.slice(4))] : []));
}

/** What is there is whole, before and after the next run has cleaned up; then nothing else is left. */
async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
  const before = await idsIn(disk);
  for (const id of before) if (!(await isWhole(disk, id))) return `chk-${id} is torn`;
  const next = await start(disk);
  await next.sweepDeleted();
  for (const id of before) if (!(await isWhole(disk, id))) return `chk-${id} is torn by the sweep`;
  const unclaimed = await unclaimedFiles(disk, await sharedNames(disk, paths), []);
  const orphans = await orphansAmong(disk, paths, unclaimed, await next.listCheckpoints());
  return orphans?.length === 0 ? null : `left behind: ${JSON.stringify(orphans)}`;
}

function placeOf(path: string): string {
  return path
    .replace(JOB_DIRECTORY, '<job>')
    .replace(/\d{10}/g, 'G')
    .replace(/chk-\d+/, 'chk-N')
    .replace(/-[0-9a-f]{16}/, '-<run>')
    .replace(/record-\d+/, 'record')
    .replace(/part-\d+/, 'part')
    .replace(/shared\/[0-9a-f]{2}/, 'shared/ab');
}

describe('crash states of shared/', () => {
  it('no checkpoint misses a file, and nothing is left behind, whatever was not synced', async () => {
    const recording = await record(new Set());
    const {violation, disks} = await findViolation(recording, alwaysHolds);
    say(`crash states: ${recording.disk.log.length} operations, ${disks} different disks`);
    expect(violation).toBeNull();
    expect(disks).toBeGreaterThan(500);
  }, 300_000);

  it('each single sync is needed', async () => {
    const why = await withoutEachSync(record, alwaysHolds, placeOf);
    const places = why.map(([place]) => place.trim().replace(/\s+/, ' '));
    expect(places).toEqual(
      expect.arrayContaining(['publish <job>/shared/ab', 'publish <job>/shared', 'publish <job>']),
    );
    expect(why.filter(([, violation]) => violation === null)).toEqual([]);
  }, 300_000);
});
