// shared/: what lies at an address already is believed only as far as it was looked at, and no link is followed.

import {describe, expect, it} from 'vitest';

import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths, sharedPath, stateFileAt} from '#src/storage/paths.js';
import {beginFresh, JOB_DIRECTORY, start} from './support/fixture.js';
import {MemoryFileSystem} from './support/memory-file-system.js';
import {findingsOf, publishShared, sharedContents} from './support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);

async function ownedDisk(): Promise<{disk: MemoryFileSystem; owner: Ownership}> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  return {disk, owner};
}

describe('what is in the way', () => {
  it('what is damaged is mended by a checkpoint that brings its bytes again, for every one that refers to it', async () => {
    for (const damage of ['bas', 'bise', 'bases', ''] as const) {
      const {disk, owner} = await ownedDisk();
      const {states} = await publishShared(disk, owner, 1, {brings: ['base', 'other']});
      const path = paths.sharedFile(states[0]!.sha256);
      disk.overwrite(path, Buffer.from(damage));
      const {mended} = await publishShared(disk, owner, 2, {brings: ['base', 'other']});
      expect(mended, damage).toEqual([path]);
      for (const id of [1, 2]) expect(await findingsOf(disk, id), damage).toEqual([]);
      // Nothing is left of it beside, and what is whole is left alone.
      expect(await sharedContents(disk, JOB_DIRECTORY)).toEqual(['base', 'other']);
      expect((await publishShared(disk, owner, 3, {brings: ['base']})).mended).toEqual([]);
    }
  });

  it('another length under that name is not taken for the content that is referred to', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    disk.overwrite(paths.sharedFile(states[0]!.sha256), Buffer.from('bas'));
    await expect(publishShared(disk, owner, 2, {refers: states})).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      message: expect.stringContaining('a file of 3 bytes') as string,
    });
  });

  it('an attempt that would refer to a missing or cut file says so, brings all, and leaves nothing broken behind', async () => {
    for (const cut of [true, false]) {
      const {disk, owner} = await ownedDisk();
      const {states} = await publishShared(disk, owner, 1, {brings: ['base', 'other']});
      const path = paths.sharedFile(states[0]!.sha256);
      if (cut) disk.overwrite(path, Buffer.from('bas'));
      else await disk.unlink(path);
      const attempt = await owner.beginAttempt(2);
      expect(attempt.lacking).toBe(path);
      await attempt.abort();
      await publishShared(disk, owner, 3, {brings: ['base', 'other']});
      for (const id of [1, 3]) expect(await findingsOf(disk, id)).toEqual([]);
      expect((await owner.beginAttempt(4)).lacking).toBe(null);
    }
  });

  it('what only an earlier checkpoint of this generation needs is not asked for; of another generation, all is', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    await publishShared(disk, owner, 2, {brings: ['other']});
    const path = paths.sharedFile(states[0]!.sha256);
    await disk.unlink(path);
    expect((await owner.beginAttempt(3)).lacking).toBe(null);
    const next = await start(disk, {takeOver: true});
    expect((await next.beginAttempt(4)).lacking).toBe(path);
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
