// What a lineage began from is claimed or held before the lineage is recorded, stays until the lineage has a checkpoint of its
// own, and then goes, or is left with the reason; holds of earlier lineages are released.

import {beforeEach, describe, expect, test} from 'vitest';

import type {JobSpec} from '#src/job/job-spec.js';
import {Shift} from '#src/runtime/shift.js';
import type {JobStart} from '#src/runtime/start-job.js';
import {ClaimRemoval} from '#src/runtime/claim-removal.js';
import {
  deployedFrom,
  releaseOldOrigins,
  requireDeadOwnerOf,
  requireUnclaimed,
  takeOrigin,
} from '#src/runtime/claim-origin.js';
import type {LineageRecord} from '#src/recovery/facts.js';
import type {StartsWork} from '#src/recovery/plan-settlement.js';
import {readClaim} from '#src/storage/claims.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {
  copyTree,
  FakeTime,
  HERE,
  JOB_DIRECTORY,
  LINEAGE as OTHERS_LINEAGE,
  processTable,
  publish,
  start,
  writeFile,
} from '../storage/support/fixture.ts';
import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';

const OTHER = '/other/flights';
const MOVED = '/kept/before-the-change';
const LINEAGE = 'aaaaaaaaaaaaaaaa';
const alive = processTable({...HERE, pid: 7}, () => ({
  kind: 'running',
  startTime: HERE.startTime,
}));

let disk: MemoryFileSystem;
let owner: Ownership;
beforeEach(async () => {
  disk = new MemoryFileSystem();
  const other = await start(disk, {directory: OTHER});
  for (const id of [1, 2]) await publish(disk, other, id);
  await disk.makeDirectory('/kept');
  await copyTree(disk, `${OTHER}/chk-2`, disk, MOVED);
  owner = await start(disk);
  await publish(disk, owner, 3);
});

function recordOf(path: string, claimed: boolean, lineage = LINEAGE): LineageRecord {
  const checkpointId = Number(/\d+$/.exec(path)?.[0] ?? 2);
  const metadataSha256 = '0'.repeat(64);
  const origin = {kind: 'checkpoint', checkpointId, path, metadataSha256, claimed} as const;
  return {lineage, origin, ancestors: [], outputAhead: 'refuse'};
}

function startFrom(path: string, claimed: boolean): StartsWork {
  const checkpoint = {state: 'complete', path} as never;
  return {kind: 'restored', checkpoint, because: 'requested', claimed, sentence: ''};
}

async function take(path: string, claimed: boolean, lineage = LINEAGE): Promise<void> {
  await takeOrigin(owner, startFrom(path, claimed), recordOf(path, claimed, lineage), null);
}

async function remove(path: string, lineage = LINEAGE): Promise<readonly string[]> {
  const left: string[] = [];
  const removal = new ClaimRemoval(owner, recordOf(path, true, lineage), (_path, why) =>
    left.push(why),
  );
  removal.begin();
  removal.begin();
  await removal.idle();
  return left;
}

const holds = (): string[] =>
  disk.namesIn(JOB_DIRECTORY).includes('holds') ? [...disk.namesIn(`${JOB_DIRECTORY}/holds`)] : [];

