// Old checkpoints go once a newer one is committed, one deletion after another; what the run was restored from stays.

import {expect, test} from 'vitest';

import type {JobSpec} from '#src/job/job-spec.js';
import {CheckpointRetention} from '#src/runtime/retain-checkpoints.js';
import type {JobStart} from '#src/runtime/start-job.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {beginFresh, JOB_DIRECTORY, LINEAGE, publish, start} from '../storage/support/fixture.ts';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import {
  bring,
  publishShared,
  sharedContents,
  sharingMetadata,
} from '../storage/support/shared-states.ts';

const JOB_OF_ONE = {
  checkpointing: {numRetained: 1, externalizedRetention: 'retain-on-cancellation'},
} as unknown as JobSpec;

function retentionOf(
  owner: Ownership,
  restoredFrom: number | null = null,
  deleted: (ids: ReadonlySet<number>) => void = () => undefined,
): CheckpointRetention {
  const origin =
    restoredFrom === null
      ? {kind: 'fresh'}
      : {
          kind: 'checkpoint',
          checkpointId: restoredFrom,
          path: `${JOB_DIRECTORY}/chk-${restoredFrom}`,
        };
  const checkpoints =
    restoredFrom === null ? [] : [{id: restoredFrom, metadata: {lineage: LINEAGE}}];
  const begun = {record: {lineage: LINEAGE, origin}, facts: {checkpoints, generations: []}};
  return new CheckpointRetention(
    JOB_OF_ONE,
    owner,
    begun as unknown as JobStart,
    new Map(),
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

test('what the run was restored from stays', async () => {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await publish(disk, owner, 1);
  await beginFresh(owner);
  const retention = retentionOf(owner, 1);
  for (const id of [2, 3]) {
    await publish(disk, owner, id);
    await retention.published(id);
    await retention.committed(id);
  }
  expect(await idsIn(owner)).toEqual([3, 1]);
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
