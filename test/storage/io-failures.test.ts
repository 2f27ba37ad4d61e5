// The n-th call of a run fails, for n = 1, 2, … until none does: with a full disk, an I/O error, a failed
// sync, and "it happened but the reply was lost". Whatever fails: the error is typed, checkpoints that
// were acknowledged are intact with the files in shared/ that they refer to, nothing torn is listed as complete, and
// the next run can work and leaves nothing behind that nobody needs.

import {describe, expect, it} from 'vitest';

import {sha256Hex} from '#src/base/checksum.js';
import {EngineError, systemErrorCode} from '#src/base/errors.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {orphansAmong, unclaimedFiles} from '#src/storage/list-orphans.js';
import {sharedNames} from '#src/storage/shared-directory.js';
import {JobPaths, parentOf} from '#src/storage/paths.js';
import {whole} from '../hostile/support/sample.ts';
import {
  beginFresh,
  JOB_DIRECTORY,
  metadataOf,
  publish,
  start,
  writeFile,
  writeStates,
} from './support/fixture.js';
import {MemoryFileSystem, type Fault} from './support/memory-file-system.js';
import {publishShared} from './support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);
const ALLOWED = ['STORAGE_FAILED', 'ALREADY_RUNNING', 'FENCED', 'CHECKPOINT_DAMAGED'];

interface Run {
  /** Ids that were acknowledged and not given up since. */
  readonly kept: Set<number>;
  /** Ids whose publish failed with an outcome that only the next run can tell. */
  readonly undecided: Set<number>;
  /** Ids whose deletion was begun, and may have been cut short. */
  readonly deleting: Set<number>;
  failure: unknown;
}

/** Takes over, publishes three, deletes two, ends. Stops at the first failure, as a run does. */
async function run(disk: MemoryFileSystem): Promise<Run> {
  const result: Run = {
    kept: new Set([1]),
    undecided: new Set(),
    deleting: new Set(),
    failure: null,
  };
  let owner: Ownership | null = null;
  try {
    owner = await start(disk);
    await beginFresh(owner);
    const run = owner;
    await publishOr(2, result, async () => publish(disk, run, 2));
    await owner.markPublished();
    const {states} = await publishOr(3, result, async () =>
      publishShared(disk, run, 3, {brings: ['base', 'old']}),
    );
    const sharing = {brings: ['delta', 'left behind'], refers: states.slice(0, 1)};
    await publishOr(4, result, async () => publishShared(disk, run, 4, sharing));
    const permit = await owner.permitDeletion([1, 3]);
    for (const id of [1, 3]) {
      result.kept.delete(id);
      result.deleting.add(id);
    }
    await owner.deleteCheckpoints(permit);
    await owner.sweepDeleted();
    await owner.writeEnd('finished', {});
  } catch (error) {
    // Threads that write state files see raw errors; the runtime asks the owner what they mean.
    const raw = systemErrorCode(error) !== null;
    result.failure = raw && owner !== null ? await owner.explainFailure(error) : error;
  }
  return result;
}

async function publishOr<T>(id: number, result: Run, act: () => Promise<T>): Promise<T> {
  try {
    const published = await act();
    result.kept.add(id);
    return published;
  } catch (error) {
    const facts = error instanceof EngineError ? error.details.facts : undefined;
    if (facts?.['outcome'] === 'undecided') result.undecided.add(id);
    throw error;
  }
}

async function checkAfter(disk: MemoryFileSystem, run: Run, where: string): Promise<void> {
  const {failure} = run;
  if (failure !== null) {
    expect(failure, where).toBeInstanceOf(EngineError);
    expect(ALLOWED, `${where}: ${(failure as EngineError).message}`).toContain(
      (failure as EngineError).code,
    );
  }
  disk.options = {};
  // The directory is as this process sees it, and after a power loss as harsh as can be.
  for (const survives of ['whole', 'lost'] as const) {
    const after = disk.afterCrash(disk.log.length, () => survives);
    await checkDisk(after, run, `${where}, unsynced ${survives}`);
  }
}

/** Before and after the next run has cleaned up. */
async function checkDisk(disk: MemoryFileSystem, run: Run, where: string): Promise<void> {
  const next = await start(disk);
  await checkListed(disk, next, run, where);
  await next.sweepDeleted();
  await checkListed(disk, next, run, `${where}, swept`);
  const unclaimed = await unclaimedFiles(disk, await sharedNames(disk, paths), []);
  const left = await orphansAmong(disk, paths, unclaimed, await next.listCheckpoints());
  expect(left, where).toEqual([]);
  expect(await disk.list(paths.deleted(next.generation)), where).toEqual([]);
}

