// What list, verify and inspect say of directories that Flink wrote: whole ones, each damage by its name, files that moved, and
// paths that lead out, which are not looked at.

import {beforeAll, describe, expect, test} from 'vitest';

import {keyGroupRangeOf} from '#src/base/key-groups.js';
import {inspectFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {parsePathMap, type PathMap} from '#src/inspection/flink/locate-file.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import type {FileSystem} from '#src/storage/file-system.js';
import type {Finding} from '#src/storage/finding.js';
import {
  makeAbove,
  readDirectories,
  unpack,
  type PackedDirectory,
} from '../../flink-directories/support/directories.js';
import {FakeTime, readFile, writeFile} from '../../storage/support/fixture.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.js';
import {
  absolute,
  keyGroupsHandle,
  metadataOf,
  operatorOf,
  relative,
  subtaskOf,
} from './support/metadata-bytes.js';

let all: readonly PackedDirectory[];
beforeAll(() => {
  all = readDirectories();
});

const named = (part: string): PackedDirectory => all.find(({name}) => name.includes(part))!;

/** The directory as it was packed; those of Flink 2.3 hold one of their job. */
async function diskWith(part: string, root = '/work/checkpoints'): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await unpack(disk, named(part), root);
  return disk;
}

async function verify(files: FileSystem, directory: string, maps: readonly PathMap[] = []) {
  const findings: Finding[] = [];
  const {summary, errorCode} = await verifyCheckpoints({
    files,
    clock: new FakeTime(),
    directories: [directory],
    level: 'manifest',
    maps,
    onFinding: (finding) => findings.push(finding),
  });
  return {
    ...summary,
    errorCode,
    findings,
    errors: findings.filter(({severity}) => severity === 'error'),
    hints: findings.filter(({severity}) => severity === 'hint').map(({code}) => code),
  };
}

const map = (text: string): PathMap => parsePathMap(text, (path) => path);

const INCREMENTAL = '/work/checkpoints/c648988ddb5f7c2dba00b97371360617';
const CHECKPOINT = `${INCREMENTAL}/chk-10`;
const WRITTEN = '/srv/fl/snapshots/rocksdb-incremental/c648988ddb5f7c2dba00b97371360617';