describe('before the lineage', () => {
  test('of the own directory: held, unless it is claimed', async () => {
    await take(`${JOB_DIRECTORY}/chk-3`, true);
    expect(holds()).toEqual([]);
    await take(`${JOB_DIRECTORY}/chk-3`, false);
    await take(`${JOB_DIRECTORY}/chk-3`, false);
    expect(holds()).toEqual([`chk-3.${LINEAGE}`]);
    expect(await readClaim(disk, `${JOB_DIRECTORY}/chk-3`)).toBeNull();
  });

  test('of elsewhere: claimed, or marked as used, which goes with the first checkpoint', async () => {
    const before = disk.namesIn(MOVED);
    await take(MOVED, false);
    await take(MOVED, false);
    expect(disk.namesIn(MOVED)).toEqual([...before, `used-by-${LINEAGE}`]);
    expect(holds()).toEqual([]);
    const left = (path: string): never => {
      throw new Error(path);
    };
    const removal = new ClaimRemoval(owner, recordOf(MOVED, false), left);
    removal.begin();
    await removal.idle();
    expect(disk.namesIn(MOVED)).toEqual(before);
    await take(MOVED, true);
    await take(MOVED, true);
    expect(await readClaim(disk, MOVED)).toEqual({jobDirectory: JOB_DIRECTORY, lineage: LINEAGE});
    expect(disk.namesIn(MOVED)).toEqual([...before, 'claimed-by']);
    expect(holds()).toEqual([]);
  });

  test('H41: claimed by somebody else in between: refused, and nothing of it is changed', async () => {
    const rival = await start(disk, {directory: '/rival/flights'});
    await rival.claim(MOVED, 'bbbbbbbbbbbbbbbb');
    const names = disk.namesIn(MOVED);
    await expect(take(MOVED, true)).rejects.toMatchObject({code: 'ALREADY_RUNNING'});
    const facts = {generations: []};
    for (const claimed of [true, false]) {
      const begun = requireUnclaimed(disk, JOB_DIRECTORY, facts, startFrom(MOVED, claimed));
      await expect(begun).rejects.toMatchObject({code: 'ALREADY_RUNNING'});
    }
    expect(disk.namesIn(MOVED)).toEqual(names);
  });

  test('one that its owner still uses is not claimed', async () => {
    const here = await start(disk, {directory: '/third/flights', processes: alive});
    const claim = async (claimed: boolean) =>
      requireDeadOwnerOf(disk, here, startFrom(`${OTHER}/chk-2`, claimed));
    await expect(claim(true)).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      // `--take-over` would not help.
      details: {hint: expect.stringContaining('--claim-mode no-claim') as string},
    });
    expect(await claim(false)).toBeNull();
    expect(await requireDeadOwnerOf(disk, here, startFrom(MOVED, true))).toBeNull();
    const dead = await requireDeadOwnerOf(disk, owner, startFrom(`${OTHER}/chk-2`, true));
    expect(dead).toEqual({jobDirectory: OTHER, generation: 1});
  });

  test.each([
    ['comes back', true],
    ['stays away', false],
  ])('a claim while its owner, thought dead, %s', async (_how, comes) => {
    const path = `${OTHER}/chk-2`;
    const begun = startFrom(path, true);
    const unused = await requireDeadOwnerOf(disk, owner, begun);
    // It has looked for a claim before there was one, or looks for it later.
    if (comes) await start(disk, {directory: OTHER});
    const names = disk.namesIn(path);
    const claimed = takeOrigin(owner, begun, recordOf(path, true), unused);
    if (comes) {
      await expect(claimed).rejects.toMatchObject({
        code: 'ALREADY_RUNNING',
        message: expect.stringMatching(/generation 2\) meanwhile: nothing there can be claimed$/),
      });
      expect(disk.namesIn(path)).toEqual(names);
      const lost = disk.afterCrash(disk.log.length, () => 'lost');
      expect(lost.namesIn(path)).toEqual(names);
    } else {
      await claimed;
      expect(await readClaim(disk, path)).toEqual({jobDirectory: JOB_DIRECTORY, lineage: LINEAGE});
    }
  });

  test('who slept over its own claim leaves it to the successor that goes on with it', async () => {
    const path = `${OTHER}/chk-2`;
    const begun = startFrom(path, true);
    const unused = await requireDeadOwnerOf(disk, owner, begun);
    let adopted: string | null = null;
    const whileItSleeps = async (): Promise<void> => {
      const names = disk.namesIn(path);
      const isWritten = names.includes('claimed-by');
      if (!isWritten || names.some((name) => name.startsWith('.claimed-by'))) return;
      disk.options = {};
      const next = await start(disk);
      adopted = await requireUnclaimed(disk, JOB_DIRECTORY, {generations: []}, begun);
      const record = recordOf(path, true, adopted!);
      await takeOrigin(next, begun, record, null);
      await next.beginLineage(record);
      await start(disk, {directory: OTHER});
    };
    disk.options = {pause: whileItSleeps};
    const late = takeOrigin(owner, begun, recordOf(path, true), unused);
    await expect(late).rejects.toMatchObject({code: 'FENCED'});
    expect(adopted).toBe(LINEAGE);
    expect(await readClaim(disk, path)).toEqual({jobDirectory: JOB_DIRECTORY, lineage: LINEAGE});
  });

  test('its owner does not resume it, in whatever way', async () => {
    const path = `${OTHER}/chk-2`;
    await owner.claim(path, LINEAGE);
    const checkpoint = {state: 'complete', path, id: 2} as never;
    const record = recordOf(path, false, OTHERS_LINEAGE);
    const ways = [
      {kind: 'resumed', lineage: OTHERS_LINEAGE, from: {kind: 'checkpoint', checkpoint}, record},
      {kind: 'finish-only', lineage: OTHERS_LINEAGE, checkpoint, record, end: 'finished'},
    ] as const;
    for (const way of ways) {
      const begun = {...way, sentence: ''} as StartsWork;
      await expect(requireUnclaimed(disk, OTHER, {generations: []}, begun)).rejects.toMatchObject({
        code: 'ALREADY_RUNNING',
      });
    }
  });

  test('a claim that cannot be read is damage, and nobody takes it for none', async () => {
    await writeFile(disk, `${MOVED}/claimed-by`, Buffer.from('{}'));
    const facts = {generations: []};
    const begun = requireUnclaimed(disk, JOB_DIRECTORY, facts, startFrom(MOVED, true));
    await expect(begun).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
  });
});

