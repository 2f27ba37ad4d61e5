// `checkpoint inspect` tells what `_metadata` and the directory around it say, and nothing that it would have to guess:
// what is freed counts only what nobody else needs; what cannot be read is said to be unknown. It never writes.

import {describe, expect, it} from 'vitest';

import type {FileState, OperatorMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {describeOperator, watermarkOf} from '#src/inspection/describe-states.js';
import {inspectCheckpoint} from '#src/inspection/inspect-checkpoint.js';
import {describeDatabase, describeFile} from '#src/state/rocksdb/stored-database.js';
import {JobPaths} from '#src/storage/paths.js';
import {beginFresh, copyTree, JOB_DIRECTORY, publish, start} from '../storage/support/fixture.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {bring, publishShared, sharingMetadata} from '../storage/support/shared-states.js';

const paths = new JobPaths(JOB_DIRECTORY);

async function inspected(disk: MemoryFileSystem, path: string) {
  const before = disk.log.length;
  const {details} = await inspectCheckpoint(disk, path);
  expect(disk.log.length, 'inspect never writes').toBe(before);
  return details;
}

/** 1 brings `base`; 2 refers to it and brings `delta`; 3 shares nothing. */
async function published() {
  const disk = new MemoryFileSystem();
  const owner = await start(disk);
  await beginFresh(owner);
  const {states} = await publishShared(disk, owner, 1, {brings: ['base']});
  await publishShared(disk, owner, 2, {brings: ['delta'], refers: states});
  await publish(disk, owner, 3);
  return {disk, owner, states};
}

describe('a checkpoint', () => {
  it('frees its own files, and those in shared/ that no other checkpoint names', async () => {
    const {disk} = await published();
    const first = await inspected(disk, paths.checkpoint(1));
    expect(first).toMatchObject({
      id: 1,
      checkpoint_kind: 'checkpoint',
      state: 'complete',
      self_contained: false,
      shared_bytes: 4,
      held: false,
      watermark: '2020-09-13T12:26:40.000Z',
    });
    expect(first.freed_if_dropped_bytes).toBe(first.own_bytes);
    const second = await inspected(disk, paths.checkpoint(2));
    expect(second.freed_if_dropped_bytes).toBe(second.own_bytes + 'delta'.length);
    const third = await inspected(disk, paths.checkpoint(3));
    expect(third).toMatchObject({self_contained: true, shared_bytes: 0});
    expect(third.freed_if_dropped_bytes).toBe(third.bytes);
    expect(third.files).toHaveLength(2);
    expect(third.files[0]).toMatchObject({bytes: 40, shared: false, operators: ['count']});
  });

  it('copies that share their files need each other, whatever they are called', async () => {
    const {disk} = await published();
    await disk.makeDirectory('/kept');
    for (const name of ['a', 'b']) {
      await copyTree(disk, paths.checkpoint(2), disk, `/kept/${name}`);
    }
    await copyTree(disk, paths.sharedDirectory, disk, '/kept/shared');
    const first = await inspected(disk, '/kept/a');
    expect(first).toMatchObject({shared_bytes: 'basedelta'.length});
    expect(first.freed_if_dropped_bytes).toBe(first.own_bytes);
    await disk.rename('/kept/b', '/gone');
    const alone = await inspected(disk, '/kept/a');
    expect(alone.freed_if_dropped_bytes).toBe(alone.own_bytes + alone.shared_bytes);
  });

  it('an attempt under way needs files too', async () => {
    const {disk, owner, states} = await published();
    const attempt = await owner.beginAttempt(4);
    const brought = await bring(disk, attempt, 'more');
    const metadata = sharingMetadata(owner, 4, [brought, ...states]);
    disk.options = {
      fault: ({name, path}) =>
        name === 'rename' && path.endsWith('chk-4') ? {kind: 'hang'} : null,
    };
    void attempt.publish(metadata);
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    disk.options = {};
    await disk.rename(paths.checkpoint(1), '/data/elsewhere');
    const second = await inspected(disk, paths.checkpoint(2));
    expect(second.freed_if_dropped_bytes).toBe(second.own_bytes + 'delta'.length);
  });

  it('H42: nobody knows what is freed while a checkpoint beside it cannot be read', async () => {
    const {disk} = await published();
    await disk.unlink(`${paths.checkpoint(1)}/_metadata`);
    const second = await inspected(disk, paths.checkpoint(2));
    expect(second.freed_if_dropped_bytes).toBeNull();
    expect((await inspected(disk, paths.checkpoint(3))).freed_if_dropped_bytes).not.toBeNull();
  });

  it('is held where a hold names it', async () => {
    const {disk, owner} = await published();
    await owner.placeHold({checkpointId: 2, lineage: null});
    expect((await inspected(disk, paths.checkpoint(2))).held).toBe(true);
    expect((await inspected(disk, paths.checkpoint(1))).held).toBe(false);
  });

  it('a damaged one is told as far as it can be read, with what is wrong', async () => {
    const {disk} = await published();
    await disk.unlink(`${paths.checkpoint(3)}/count/0.keyed`);
    const details = await inspected(disk, paths.checkpoint(3));
    expect(details).toMatchObject({state: 'damaged', findings: [{code: 'file-absent'}]});
    expect(details.operators).toHaveLength(3);
  });

  it('H26, H39: one that cannot be read, or is not there, is an error that says so', async () => {
    const {disk} = await published();
    await disk.unlink(`${paths.checkpoint(3)}/_metadata`);
    await disk.makeDirectory(paths.checkpoint(9));
    for (const [id, code] of [
      [3, 'CHECKPOINT_DAMAGED'],
      [8, 'NOT_FOUND'],
      [9, 'CHECKPOINT_DAMAGED'],
    ] as const) {
      await expect(inspectCheckpoint(disk, paths.checkpoint(id))).rejects.toMatchObject({code});
    }
  });

  it('copied elsewhere it is told the same', async () => {
    const {disk} = await published();
    await copyTree(disk, paths.checkpoint(3), disk, '/data/mine');
    const {path, files, ...copy} = await inspected(disk, '/data/mine');
    const {path: _path, files: own, ...original} = await inspected(disk, paths.checkpoint(3));
    expect(copy).toEqual(original);
    expect(path).toBe('/data/mine');
    expect(files.map(({sha256}) => sha256)).toEqual(own.map(({sha256}) => sha256));
  });
});

const TABLE = {
  key: [['carrier', 'string']],
  key_group_columns: 1,
  max_parallelism: 128,
  table: 'groups',
  values: [['c', 'int64']],
};

function file(path: string, length: number, description: FileState['description']): FileState {
  return {
    location: 'file',
    name: 'groups',
    kind: 'keyed',
    codecVersion: 1,
    keyGroups: {start: 0, end: 127},
    path,
    length,
    sha256: '0'.repeat(64),
    chunkCrcs: [],
    description,
  };
}

function operator(...states: readonly (readonly FileState[])[]): OperatorMetadata {
  return {
    uid: 'totals',
    type: 'aggregate',
    parallelism: states.length,
    maxParallelism: 128,
    subtasks: states.map((own, index) => ({index, watermark: index * 1000, states: own})),
  };
}

describe('the states of an operator', () => {
  it('rows and bytes of all subtasks are summed; skew is the largest over the mean', () => {
    const described = describeOperator(
      operator([file('t/0.a', 30, {...TABLE, rows: 3})], [file('t/1.a', 10, {...TABLE, rows: 1})]),
    );
    expect(described).toMatchObject({state_bytes: 40, skew: 1.5});
    expect(described.states).toEqual([
      {
        name: 'groups',
        kind: 'keyed',
        key_type: 'carrier string',
        value_type: 'c int64',
        keys: 4,
        rows: 4,
        bytes: 40,
      },
    ]);
    expect(described.subtasks.map(({bytes, rows}) => [bytes, rows])).toEqual([
      [30, 3],
      [10, 1],
    ]);
  });

  it('with deltas the rows of the files are known, and not how many keys they leave', () => {
    const [state] = describeOperator(
      operator([
        file('t/0.a', 30, {...TABLE, rows: 3}),
        file('t/0.b', 10, {...TABLE, rows: 1, delta: {sequence: 1, previous: ''}}),
      ]),
    ).states;
    expect(state).toMatchObject({rows: 4, keys: null, bytes: 40});
  });

  it('a file that several handles name counts once', () => {
    const shared = file('../shared/00/00', 50, {...TABLE, rows: 5});
    const described = describeOperator(operator([shared, shared]));
    expect(described.state_bytes).toBe(50);
    expect(described.states[0]?.bytes).toBe(50);
  });

  it('a database tells its tables, and no rows', () => {
    const schema = {
      table: 'groups',
      maxParallelism: 128,
      keyGroupColumns: 1,
      key: [['carrier', 'string']],
      values: [['c', 'int64']],
    } as const;
    const {states} = describeOperator(
      operator([
        file('t/0.rocksdb-1', 90, describeFile('000001.sst')),
        file('t/0.rocksdb-current', 10, describeDatabase(['groups'], [schema])),
      ]),
    );
    expect(states).toMatchObject([
      {name: 'groups', key_type: 'carrier string', rows: null, keys: null, bytes: 100},
    ]);
  });

  it('200,000 subtasks are described like one', () => {
    const [one] = operator([file('t/0.a', 30, TABLE)]).subtasks;
    const subtasks = Array.from({length: 200_000}, () => one!);
    const many = {...operator([]), subtasks};
    expect(describeOperator(many).state_bytes).toBe(6_000_000);
    expect(watermarkOf([many])).toBe('1970-01-01T00:00:00.000Z');
  });

  it('the watermark is the lowest; one that has none yet holds all back', () => {
    expect(watermarkOf([operator([], [])])).toBe('1970-01-01T00:00:00.000Z');
    const late: OperatorMetadata = {
      ...operator(),
      subtasks: [
        {index: 0, watermark: null, states: []},
        {index: 1, watermark: 5, states: []},
      ],
    };
    expect(watermarkOf([late])).toBeNull();
    const ended = {...operator(), subtasks: [{index: 0, watermark: 'end' as const, states: []}]};
    expect(watermarkOf([ended])).toBe('end');
    expect(watermarkOf([ended, operator([])])).toBe('1970-01-01T00:00:00.000Z');
  });
});