describe('verify', () => {
  test('every directory of Flink 1.6 to 2.0 is whole, and it is said that nothing has a checksum', async () => {
    for (const directory of all.filter(({name}) => !name.startsWith('v6/'))) {
      const disk = new MemoryFileSystem();
      await unpack(disk, directory, '/d');
      const {verdict, errorCode, hints, errors} = await verify(disk, '/d');
      expect(errors, directory.name).toEqual([]);
      expect({verdict, errorCode}, directory.name).toEqual({verdict: 'ok', errorCode: null});
      expect(hints[0], directory.name).toBe('no-checksums');
    }
  });

  test.each([
    ['hashmap-aligned', 2, []],
    ['rocksdb-incremental', 14, ['paths-moved']],
    ['file-merging-rocksdb', 8, ['paths-moved']],
    ['unaligned', 3, []],
    ['savepoint-canonical', 0, []],
    ['savepoint-native-rocksdb', 2, []],
    ['tumble', 0, []],
    ['filesystem-sink', 0, []],
  ] as const)('Flink 2.3, %s: all %s files are there', async (name, count, hints) => {
    const disk = await diskWith(`v6/${name}`);
    for (const {path} of named(`v6/${name}`).checkpoints) {
      const result = await verify(disk, `/work/checkpoints/${path}`);
      expect(result).toMatchObject({verdict: 'ok', errorCode: null, errors: [], files: count});
      expect(result.hints).toEqual(['no-checksums', ...hints]);
    }
  });

  test('a moved file that is looked for elsewhere is said to be', async () => {
    const {findings} = await verify(await diskWith('rocksdb-incremental'), CHECKPOINT);
    expect(findings.find(({code}) => code === 'paths-moved')?.message).toMatch(
      new RegExp(
        `^12 absolute paths in ${CHECKPOINT}/_metadata would lead to where Flink wrote it; .*/shared/[0-9a-f-]{36} in /work/checkpoints for one`,
      ),
    );
  });

  test('a changelog in another place is not looked for without --map', async () => {
    const disk = await diskWith('changelog-fs-hashmap');
    const directory = '/work/checkpoints/f9e76234a64e6e687149bee82d7f4edc/chk-10';
    const without = await verify(disk, directory);
    expect(without).toMatchObject({verdict: 'incomplete', errorCode: 'INCOMPLETE'});
    expect(without.errors).toHaveLength(10);
    expect(without.errors[0]?.message).toContain('name its place with --map FROM=TO');
    const maps = [map('file:///srv/fl/snapshots/changelog-dstl/=/other')];
    expect(await verify(disk, directory, maps)).toMatchObject({errorCode: 'CHECKPOINT_DAMAGED'});
    const {files} = await inspectFlinkDirectory({files: disk, directory, maps, uids: []});
    for (const {path, bytes} of files) {
      await makeAbove(disk, path);
      await writeFile(disk, path, new Uint8Array(bytes));
    }
    expect(await verify(disk, directory, maps)).toMatchObject({verdict: 'ok', errors: []});
  });

  describe('damage', () => {
    const SHARED = `${INCREMENTAL}/shared/8ec81ff6-5088-4d99-8a85-680802c9b0b9`;
    const OWN = `${CHECKPOINT}/c5056b36-ed53-49de-a42d-7931ffb4ac41`;
    const rewrite = async (disk: MemoryFileSystem, path: string, bytes: Uint8Array) => {
      await disk.unlink(path);
      await writeFile(disk, path, bytes);
    };

    test.each([
      ['own', OWN, 3157],
      ['shared', SHARED, 1507],
    ])('an %s file that is missing, shorter, longer or no file', async (_name, path, size) => {
      const found = async (disk: MemoryFileSystem) => (await verify(disk, CHECKPOINT)).errors;
      let disk = await diskWith('rocksdb-incremental');
      await rewrite(disk, path, new Uint8Array(size - 1));
      expect(await found(disk)).toMatchObject([
        {
          code: 'file-truncated',
          path,
          offset: size - 1,
          expected: `${size} bytes`,
          found: `${size - 1} bytes`,
        },
      ]);
      await rewrite(disk, path, new Uint8Array(size + 1));
      expect(await found(disk)).toMatchObject([{code: 'file-extended', path, offset: size}]);
      await disk.unlink(path);
      expect(await found(disk)).toMatchObject([{code: 'file-missing', path}]);
      await disk.makeDirectory(path);
      expect(await found(disk)).toMatchObject([{code: 'kind-refused', path}]);
      disk = await diskWith('rocksdb-incremental');
      await disk.unlink(path);
      disk.plant(path, 'link');
      expect(await verify(disk, CHECKPOINT)).toMatchObject({
        errors: [{code: 'kind-refused', path}],
        errorCode: 'REFUSED',
      });
    });

    test('a link above a file is not followed', async () => {
      const disk = await diskWith('rocksdb-incremental');
      await disk.rename(`${INCREMENTAL}/shared`, '/elsewhere');
      disk.plant(`${INCREMENTAL}/shared`, 'link');
      const {errors, errorCode} = await verify(disk, CHECKPOINT);
      expect(errorCode).toBe('REFUSED');
      expect(new Set(errors.map(({code, path}) => `${code} ${path}`))).toEqual(
        new Set([`kind-refused ${INCREMENTAL}/shared`]),
      );
    });

    test('a segment that ends after its file', async () => {
      const disk = await diskWith('file-merging-rocksdb');
      const root = '/work/checkpoints/63a04fdd6edbae18b44c75480653c30d';
      const directory = `${root}/chk-10`;
      const {files} = await inspectFlinkDirectory({files: disk, directory, maps: [], uids: []});
      const [first] = files;
      const bytes = await readFile(disk, first!.path);
      await rewrite(disk, first!.path, Buffer.concat([bytes, bytes]));
      expect((await verify(disk, directory)).errors).toEqual([]);
      await rewrite(disk, first!.path, bytes.subarray(0, 100));
      expect((await verify(disk, directory)).errors).toMatchObject([
        {code: 'file-truncated', expected: expect.stringMatching(/^at least \d+ bytes$/) as string},
      ]);
    });

    test('another checkpoint than the directory says, and files that nothing names', async () => {
      const disk = await diskWith('hashmap-aligned');
      const job = '/work/checkpoints/f7ec1ccd9947f9c1d184cd8f1c421231';
      await disk.rename(`${job}/chk-10`, `${job}/chk-11`);
      await writeFile(disk, `${job}/chk-11/more`, new Uint8Array(1));
      const result = await verify(disk, `${job}/chk-11`);
      expect(result.errors).toMatchObject([{code: 'id-differs', expected: '11', found: '10'}]);
      expect(result.hints).toEqual(['no-checksums', 'extra-file']);
    });

    test('a _metadata that ends early: where, and what was expected', async () => {
      const disk = await diskWith('hashmap-aligned');
      const directory = '/work/checkpoints/f7ec1ccd9947f9c1d184cd8f1c421231/chk-10';
      const bytes = await readFile(disk, `${directory}/_metadata`);
      await rewrite(disk, `${directory}/_metadata`, bytes.subarray(0, 1000));
      const {findings, errorCode} = await verify(disk, directory);
      expect(errorCode).toBe('CHECKPOINT_DAMAGED');
      expect(findings).toMatchObject([
        {
          code: 'metadata-damaged',
          path: `${directory}/_metadata`,
          offset: 998,
          message: expect.stringContaining(
            'operator 5, f6dc7f4d2283f4605b127b9364e21148, subtask 1, keyed state',
          ) as string,
        },
      ]);
      await expect(
        inspectFlinkDirectory({files: disk, directory, maps: [], uids: []}),
      ).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
        message: expect.stringMatching(/at byte 998 \(expected .*, found .*\)$/) as string,
        details: {file: `${directory}/_metadata`},
      });
    });

    test('a checkpoint that Flink deletes meanwhile is no damage', async () => {
      const disk = await diskWith('rocksdb-incremental');
      const path = `${CHECKPOINT}/_metadata`;
      let looked = 0;
      const deleting = new Proxy(disk, {
        get(target, name) {
          if (name !== 'status') {
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          }
          return async (one: string) => {
            looked += 1;
            if (looked === 20) {
              await target.unlink(path);
              for (const {name: file} of await target.list(`${INCREMENTAL}/shared`)) {
                await target.unlink(`${INCREMENTAL}/shared/${file}`);
              }
            }
            return target.status(one);
          };
        },
      });
      const result = await verify(deleting, CHECKPOINT);
      expect(looked).toBeGreaterThan(20);
      expect(result).toMatchObject({verdict: 'ok', errorCode: null});
      expect(result.findings).toMatchObject([{code: 'deleted-meanwhile', severity: 'hint'}]);
    });
  });
});