test('its own is what lies in its directory and is of its lineage, or claimed: only that may be referred to', () => {
  const isOwn = (path: string, claimed: boolean, lineage = 'bbbbbbbbbbbbbbbb'): boolean => {
    const id = Number(/\d+$/.exec(path)?.[0]);
    const checkpoint = {state: 'complete', id, path, metadata: {lineage}} as never;
    return deployedFrom(owner, recordOf(`${JOB_DIRECTORY}/chk-3`, claimed), checkpoint)!.isOwn;
  };
  expect(isOwn(`${JOB_DIRECTORY}/chk-3`, true)).toBe(true);
  expect(isOwn(`${JOB_DIRECTORY}/chk-3`, false)).toBe(false);
  expect(isOwn(`${JOB_DIRECTORY}/chk-2`, true)).toBe(false);
  expect(isOwn(`${JOB_DIRECTORY}/chk-4`, false, LINEAGE)).toBe(true);
  // A copy of it: what it refers to lies elsewhere.
  expect(isOwn(`${OTHER}/chk-4`, false, LINEAGE)).toBe(false);
  expect(isOwn(`${OTHER}/chk-3`, true)).toBe(false);
});

test('holds of other lineages are released, those of the user and of the own one stay', async () => {
  await owner.placeHold({checkpointId: 3, lineage: null});
  for (const lineage of [LINEAGE, 'cccccccccccccccc']) {
    await owner.placeHold({checkpointId: 3, lineage});
  }
  await releaseOldOrigins(owner, LINEAGE);
  expect(holds()).toEqual(['chk-3', `chk-3.${LINEAGE}`]);
});

describe('after the first own checkpoint', () => {
  test('a directory of its own is removed whole; a second time there is nothing to do', async () => {
    await take(MOVED, true);
    expect(await remove(MOVED)).toEqual([]);
    expect(disk.namesIn('/kept')).toEqual([]);
    expect(await remove(MOVED)).toEqual([]);
  });

  test('and not before: a run that was restored and has committed nothing keeps it', async () => {
    await take(MOVED, true);
    const job = {
      checkpointing: {numRetained: 3, externalizedRetention: 'retain-on-cancellation'},
    } as unknown as JobSpec;
    const begun = {record: recordOf(MOVED, true), facts: {checkpoints: [], generations: []}};
    const shift = new Shift({
      job,
      files: disk,
      clock: new FakeTime(),
      ownership: owner,
      start: begun as unknown as JobStart,
      inUse: new Map(),
      deleted: () => undefined,
      notDeleted: (error) => expect(error).toBeUndefined(),
      mended: (path) => expect(path).toBeUndefined(),
      claimLeft: (_path, why) => expect(why).toBe(''),
    });
    await publish(disk, owner, 4);
    await shift.retention.published(4);
    await shift.idle();
    expect(disk.namesIn('/kept')).toEqual(['before-the-change']);
    await shift.committed(4);
    await shift.idle();
    expect(disk.namesIn('/kept')).toEqual([]);
  });

  test('what the claim does not name is left', async () => {
    expect(await remove(MOVED)).toEqual(['it is not claimed by this run any more']);
    await take(MOVED, true, 'bbbbbbbbbbbbbbbb');
    expect(await remove(MOVED)).toEqual(['it is not claimed by this run any more']);
    await writeFile(disk, `${MOVED}/count/notes`, Buffer.from('mine'));
    const strange = await remove(MOVED, 'bbbbbbbbbbbbbbbb');
    expect(strange).toEqual([expect.stringContaining('count/notes')]);
    expect(disk.namesIn('/kept')).toEqual(['before-the-change']);
  });

  test('a chk-N of another directory goes by the rules there: only it, and not if it is held', async () => {
    const path = `${OTHER}/chk-2`;
    await take(path, true);
    const there = await start(disk, {directory: OTHER});
    await there.placeHold({checkpointId: 2, lineage: null});
    expect(await remove(path)).toEqual(['it is held there']);
    const again = await start(disk, {directory: OTHER});
    await again.releaseHold({checkpointId: 2, lineage: null});
    expect(await remove(path)).toEqual([]);
    expect(disk.namesIn(OTHER).filter((name) => name.startsWith('chk-'))).toEqual(['chk-1']);
    expect(disk.namesIn(`${OTHER}/owner`)).toContain('0000000005.end');
    // Whoever resumes there hears of what went, and of nothing that stayed.
    const {generations} = await (await start(disk, {directory: OTHER})).readHistory();
    const by = {jobDirectory: JOB_DIRECTORY, lineage: LINEAGE};
    expect(generations.flatMap(({claimed}) => claimed ?? [])).toEqual([
      {checkpointId: 2, lineage: OTHERS_LINEAGE, by},
    ]);
    const next = await start(disk, {directory: OTHER});
    expect(next.highestCheckpointId(), 'no id is used twice').toBe(2);
  });

  test('without a claim, or in the own directory, nothing is removed', async () => {
    const left: string[] = [];
    for (const record of [recordOf(MOVED, false), recordOf(`${JOB_DIRECTORY}/chk-3`, true)]) {
      const removal = new ClaimRemoval(owner, record, (_path, why) => left.push(why));
      removal.begin();
      await removal.idle();
    }
    expect(left).toEqual([]);
    expect(disk.namesIn('/kept')).toEqual(['before-the-change']);
    expect(disk.namesIn(JOB_DIRECTORY)).toContain('chk-3');
  });
});