async function checkListed(
  disk: MemoryFileSystem,
  next: Ownership,
  {kept, undecided, deleting}: Run,
  where: string,
): Promise<void> {
  const listed = await next.listCheckpoints();
  for (const {checkpointId, path, state} of listed) {
    expect(state.kind, `${where}: chk-${checkpointId}`).toBe('complete');
    const check = await checkCheckpoint({
      files: disk,
      directory: path,
      level: 'checksum',
      onFinding: () => undefined,
    });
    expect(check.errors, where).toBe(0);
  }
  const ids = listed.map(({checkpointId}) => checkpointId);
  for (const id of kept) expect(ids, `${where}: ${id} is kept`).toContain(id);
  for (const id of ids) {
    // Nothing else may be there that was not acknowledged.
    expect(
      kept.has(id) || undecided.has(id) || deleting.has(id),
      `${where}: ${id} was never acknowledged`,
    ).toBe(true);
  }
}

function endsIn(disk: MemoryFileSystem): readonly string[] {
  return disk.namesIn(paths.ownerDirectory).filter((name) => name.endsWith('.end'));
}

async function preparedDisk(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  await publish(disk, owner, 1);
  const orphan = paths.sharedFile(sha256Hex('left behind'));
  await disk.makeDirectory(paths.sharedDirectory);
  await disk.makeDirectory(parentOf(orphan));
  await writeFile(disk, orphan, Buffer.from('left behind'));
  disk.settle();
  return disk;
}

/** Faults that hit the n-th call, as the disk would. */
const FAULTS: Readonly<Record<string, (n: number) => Fault>> = {
  'H50 disk full at the n-th call and from then on':
    (n) =>
    ({count, name}) =>
      count >= n &&
      ['createNew', 'append', 'makeDirectory', 'link', 'rename', 'sync', 'syncDirectory'].includes(
        name,
      )
        ? {kind: 'fail', code: 'ENOSPC'}
        : null,
  'H50 disk full at the n-th call only':
    (n) =>
    ({count}) =>
      count === n ? {kind: 'fail', code: 'ENOSPC'} : null,
  'H51 I/O error at the n-th call only':
    (n) =>
    ({count}) =>
      count === n ? {kind: 'fail', code: 'EIO'} : null,
  'H51 I/O error at the n-th call and from then on':
    (n) =>
    ({count}) =>
      count >= n ? {kind: 'fail', code: 'EIO'} : null,
  'H54 the root vanishes at the n-th call':
    (n) =>
    ({count}) =>
      count >= n ? {kind: 'fail', code: 'ENOENT'} : null,
  'B45 the n-th call happens, its reply is lost':
    (n) =>
    ({count}) =>
      count === n ? {kind: 'reply-lost', code: 'EIO'} : null,
};

/** Every other call in `npm test`, those between them in the proof. */
const FIRST = whole ? 2 : 1;
const STEP = 2;

describe('I/O failures', () => {
  for (const [name, faultAt] of Object.entries(FAULTS)) {
    it(`${name}: what was acknowledged is kept`, async () => {
      let failed = 0;
      for (let n = FIRST; ; n += STEP) {
        const disk = await preparedDisk();
        disk.callCount = 0;
        disk.options = {fault: faultAt(n)};
        const result = await run(disk);
        const calls = disk.callCount;
        // Whoever is told of a failure runs it again, and would do everything twice; a disk that lets nobody unlink keeps it.
        const mayTakeBack = faultAt(n)({count: Infinity, name: 'unlink', path: ''}) === null;
        if (result.failure !== null && mayTakeBack) {
          expect(endsIn(disk), `${name}, n = ${n}`).toEqual([]);
        }
        await checkAfter(disk, result, `${name}, n = ${n}`);
        if (result.failure !== null) failed += 1;
        if (calls < n) break;
      }
      expect(failed).toBeGreaterThan(50 / STEP);
    });
  }

  it('H52: a file sync that fails once is repaired within the attempt, wherever it is', async () => {
    for (let n = 1; n < 100; n += 1) {
      const disk = await preparedDisk();
      let seen = 0;
      disk.options = {
        fault: ({name}) =>
          name === 'sync' && (seen += 1) === n ? {kind: 'fail', code: 'EIO'} : null,
      };
      const result = await run(disk);
      expect(result.failure, `sync ${n}`).toBeNull();
      await checkAfter(disk, result, `sync ${n}`);
      if (seen < n) return;
    }
  });

  it('a failed sync of the job directory takes the checkpoint back; if that fails too, it is undecided', async () => {
    for (const times of [1, 2]) {
      const disk = await preparedDisk();
      const owner = await start(disk);
      let renamed = false;
      let left = times;
      disk.options = {
        fault({name, path}) {
          renamed ||= name === 'rename' && path.includes('pending');
          if (!renamed || name !== 'syncDirectory' || path !== JOB_DIRECTORY || left === 0)
            return null;
          left -= 1;
          return {kind: 'fail', code: 'EIO'};
        },
      };
      const outcome = times === 1 ? 'not-published' : 'undecided';
      await expect(publish(disk, owner, 2)).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
        details: {facts: {outcome, checkpoint_id: 2}},
      });
      disk.options = {};
      expect((await owner.listCheckpoints()).map(({checkpointId}) => checkpointId)).toEqual([1]);
    }
  });

  it('a `_metadata` that comes back as other bytes is not published', async () => {
    const disk = await preparedDisk();
    const owner = await start(disk);
    disk.options = {
      fault({name, path}) {
        if (name !== 'openForRead' || !path.endsWith('pending/chk-2/_metadata')) return null;
        const bytes = disk.contentOf(path);
        bytes[100]! ^= 1;
        disk.overwrite(path, bytes);
        return null;
      },
    };
    await expect(publish(disk, owner, 2)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      details: {facts: {outcome: 'not-published'}},
    });
    disk.options = {};
    expect((await owner.listCheckpoints()).map(({checkpointId}) => checkpointId)).toEqual([1]);
  });

  it('H52: a file sync that fails twice ends the attempt, whichever file it is', async () => {
    for (const file of ['count/0.keyed', '_metadata', 'SHA256SUMS']) {
      const disk = await preparedDisk();
      const owner = await start(disk);
      disk.options = {
        fault: ({name, path}) =>
          name === 'sync' && path.endsWith(file) ? {kind: 'fail', code: 'EIO'} : null,
      };
      await expect(publish(disk, owner, 2), file).rejects.toThrow('EIO');
    }
  });

  it('H44: no permission names the path and the user', async () => {
    const disk = new MemoryFileSystem({
      fault: ({name}) => (name === 'makeDirectory' ? {kind: 'fail', code: 'EACCES'} : null),
    });
    await expect(start(disk)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringMatching(/checkpoints\/flights failed \(as user \d+\)/) as string,
    });
  });
});

