// What a lineage of elsewhere was restored from without a claim is deleted by nobody until that lineage has a checkpoint of its
// own; a mark that was left behind keeps nothing. Every deletion looks before its rename and after it.

import {beforeEach, describe, expect, test} from 'vitest';

import type {FileSystem} from '#src/storage/file-system.js';
import type {Ownership} from '#src/storage/job-directory.js';
import type {RunEnd} from '#src/storage/owner-record.js';
import {removedClaimName, useName} from '#src/storage/paths.js';
import {goesBackTo} from '#src/storage/next-origin.js';
import {jobDirectoryAround} from '#src/storage/remove-claimed.js';
import {placeUseMark, removeUseMark, useOf, whyUsed} from '#src/storage/use-marks.js';
import {
  beginFresh,
  copyTree,
  HERE,
  JOB_DIRECTORY,
  LINEAGE,
  publish,
  start,
  writeFile,
} from './support/fixture.ts';
import {MemoryFileSystem} from './support/memory-file-system.ts';

const OTHER = '/other/flights';
const SOURCE = `${OTHER}/chk-1`;
const NEXT = 'ffffffff00000000';
const ELSEWHERE = {...HERE, host: 'two'};

let disk: MemoryFileSystem;
let owner: Ownership;
let user: Ownership;
beforeEach(async () => {
  disk = new MemoryFileSystem();
  owner = await start(disk, {directory: OTHER});
  for (const id of [1, 2, 3]) await publish(disk, owner, id);
  user = await start(disk);
  await user.placeUseMark(SOURCE, LINEAGE);
});

async function begin(by: Ownership, lineage = LINEAGE, claimed = false): Promise<void> {
  const metadataSha256 = '0'.repeat(64);
  const origin = {
    kind: 'checkpoint',
    checkpointId: 1,
    path: SOURCE,
    metadataSha256,
    claimed,
  } as const;
  await by.beginLineage({lineage, origin, ancestors: [], outputAhead: 'refuse'});
}

async function inUse(self = HERE): Promise<boolean> {
  return (await useOf(disk, SOURCE, () => self)) !== null;
}

/** Of the disk, so far. */
function changes(): number {
  return disk.log.filter(({kind}) => kind === 'change').length;
}

async function idsLeft(): Promise<readonly number[]> {
  return (await owner.listCheckpoints()).map(({checkpointId}) => checkpointId);
}

describe('a mark counts', () => {
  test('from before the lineage is recorded until it has a checkpoint of its own', async () => {
    expect(await inUse()).toBe(true);
    await begin(user);
    expect(await inUse()).toBe(true);
    await user.markPublished();
    expect(await inUse()).toBe(false);
  });

  test.each([
    ['failed', true],
    ['interrupted', true],
    ['cancelled', false],
    ['stopped', false],
    ['finished', false],
  ] as const satisfies readonly (readonly [RunEnd, boolean])[])(
    'after a run that ended %s: %s',
    async (how, expected) => {
      await begin(user);
      await user.writeEnd(how, {});
      expect(await inUse()).toBe(expected);
    },
  );

  test('until another lineage began, and while a prune has only looked', async () => {
    await begin(user);
    const pruner = await start(disk, {kind: 'prune'});
    await pruner.writeEnd('finished', {});
    expect(await inUse()).toBe(true);
    await begin(await start(disk), NEXT);
    expect(await inUse()).toBe(false);
  });

  test('not when its run ended, or was taken over, before it recorded the lineage', async () => {
    await user.writeEnd('failed', {});
    expect(await inUse()).toBe(false);
    const next = await start(disk);
    await next.placeUseMark(SOURCE, NEXT);
    expect(await inUse()).toBe(true);
    await start(disk);
    expect(await inUse()).toBe(false);
  });

  test('from elsewhere as long as its job does not say otherwise', async () => {
    await user.writeEnd('failed', {});
    expect(await inUse(ELSEWHERE)).toBe(true);
    const gone = {jobDirectory: '/gone', lineage: NEXT, generation: 1, ...HERE};
    await placeUseMark(disk, `${OTHER}/chk-2`, gone);
    const ask = async (self: typeof HERE) => useOf(disk, `${OTHER}/chk-2`, () => self);
    expect(await ask(HERE)).toBeNull();
    expect(await ask(ELSEWHERE)).toMatchObject({jobDirectory: '/gone'});
    expect(await ask({...HERE, pidNamespace: 'pid:[2]'})).not.toBeNull();
    await beginFresh(await start(disk), LINEAGE);
    expect(await inUse(ELSEWHERE)).toBe(false);
  });

  test('when a record of its job is damaged: nobody can say', async () => {
    await begin(user);
    await user.writeEnd('cancelled', {});
    expect(await inUse()).toBe(false);
    const path = user.paths.ownerMark(user.generation, 'end');
    disk.overwrite(path, Buffer.from('garbage'));
    expect(await inUse()).toBe(true);
    expect(await goesBackTo(disk, JOB_DIRECTORY, SOURCE)).toBe(true);
  });

  test.each([
    ['damaged', 'garbage'],
    ['empty', ''],
  ])('when it is %s, and whoever is refused hears of it', async (_what, text) => {
    await user.removeUseMark(SOURCE, LINEAGE);
    expect(await inUse()).toBe(false);
    await writeFile(disk, `${SOURCE}/${useName(NEXT)}`, Buffer.from(text));
    const use = await useOf(disk, SOURCE, () => HERE);
    expect(whyUsed(use!)).toContain(`${SOURCE}/${useName(NEXT)} is damaged`);
  });
});

