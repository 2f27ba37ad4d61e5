// A copy of a Flink checkpoint is whole in one directory wherever that lies, holds the same bytes of state, and is there whole or
// not at all, whatever fails; the original is only read.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {beforeAll, describe, expect, test} from 'vitest';

import {
  copyFlinkDirectory,
  type FlinkCopyOptions,
} from '#src/inspection/flink/copy-flink-directory.js';
import {parsePathMap} from '#src/inspection/flink/locate-file.js';
import {planFlinkCopy, type FlinkCopyPlan} from '#src/inspection/flink/plan-flink-copy.js';
import {openFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {locateFile} from '#src/inspection/flink/locate-file.js';
import {fileUses, sizesOf} from '#src/inspection/flink/state-parts.js';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {baseName} from '#src/storage/paths.js';
import {unfinishedCopyAt} from '#src/storage/unfinished-copies.js';
import {
  makeAbove,
  readDirectories,
  unpack,
  type PackedDirectory,
} from '../../flink-directories/support/directories.js';
import {
  absolute,
  keyGroupsHandle,
  metadataOf,
  operatorOf,
  subtaskOf,
} from './support/metadata-bytes.js';
import {FakeTime, HERE, processTable, readFile, writeFile} from '../../storage/support/fixture.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.js';

let all: readonly PackedDirectory[];
beforeAll(() => {
  all = readDirectories();
});

const named = (part: string): PackedDirectory => all.find(({name}) => name.includes(part))!;

async function diskWith(part: string): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory('/copies');
  await unpack(disk, named(part), '/work');
  disk.settle();
  return disk;
}

const RANDOM = '00aa11bb22cc';
/** Where a copy to /copies/one is written. */
const HIDDEN = unfinishedCopyAt('/copies/one', processTable(), RANDOM);

/** As of a process that is another one by then. */
const THEIRS = unfinishedCopyAt('/copies/one', processTable(), 'ffffffffffff');

async function copyOf(options: Omit<FlinkCopyOptions, 'random' | 'processes'>): Promise<void> {
  return copyFlinkDirectory({random: RANDOM, processes: processTable(), ...options});
}

/** What Flink would read, handle by handle. */
async function stateOf(files: FileSystem, directory: string): Promise<readonly string[]> {
  const {metadata} = await openFlinkDirectory({files, directory, maps: []});
  const place = {directory, checkpointId: metadata.checkpointId, maps: []};
  const states: string[] = [];
  for (const {file, operator, subtask} of fileUses(metadata)) {
    const location = locateFile(file, place);
    if (location.kind !== 'here') throw new Error(file.path);
    const start = file.kind === 'segment' ? file.start : 0;
    const bytes = (await readFile(files, location.path)).subarray(start, start + file.size);
    states.push(`${operator.id} ${subtask} ${bytes.toString('hex')}`);
  }
  return states;
}

async function codesOf(files: FileSystem, directory: string): Promise<readonly string[]> {
  const codes: string[] = [];
  await verifyCheckpoints({
    files,
    clock: new FakeTime(),
    directories: [directory],
    level: 'manifest',
    onFinding: ({code}) => codes.push(code),
  });
  return codes;
}

const planOf = async (files: FileSystem, directory: string): Promise<FlinkCopyPlan> =>
  planFlinkCopy({files, directory, maps: []});

