// shared/: a checkpoint finds every file that it names until it is deleted itself, whatever other checkpoints, attempts
// that were given up, and processes that died do; and what nobody needs goes.

import {describe, expect, it} from 'vitest';

import {SeededRandom} from '#src/base/random.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths, stateFileAt} from '#src/storage/paths.js';
import {beginFresh, JOB_DIRECTORY, publish, start, writeFile} from './support/fixture.js';
import {gatedDisk, turns} from './support/gated-disk.js';
import {MemoryFileSystem, type Fault} from './support/memory-file-system.js';
import {
  bring,
  findingsOf,
  publishShared,
  sharedContents,
  sharingMetadata,
} from './support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);

async function ownedDisk(): Promise<{disk: MemoryFileSystem; owner: Ownership}> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  return {disk, owner};
}

async function remove(owner: Ownership, ...ids: number[]): Promise<void> {
  await owner.deleteCheckpoints(await owner.permitDeletion(ids));
}

async function contents(disk: MemoryFileSystem): Promise<readonly string[]> {
  return sharedContents(disk, JOB_DIRECTORY);
}

/** The first `_metadata` of an attempt cannot be written: what is shared was linked by then. */
function failAtMetadata(): Fault {
  let failed = false;
  return ({name, path}) => {
    if (failed || name !== 'createNew' || !path.endsWith('_metadata')) return null;
    failed = true;
    return {kind: 'fail', code: 'ENOSPC'};
  };
}

/** An attempt that brings these, and is given up in the middle of its publish. */
async function giveUp(
  disk: MemoryFileSystem,
  owner: Ownership,
  id: number,
  brings: readonly string[],
  refers: readonly FileState[] = [],
): Promise<readonly FileState[]> {
  const attempt = await owner.beginAttempt(id);
  const states = [...refers];
  for (const [place, content] of brings.entries()) {
    states.push(await bring(disk, attempt, content, place));
  }
  disk.options = {fault: failAtMetadata()};
  const published = attempt.publish(sharingMetadata(owner, id, states));
  await expect(published).rejects.toMatchObject({details: {facts: {outcome: 'not-published'}}});
  disk.options = {};
  await attempt.abort();
  return states;
}

describe('a checkpoint with shared files', () => {
  it('has them in shared/ and nowhere else, and is whole', async () => {
    const {disk, owner} = await ownedDisk();
    const {path, states} = await publishShared(disk, owner, 1, {brings: ['base', 'delta']});
    expect(await contents(disk)).toEqual(['base', 'delta']);
    expect(disk.namesIn(path)).toEqual(['_metadata', 'SHA256SUMS']);
    const read = states.map((state) => disk.contentOf(stateFileAt(path, state.path)).toString());
    expect(read).toEqual(['base', 'delta']);
    expect(await findingsOf(disk, 1)).toEqual([]);
  });

  it('refers to what an earlier one brought, without writing it again', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    const before = disk.log.length;
    await publishShared(disk, owner, 2, {brings: ['delta'], refers: states});
    const appended = disk.log
      .slice(before)
      .flatMap((entry) =>
        entry.kind === 'change' && entry.change.kind === 'append' ? [entry] : [],
      )
      .map(({change}) => ('bytes' in change ? change.bytes.toString() : ''));
    expect(appended).toContain('delta');
    expect(appended).not.toContain('base');
    await remove(owner, 1);
    expect(await contents(disk)).toEqual(['base', 'delta']);
    expect(await findingsOf(disk, 2)).toEqual([]);
    await remove(owner, 2);
    expect(await contents(disk)).toEqual([]);
  });

  it('two that bring the same bytes have one file', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['same', 'same']});
    await publishShared(disk, owner, 2, {brings: ['same']});
    expect(await contents(disk)).toEqual(['same']);
    expect(await findingsOf(disk, 1)).toEqual([]);
    const sums = disk.contentOf(`${paths.checkpoint(1)}/SHA256SUMS`).toString();
    expect(sums.match(/\.\.\/shared\//g)).toHaveLength(1);
    await remove(owner, 1);
    expect(await findingsOf(disk, 2)).toEqual([]);
  });

  it('B25: other bytes have another name, whatever the writer calls them', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['0001.sst: one']});
    await publishShared(disk, owner, 2, {brings: ['0001.sst: two']});
    expect(await contents(disk)).toEqual(['0001.sst: one', '0001.sst: two']);
    for (const id of [1, 2]) expect(await findingsOf(disk, id)).toEqual([]);
  });
});

