// shared/: a checkpoint finds every file that it names until it is deleted itself, whatever other checkpoints, attempts
// that were given up, and processes that died do; and what nobody needs goes.

import {describe, expect, it} from 'vitest';

import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths, stateFileAt} from '#src/storage/paths.js';
import {beginFresh, JOB_DIRECTORY, start} from './support/fixture.js';
import {MemoryFileSystem} from './support/memory-file-system.js';
import {publishShared, sharedContents} from './support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);

async function ownedDisk(): Promise<{disk: MemoryFileSystem; owner: Ownership}> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  return {disk, owner};
}

/** Codes of everything that is wrong. */
async function findingsOf(disk: MemoryFileSystem, id: number): Promise<readonly string[]> {
  const codes: string[] = [];
  await checkCheckpoint({
    files: disk,
    directory: paths.checkpoint(id),
    level: 'checksum',
    onFinding: ({code}) => codes.push(code),
  });
  return codes;
}

async function remove(owner: Ownership, ...ids: number[]): Promise<void> {
  await owner.deleteCheckpoints(await owner.permitDeletion(ids));
}

async function contents(disk: MemoryFileSystem): Promise<readonly string[]> {
  return sharedContents(disk, JOB_DIRECTORY);
}

describe('a checkpoint with shared files', () => {
  it('has them in shared/ and nowhere else, and is whole', async () => {
    const {disk, owner} = await ownedDisk();
    const {path, states} = await publishShared(disk, owner, 1, {brings: ['base', 'delta']});
    expect(await contents(disk)).toEqual(['base', 'delta']);
    expect(disk.namesIn(path)).toEqual(['_metadata', 'SHA256SUMS']);
    expect(states.map((state) => disk.contentOf(stateFileAt(path, state.path)).toString())).toEqual(
      ['base', 'delta'],
    );
    expect(await findingsOf(disk, 1)).toEqual([]);
  });

  it('refers to what an earlier one brought, without writing it again', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    await publishShared(disk, owner, 2, {brings: ['delta'], refers: states});
    await remove(owner, 1);
    expect(await contents(disk)).toEqual(['base', 'delta']);
    expect(await findingsOf(disk, 2)).toEqual([]);
    await remove(owner, 2);
    expect(await contents(disk)).toEqual([]);
  });
});