describe('Flink 2.3', () => {
  test.each([
    ['hashmap-aligned', 0],
    ['rocksdb-incremental', 12],
    ['file-merging-rocksdb', 14],
    ['unaligned', 0],
    ['savepoint-canonical', 0],
    ['savepoint-native-rocksdb', 0],
    ['tumble', 0],
    ['filesystem-sink', 0],
  ] as const)('%s: %s references become names beside _metadata', async (name, relocated) => {
    for (const {path} of named(`v6/${name}`).checkpoints) {
      const disk = await diskWith(`v6/${name}`);
      const source = `/work/${path}`;
      const before = disk.snapshot();
      const plan = await planOf(disk, source);
      expect(plan.relocated).toBe(relocated);
      let written = 0;
      await copyOf({
        files: disk,
        plan,
        target: '/copies/one',
        onProgress: (bytes) => (written += bytes),
      });
      expect(written).toBe(plan.bytes);
      expect(disk.unsyncedAt(disk.log.length), 'all of it is durable').toEqual([]);
      for (const [old, content] of before) expect(disk.snapshot().get(old), old).toBe(content);
      // Nothing of the original is needed, and the copy may lie anywhere.
      await disk.rename('/copies/one', '/copies/chk-77-copy');
      const states = await stateOf(disk, source);
      await disk.rename('/work', '/gone');
      const copy = '/copies/chk-77-copy';
      expect(await codesOf(disk, copy)).toEqual(['no-checksums']);
      expect(await stateOf(disk, copy)).toEqual(states);
      const [original, copied] = [
        await openFlinkDirectory({files: disk, directory: `/gone/${path}`, maps: []}),
        await openFlinkDirectory({files: disk, directory: copy, maps: []}),
      ];
      expect(sizesOf(copied.metadata)).toEqual(sizesOf(original.metadata));
      expect(copied.metadata.properties).toEqual(original.metadata.properties);
      if (relocated === 0) expect(copied.bytes).toEqual(original.bytes);
      else expect(Buffer.from(copied.bytes).includes('/srv/fl/')).toBe(false);
    }
  });

  test('a file that is needed twice is copied once; names that would be one are told apart', async () => {
    const disk = await diskWith('v6/unaligned');
    const {path} = named('v6/unaligned').checkpoints[0]!;
    const plan = await planOf(disk, `/work/${path}`);
    expect(plan.pieces).toHaveLength(3);
    const merging = await diskWith('v6/file-merging-rocksdb');
    const [first] = named('v6/file-merging-rocksdb').checkpoints;
    const pieces = (await planOf(merging, `/work/${first!.path}`)).pieces.map(({name}) => name);
    expect(new Set(pieces).size).toBe(pieces.length);
    expect(pieces.some((name) => /^[0-9a-f-]{36}-2$/.test(name))).toBe(true);
  });
});

const SOURCE = '/work/c648988ddb5f7c2dba00b97371360617/chk-10';

