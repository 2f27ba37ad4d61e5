// shared/: what lies at an address already is believed only as far as it was looked at, and no link is followed.

import {describe, expect, it} from 'vitest';

import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths, sharedPath, stateFileAt} from '#src/storage/paths.js';
import {beginFresh, JOB_DIRECTORY, start} from './support/fixture.js';
import {MemoryFileSystem} from './support/memory-file-system.js';
import {publishShared} from './support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);

async function ownedDisk(): Promise<{disk: MemoryFileSystem; owner: Ownership}> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  return {disk, owner};
}

describe('what is in the way', () => {
  it('another length under that name is not taken for the content, brought or referred to', async () => {
    for (const change of ['brought', 'referred'] as const) {
      const {disk, owner} = await ownedDisk();
      const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
      disk.overwrite(paths.sharedFile(states[0]!.sha256), Buffer.from('bas'));
      const next = change === 'brought' ? {brings: ['base']} : {refers: states};
      await expect(publishShared(disk, owner, 2, next), change).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
        message: expect.stringContaining('a file of 3 bytes') as string,
      });
    }
  });

  it('a missing one is not referred to', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    await disk.unlink(paths.sharedFile(states[0]!.sha256));
    await expect(publishShared(disk, owner, 2, {refers: states})).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
    });
  });

  it('H35: a link in place of a directory or of the file is not followed', async () => {
    const digest = (await publishShared(...(await onNew()), 1, {brings: ['base']})).states[0]!
      .sha256;
    for (const place of ['shared', 'subdirectory', 'file'] as const) {
      const {disk, owner} = await ownedDisk();
      if (place !== 'shared') await disk.makeDirectory(paths.sharedDirectory);
      if (place === 'file') await disk.makeDirectory(paths.sharedSubdirectory(digest));
      const path = {
        shared: paths.sharedDirectory,
        subdirectory: paths.sharedSubdirectory(digest),
        file: paths.sharedFile(digest),
      }[place];
      disk.plant(path, 'link');
      await expect(publishShared(disk, owner, 1, {brings: ['base']}), place).rejects.toMatchObject({
        code: place === 'file' ? 'CHECKPOINT_DAMAGED' : 'REFUSED',
        message: expect.stringContaining(path) as string,
      });
    }
  });

  async function onNew(): Promise<[MemoryFileSystem, Ownership]> {
    const {disk, owner} = await ownedDisk();
    return [disk, owner];
  }

  it('the path of a handle is relative to any checkpoint of the directory', () => {
    const digest = 'ab'.repeat(32);
    expect(sharedPath(digest)).toBe(`../shared/ab/${digest}`);
    expect(stateFileAt('/a/job/chk-3', sharedPath(digest))).toBe(`/a/job/shared/ab/${digest}`);
  });
});
