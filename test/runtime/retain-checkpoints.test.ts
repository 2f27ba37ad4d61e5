// Old checkpoints go once a newer one is committed, one deletion after another; what the run was restored from stays.

import {expect, test} from 'vitest';

import type {JobSpec} from '#src/job/job-spec.js';
import {CheckpointRetention} from '#src/runtime/retain-checkpoints.js';
import type {JobStart} from '#src/runtime/start-job.js';
import type {Ownership} from '#src/storage/job-directory.js';
import type {Hold} from '#src/storage/paths.js';
import {beginFresh, JOB_DIRECTORY, LINEAGE, publish, start} from '../storage/support/fixture.ts';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {
  bring,
  publishShared,
  sharedContents,
  sharingMetadata,
} from '../storage/support/shared-states.ts';

/** A run that finished before. */
const EARLIER = 'ffffffff00000000';

function jobOf(numRetained: number): JobSpec {
  const checkpointing = {numRetained, externalizedRetention: 'retain-on-cancellation'};
  return {checkpointing} as unknown as JobSpec;
}

function retentionOf(
  owner: Ownership,
  restoredFrom: {id: number; claimed: boolean; numRetained?: number; end?: string} | null = null,
  deleted: (ids: ReadonlySet<number>) => void = () => undefined,
  inUse: ReadonlyMap<number, number> = new Map(),
  numRetained = 1,
): CheckpointRetention {
  const origin =
    restoredFrom === null
      ? {kind: 'fresh'}
      : {
          kind: 'checkpoint',
          checkpointId: restoredFrom.id,
          path: `${JOB_DIRECTORY}/chk-${restoredFrom.id}`,
          claimed: restoredFrom.claimed,
        };
  const checkpoints =
    restoredFrom === null ? [] : [{id: restoredFrom.id, metadata: {lineage: EARLIER}}];
  const generations = [{lineage: {lineage: EARLIER}, end: {how: restoredFrom?.end ?? 'finished'}}];
  const begun = {record: {lineage: LINEAGE, origin}, facts: {checkpoints, generations}};
  return new CheckpointRetention(
    jobOf(restoredFrom?.numRetained ?? numRetained),
    owner,
    begun as unknown as JobStart,
    inUse,
    deleted,
  );
}

async function idsIn(owner: Ownership): Promise<readonly number[]> {
  return (await owner.listCheckpoints()).map(({checkpointId}) => checkpointId);
}

test('an older one goes once a newer one is committed, and not before', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const told: number[] = [];
  const retention = retentionOf(owner, null, (ids) => told.push(...ids));
  for (const id of [1, 2, 3]) {
    await publish(disk, owner, id);
    await retention.published(id);
  }
  await retention.committed(1);
  expect(await idsIn(owner)).toEqual([3, 2]);
  await retention.committed(3);
  expect(await idsIn(owner)).toEqual([3]);
  expect(told).toEqual([1, 2]);
});

test('its mark is there before anybody is told of the first one', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  await publish(disk, owner, 1);
  await retentionOf(owner).published(1);
  expect(disk.namesIn(`${JOB_DIRECTORY}/owner`)).toContain('0000000001.published');
});

/** Restored from 1, which `others` published; then 2 and 3 are committed. */
async function afterRestore(
  hold: Hold | null,
  claimed = false,
  end = 'finished',
): Promise<readonly number[]> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await publish(disk, owner, 1);
  await beginFresh(owner);
  if (hold !== null) await owner.placeHold(hold);
  const retention = retentionOf(owner, {id: 1, claimed, end});
  for (const id of [2, 3]) {
    await publish(disk, owner, id);
    await retention.published(id);
    await retention.committed(id);
  }
  return idsIn(owner);
}

test('a prune of a live job keeps what is in use, and from the newest that is committed on', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const inUse = new Map([[2, 1]]);
  const told: number[] = [];
  const retention = retentionOf(owner, null, (ids) => told.push(...ids), inUse, 100);
  for (const id of [1, 2, 3, 4, 5]) {
    await publish(disk, owner, id);
    await retention.published(id);
  }
  const order = {policy: {keepLast: 1, keepWithinMillis: null}, among: null, inUse: []};
  // Nothing is committed: whatever a run that fails now needs is kept.
  expect((await retention.prune(disk, order, 0)).deleted).toEqual([]);
  await retention.committed(4);
  // Another job began from them: who asks knows it.
  expect((await retention.prune(disk, {...order, inUse: [1, 3]}, 0)).deleted).toEqual([]);
  const {deleted, kept} = await retention.prune(disk, order, 0);
  expect(deleted).toEqual([1, 3].map((id) => `${JOB_DIRECTORY}/chk-${id}`));
  expect(kept.map(({path, reason}) => [path.slice(-1), reason])).toEqual([
    ['5', 'not-committed'],
    ['4', 'not-committed'],
    ['2', 'in-use'],
  ]);
  expect(told).toEqual([1, 3]);
  expect(retention.ownIds()).toEqual([2, 4, 5]);
});

