// `checkpoint copy`: the copy is whole and restorable, self-contained on request; after a power loss at any instant,
// whatever subset of the unsynced operations reached the disk, it is whole or not there; every damaged byte of the source is
// found; whatever call fails, nothing is left that looks like a checkpoint, and the source is as it was.

import {describe, expect, it} from 'vitest';

import {distinctFilesOf, encodeMetadata, lengthOf} from '#src/storage/metadata-encoder.js';
import {sha256Hex} from '#src/base/checksum.js';
import {EngineError} from '#src/base/errors.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {copyCheckpoint, type CopyRequest} from '#src/storage/copy-checkpoint.js';
import {deriveCheckpointState} from '#src/storage/derive-checkpoint-state.js';
import type {ProcessSighting} from '#src/base/process-identity.js';
import {JobPaths} from '#src/storage/paths.js';
import {unfinishedCopyAt} from '#src/storage/unfinished-copies.js';
import {findViolation, say, withoutEachSync, type Recording} from '../crash-states/crash-disks.ts';
import {whole} from '../hostile/support/sample.ts';
import {
  beginFresh,
  HERE,
  JOB_DIRECTORY,
  processTable,
  publish,
  readFile,
  start,
} from './support/fixture.ts';
import {MemoryFileSystem, type MemoryOptions} from './support/memory-file-system.ts';
import {publishShared} from './support/shared-states.ts';

const paths = new JobPaths(JOB_DIRECTORY);
const TARGET = '/kept/deep/mine';

/** 2 shares `base` with 1, and brings its own; 3 shares nothing. */
async function published(options: MemoryOptions = {}): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem(options);
  disk.phase = 'before';
  const owner = await start(disk);
  await beginFresh(owner);
  const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
  await publishShared(disk, owner, 2, {brings: ['delta'], refers: states});
  await publish(disk, owner, 3);
  return disk;
}

async function copy(
  disk: MemoryFileSystem,
  id: number,
  {
    target = TARGET,
    selfContained = false,
    processes = processTable(),
    onRead,
    abort,
  }: Partial<Pick<CopyRequest, 'target' | 'selfContained' | 'processes' | 'onRead' | 'abort'>> = {},
) {
  const source = paths.checkpoint(id);
  const state = await deriveCheckpointState(disk, source);
  if (state.kind !== 'complete') throw new Error(`chk-${id} is ${state.kind}`);
  const {metadata, metadataSha256} = state;
  const request = {
    source,
    metadata,
    metadataSha256,
    target,
    selfContained,
    processes,
    onRead,
    abort,
  };
  return copyCheckpoint(disk, {...request, random: '00aa11bb22cc'});
}

async function isWhole(disk: MemoryFileSystem, directory: string): Promise<boolean> {
  const onFinding = (): void => undefined;
  const {state, errors, hints} = await checkCheckpoint({
    files: disk,
    directory,
    level: 'checksum',
    onFinding,
  });
  return state.kind === 'complete' && errors === 0 && hints === 0;
}

async function isThere(disk: MemoryFileSystem, path: string): Promise<boolean> {
  return disk.status(path).then(
    () => true,
    () => false,
  );
}

describe('the copy', () => {
  it('is the same, byte for byte', async () => {
    const disk = await published();
    expect(await copy(disk, 3)).toMatchObject({files: 2});
    expect(await isWhole(disk, TARGET)).toBe(true);
    for (const name of ['_metadata', 'SHA256SUMS', 'count/0.keyed', 'sum/0.keyed']) {
      const original = await readFile(disk, `${paths.checkpoint(3)}/${name}`);
      expect((await readFile(disk, `${TARGET}/${name}`)).equals(original), name).toBe(true);
    }
  });

  it.each([false, true])('tells of every byte that it reads; self-contained: %s', async (alone) => {
    const disk = await published();
    let read = 0;
    await copy(disk, 2, {selfContained: alone, onRead: (bytes) => (read += bytes)});
    const state = await deriveCheckpointState(disk, TARGET);
    if (state.kind !== 'complete') throw new Error(state.kind);
    const {own, shared} = distinctFilesOf(state.metadata);
    expect(read).toBe(lengthOf(own) + lengthOf(shared));
  });

  it.each([false, true])(
    'that is interrupted leaves nothing that is seen; self-contained: %s',
    async (selfContained) => {
      const disk = await published();
      const stop = new AbortController();
      let reads = 0;
      const onRead = (): void => {
        reads += 1;
        stop.abort(Object.assign(new Error('interrupted'), {code: 'INTERRUPTED'}));
      };
      const copying = copy(disk, 2, {selfContained, onRead, abort: stop.signal});
      await expect(copying).rejects.toThrow(/^interrupted$/u);
      expect(reads).toBe(1);
      expect((await disk.list('/kept/deep')).map(({name}) => name)).toEqual(
        selfContained ? [] : ['shared'],
      );
    },
  );

  it('finds what it shares beside it, also what another copy brought', async () => {
    const disk = await published();
    await copy(disk, 1, {target: '/kept/one'});
    await copy(disk, 2, {target: '/kept/two'});
    await disk.rename(JOB_DIRECTORY, '/data/away');
    expect(await isWhole(disk, '/kept/one')).toBe(true);
    expect(await isWhole(disk, '/kept/two')).toBe(true);
  });

  it('self-contained needs nothing outside its directory', async () => {
    const disk = await published();
    await copy(disk, 2, {selfContained: true});
    await disk.rename(JOB_DIRECTORY, '/data/away');
    await disk.rename(TARGET, '/elsewhere');
    expect(await isWhole(disk, '/elsewhere')).toBe(true);
    const state = await deriveCheckpointState(disk, '/elsewhere');
    expect(state).toMatchObject({sharedBytes: 0, metadata: {requiredFeatures: []}});
    expect(await isThere(disk, '/kept/deep/shared')).toBe(false);
  });

  it('a forged file of the same name in shared/ beside it is found', async () => {
    const disk = await published();
    await copy(disk, 1, {target: '/kept/one'});
    const state = await deriveCheckpointState(disk, '/kept/one');
    if (state.kind !== 'complete') throw new Error(state.kind);
    const shared = (await disk.list('/kept/shared'))[0]!.name;
    const {name} = (await disk.list(`/kept/shared/${shared}`))[0]!;
    disk.overwrite(`/kept/shared/${shared}/${name}`, Buffer.from('bass'));
    await expect(copy(disk, 2, {target: '/kept/two'})).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
    });
    expect(await isThere(disk, '/kept/two')).toBe(false);
  });
});

