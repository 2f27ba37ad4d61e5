// Each guard of `checkpoint prune` in one job directory: what must stay stays with its reason, whatever was asked for; while
// one `_metadata` cannot be read nothing goes; and only an owner deletes.

import {describe, expect, test} from 'vitest';

import type {PruneReason} from '#src/checkpoint/prune.js';
import {inspectCheckpoint} from '#src/inspection/inspect-checkpoint.js';
import {planDirectory, pruneTakenOver, type PlanRequest} from '#src/runtime/prune-checkpoints.js';
import {listLeftovers} from '#src/storage/list-leftovers.js';
import {writeClaim} from '#src/storage/claims.js';
import {JobPaths} from '#src/storage/paths.js';
import {readHistory} from '#src/storage/read-history.js';
import {useOf, type LookForUse} from '#src/storage/use-marks.js';
import {
  beginFresh,
  copyTree,
  HERE,
  JOB_DIRECTORY,
  LINEAGE,
  metadataOf,
  processTable,
  publish,
  start,
  writeFile,
} from '../storage/support/fixture.ts';
import {MemoryFileSystem, type MemoryOptions} from '../storage/support/memory-file-system.ts';
import {publishShared, sharedContents} from '../storage/support/shared-states.ts';

const paths = new JobPaths(JOB_DIRECTORY);
const KEEP_LAST = {policy: {keepLast: 1, keepWithinMillis: null}, among: null, inUse: []};
const NOTHING = new Map<number, PruneReason>();

const useIn =
  (files: MemoryFileSystem): LookForUse =>
  async (path) =>
    useOf(files, path, () => HERE);

/** 1 to 4 of one lineage, which is settled unless it is said. */
async function disk({settled = true} = {}): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  const owner = await start(files);
  await beginFresh(owner);
  for (const id of [1, 2, 3, 4]) await publish(files, owner, id);
  if (settled) await owner.markSettled(owner.generation);
  await owner.writeEnd('finished', {});
  return files;
}

/** By id: why each stays; null: it goes. Looks only. */
async function planned(
  files: MemoryFileSystem,
  order = KEEP_LAST as PlanRequest['order'],
  more: ReadonlyMap<number, PruneReason> = NOTHING,
): Promise<Readonly<Record<number, PruneReason | null>>> {
  const before = files.log.length;
  const history = await readHistory(files, paths, Infinity);
  const {plan} = await planDirectory({
    ...{files, paths, history, order, now: 0, more},
    useOf: useIn(files),
  });
  expect(files.log.length, 'a dry run never writes').toBe(before);
  return Object.fromEntries([
    ...plan.remove.map((id) => [id, null]),
    ...plan.keep.map(({id, reason}) => [id, reason]),
  ]) as Record<number, PruneReason | null>;
}

async function idsIn(files: MemoryFileSystem): Promise<readonly number[]> {
  const names = (await files.list(JOB_DIRECTORY)).map(({name}) => name);
  return names.flatMap((name) => (name.startsWith('chk-') ? [Number(name.slice(4))] : []));
}

async function prune(files: MemoryFileSystem, order = KEEP_LAST, spared: readonly string[] = []) {
  const owner = await start(files, {kind: 'prune'});
  return pruneTakenOver(files, owner, order, 0, spared);
}