test('marks of two lineages are two; each removes its own', async () => {
  const third = await start(disk, {directory: '/third/flights'});
  await third.placeUseMark(SOURCE, NEXT);
  await third.placeUseMark(SOURCE, NEXT);
  await user.removeUseMark(SOURCE, LINEAGE);
  await user.removeUseMark(SOURCE, LINEAGE);
  expect(disk.namesIn(SOURCE).filter((name) => name.includes('used'))).toEqual([useName(NEXT)]);
  expect(await inUse()).toBe(true);
});

test('a mark is durable, and a directory that has gone is said to have gone, also to who claims it', async () => {
  const unsynced = (): number => disk.unsyncedAt(disk.log.length).length;
  const before = unsynced();
  await user.placeUseMark(SOURCE, NEXT);
  expect(unsynced()).toBe(before);
  for (const begins of [
    user.placeUseMark(`${OTHER}/chk-9`, LINEAGE),
    user.claim(`${OTHER}/chk-9`, LINEAGE),
  ]) {
    await expect(begins).rejects.toMatchObject({code: 'NOT_FOUND'});
  }
});

test('whose checkpoint it is nobody can say where nothing can be read', async () => {
  expect(await jobDirectoryAround(disk, SOURCE)).toBe(OTHER);
  disk.options = {fault: ({name}) => (name === 'status' ? {kind: 'fail', code: 'EIO'} : null)};
  await expect(jobDirectoryAround(disk, SOURCE)).rejects.toMatchObject({code: 'STORAGE_FAILED'});
});

test.each(['used', 'claimed'])(
  'what is %s is durable, though its owner has not synced it',
  async (how) => {
    // Published, and then its owner fell asleep.
    await disk.rename(`${OTHER}/chk-3`, `${OTHER}/chk-4`);
    if (how === 'used') await user.placeUseMark(`${OTHER}/chk-4`, NEXT);
    else await user.claim(`${OTHER}/chk-4`, NEXT);
    const after = disk.afterCrash(disk.log.length, () => 'lost');
    expect((await after.list(OTHER)).map(({name}) => name)).toContain('chk-4');
  },
);

test.each(['EACCES', 'EROFS'])(
  'where nothing can be written (%s) the job begins all the same',
  async (code) => {
    disk.options = {fault: ({name}) => (name === 'createNew' ? {kind: 'fail', code} : null)};
    const mark = {jobDirectory: JOB_DIRECTORY, lineage: NEXT, generation: 1, ...HERE};
    await placeUseMark(disk, SOURCE, mark);
    disk.options = {};
    expect(disk.namesIn(SOURCE)).not.toContain(useName(NEXT));
    await removeUseMark(disk, SOURCE, NEXT);
  },
);

/** The disk, on which `act` happens before the first rename out of `path`. */
function before(path: string, act: () => Promise<void>): FileSystem {
  let isDone = false;
  return new Proxy<FileSystem>(disk, {
    get(target, name: keyof FileSystem) {
      if (name !== 'rename') return target[name]?.bind(target);
      return async (source: string, to: string) => {
        if (source === path && !isDone) {
          isDone = true;
          await act();
        }
        await target.rename(source, to);
      };
    },
  });
}