describe('is refused', () => {
  it('where something is, in the directory of a job, and under the name of another id', async () => {
    const disk = await published();
    await disk.makeDirectory('/kept');
    await disk.makeDirectory('/kept/there');
    const inside = [
      `${JOB_DIRECTORY}/mine`,
      `${JOB_DIRECTORY}/chk-3/sub`,
      `${JOB_DIRECTORY}/a/b/c`,
    ];
    for (const target of ['/kept/there', ...inside, '/kept/chk-9']) {
      await expect(copy(disk, 3, {target}), target).rejects.toMatchObject({code: 'REFUSED'});
    }
    await copy(disk, 3, {target: '/kept/chk-3'});
  });

  it('when the metadata would be changed', async () => {
    const disk = await published();
    const state = await deriveCheckpointState(disk, paths.checkpoint(3));
    if (state.kind !== 'complete') throw new Error(state.kind);
    const {metadata} = state;
    expect(state.metadataSha256).toBe(sha256Hex(encodeMetadata(metadata)));
    const request = {source: paths.checkpoint(3), metadata, target: TARGET, selfContained: false};
    const later = {...request, metadataSha256: '00'.repeat(32), random: '00'};
    const processes = processTable();
    await expect(copyCheckpoint(disk, {...later, processes})).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
    });
    expect(await disk.list('/kept/deep')).toEqual([]);
  });
});

