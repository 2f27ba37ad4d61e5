// After a power loss at any instant, whatever subset of the unsynced operations reached the disk: what was
// acknowledged is there and whole, nothing torn looks complete, and the next run can start. The operations of
// real take-overs, publishes, deletes and end records are recorded; for every prefix, subsets of the unsynced
// changes are built and looked at through the code that a recovery uses. Each single sync is then dropped in
// turn: the proof must notice, or the sync would be superfluous. The table is printed.

import {describe, expect, it} from 'vitest';

import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths, parseGenerationName, parseOwnerName} from '#src/storage/paths.js';
import {readHistory} from '#src/storage/read-history.js';
import {beginFresh, JOB_DIRECTORY, publish, start} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {
  findViolation,
  RECORDED_OWNERS,
  say,
  withoutEachSync,
  type Promised,
  type Recording,
} from './crash-disks.ts';

const paths = new JobPaths(JOB_DIRECTORY);

/** Two generations: the first publishes and is killed; the second takes over, publishes, deletes, ends. */
async function record(droppedSyncs: ReadonlySet<number>): Promise<Recording> {
  const disk = new MemoryFileSystem({droppedSyncs});
  const promises: Promised[] = [];
  const promise = (what: string, holds: Promised['holds']): Promised => {
    const made = {what, since: disk.log.length, until: Infinity, holds};
    promises.push(made);
    return made;
  };
  // A predecessor made the directories and was killed before it synced any of them.
  await disk.makeDirectory('/data');
  await disk.makeDirectory('/data/checkpoints');
  await disk.makeDirectory(JOB_DIRECTORY);
  await disk.makeDirectory(paths.ownerDirectory);

  disk.phase = 'take-over';
  const first = await start(disk, RECORDED_OWNERS[0]);
  promise('generation 1 is taken', async (crashed) => ownerIs(crashed, 1));
  disk.phase = 'lineage';
  await beginFresh(first);
  promise('lineage of 1', async (crashed) => (await historyOf(crashed, 1))?.lineage !== null);
  const attempted = await first.beginAttempt(1);
  await attempted.abort();
  disk.phase = 'publish';
  await publish(disk, first, 2);
  const second = promise('checkpoint 2', async (crashed) => isWhole(crashed, 2));
  disk.phase = 'published';
  await first.markPublished();
  promise(
    'published mark of 1',
    async (crashed) => (await historyOf(crashed, 1))?.published === true,
  );
  disk.phase = 'publish';
  await publishAndDie(disk, first, 3);

  disk.phase = 'take-over';
  const next = await start(disk, RECORDED_OWNERS[1]);
  promise('generation 2 is taken', async (crashed) => ownerIs(crashed, 2));
  promise('the fence stands', async (crashed) => fenceStands(crashed, 2));
  // It sees checkpoint 3, whose owner was killed between rename and sync, and relies on it.
  expect((await next.listCheckpoints()).map(({checkpointId}) => checkpointId)).toEqual([3, 2]);
  promise('checkpoint 3', async (crashed) => isWhole(crashed, 3));
  disk.phase = 'settled';
  await next.markSettled(1);
  promise('settled mark of 1', async (crashed) => (await historyOf(crashed, 1))?.settled === true);
  const permit = await next.permitDeletion([2]);
  second.until = disk.log.length;
  disk.phase = 'delete';
  await next.deleteCheckpoints(permit);
  promise('checkpoint 2 is deleted', async (crashed) => !(await names(crashed)).includes('chk-2'));
  disk.phase = 'end';
  await next.writeEnd('finished', {});
  promise('end of 2', async (crashed) => (await historyOf(crashed, 2))?.end?.how === 'finished');
  return {disk, promises};
}

/** The process is killed after the rename, before the sync of the job directory. */
async function publishAndDie(disk: MemoryFileSystem, owner: Ownership, id: number): Promise<void> {
  const {options} = disk;
  await new Promise<void>((resolve) => {
    disk.options = {
      ...options,
      fault({name, path}) {
        if (name !== 'syncDirectory' || path !== JOB_DIRECTORY) return null;
        resolve();
        return {kind: 'hang'};
      },
    };
    void publish(disk, owner, id);
  });
  disk.options = options;
}