describe('what stays', () => {
  test('all but the newest go when nothing else is known', async () => {
    const files = await disk();
    expect(await planned(files)).toEqual({1: null, 2: null, 3: null, 4: 'newest-restorable'});
    const {deleted, freedBytes} = await prune(files);
    expect(deleted).toEqual([1, 2, 3].map((id) => paths.checkpoint(id)));
    expect(freedBytes).toBeGreaterThan(3 * 80);
    expect(await idsIn(files)).toEqual([4]);
  });

  test('what is held, and what a lineage began from: no release lets that go', async () => {
    const files = await disk();
    const owner = await start(files);
    await owner.placeHold({checkpointId: 2, lineage: null});
    await owner.placeHold({checkpointId: 3, lineage: 'ffffffff00000000'});
    expect(await planned(files)).toMatchObject({1: null, 2: 'held', 3: 'in-use'});
    await prune(files);
    expect(await idsIn(files)).toEqual([2, 3, 4]);
  });

  test('what a job in another directory has claimed', async () => {
    const files = await disk();
    await writeClaim(files, paths.checkpoint(2), {jobDirectory: '/other', lineage: LINEAGE});
    expect(await planned(files)).toMatchObject({1: null, 2: 'claimed', 3: null});
  });

  test('what a job of another directory began from and goes back to', async () => {
    const files = await disk();
    const other = await start(files, {directory: '/other/flights'});
    await other.placeUseMark(paths.checkpoint(2), LINEAGE);
    expect(await planned(files)).toMatchObject({1: null, 2: 'in-use', 3: null});
    await prune(files);
    expect(await idsIn(files)).toEqual([2, 4]);
  });

  test('H85: what a job began from comes back when its deleter died before it looked again', async () => {
    for (const isMarked of [true, false]) {
      const files = await disk();
      const other = await start(files, {directory: '/other/flights'});
      const owner = await start(files, {kind: 'prune'});
      const permit = await owner.permitDeletion([2]);
      if (isMarked) await other.placeUseMark(paths.checkpoint(2), LINEAGE);
      let dies = (): void => undefined;
      const died = new Promise<void>((resolve) => (dies = resolve));
      const fault: MemoryOptions['fault'] = ({name, path}) => {
        if (name !== 'list' || !path.endsWith('/deleted/chk-2')) return null;
        dies();
        return {kind: 'hang'};
      };
      files.options = {fault};
      void owner.deleteCheckpoints(permit);
      await died;
      files.options = {};
      expect(await idsIn(files)).toEqual([1, 3, 4]);
      const {kept} = await prune(files);
      expect(kept.some(({reason}) => reason === 'in-use')).toBe(isMarked);
      expect(await idsIn(files)).toEqual(isMarked ? [2, 4] : [4]);
      const after = files.afterCrash(files.log.length, () => 'lost');
      expect(await idsIn(after)).toEqual(isMarked ? [2, 4] : [4]);
    }
  });

  test('of a lineage that is not settled the newest, and the newest that is whole', async () => {
    const files = await disk({settled: false});
    await files.unlink(`${paths.checkpoint(4)}/sum/0.keyed`);
    const owner = await start(files);
    const lineage = 'ffffffff00000000';
    await owner.beginLineage({lineage, origin: {kind: 'fresh'}, ancestors: [], outputAhead: null});
    const attempt = await owner.beginAttempt(9);
    await attempt.publish({...metadataOf(owner, 9, []), lineage});
    expect(await planned(files)).toEqual({
      1: null,
      2: null,
      3: 'not-committed',
      4: 'not-committed',
      9: 'not-committed',
    });
  });

  test('what the last lineage began from, until it has a checkpoint of its own', async () => {
    const files = await disk();
    const owner = await start(files);
    const origin = {
      kind: 'checkpoint',
      checkpointId: 2,
      path: paths.checkpoint(2),
      metadataSha256: '00'.repeat(32),
      claimed: true,
    } as const;
    const lineage = 'ffffffff00000000';
    await owner.beginLineage({lineage, origin, ancestors: [], outputAhead: 'refuse'});
    expect(await planned(files)).toMatchObject({1: null, 2: 'in-use', 3: null});
  });

  test('what the caller knows to be in use, and what appeared after the question', async () => {
    const files = await disk();
    const asked = {...KEEP_LAST, inUse: [1]};
    expect(await planned(files, asked)).toMatchObject({1: 'in-use', 2: null});
    const more = new Map([[1, 'not-committed']] as const);
    expect(await planned(files, KEEP_LAST, more)).toMatchObject({1: 'not-committed', 2: null});
    const agreed = {...KEEP_LAST, among: [2]};
    expect(await planned(files, agreed)).toMatchObject({
      1: 'appeared-since',
      2: null,
      3: 'appeared-since',
    });
  });

  test('H38: what is of another job', async () => {
    const files = await disk();
    await copyTree(files, JOB_DIRECTORY, files, '/data/checkpoints/other');
    const other = new JobPaths('/data/checkpoints/other');
    const history = await readHistory(files, other, Infinity);
    const {plan} = await planDirectory({
      ...{files, paths: other, history, order: KEEP_LAST, now: 0},
      useOf: useIn(files),
    });
    expect(plan.remove).toEqual([]);
    expect(new Set(plan.keep.map(({reason}) => reason))).toEqual(new Set(['another-job']));
  });
});