describe('a path that leads out is refused, or not looked at', () => {
  async function verifyReference(reference: Uint8Array, maps: readonly PathMap[] = []) {
    const disk = new MemoryFileSystem();
    const directory = `/c/${'ab'.repeat(16)}/chk-1`;
    await makeAbove(disk, `${directory}/_metadata`);
    const operator = operatorOf({subtasks: [subtaskOf(0, keyGroupsHandle(reference))]});
    await writeFile(disk, `${directory}/_metadata`, metadataOf(3, [operator]));
    const asked: string[] = [];
    const watching = new Proxy(disk, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          asked.push(String(args[0]));
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
    const {errors} = await verify(watching, directory, maps);
    const outside = asked.filter((path) => !`${path}/`.startsWith('/c/'));
    return {codes: errors.map(({code}) => code), outside, asked};
  }

  const JOB = 'cd'.repeat(16);

  test.each([
    ['a relative path that goes up', relative('../x', 1n), 'name-refused'],
    ['an absolute path as a relative one', relative('/etc/passwd', 1n), 'name-refused'],
    ['an empty name', relative('', 1n), 'name-refused'],
    ['a dot', relative('.', 1n), 'name-refused'],
    ['a backslash', relative('a\\b', 1n), 'name-refused'],
    ['a line feed', relative('a\nb', 1n), 'name-refused'],
    ['a part of 256 bytes', relative('x'.repeat(256), 1n), 'name-refused'],
    ['65 parts', relative('x/'.repeat(64) + 'x', 1n), 'name-refused'],
    [
      'an absolute path that goes up',
      absolute(`/c/${JOB}/shared/../../../etc/passwd`, 1n),
      'name-refused',
    ],
    ['a file of the machine', absolute('/etc/passwd', 1n), 'file-elsewhere'],
    ['the same as a URI', absolute('file:/etc/passwd', 1n), 'file-elsewhere'],
    ['a host', absolute('file://host/c/x', 1n), 'file-elsewhere'],
    ['an object store', absolute('s3://bucket/shared/x', 1n), 'file-elsewhere'],
    ['beside the directory of the checkpoints', absolute('/cc/x', 1n), 'file-elsewhere'],
  ] as const)('%s', async (_name, reference, code) => {
    expect(await verifyReference(reference)).toMatchObject({codes: [code], outside: []});
  });

  test.each([
    ['of its job', `/c/${'ab'.repeat(16)}/shared/x`, `/c/${'ab'.repeat(16)}/shared/x`],
    ['of another job, as after a claim', `file:/c/${JOB}/shared/x`, `/c/${JOB}/shared/x`],
    ['of another job, moved', `file:///old/${JOB}/shared/x`, `/c/${JOB}/shared/x`],
    ['of another checkpoint, moved', `/old/${JOB}/chk-9/x`, `/c/${JOB}/chk-9/x`],
    ['of this checkpoint, moved', `/old/${JOB}/chk-1/x`, `/c/${'ab'.repeat(16)}/chk-1/x`],
    ['without the job in its path', '/old/shared/x', `/c/${'ab'.repeat(16)}/shared/x`],
    ['task-owned, below directories', `/old/${JOB}/taskowned/a/x`, `/c/${JOB}/taskowned/a/x`],
  ])('%s: looked for in its place', async (_name, written, path) => {
    const {codes, asked, outside} = await verifyReference(absolute(written, 1n));
    expect(codes).toEqual(['file-missing']);
    expect(outside).toEqual([]);
    // Down to the first directory that is not there.
    expect(
      asked.some((one) => one.length > 2 && path.startsWith(one) && !one.endsWith('chk-1')),
    ).toBe(true);
  });

  test('--map FROM=TO, the longest FROM first, and nothing outside TO', async () => {
    const maps = [map('s3://bucket=/c/short'), map('s3://bucket/shared=/c/long')];
    const {asked} = await verifyReference(absolute('s3://bucket/shared/x', 1n), maps);
    expect(asked).toContain('/c/long/x');
    const out = await verifyReference(absolute('s3://bucket/shared/../../x', 1n), maps);
    expect(out).toMatchObject({codes: ['name-refused'], outside: []});
    const beside = await verifyReference(absolute('s3://bucketeer/x', 1n), maps);
    expect(beside.codes).toEqual(['file-elsewhere']);
    for (const wrong of ['', '=', '/a', '/a=', '=/b']) {
      expect(() => map(wrong)).toThrow(expect.objectContaining({code: 'USAGE'}) as Error);
    }
  });
});

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
    expect((await listCheckpointDirectory(disk, INCREMENTAL, maps)).warnings).toEqual([]);
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