it('H29: a flipped bit in any byte of the source is found, and no copy is made', async () => {
  const disk = await published();
  const path = `${paths.checkpoint(3)}/sum/0.keyed`;
  const original = await readFile(disk, path);
  for (let at = 0; at < original.length; at += 1) {
    const bytes = Buffer.from(original);
    bytes[at] = bytes[at]! ^ (1 << (at % 8));
    disk.overwrite(path, bytes);
    await expect(copy(disk, 3)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    expect(await disk.list('/kept/deep')).toEqual([]);
  }
});

it('H51: whatever call fails, nothing is left behind, and the source is as it was', async () => {
  const disk = await published();
  for (let failing = 1; ; failing += 1) {
    let count = 0;
    const was = {failed: false};
    disk.options = {
      fault: () => {
        count += 1;
        was.failed ||= count === failing;
        return count === failing ? {kind: 'fail', code: 'EIO'} : null;
      },
    };
    const error = await copy(disk, 2, {selfContained: failing % 2 === 0}).catch(
      (thrown: unknown) => thrown,
    );
    disk.options = {};
    if (error instanceof Error) expect(await isThere(disk, TARGET), `call ${failing}`).toBe(false);
    if (!was.failed) break;
    expect(await isWhole(disk, paths.checkpoint(2)), `call ${failing}`).toBe(true);
    // A failure that was mended on the way, such as of a sync, leaves a copy.
    if (!(error instanceof Error)) await disk.rename(TARGET, `/kept-${failing}`);
  }
});

it('H86: of one that goes meanwhile, at whichever call, there is no copy, and that is not a failure of the disk', async () => {
  const codes = new Set<string>();
  for (let n = 1; ; n += 1) {
    const disk = await published();
    let [calls, gone] = [0, false];
    disk.options = {
      async pause() {
        calls += 1;
        if (calls !== n || gone) return;
        gone = true;
        await disk.rename(paths.checkpoint(2), '/gone');
        await disk.rename(paths.sharedDirectory, '/gone-too');
      },
    };
    const ending: unknown = await copy(disk, 2).catch((error: unknown) => error);
    if (!gone) break;
    if (ending instanceof EngineError) codes.add(ending.code);
    // Before it began.
    else if (ending instanceof Error) expect(ending.message).toBe('chk-2 is gone');
    else expect(await isWhole(disk, TARGET), `call ${n}`).toBe(true);
  }
  expect([...codes]).toEqual(['NOT_FOUND']);
});

describe('a copy that was killed', () => {
  const hidden = async (disk: MemoryFileSystem): Promise<readonly string[]> => {
    if (!(await isThere(disk, '/kept/deep'))) return [];
    const names = (await disk.list('/kept/deep')).map(({name}) => name);
    return names.filter((name) => name.startsWith('.'));
  };

  it('at any call is finished by the next one to the same place, which leaves nothing of it', async () => {
    let withLeftovers = 0;
    for (let killedAt = 1; ; killedAt += 1) {
      const disk = await published();
      let count = 0;
      const killed = new Promise<'killed'>((resolve) => {
        disk.options = {
          fault: () => {
            count += 1;
            if (count < killedAt) return null;
            resolve('killed');
            return {kind: 'hang'};
          },
        };
      });
      const selfContained = killedAt % 2 === 0;
      const outcome = await Promise.race([killed, copy(disk, 2, {selfContained})]);
      disk.options = {};
      if (outcome !== 'killed') break;
      withLeftovers += (await hidden(disk)).length;
      if (!(await isThere(disk, TARGET))) await copy(disk, 2, {selfContained});
      expect(await isWhole(disk, TARGET), `call ${killedAt}`).toBe(true);
      expect(await hidden(disk), `call ${killedAt}`).toEqual([]);
      // The source, and what another copy to another place may be writing, are nobody's leftovers.
      expect(await isWhole(disk, paths.checkpoint(2)), `call ${killedAt}`).toBe(true);
    }
    expect(withLeftovers).toBeGreaterThan(20);
  });

  it('one that is under way, of another machine, or to another place, is left alone', async () => {
    const disk = await published();
    const others = [
      unfinishedCopyAt('/kept/deep/other', processTable(), 'aa00aa00aa00'),
      unfinishedCopyAt(TARGET, processTable({...HERE, bootId: 'another'}), 'bb00aa00aa00'),
      unfinishedCopyAt(TARGET, processTable({...HERE, bootId: null}), 'cc00aa00aa00'),
      unfinishedCopyAt(TARGET, processTable({...HERE, pid: 7, startTime: '70'}), 'dd00aa00aa00'),
    ];
    await copy(disk, 3, {target: '/kept/deep/first'});
    for (const path of others) await disk.makeDirectory(path);
    const look = (pid: number): ProcessSighting =>
      pid === 7 ? {kind: 'running', startTime: '70'} : {kind: 'gone'};
    await copy(disk, 3, {processes: processTable(HERE, look)});
    expect((await hidden(disk)).map((name) => `/kept/deep/${name}`)).toEqual(others.sort());
    // Its pid is another program's since.
    await copy(disk, 3, {target: '/kept/deep/second'});
    await disk.rename(TARGET, '/kept/deep/moved');
    const since = (pid: number): ProcessSighting =>
      pid === 7 ? {kind: 'running', startTime: '71'} : {kind: 'gone'};
    await copy(disk, 3, {processes: processTable(HERE, since)});
    expect(await hidden(disk)).toHaveLength(3);
  });
});

describe('crash states', () => {
  async function record(droppedSyncs: ReadonlySet<number>): Promise<Recording> {
    const disk = await published({droppedSyncs});
    disk.phase = 'copy';
    const promises = [];
    for (const target of [TARGET, '/kept/deep/alone']) {
      await copy(disk, 2, {target, selfContained: target !== TARGET});
      const since = disk.log.length;
      const holds = async (crashed: MemoryFileSystem): Promise<boolean> => isWhole(crashed, target);
      promises.push({what: target, since, until: Infinity, holds});
    }
    return {disk, promises};
  }

  async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
    for (const path of [TARGET, '/kept/deep/alone', paths.checkpoint(2)]) {
      if ((await isThere(disk, path)) && !(await isWhole(disk, path))) return `${path} is torn`;
    }
    return null;
  }

  it('a copy is whole or not there, whatever was not synced', async () => {
    const recording = await record(new Set());
    const from = recording.disk.log.findIndex(({phase}) => phase === 'copy');
    const {violation, disks} = await findViolation(recording, alwaysHolds, from);
    say(`crash states: ${recording.disk.log.length - from} operations, ${disks} different disks`);
    expect(violation).toBeNull();
    expect(disks).toBeGreaterThan(50);
  }, 300_000);

  it.skipIf(!whole)(
    'each single sync is needed',
    async () => {
      const why = await withoutEachSync(record, alwaysHolds, (path) =>
        path.replace(/shared\/.*/, 'shared/ab').replace(/\.copying-(?:[0-9a-fx]+-){4}/, ''),
      );
      expect(why.filter(([, found]) => found === null)).toEqual([]);
    },
    300_000,
  );
});