describe('B19, H42: while one cannot be read', () => {
  test('H51: whichever call fails, it is STORAGE_FAILED and nothing is planned; a live job answers so, too', async () => {
    const files = await disk();
    const history = await readHistory(files, paths, Infinity);
    let calls = 0;
    for (let n = 1; n <= calls + 1; n += 1) {
      files.callCount = 0;
      files.options = {fault: ({count}) => (count === n ? {kind: 'fail', code: 'EIO'} : null)};
      const ending: unknown = await planDirectory({
        ...{files, paths, history, order: KEEP_LAST, now: 0},
        useOf: useIn(files),
      }).catch((error: unknown) => error);
      calls = files.callCount;
      // What closes a file that was read says nothing of what was read.
      if (ending instanceof Error) expect(ending).toMatchObject({code: 'STORAGE_FAILED'});
    }
    expect(calls).toBeGreaterThan(20);
  });

  test.each(['missing', 'damaged'] as const)(
    '%s: nothing is planned and nothing goes',
    async (how) => {
      const files = await disk();
      await files.unlink(`${paths.checkpoint(2)}/_metadata`);
      if (how === 'damaged')
        await writeFile(files, `${paths.checkpoint(2)}/_metadata`, Buffer.from('{'));
      await expect(planned(files)).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
        details: {file: paths.checkpoint(2)},
      });
      await expect(prune(files)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
      expect(await idsIn(files)).toEqual([1, 2, 3, 4]);
    },
  );
});

test('the owner of a live job is not pushed aside', async () => {
  const files = await disk();
  const other = {...HERE, pid: 200};
  await start(files, {processes: processTable(other)});
  const look = () => ({kind: 'running', startTime: other.startTime}) as const;
  const options = {kind: 'prune', processes: processTable(HERE, look)} as const;
  await expect(start(files, options)).rejects.toMatchObject({code: 'ALREADY_RUNNING'});
  expect(await idsIn(files)).toEqual([1, 2, 3, 4]);
});

describe('shared files', () => {
  /** 1 brings `base`, 2 refers to it, 3 brings its own. */
  async function sharing(): Promise<MemoryFileSystem> {
    const files = new MemoryFileSystem();
    const owner = await start(files);
    await beginFresh(owner);
    const {states} = await publishShared(files, owner, 1, {brings: ['base', 'only of 1']});
    await publishShared(files, owner, 2, {brings: ['delta'], refers: [states[0]!]});
    await publishShared(files, owner, 3, {brings: ['alone']});
    await owner.markSettled(owner.generation);
    await owner.placeHold({checkpointId: 2, lineage: null});
    return files;
  }

  test('go with the last checkpoint that needs them, and are counted once', async () => {
    const files = await sharing();
    const {details} = await inspectCheckpoint(files, paths.checkpoint(1));
    const {freedBytes, deleted} = await prune(files);
    expect(deleted).toEqual([paths.checkpoint(1)]);
    expect(await sharedContents(files, JOB_DIRECTORY)).toEqual(['alone', 'base', 'delta']);
    expect(freedBytes).toBe(details.own_bytes + 'only of 1'.length);
    expect(freedBytes).toBe(details.freed_if_dropped_bytes);
  });

  test('orphans that are too young stay; older ones go', async () => {
    const files = await sharing();
    const name = 'ab'.repeat(32);
    await files.makeDirectory(paths.sharedSubdirectory(name)).catch(() => undefined);
    await writeFile(files, paths.sharedFile(name), Buffer.from('orphan'));
    const [orphan, ...others] = await listLeftovers(files, paths, true, 5_000_000);
    expect(others).toEqual([]);
    expect(orphan).toMatchObject({kind: 'shared', path: paths.sharedFile(name), bytes: 6});
    expect(orphan!.ageMillis).toBeGreaterThan(0);
    await prune(files, KEEP_LAST, [name]);
    expect(await sharedContents(files, JOB_DIRECTORY)).toContain('orphan');
    await prune(files);
    expect(await sharedContents(files, JOB_DIRECTORY)).not.toContain('orphan');
  });
});
