// After a power loss at any instant: a savepoint that was told is there and whole, and one that is there at all is whole. A
// run that died after the rename left one that nobody was told of: whoever finds it relies on it only once it is durable.

import {describe, expect, it} from 'vitest';

import type {CheckpointMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {findSavepoint, SavepointAttempt} from '#src/storage/savepoint-attempt.js';
import {convertState} from '#src/state/canonical/convert-database.js';
import {writeSavepoint} from '#src/savepoints/write-savepoint.js';
import {whole} from '../hostile/support/sample.ts';
import {beginFresh, JOB_DIRECTORY, publish, start} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {memoryStores} from '../state/support/memory-store.ts';
import {
  findViolation,
  RECORDED_OWNERS,
  say,
  withoutEachSync,
  type Promised,
  type Recording,
} from './crash-disks.ts';

/** Two that nobody has synced anything of before. */
const TARGETS = ['/one/nightly', '/two/nightly'] as const;
const JOB_ID = '0123456789abcdef0123456789abcdef';

function placeAt(target: string, random: string) {
  return {path: `${target}/savepoint-012345-${random}`, jobId: JOB_ID, generation: 1};
}

async function record(droppedSyncs: ReadonlySet<number>): Promise<Recording> {
  const disk = new MemoryFileSystem({droppedSyncs});
  const promises: Promised[] = [];
  const promise = (what: string, holds: Promised['holds']): void => {
    promises.push({what, since: disk.log.length, until: Infinity, holds});
  };
  disk.phase = 'before';
  const owner = await start(disk, RECORDED_OWNERS[0]);
  await beginFresh(owner);
  const {path, metadata} = await publish(disk, owner, 2);
  // A predecessor made the target and was killed before it synced it.
  await disk.makeDirectory('/one');
  disk.phase = 'savepoint';
  const first = placeAt(TARGETS[0], 'aaaaaaaaaaaa');
  const attempt = await SavepointAttempt.begin(disk, first);
  const convert = async () => Promise.reject(new Error('nothing is converted'));
  await writeSavepoint(disk, {directory: path, metadata}, attempt, 'native', convert);
  promise('the savepoint that was told', async (crashed) => isWhole(crashed, first.path));
  disk.phase = 'discard';
  await (await SavepointAttempt.begin(disk, placeAt(TARGETS[0], 'bbbbbbbbbbbb'))).discard();
  await disk.makeDirectory('/two');
  disk.phase = 'rename';
  const second = placeAt(TARGETS[1], 'cccccccccccc');
  await writeAndDie(disk, {path, metadata}, second);
  disk.phase = 'found';
  const found = await findSavepoint(disk, second.path, {
    lineage: metadata.lineage,
    checkpointId: 2,
  });
  expect(found.kind).toBe('there');
  promise('the savepoint that was found', async (crashed) => isWhole(crashed, second.path));
  return {disk, promises};
}

/** The process is killed after the rename, before the sync of the target. */
async function writeAndDie(
  disk: MemoryFileSystem,
  {path, metadata}: {readonly path: string; readonly metadata: CheckpointMetadata},
  place: ReturnType<typeof placeAt>,
): Promise<void> {
  const {options} = disk;
  await new Promise<void>((resolve, reject) => {
    disk.options = {
      ...options,
      fault({name, path: where}) {
        if (name !== 'syncDirectory' || where !== TARGETS[1]) return null;
        resolve();
        return {kind: 'hang'};
      },
    };
    void SavepointAttempt.begin(disk, place)
      .then(async (attempt) =>
        writeSavepoint(disk, {directory: path, metadata}, attempt, 'native', async (request) =>
          convertState(disk, request, memoryStores(disk)),
        ),
      )
      .catch(reject);
  });
  disk.options = options;
}

async function isWhole(files: MemoryFileSystem, directory: string): Promise<boolean> {
  const onFinding = (): void => undefined;
  const result = await checkCheckpoint({files, directory, level: 'checksum', onFinding});
  return result.state.kind === 'complete' && result.errors === 0;
}

async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
  for (const target of TARGETS) {
    const names = await disk.list(target).then(
      (entries) => entries.map(({name}) => name),
      () => [],
    );
    for (const name of names.filter((one) => !one.startsWith('.'))) {
      if (!(await isWhole(disk, `${target}/${name}`))) return `${name} is torn`;
    }
    // What is hidden is in nobody's way.
    await SavepointAttempt.begin(disk, {...placeAt(target, 'dddddddddddd'), generation: 2});
    const left = (await disk.list(target)).find(({name}) => name.includes('-0000000001-'));
    if (left !== undefined) return `left behind: ${left.name}`;
  }
  return null;
}

function placeOf(path: string): string {
  return path
    .replace(JOB_DIRECTORY, '<job>')
    .replace(/[0-9a-f]{32}-\d{10}-[0-9a-f]{12}/, 'HIDDEN')
    .replace(/savepoint-[0-9a-f]{6}-[0-9a-f]{12}/, 'SAVEPOINT');
}

describe('crash states of a savepoint', () => {
  it('none that was told is lost, and none is torn, whatever was not synced', async () => {
    const recording = await record(new Set());
    const {violation, disks} = await findViolation(recording, alwaysHolds);
    say(`crash states: ${recording.disk.log.length} operations, ${disks} different disks`);
    expect(violation).toBeNull();
    expect(disks).toBeGreaterThan(100);
  }, 300_000);

  it.runIf(whole)(
    'each single sync is needed',
    async () => {
      const why = await withoutEachSync(record, alwaysHolds, placeOf);
      expect(why.length).toBeGreaterThan(5);
      expect(why.filter(([, violation]) => violation === null)).toEqual([]);
    },
    300_000,
  );
});
