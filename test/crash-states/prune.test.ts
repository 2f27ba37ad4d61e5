// `checkpoint prune` of a dead job after a power loss at any instant, whatever subset of the unsynced operations reached the
// disk: what is kept is whole, what is deleted is whole or gone, and a second prune finishes the work: then nothing is left
// that nobody needs. Each single sync is dropped in turn: the proof must notice.

import {describe, expect, it} from 'vitest';

import {pruneTakenOver} from '#src/runtime/prune-checkpoints.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {listLeftovers} from '#src/storage/list-leftovers.js';
import {JobPaths} from '#src/storage/paths.js';
import {whole} from '../hostile/support/sample.ts';
import {beginFresh, JOB_DIRECTORY, start} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {bring, publishShared, sharingMetadata} from '../storage/support/shared-states.js';
import {findViolation, say, withoutEachSync, type Promised, type Recording} from './crash-disks.ts';

const paths = new JobPaths(JOB_DIRECTORY);
const KEPT = [2, 5];
const GONE = [1, 3, 4];
const ORDER = {policy: {keepLast: 1, keepWithinMillis: null}, among: null, inUse: []};

async function prune(disk: MemoryFileSystem, phase = ''): Promise<void> {
  const owner = await start(disk, {kind: 'prune'});
  disk.phase = phase;
  await pruneTakenOver(disk, owner, ORDER, 0, []);
  disk.phase = 'before';
  await owner.writeEnd('finished', {});
}

/** 2 is held and 5 the newest; both need `base`, which 1 brought; an attempt that was given up has linked a file. */
async function record(droppedSyncs: ReadonlySet<number>): Promise<Recording> {
  const disk = new MemoryFileSystem({droppedSyncs});
  disk.phase = 'before';
  const owner = await start(disk);
  await beginFresh(owner);
  const {states} = await publishShared(disk, owner, 1, {brings: ['base', 'only of 1']});
  const [base] = states;
  await publishShared(disk, owner, 2, {brings: ['delta of 2'], refers: [base!]});
  await publishShared(disk, owner, 3, {brings: ['delta of 3'], refers: [base!]});
  await publishShared(disk, owner, 4, {brings: ['delta of 4']});
  await publishShared(disk, owner, 5, {brings: ['delta of 5'], refers: [base!]});
  await owner.placeHold({checkpointId: 2, lineage: null});
  const attempt = await owner.beginAttempt(6);
  const state = await bring(disk, attempt, 'left behind');
  disk.options = {
    ...disk.options,
    fault: ({name, path}) =>
      name === 'createNew' && path.endsWith('_metadata') ? {kind: 'fail', code: 'EIO'} : null,
  };
  await expect(attempt.publish(sharingMetadata(owner, 6, [state]))).rejects.toThrow('EIO');
  disk.options = {droppedSyncs};

  await prune(disk, 'prune');
  const promises: Promised[] = [
    {
      what: 'what was deleted is gone',
      since: disk.log.length,
      until: Infinity,
      holds: async (crashed) => (await idsIn(crashed)).every((id) => !GONE.includes(id)),
    },
  ];
  return {disk, promises};
}

async function idsIn(disk: MemoryFileSystem): Promise<readonly number[]> {
  const entries = await disk.list(JOB_DIRECTORY);
  return entries.flatMap(({name}) => (/^chk-\d+$/.test(name) ? [Number(name.slice(4))] : []));
}

async function tornOf(disk: MemoryFileSystem): Promise<string | null> {
  const ids = await idsIn(disk);
  const missing = KEPT.find((id) => !ids.includes(id));
  if (missing !== undefined) return `chk-${missing} is gone`;
  for (const id of ids) {
    const directory = paths.checkpoint(id);
    const onFinding = (): void => undefined;
    const result = await checkCheckpoint({files: disk, directory, level: 'checksum', onFinding});
    if (result.state.kind !== 'complete' || result.errors > 0) return `chk-${id} is torn`;
  }
  return null;
}

/** Before the second run, and after it. */
async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
  const torn = await tornOf(disk);
  if (torn !== null) return torn;
  await prune(disk);
  const tornByIt = await tornOf(disk);
  if (tornByIt !== null) return `after a second prune: ${tornByIt}`;
  const ids = await idsIn(disk);
  if (ids.join() !== KEPT.join()) return `a second prune leaves ${ids.join()}`;
  const leftovers = await listLeftovers(disk, paths, true, 0);
  return leftovers.length === 0 ? null : `left behind: ${JSON.stringify(leftovers)}`;
}

describe('crash states of prune', () => {
  it('what is kept is whole, and a second run finishes the work, whatever was not synced', async () => {
    const recording = await record(new Set());
    const from = recording.disk.log.findIndex(({phase}) => phase === 'prune');
    const {violation, disks} = await findViolation(recording, alwaysHolds, from);
    say(`crash states: ${recording.disk.log.length - from} operations, ${disks} different disks`);
    expect(violation).toBeNull();
    expect(disks).toBeGreaterThan(20);
  }, 300_000);

  it.skipIf(!whole)(
    'each single sync is needed',
    async () => {
      const why = await withoutEachSync(record, alwaysHolds, (path) =>
        path.replace(JOB_DIRECTORY, '<job>').replace(/\d{10}/g, 'G'),
      );
      expect(why.map(([place]) => place.trim().replace(/\s+/, ' '))).toEqual(['prune <job>']);
      expect(why.filter(([, violation]) => violation === null)).toEqual([]);
    },
    300_000,
  );
});
