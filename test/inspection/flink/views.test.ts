// What list and inspect say of directories that Flink wrote.

import {describe, expect, test} from 'vitest';

import {keyGroupRangeOf} from '#src/base/key-groups.js';
import {inspectFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {unpack} from '../../flink-directories/support/directories.js';
import {readFile, writeFile} from '../../storage/support/fixture.js';
import {CHECKPOINT, diskWith, INCREMENTAL, map, named, WRITTEN} from './support/flink-disk.js';

describe('list', () => {
  test('what Flink wrote is foreign when it is whole, with its format; what is missing makes it damaged', async () => {
    const disk = await diskWith('v6/tumble');
    await unpack(disk, named('v6/rocksdb-incremental'), '/work/checkpoints');
    const list = async () => (await listCheckpointDirectory(disk, '/work/checkpoints')).items;
    expect(await list()).toMatchObject([
      {
        id: 11,
        kind: 'savepoint',
        state: 'foreign',
        format: 'flink',
        format_version: '6',
        bytes: 15_188,
        shared_bytes: 0,
      },
      {
        id: 10,
        kind: 'checkpoint',
        state: 'foreign',
        format: 'flink',
        incremental: false,
        unaligned: false,
      },
      {
        id: 10,
        kind: 'checkpoint',
        state: 'foreign',
        incremental: true,
        own_bytes: 9346,
        shared_bytes: 56_155,
      },
    ]);
    await disk.unlink(`${CHECKPOINT}/c5056b36-ed53-49de-a42d-7931ffb4ac41`);
    expect((await list())[2]).toMatchObject({state: 'damaged', newest_restorable: false});
    await disk.unlink(`${CHECKPOINT}/_metadata`);
    await writeFile(disk, `${CHECKPOINT}/_metadata`, Buffer.from('4960672d00000007', 'hex'));
    const {items, warnings} = await listCheckpointDirectory(disk, INCREMENTAL);
    expect(items).toMatchObject([
      {id: 10, state: 'foreign', format: 'flink', format_version: null},
    ]);
    expect(warnings).toEqual([
      expect.stringContaining('of version 7: versions 2 to 6 are read here'),
    ]);
  });

  test('paths that moved are a warning, and --map is obeyed', async () => {
    const disk = await diskWith('v6/rocksdb-incremental');
    expect((await listCheckpointDirectory(disk, INCREMENTAL)).warnings).toEqual([
      expect.stringContaining('12 absolute paths'),
    ]);
    const maps = [map(`${WRITTEN}=${INCREMENTAL}`)];
    expect((await listCheckpointDirectory(disk, INCREMENTAL, {maps})).warnings).toEqual([]);
  });
});

describe('inspect', () => {
  test('operators with their uids, states, subtasks and key groups', async () => {
    const disk = await diskWith(
      'new-stateful-udf-migration-itcase-flink1.16-rocksdb-checkpoint',
      '/d',
    );
    const uids = ['no such uid'];
    const before = await inspectFlinkDirectory({files: disk, directory: '/d', maps: [], uids});
    expect(before).toMatchObject({
      format: 'flink',
      format_version: '4',
      engine: 'Apache Flink 1.16 to 1.20',
      checkpoint_kind: 'checkpoint',
      state: 'complete',
      parallelism: 4,
      self_contained: true,
      incremental: false,
      job_name: null,
    });
    expect(before.operators.every(({uid}) => uid === null)).toBe(true);
    // Of the same job's checkpoint by Flink 2.0, which writes them.
    const later = await diskWith(
      'new-stateful-udf-migration-itcase-flink2.0-rocksdb-checkpoint',
      '/d',
    );
    const told = await inspectFlinkDirectory({files: later, directory: '/d', maps: [], uids: []});
    const known = told.operators.flatMap(({uid}) => (uid === null ? [] : [uid]));
    const {operators} = await inspectFlinkDirectory({
      files: disk,
      directory: '/d',
      maps: [],
      uids: known,
    });
    const matched = operators.filter(({uid}) => uid !== null);
    expect(matched.length).toBe(known.length);
    const keyed = matched.find(({states}) => states.some(({kind}) => kind === 'keyed'))!;
    expect(keyed.states).toContainEqual(
      expect.objectContaining({name: null, kind: 'keyed', form: 'rocksdb', raw: false}),
    );
    expect(keyed.subtasks.length).toBeGreaterThan(0);
    for (const {index, key_groups} of keyed.subtasks) {
      const {parallelism, max_parallelism} = keyed;
      expect(key_groups).toEqual(keyGroupRangeOf(index, parallelism, max_parallelism));
    }
    const lists = operators.flatMap(({states}) => states).filter(({kind}) => kind === 'operator');
    expect(lists.length).toBeGreaterThan(0);
    expect(lists.every(({name, elements}) => name !== null && elements !== null)).toBe(true);
  });

  test('what dropping it would free: not what the checkpoint beside it needs too', async () => {
    const disk = await diskWith('v6/rocksdb-incremental');
    const look = async () =>
      inspectFlinkDirectory({files: disk, directory: CHECKPOINT, maps: [], uids: []});
    const alone = await look();
    expect(alone).toMatchObject({
      incremental: true,
      self_contained: false,
      bytes: 65_501,
      freed_if_dropped_bytes: 65_501,
    });
    await disk.makeDirectory(`${INCREMENTAL}/chk-9`);
    const bytes = await readFile(disk, `${CHECKPOINT}/_metadata`);
    await writeFile(disk, `${INCREMENTAL}/chk-9/_metadata`, bytes);
    expect((await look()).freed_if_dropped_bytes).toBe(alone.own_bytes);
    await disk.unlink(`${INCREMENTAL}/chk-9/_metadata`);
    await writeFile(disk, `${INCREMENTAL}/chk-9/_metadata`, bytes.subarray(0, 200));
    expect((await look()).freed_if_dropped_bytes).toBeNull();
  });

  test.each([
    ['v6/unaligned', {unaligned: true, persisted_data: 81_016, checkpoint_kind: 'checkpoint'}],
    [
      'v6/savepoint-native-rocksdb',
      {savepoint_format: 'native', checkpoint_kind: 'savepoint', self_contained: true},
    ],
    ['v6/savepoint-canonical', {savepoint_format: 'canonical', job_id: null}],
    [
      'v6/file-merging-rocksdb',
      {incremental: true, state_size: 62_480, job_id: '63a04fdd6edbae18b44c75480653c30d'},
    ],
  ])('%s', async (name, expected) => {
    const disk = await diskWith(name);
    const [first] = named(name).checkpoints;
    const directory = `/work/checkpoints/${first!.path}`;
    const details = await inspectFlinkDirectory({files: disk, directory, maps: [], uids: []});
    expect(details).toMatchObject({...expected, state: 'complete', id: first!.facts!.id});
    expect(details.files.reduce((sum, {bytes}) => sum + bytes, 0)).toBe(
      details.bytes - named(name).files.find(({path}) => path === `${first!.path}/_metadata`)!.size,
    );
  });
});