it('attempts begin in the order of their ids, though the disk is slow with one of them', async () => {
  const disk = await preparedDisk();
  const owner = await start(disk);
  await owner.sweepDeleted();
  let calls = 0;
  disk.options = {
    async pause() {
      calls += 1;
      // The directory of the first.
      if (calls > 1) return;
      for (let turn = 0; turn < 50; turn += 1)
        await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const begun: number[] = [];
  const begin = async (id: number): Promise<void> => {
    await owner.beginAttempt(id);
    begun.push(id);
  };
  await Promise.all([begin(2), begin(3)]);
  expect(begun).toEqual([2, 3]);
});

describe('deleting', () => {
  it('one unreadable _metadata anywhere means that nothing is deleted', async () => {
    const disk = await preparedDisk();
    const owner = await start(disk);
    await publish(disk, owner, 2);
    await publish(disk, owner, 3);
    disk.overwrite(`${paths.checkpoint(2)}/_metadata`, Buffer.from('{}'));
    await expect(owner.permitDeletion([1])).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    expect((await owner.listCheckpoints()).map(({state}) => state.kind)).toEqual([
      'complete',
      'damaged',
      'complete',
    ]);
  });

  it('B24: deleting twice is fine; what is held or absent is kept and said', async () => {
    const disk = await preparedDisk();
    const owner = await start(disk);
    await publish(disk, owner, 2);
    await owner.placeHold({checkpointId: 2, lineage: null});
    const permit = await owner.permitDeletion([1, 2, 9, 1]);
    const report = {
      deleted: [paths.checkpoint(1)],
      kept: [
        {checkpointId: 2, reason: 'held'},
        {checkpointId: 9, reason: 'absent'},
      ],
    };
    expect(await owner.deleteCheckpoints(permit)).toEqual(report);
    expect(await owner.deleteCheckpoints(permit)).toEqual(report);
    expect((await owner.listCheckpoints()).map(({checkpointId}) => checkpointId)).toEqual([2]);
    expect(await disk.list(paths.deleted(2))).toEqual([{name: '0000000001', kind: 'directory'}]);
  });

  it('B12, B21: a given-up snapshot leaves no file in what is published, and an abort leaves none at all', async () => {
    const disk = await preparedDisk();
    const owner = await start(disk);
    const aborted = await owner.beginAttempt(2);
    await disk.makeDirectory(`${aborted.directory}/count`);
    await disk.createNew(`${aborted.directory}/count/0.keyed`);
    await aborted.abort();
    await aborted.abort();
    expect(await disk.list(paths.pending(2))).toEqual([]);
    const attempt = await owner.beginAttempt(3);
    const states = await writeStates(disk, attempt.directory, 3, 40);
    await disk.createNew(`${attempt.directory}/count/0.given-up`);
    await attempt.publish(metadataOf(owner, 3, states));
    expect(disk.namesIn(`${paths.checkpoint(3)}/count`)).toEqual(['0.keyed']);
    await owner.sweepDeleted();
    expect(await disk.list(paths.deleted(2))).toEqual([]);
  });
});