describe('an attempt that is given up', () => {
  it('B12, B19: takes nothing from earlier checkpoints, also where it brought the same bytes', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base', 'more']});
    await giveUp(disk, owner, 2, ['base', 'lost'], states);
    expect(await findingsOf(disk, 1)).toEqual([]);
    await remove(owner);
    expect(await findingsOf(disk, 1)).toEqual([]);
    expect(await contents(disk)).toEqual(['base', 'more']);
  });

  it('B21: what it left goes with the next deletion, and nothing of another one under way', async () => {
    const {disk, owner} = await ownedDisk();
    await giveUp(disk, owner, 1, ['lost']);
    expect(owner.hasUnreferencedFiles()).toBe(true);
    const attempt = await owner.beginAttempt(2);
    const state = await bring(disk, attempt, 'kept');
    await remove(owner);
    expect(await contents(disk)).toEqual([]);
    await attempt.publish(sharingMetadata(owner, 2, [state]));
    expect(owner.hasUnreferencedFiles()).toBe(false);
    expect(await findingsOf(disk, 2)).toEqual([]);
  });

  it('no later one may refer to what it wrote; written again, it is found', async () => {
    const {disk, owner} = await ownedDisk();
    const states = await giveUp(disk, owner, 1, ['base']);
    await expect(publishShared(disk, owner, 2, {refers: states})).rejects.toThrow(
      'which no completed checkpoint here has',
    );
    await publishShared(disk, owner, 3, {brings: ['base']});
    expect(await findingsOf(disk, 3)).toEqual([]);
  });

  it('nor to what a deleted one had', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    await remove(owner, 1);
    await expect(publishShared(disk, owner, 2, {refers: states})).rejects.toThrow(
      'which no completed checkpoint here has',
    );
  });
});

describe('an attempt under way', () => {
  it('keeps what completed checkpoints have, also when they go meanwhile', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    const slow = await owner.beginAttempt(2);
    await publish(disk, owner, 3);
    await remove(owner, 1);
    expect(await contents(disk)).toEqual(['base']);
    await slow.publish(sharingMetadata(owner, 2, states));
    await remove(owner, 3);
    expect(await findingsOf(disk, 2)).toEqual([]);
  });

  it('keeps what was completed after it began', async () => {
    const {disk, owner} = await ownedDisk();
    const slow = await owner.beginAttempt(1);
    const {states} = await publishShared(disk, owner, 2, {brings: ['base']});
    await remove(owner, 2);
    await slow.publish(sharingMetadata(owner, 1, states));
    expect(await findingsOf(disk, 1)).toEqual([]);
  });

  it('keeps it no longer once it is given up', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['base']});
    const slow = await owner.beginAttempt(2);
    await remove(owner, 1);
    await slow.abort();
    await remove(owner);
    expect(await contents(disk)).toEqual([]);
  });

  it('that could not begin keeps nothing', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['base']});
    disk.options = {
      fault: ({name}) => (name === 'makeDirectory' ? {kind: 'fail', code: 'ENOSPC'} : null),
    };
    await expect(owner.beginAttempt(2)).rejects.toMatchObject({code: 'STORAGE_FAILED'});
    disk.options = {};
    await remove(owner, 1);
    expect(await contents(disk)).toEqual([]);
  });

  it('waits for a file that is just being removed, and brings it anew', async () => {
    const {disk, gate} = gatedDisk(
      ({name, path}) => name === 'rename' && path.includes('/shared/'),
    );
    const owner = await start(disk);
    await publishShared(disk, owner, 1, {brings: ['base']});
    const removal = remove(owner, 1);
    await gate.reached;
    const publication = publishShared(disk, owner, 2, {brings: ['base']});
    await turns();
    gate.open();
    await Promise.all([removal, publication]);
    expect(await contents(gate.disk)).toEqual(['base']);
    expect(await findingsOf(gate.disk, 2)).toEqual([]);
  });

  it('keeps what it has linked, before it is published', async () => {
    const {disk, gate} = gatedDisk(
      ({name, path}) => name === 'createNew' && path.endsWith('pending/chk-2/_metadata'),
    );
    const owner = await start(disk);
    await publish(disk, owner, 1);
    const publication = publishShared(disk, owner, 2, {brings: ['base']});
    await gate.reached;
    expect(await contents(gate.disk)).toEqual(['base']);
    await remove(owner, 1);
    gate.open();
    await publication;
    expect(await findingsOf(gate.disk, 2)).toEqual([]);
  });

  it('loses no file to a deletion of the same bytes, however the two interleave', async () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const {disk, owner} = await ownedDisk();
      await publishShared(disk, owner, 1, {brings: ['base', 'other']});
      const random = new SeededRandom(seed);
      const step = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      const steps = async (most: number): Promise<void> => {
        for (let left = Math.floor(random.next() * most); left > 0; left -= 1) await step();
      };
      disk.options = {pause: async () => steps(4)};
      await Promise.all([
        steps(60).then(async () => remove(owner, 1)),
        steps(60).then(async () => publishShared(disk, owner, 2, {brings: ['other', 'base']})),
      ]);
      disk.options = {};
      expect(await findingsOf(disk, 2), `seed ${seed}`).toEqual([]);
    }
  });
});

