// A hold is its name: exactly that checkpoint is kept, for as long as any reason is left; a process that was taken over holds
// and releases nothing.

import {describe, expect, it, test} from 'vitest';

import {endedAfter} from '#src/storage/remove-claimed.js';
import {holdName, JobPaths, parseHoldName} from '#src/storage/paths.js';
import {JOB_DIRECTORY, LINEAGE, publish, start, writeFile} from './support/fixture.js';
import {MemoryFileSystem} from './support/memory-file-system.js';

const paths = new JobPaths(JOB_DIRECTORY);
const IDS = Array.from({length: 16}, (_, index) => index + 1);

test.each([
  ['chk-1', {checkpointId: 1, lineage: null}],
  [`chk-11.${LINEAGE}`, {checkpointId: 11, lineage: LINEAGE}],
])('%s is a hold', (name, hold) => {
  expect(parseHoldName(name)).toEqual(hold);
  expect(holdName(hold)).toBe(name);
});

test.each([
  'chk-0',
  'chk-01',
  'chk-1.',
  'chk-1.0011',
  `chk-1.${LINEAGE}0`,
  `x.${LINEAGE}`,
  '.chk-1',
  '',
])('%j is none', (name) => {
  expect(parseHoldName(name)).toBeNull();
});

describe('B39: among sixteen checkpoints', () => {
  it('only the one that is held is kept, and only the one that is named is deleted', async () => {
    const disk = new MemoryFileSystem();
    const owner = await start(disk);
    for (const id of IDS) await publish(disk, owner, id);
    await owner.placeHold({checkpointId: 1, lineage: null});
    await owner.placeHold({checkpointId: 12, lineage: LINEAGE});
    await writeFile(disk, `${paths.holdsDirectory}/chk-1x`, Buffer.from('somebody else’s'));
    const deleted = await owner.deleteCheckpoints(await owner.permitDeletion([1, 2, 12]));
    expect(deleted.kept).toEqual([
      {checkpointId: 1, reason: 'held'},
      {checkpointId: 12, reason: 'held'},
    ]);
    await owner.releaseHold({checkpointId: 1, lineage: null});
    await owner.releaseHold({checkpointId: 12, lineage: null});
    expect(disk.namesIn(paths.holdsDirectory)).toEqual([`chk-12.${LINEAGE}`, 'chk-1x'].sort());
    await owner.deleteCheckpoints(await owner.permitDeletion([1, 12]));
    const left = (await owner.listCheckpoints()).map(({checkpointId}) => checkpointId);
    expect(left).toEqual(IDS.filter((id) => id > 2).reverse());
  });

  it('a claim takes exactly the one that it names', async () => {
    const disk = new MemoryFileSystem();
    const other = await start(disk, {directory: '/other/flights'});
    for (const id of IDS) await publish(disk, other, id);
    const owner = await start(disk);
    await owner.claim('/other/flights/chk-1', LINEAGE);
    expect(await owner.removeClaimed('/other/flights/chk-1', LINEAGE)).toEqual({kind: 'removed'});
    const names = disk.namesIn('/other/flights').filter((name) => name.startsWith('chk-'));
    expect(names).toHaveLength(IDS.length - 1);
    expect(names).not.toContain('chk-1');
  });

  it('what another job claimed is not deleted by the rules of its own directory', async () => {
    const disk = new MemoryFileSystem();
    const other = await start(disk, {directory: '/other/flights'});
    for (const id of [1, 2, 3]) await publish(disk, other, id);
    const owner = await start(disk);
    await owner.claim('/other/flights/chk-1', LINEAGE);
    const deleted = await other.deleteCheckpoints(await other.permitDeletion([1, 2]));
    expect(deleted).toEqual({
      deleted: ['/other/flights/chk-2'],
      kept: [{checkpointId: 1, reason: 'claimed'}],
    });
    expect(await owner.removeClaimed('/other/flights/chk-1', LINEAGE)).toEqual({kind: 'removed'});
    expect((await start(disk, {directory: '/other/flights'})).generation).toBe(3);
  });

  it('the directory of another job is left when nothing could be deleted there', async () => {
    const disk = new MemoryFileSystem();
    const other = await start(disk, {directory: '/other/flights'});
    for (const id of [1, 2]) await publish(disk, other, id);
    const owner = await start(disk);
    await owner.claim('/other/flights/chk-1', LINEAGE);
    disk.overwrite('/other/flights/chk-2/_metadata', Buffer.from('garbage'));
    expect(await owner.removeClaimed('/other/flights/chk-1', LINEAGE)).toMatchObject({
      kind: 'left',
      why: expect.stringContaining('chk-2') as string,
    });
    // Its process, which is ours, lives on: without an end it would be taken for one at work.
    expect(disk.namesIn('/other/flights/owner')).toContain('0000000002.end');
  });
});

test('that a generation could not end does not hide what failed before', async () => {
  const writeEnd = async (): Promise<never> => Promise.reject(new Error('the end'));
  const fail = async (): Promise<never> => Promise.reject(new Error('the first'));
  await expect(endedAfter({writeEnd}, fail)).rejects.toThrow('the first');
  await expect(endedAfter({writeEnd}, async () => Promise.resolve(1))).rejects.toThrow('the end');
});

describe('a process that was taken over', () => {
  it('neither holds, nor releases, nor claims, nor removes', async () => {
    const disk = new MemoryFileSystem();
    const first = await start(disk);
    await publish(disk, first, 1);
    await first.placeHold({checkpointId: 1, lineage: null});
    await disk.makeDirectory('/kept');
    const before = disk.namesIn('/kept');
    await start(disk);
    const acts = [
      async () => first.placeHold({checkpointId: 1, lineage: LINEAGE}),
      async () => first.releaseHold({checkpointId: 1, lineage: null}),
      async () => first.claim('/kept', LINEAGE),
      async () => first.removeClaimed('/kept', LINEAGE),
    ];
    for (const act of acts) await expect(act()).rejects.toMatchObject({code: 'FENCED'});
    expect(disk.namesIn(paths.holdsDirectory)).toEqual(['chk-1']);
    expect(disk.namesIn('/kept')).toEqual(before);
  });
});