test('what a job of another directory goes back to stays, and goes once it does not', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const other = await start(disk, {directory: '/other/flights'});
  const retention = retentionOf(owner);
  const commit = async (id: number): Promise<void> => {
    await publish(disk, owner, id);
    await retention.published(id);
    await retention.committed(id);
  };
  await commit(1);
  await other.placeUseMark(`${JOB_DIRECTORY}/chk-1`, EARLIER);
  await commit(2);
  expect(await idsIn(owner)).toEqual([2, 1]);
  expect(retention.ownIds()).toEqual([1, 2]);
  await other.removeUseMark(`${JOB_DIRECTORY}/chk-1`, EARLIER);
  await commit(3);
  expect(await idsIn(owner)).toEqual([3]);
});

test('what is held stays, whoever holds it', async () => {
  expect(await afterRestore(null)).toEqual([3]);
  expect(await afterRestore({checkpointId: 1, lineage: LINEAGE})).toEqual([3, 1]);
  expect(await afterRestore({checkpointId: 1, lineage: null})).toEqual([3, 1]);
});

test('what is held is not even asked to go', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const asked: number[] = [];
  const permit = owner.permitDeletion.bind(owner);
  owner.permitDeletion = async (ids) => {
    asked.push(...ids);
    return permit(ids);
  };
  const retention = retentionOf(owner);
  for (const id of [1, 2, 3]) {
    await publish(disk, owner, id);
    await retention.published(id);
    if (id === 1) await retention.setHold(id, true);
    await retention.committed(id);
  }
  expect(asked).toEqual([2]);
});

test('what a job of another directory claimed stays, and is looked at once', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await publish(disk, owner, 1);
  await beginFresh(owner);
  const other = await start(disk, {directory: '/other/flights'});
  await other.claim(`${JOB_DIRECTORY}/chk-1`, EARLIER);
  const told: number[] = [];
  const retention = retentionOf(owner, {id: 1, claimed: false}, (ids) => told.push(...ids));
  for (const id of [2, 3, 4]) {
    await publish(disk, owner, id);
    await retention.published(id);
    await retention.committed(id);
  }
  expect(await idsIn(owner)).toEqual([4, 1]);
  expect(retention.has(1)).toBe(true);
  expect(told).toEqual([2, 3]);
});

test('what was claimed here counts as the first of the lineage', async () => {
  expect(await afterRestore(null, true)).toEqual([3]);
  // What a run left that was stopped stays, unless it is this lineage's own.
  expect(await afterRestore(null, false, 'stopped')).toEqual([3, 1]);
  expect(await afterRestore(null, true, 'stopped')).toEqual([3]);
  expect(await afterRestore({checkpointId: 1, lineage: null}, true)).toEqual([3, 1]);
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await publish(disk, owner, 1);
  await beginFresh(owner);
  const two = retentionOf(owner, {id: 1, claimed: true, numRetained: 2});
  for (const id of [2, 3]) {
    await publish(disk, owner, id);
    await two.published(id);
    await two.committed(id);
    expect(await idsIn(owner)).toEqual(id === 2 ? [2, 1] : [3, 2]);
  }
});

test('a hold that is asked for waits for the deletion under way, and is there when it is answered', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const retention = retentionOf(owner);
  for (const id of [1, 2]) {
    await publish(disk, owner, id);
    await retention.published(id);
  }
  const [, held] = await Promise.allSettled([retention.committed(2), retention.setHold(1, true)]);
  expect(held).toMatchObject({status: 'rejected', reason: {code: 'NOT_FOUND'}});
  await retention.setHold(2, true);
  expect(disk.namesIn(`${JOB_DIRECTORY}/holds`)).toEqual(['chk-2']);
  await publish(disk, owner, 3);
  await retention.published(3);
  await retention.committed(3);
  expect(await idsIn(owner)).toEqual([3, 2]);
  await retention.setHold(2, false);
  await retention.setHold(2, false);
  await publish(disk, owner, 4);
  await retention.published(4);
  await retention.committed(4);
  expect(await idsIn(owner)).toEqual([4]);
});

test('what a failed attempt left in shared/ goes with the next commit, also when no checkpoint is due', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const retention = retentionOf(owner);
  const attempt = await owner.beginAttempt(1);
  const state = await bring(disk, attempt, 'lost');
  disk.options = {
    fault: ({name, path}) =>
      name === 'createNew' && path.endsWith('_metadata') ? {kind: 'fail', code: 'ENOSPC'} : null,
  };
  await expect(attempt.publish(sharingMetadata(owner, 1, [state]))).rejects.toThrow('ENOSPC');
  disk.options = {};
  await attempt.abort();
  await publishShared(disk, owner, 2, {brings: ['kept']});
  await retention.published(2);
  expect(await sharedContents(disk, JOB_DIRECTORY)).toEqual(['kept', 'lost']);
  await retention.committed(2);
  expect(await sharedContents(disk, JOB_DIRECTORY)).toEqual(['kept']);
});