describe('deleting', () => {
  it('B24: twice is fine, and nothing goes that another one needs', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base', 'old']});
    await publishShared(disk, owner, 2, {refers: states.slice(0, 1)});
    const permit = await owner.permitDeletion([1]);
    await owner.deleteCheckpoints(permit);
    await owner.deleteCheckpoints(permit);
    expect(await contents(disk)).toEqual(['base']);
    expect(await findingsOf(disk, 2)).toEqual([]);
  });

  it('H42: one unreadable _metadata, also of one that appeared meanwhile, and nothing goes', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['base']});
    await giveUp(disk, owner, 2, ['lost']);
    await disk.makeDirectory(paths.checkpoint(3));
    await writeFile(disk, `${paths.checkpoint(3)}/_metadata`, Buffer.from('{}'));
    await expect(remove(owner, 1)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    expect(await contents(disk)).toEqual(['base', 'lost']);
  });

  it('what a checkpoint needs that became readable again is not taken', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['base']});
    await publish(disk, owner, 2);
    const metadata = disk.contentOf(`${paths.checkpoint(1)}/_metadata`);
    disk.overwrite(`${paths.checkpoint(1)}/_metadata`, Buffer.from('{}'));
    const next = await start(disk);
    await next.sweepDeleted();
    disk.overwrite(`${paths.checkpoint(1)}/_metadata`, metadata);
    await remove(next, 2);
    expect(await findingsOf(disk, 1)).toEqual([]);
  });

  it('K2, B20: what is held keeps its files', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    await publishShared(disk, owner, 2, {brings: ['delta'], refers: states});
    await disk.makeDirectory(paths.holdsDirectory);
    await disk.createNew(paths.hold({checkpointId: 1, lineage: null}));
    await remove(owner, 1, 2);
    expect(await contents(disk)).toEqual(['base']);
    expect(await findingsOf(disk, 1)).toEqual([]);
  });

  it('that fails in the middle is repeated by the next', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['a', 'b', 'c']});
    let renames = 0;
    disk.options = {
      fault: ({name, path}) =>
        name === 'rename' && path.includes('/shared/') && (renames += 1) === 2
          ? {kind: 'reply-lost', code: 'EIO'}
          : null,
    };
    await expect(remove(owner, 1)).rejects.toMatchObject({code: 'STORAGE_FAILED'});
    disk.options = {};
    expect(owner.hasUnreferencedFiles()).toBe(true);
    await publishShared(disk, owner, 2, {brings: ['b']});
    await remove(owner);
    expect(await contents(disk)).toEqual(['b']);
    expect(await findingsOf(disk, 2)).toEqual([]);
  });

  it('that was cut short is repeated', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['a', 'b', 'c']});
    disk.options = {
      fault: ({name, path}) =>
        name === 'rename' && path.includes('/shared/') ? {kind: 'reply-lost', code: 'EIO'} : null,
    };
    await expect(remove(owner, 1)).rejects.toMatchObject({code: 'STORAGE_FAILED'});
    disk.options = {};
    await remove(owner, 1);
    expect(await contents(disk)).toEqual([]);
    await owner.sweepDeleted();
    expect(await disk.list(paths.deleted(1))).toEqual([]);
  });

  it('leaves names alone that are none of ours', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    const digest = states[0]!.sha256;
    const strange = [
      `${paths.sharedDirectory}/README`,
      `${paths.sharedSubdirectory(digest)}/${digest}.bak`,
      // B39: the beginning of a name is not the name.
      `${paths.sharedSubdirectory(digest)}/${digest.slice(0, 63)}`,
    ];
    const other = digest.startsWith('00') ? '11' : '00';
    await disk.makeDirectory(`${paths.sharedDirectory}/${other}`);
    strange.push(`${paths.sharedDirectory}/${other}/${digest}`);
    for (const path of strange) await writeFile(disk, path, Buffer.from('mine'));
    const next = await start(disk);
    await next.sweepDeleted();
    await remove(next, 1);
    for (const path of strange) expect(disk.contentOf(path).toString(), path).toBe('mine');
    await expect(disk.status(paths.sharedFile(digest))).rejects.toThrow('ENOENT');
  });
});