describe('what is in use is not deleted', () => {
  test('by the rules of its own directory', async () => {
    const before = changes();
    const {kept} = await owner.deleteCheckpoints(await owner.permitDeletion([1]));
    expect(kept).toEqual([{checkpointId: 1, reason: 'in-use'}]);
    expect(changes(), 'it is not even renamed').toBe(before);
    await begin(user);
    await user.markPublished();
    await owner.deleteCheckpoints(await owner.permitDeletion([1, 2]));
    expect(await idsLeft()).toEqual([3]);
  });

  test('when the job began between the decision and the rename', async () => {
    await user.removeUseMark(SOURCE, LINEAGE);
    const racing = before(SOURCE, async () => user.placeUseMark(SOURCE, LINEAGE));
    owner = await start(racing, {directory: OTHER, takeOver: true});
    const {deleted, kept} = await owner.deleteCheckpoints(await owner.permitDeletion([1, 2]));
    expect(deleted).toEqual([`${OTHER}/chk-2`]);
    expect(kept).toEqual([{checkpointId: 1, reason: 'in-use'}]);
    expect(await idsLeft()).toEqual([3, 1]);
  });

  test('when it was claimed between the decision and the rename', async () => {
    await user.removeUseMark(SOURCE, LINEAGE);
    const racing = before(SOURCE, async () => user.claim(SOURCE, LINEAGE));
    owner = await start(racing, {directory: OTHER, takeOver: true});
    const {kept} = await owner.deleteCheckpoints(await owner.permitDeletion([1]));
    expect(kept).toEqual([{checkpointId: 1, reason: 'claimed'}]);
    expect(await idsLeft()).toEqual([3, 2, 1]);
    const by = {jobDirectory: JOB_DIRECTORY, lineage: LINEAGE};
    await owner.deleteCheckpoints(await owner.permitDeletion([1], by));
    expect(await idsLeft()).toEqual([3, 2]);
  });

  test('when it was claimed, and the deletion died before its second look', async () => {
    await user.removeUseMark(SOURCE, LINEAGE);
    await user.claim(SOURCE, LINEAGE);
    const setAside = async (): Promise<void> =>
      disk.rename(SOURCE, `${owner.paths.deleted(owner.generation)}/chk-1`);
    await setAside();
    owner = await start(disk, {directory: OTHER, takeOver: true});
    expect(await idsLeft(), 'its lineage may still be recorded').toEqual([3, 2, 1]);
    await begin(user, LINEAGE, true);
    await setAside();
    await owner.sweepDeleted();
    expect(await idsLeft(), 'its lineage goes back to it').toEqual([3, 2, 1]);
    // As a deletion would find it: only its new owner takes it away, once it can.
    const later = await start(disk, {takeOver: true});
    await begin(later, NEXT);
    await setAside();
    await owner.sweepDeleted();
    expect(await idsLeft(), 'another lineage has begun there').toEqual([3, 2, 1]);
    await later.markPublished();
    await setAside();
    await owner.sweepDeleted();
    expect(await idsLeft(), 'the checkpoint is of another lineage').toEqual([3, 2, 1]);
    const last = await start(disk, {takeOver: true});
    await begin(last, LINEAGE, true);
    await last.markPublished();
    await setAside();
    await owner.sweepDeleted();
    expect(await idsLeft(), 'it would be taken away in any case').toEqual([3, 2]);
  });

  test('when the second look of a deletion failed, and its owner sweeps', async () => {
    for (const id of [1, 2]) {
      await disk.rename(`${OTHER}/chk-${id}`, `${owner.paths.deleted(owner.generation)}/chk-${id}`);
    }
    await owner.sweepDeleted();
    expect(await idsLeft()).toEqual([3, 1]);
    expect((await owner.listCheckpoints())[1]?.state.kind).toBe('complete');
    // What is removed after it may be durable at once.
    const after = disk.afterCrash(disk.log.length, () => 'lost');
    expect((await after.list(OTHER)).map(({name}) => name)).toContain('chk-1');
    // One that was looked at, and removed in part, is not put back, whatever its mark says by now.
    const aside = `${owner.paths.deleted(owner.generation)}/chk-1`;
    await disk.rename(SOURCE, aside);
    const uid = (await disk.list(aside)).find(({kind}) => kind === 'directory')!.name;
    const [file] = await disk.list(`${aside}/${uid}`);
    await disk.unlink(`${aside}/${uid}/${file!.name}`);
    await owner.sweepDeleted();
    expect(await idsLeft()).toEqual([3]);
    expect(await disk.list(owner.paths.deleted(owner.generation))).toEqual([]);
  });

  test('when the removal of a claimed one died between its rename and its second look', async () => {
    await disk.makeDirectory('/kept');
    await copyTree(disk, SOURCE, disk, '/kept/one');
    const claimer = await start(disk, {directory: '/third/flights'});
    await claimer.claim('/kept/one', NEXT);
    await disk.rename('/kept/one', `/kept/${removedClaimName(NEXT, 'one')}`);
    expect(await claimer.removeClaimed('/kept/one', NEXT)).toMatchObject({kind: 'left'});
    expect((await disk.list('/kept')).map(({name}) => name)).toEqual(['one']);
    await user.removeUseMark('/kept/one', LINEAGE);
    expect(await claimer.removeClaimed('/kept/one', NEXT)).toEqual({kind: 'removed'});
  });

  test.each(['already', 'meanwhile'])('by a lineage that claimed it (%s in use)', async (when) => {
    await disk.makeDirectory('/kept');
    await copyTree(disk, SOURCE, disk, '/kept/one');
    const mark = async (): Promise<void> => user.placeUseMark('/kept/one', LINEAGE);
    await disk.unlink(`/kept/one/${useName(LINEAGE)}`);
    if (when === 'already') await mark();
    const claimer = await start(before('/kept/one', when === 'already' ? async () => {} : mark), {
      directory: '/third/flights',
    });
    await claimer.claim('/kept/one', NEXT);
    const changed = changes();
    expect(await claimer.removeClaimed('/kept/one', NEXT)).toMatchObject({
      kind: 'left',
      why: expect.stringContaining(JOB_DIRECTORY) as string,
    });
    if (when === 'already') expect(changes(), 'it is not even renamed').toBe(changed);
    await user.removeUseMark('/kept/one', LINEAGE);
    expect(await claimer.removeClaimed('/kept/one', NEXT)).toEqual({kind: 'removed'});
  });
});