/** Before the call of that name, `act` happens. */
function watching(
  disk: MemoryFileSystem,
  call: keyof FileSystem,
  act: () => Promise<void>,
): FileSystem {
  return new Proxy(disk, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (name === call) await act();
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

describe('refused', () => {
  test('what is missing, elsewhere or leads out is not copied', async () => {
    const changelog = await diskWith('v6/changelog-fs-hashmap');
    const [first] = named('v6/changelog-fs-hashmap').checkpoints;
    await expect(planOf(changelog, `/work/${first!.path}`)).rejects.toMatchObject({
      code: 'INCOMPLETE',
      message: expect.stringMatching(/cannot be copied whole: .*, and 9 more$/) as string,
    });
    const disk = await diskWith('v6/rocksdb-incremental');
    const shared = SOURCE.replace('chk-10', 'shared');
    const [one] = await disk.list(shared);
    await disk.unlink(`${shared}/${one!.name}`);
    await expect(planOf(disk, SOURCE)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    disk.plant(`${shared}/${one!.name}`, 'link');
    await expect(planOf(disk, SOURCE)).rejects.toMatchObject({code: 'REFUSED'});
    await expect(planOf(disk, '/work/none')).rejects.toMatchObject({code: 'NOT_FOUND'});
  });

  test('a target that is there, or has no place, and directories above it that are made', async () => {
    const disk = await diskWith('v6/rocksdb-incremental');
    const plan = await planOf(disk, SOURCE);
    const copyTo = async (target: string) => copyOf({files: disk, plan, target});
    await disk.makeDirectory('/copies/empty');
    const before = disk.snapshot();
    await expect(copyTo('/copies/empty')).rejects.toMatchObject({code: 'REFUSED'});
    expect(disk.snapshot()).toEqual(before);
    await writeFile(disk, '/copies/file', new Uint8Array(1));
    await expect(copyTo('/copies/file/one')).rejects.toMatchObject({code: 'REFUSED'});
    // As a copy of tidemark's: what is missing above it is made.
    await copyTo('/not/yet/one');
    const after = disk.afterCrash(disk.log.length, () => 'lost');
    expect((await after.list('/not/yet')).map(({name}) => name)).toEqual(['one']);
  });

  test('what a copy to the same place left behind goes once its process is dead, not before', async () => {
    for (const [look, left] of [
      [{kind: 'gone'}, ['one']],
      [{kind: 'running', startTime: HERE.startTime}, [baseName(THEIRS), 'one']],
    ] as const) {
      const disk = await diskWith('v6/rocksdb-incremental');
      const plan = await planOf(disk, SOURCE);
      await disk.makeDirectory(THEIRS);
      await writeFile(disk, `${THEIRS}/state`, new Uint8Array(9));
      const processes = processTable({...HERE, pid: 4321}, () => look);
      await copyFlinkDirectory({
        files: disk,
        plan,
        target: '/copies/one',
        random: RANDOM,
        processes,
      });
      expect((await disk.list('/copies')).map(({name}) => name)).toEqual(left);
      expect(await codesOf(disk, '/copies/one')).toEqual(['no-checksums']);
    }
  });

  test('a target that somebody makes meanwhile', async () => {
    const disk = await diskWith('v6/rocksdb-incremental');
    const plan = await planOf(disk, SOURCE);
    let isMade = false;
    const onProgress = () => {
      if (!isMade) disk.plant('/copies/one', 'other');
      isMade = true;
    };
    await expect(
      copyOf({files: disk, plan, target: '/copies/one', onProgress}),
    ).rejects.toMatchObject({code: 'REFUSED', message: '/copies/one is there already'});
    expect((await disk.list('/copies')).map(({name}) => name)).toEqual(['one']);
  });

  test('a target that somebody makes while the hidden directory is taken away stays as it is', async () => {
    const disk = await diskWith('v6/rocksdb-incremental');
    const plan = await planOf(disk, SOURCE);
    const files = watching(disk, 'rename', async () => {
      await disk.rename(HIDDEN, '/copies/taken');
      await disk.makeDirectory('/copies/one');
      await writeFile(disk, '/copies/one/theirs', Buffer.from('x'));
    });
    await expect(copyOf({files, plan, target: '/copies/one'})).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
    expect((await disk.list('/copies/one')).map(({name}) => name)).toEqual(['theirs']);
  });

  test.each([
    ['stays', null],
    ['goes again', 'opened'],
  ])('a link that comes while a file is opened, and %s', async (_name, goes) => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-link-'));
    try {
      const [root, inside, outside] = ['job', 'job/shared', 'secrets'].map((name) =>
        join(directory, name),
      ) as [string, string, string];
      for (const one of [root, inside, outside]) mkdirSync(one);
      writeFileSync(join(inside, 'x'), 'state');
      writeFileSync(join(outside, 'x'), 'secret');
      const back = (): void => {
        unlinkSync(inside);
        renameSync(`${inside}.bak`, inside);
      };
      const files: FileSystem = {
        ...nodeFileSystem,
        async openForRead(path) {
          renameSync(inside, `${inside}.bak`);
          symlinkSync(outside, inside);
          const handle = await nodeFileSystem.openForRead(path);
          if (goes === 'opened') back();
          return handle;
        },
      };
      const piece = {source: join(inside, 'x'), root, start: 0, length: 5, name: 'x'};
      const plan = {
        ...{checkpointId: 1, source: root, metadata: Buffer.from('m'), pieces: [piece]},
        ...{bytes: 6, relocated: 0, isIncremental: false},
      };
      const target = join(directory, 'copy');
      await expect(copyOf({files, plan, target})).rejects.toMatchObject({
        code: 'REFUSED',
      });
      expect(readdirSync(directory).sort()).toEqual(['job', 'secrets']);
    } finally {
      rmSync(directory, {recursive: true});
    }
  });

  test('a file that changed since the plan, and a link put above it', async () => {
    const disk = await diskWith('v6/rocksdb-incremental');
    const plan = await planOf(disk, SOURCE);
    const before = disk.snapshot();
    const {source: last} = plan.pieces.at(-1)!;
    const bytes = await readFile(disk, last);
    await disk.unlink(last);
    await writeFile(disk, last, bytes.subarray(1));
    const copy = async () => copyOf({files: disk, plan, target: '/copies/one'});
    await expect(copy()).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    await disk.unlink(last);
    await writeFile(disk, last, bytes);
    const above = last.slice(0, last.lastIndexOf('/'));
    await disk.rename(above, '/elsewhere');
    disk.plant(above, 'link');
    await expect(copy()).rejects.toMatchObject({code: 'REFUSED'});
    await disk.unlink(above);
    await disk.rename('/elsewhere', above);
    expect(disk.snapshot()).toEqual(before);
  });
});

test('a file of unknown size is copied with the size that it has; names are not given twice', async () => {
  const disk = new MemoryFileSystem();
  for (const name of ['chk-1/_metadata', 'shared/x', 'shared/X-2', 'shared/a/x', 'taskowned/X']) {
    await makeAbove(disk, `/c/${name}`);
    if (!name.endsWith('_metadata')) await writeFile(disk, `/c/${name}`, Buffer.from(name));
  }
  const handles = ['shared/x', 'shared/X-2', 'shared/a/x', 'taskowned/X'].map((name, index) =>
    subtaskOf(index, keyGroupsHandle(absolute(`/c/${name}`, -1n), index)),
  );
  const operator = operatorOf({parallelism: 4, subtasks: handles});
  await writeFile(disk, '/c/chk-1/_metadata', metadataOf(3, [operator]));
  const plan = await planOf(disk, '/c/chk-1');
  expect(plan.pieces.map(({name, length}) => [name, length])).toEqual([
    ['x', 8],
    ['X-2', 10],
    ['x-3', 10],
    ['X-4', 11],
  ]);
  await disk.makeDirectory('/copies');
  await copyOf({files: disk, plan, target: '/copies/one'});
  expect(await codesOf(disk, '/copies/one')).toEqual(['no-checksums']);
});

test('--map says where the files of a changelog are', async () => {
  const disk = await diskWith('v6/changelog-fs-hashmap');
  const [first] = named('v6/changelog-fs-hashmap').checkpoints;
  const maps = [parsePathMap('/srv/fl/snapshots/changelog-dstl=/dstl', (path) => path)];
  const directory = `/work/${first!.path}`;
  const {files} = await openFlinkDirectory({files: disk, directory, maps});
  await disk.makeDirectory('/dstl');
  await disk.makeDirectory('/dstl/f9e76234a64e6e687149bee82d7f4edc');
  await disk.makeDirectory('/dstl/f9e76234a64e6e687149bee82d7f4edc/dstl');
  for (const {location, bytes} of files) {
    if (location.kind === 'here') await writeFile(disk, location.path, new Uint8Array(bytes));
  }
  const plan = await planFlinkCopy({files: disk, directory, maps});
  expect(plan).toMatchObject({relocated: 20});
  await copyOf({files: disk, plan, target: '/copies/one'});
  expect(await codesOf(disk, '/copies/one')).toEqual(['no-checksums']);
});

describe('whatever fails', () => {
  test('each call: the target is not there, and nothing is left beside it', async () => {
    for (let failing = 1; ; failing += 1) {
      const disk = await diskWith('v6/hashmap-aligned');
      const {path} = named('v6/hashmap-aligned').checkpoints[0]!;
      const plan = await planOf(disk, `/work/${path}`);
      const before = disk.callCount;
      let failed = false;
      disk.options = {
        fault: ({count, name}) => {
          // A close that fails after a sync loses nothing; it does not end a copy.
          if (count !== before + failing || name === 'close') return null;
          failed = true;
          return {kind: name === 'rename' ? 'reply-lost' : 'fail', code: 'EIO'};
        },
      };
      const outcome = await copyOf({files: disk, plan, target: '/copies/one'}).then(
        () => 'done',
        (error: unknown) => (error as {code: string}).code,
      );
      const isLast = disk.callCount < before + failing;
      disk.options = {};
      const left = (await disk.list('/copies')).map(({name}) => name);
      if (outcome === 'done') expect(left).toEqual(['one']);
      else {
        expect(failed).toBe(true);
        expect({outcome, left}, `call ${failing}`).toEqual({outcome: 'STORAGE_FAILED', left: []});
      }
      if (isLast) break;
    }
  });

  test('a power loss anywhere: the target is whole or absent', async () => {
    const disk = await diskWith('v6/hashmap-aligned');
    const {path} = named('v6/hashmap-aligned').checkpoints[0]!;
    const plan = await planOf(disk, `/work/${path}`);
    const begin = disk.log.length;
    await copyOf({files: disk, plan, target: '/copies/one'});
    const states = await stateOf(disk, '/copies/one');
    let seen = 0;
    for (let position = begin; position <= disk.log.length; position += 1) {
      const fates = [() => 'lost' as const, () => 'whole' as const, ...lostOne(disk, position)];
      for (const fate of fates) {
        const after = disk.afterCrash(position, fate);
        const names = (await after.list('/copies')).map(({name}) => name);
        if (!names.includes('one')) continue;
        seen += 1;
        expect(await codesOf(after, '/copies/one')).toEqual(['no-checksums']);
        expect(await stateOf(after, '/copies/one')).toEqual(states);
      }
    }
    expect(seen).toBeGreaterThan(2);
    const end = disk.afterCrash(disk.log.length, () => 'lost');
    expect((await end.list('/copies')).map(({name}) => name)).toEqual(['one']);
  });
});

/** Each unsynced change lost alone. */
function lostOne(
  disk: MemoryFileSystem,
  position: number,
): ((index: number) => 'lost' | 'whole')[] {
  return disk
    .unsyncedAt(position)
    .map((_, lost) => (index: number) => (index === lost ? 'lost' : 'whole'));
}