describe('another process', () => {
  it('B21: sweeps what dead attempts left, and keeps what checkpoints need', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['base']});
    await giveUp(disk, owner, 2, ['lost']);
    const next = await start(disk);
    await next.sweepDeleted();
    expect(await contents(disk)).toEqual(['base']);
    expect(await findingsOf(disk, 1)).toEqual([]);
  });

  it('sweeps nothing of shared/ while a checkpoint cannot be read', async () => {
    for (const damage of ['damaged', 'incomplete', 'incompatible'] as const) {
      const {disk, owner} = await ownedDisk();
      await publishShared(disk, owner, 1, {brings: ['base']});
      const metadata = `${paths.checkpoint(1)}/_metadata`;
      if (damage === 'damaged') disk.overwrite(metadata, Buffer.from('{}'));
      else if (damage === 'incomplete') await disk.unlink(metadata);
      else {
        const attempt = await owner.beginAttempt(2);
        const newer = {...sharingMetadata(owner, 2, []), requiredFeatures: ['later']};
        await expect(attempt.publish(newer)).rejects.toThrow();
        await disk.rename(attempt.directory, paths.checkpoint(2));
        await remove(owner).catch(() => undefined);
      }
      const next = await start(disk);
      await next.sweepDeleted();
      expect(await contents(disk), damage).toEqual(['base']);
    }
  });

  it('H61: one that was taken over shares nothing and takes nothing away', async () => {
    const {disk, owner} = await ownedDisk();
    await publishShared(disk, owner, 1, {brings: ['base']});
    const attempt = await owner.beginAttempt(2);
    const states = [await bring(disk, attempt, 'late')];
    const permit = await owner.permitDeletion([]);
    await giveUp(disk, owner, 3, ['lost']);
    const next = await start(disk, {takeOver: true});
    await expect(attempt.publish(sharingMetadata(owner, 2, states))).rejects.toMatchObject({
      code: 'FENCED',
    });
    await expect(owner.deleteCheckpoints(permit)).rejects.toMatchObject({code: 'FENCED'});
    expect(await contents(disk)).toEqual(['base', 'lost']);
    await next.sweepDeleted();
    expect(await contents(disk)).toEqual(['base']);
  });

  it('goes on from what the one before it published', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    const next = await start(disk);
    await publishShared(disk, next, 2, {brings: ['delta'], refers: states});
    await remove(next, 1);
    expect(await findingsOf(disk, 2)).toEqual([]);
  });

  it('a restart within the process does the same', async () => {
    const {disk, owner} = await ownedDisk();
    const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
    await giveUp(disk, owner, 2, ['lost']);
    const next = await owner.nextGeneration();
    await next.sweepDeleted();
    expect(await contents(disk)).toEqual(['base']);
    await publishShared(disk, next, 3, {refers: states});
    await remove(next, 1);
    expect(await findingsOf(disk, 3)).toEqual([]);
  });
});