async function names(disk: MemoryFileSystem): Promise<readonly string[]> {
  return (await disk.list(JOB_DIRECTORY)).map(({name}) => name);
}

async function isWhole(disk: MemoryFileSystem, id: number): Promise<boolean> {
  const result = await checkCheckpoint({
    files: disk,
    directory: paths.checkpoint(id),
    level: 'checksum',
    onFinding: () => undefined,
  });
  return result.state.kind === 'complete' && result.errors === 0;
}

async function historyOf(disk: MemoryFileSystem, generation: number) {
  const {generations} = await readHistory(disk, paths, Infinity);
  return generations.find((one) => one.generation === generation) ?? null;
}

async function ownerIs(disk: MemoryFileSystem, generation: number): Promise<boolean> {
  return (await historyOf(disk, generation))?.owner?.generation === generation;
}

/** On a file server that lost power, a paused process of generation 1 on another machine lives on. */
async function fenceStands(disk: MemoryFileSystem, generation: number): Promise<boolean> {
  const work = await disk.list(paths.workDirectory);
  return work.every(({name}) => (parseGenerationName(name) ?? 0) >= generation);
}

/** What holds on every disk after any crash, acknowledged or not. */
async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
  for (const name of await namesIfThere(disk, JOB_DIRECTORY)) {
    const id = /^chk-(\d+)$/.exec(name)?.[1];
    if (id !== undefined && !(await isWhole(disk, Number(id)))) return `${name} is torn`;
  }
  for (const name of await namesIfThere(disk, paths.ownerDirectory)) {
    const parsed = parseOwnerName(name);
    if (parsed === null) return `owner/${name} is unknown`;
    const content = disk.contentOf(`${paths.ownerDirectory}/${name}`);
    const mayBeTorn = parsed.kind === 'aside' || (parsed.kind === 'mark' && parsed.mark === 'beat');
    if (!mayBeTorn && !isSealed(content)) return `owner/${name} is torn`;
  }
  const seen = await highest(disk);
  const again = await start(disk);
  if (again.generation <= seen) return `generation ${again.generation} is used twice`;
  return null;
}

function isSealed(content: Buffer): boolean {
  return (
    content.length > 80 &&
    content.toString('latin1', 0, 12) === '{"_sha256":"' &&
    content.at(-1) === 10
  );
}

async function highest(disk: MemoryFileSystem): Promise<number> {
  const all = await namesIfThere(disk, paths.ownerDirectory);
  return Math.max(
    0,
    ...all.map((name) => (parseOwnerName(name)?.kind === 'record' ? Number(name) : 0)),
  );
}

async function namesIfThere(disk: MemoryFileSystem, directory: string): Promise<readonly string[]> {
  try {
    return (await disk.list(directory)).map(({name}) => name);
  } catch {
    return [];
  }
}

/** The same for all generations, checkpoints and runs. */
function placeOf(path: string): string {
  return path
    .replace(JOB_DIRECTORY, '<job>')
    .replace(/\d{10}/g, 'G')
    .replace(/chk-\d+/, 'chk-N')
    .replace(/-[0-9a-f]{16}/, '-<run>')
    .replace(/record-\d+/, 'record');
}

describe('crash states', () => {
  it('no acknowledged checkpoint is lost and nothing torn is complete, whatever was not synced', async () => {
    const recording = await record(new Set());
    const {violation, disks} = await findViolation(recording, alwaysHolds);
    say(`crash states: ${recording.disk.log.length} operations, ${disks} different disks`);
    expect(violation).toBeNull();
    expect(disks).toBeGreaterThan(500);
  }, 300_000);

  it('each single sync is needed', async () => {
    const why = await withoutEachSync(record, alwaysHolds, placeOf);
    const superfluous = why.filter(([, violation]) => violation === null);
    expect(superfluous).toEqual([]);
  }, 300_000);
});
