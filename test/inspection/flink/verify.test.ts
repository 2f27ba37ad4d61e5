// What verify says of directories that Flink wrote: whole ones, and each damage by its name.

import {describe, expect, test} from 'vitest';

import {inspectFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {makeAbove, unpack} from '../../flink-directories/support/directories.js';
import {readFile, writeFile} from '../../storage/support/fixture.js';
import {
  absolute,
  keyGroupsHandle,
  metadataOf,
  operatorOf,
  segment,
  subtaskOf,
} from './support/metadata-bytes.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.js';
import {
  allDirectories,
  CHECKPOINT,
  diskWith,
  INCREMENTAL,
  map,
  named,
  verify,
} from './support/flink-disk.js';

describe('verify', () => {
  test('every directory of Flink 1.6 to 2.0 is whole, and it is said that nothing has a checksum', async () => {
    for (const directory of allDirectories().filter(({name}) => !name.startsWith('v6/'))) {
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
    // A byte in front says whether it is compressed, and Flink counts neither that nor what compression saves.
    const log = files.find(({path}) => path.startsWith('/other/'))!;
    for (const bytes of [log.bytes + 1, 7]) {
      disk.overwrite(log.path, new Uint8Array(bytes));
      expect(await verify(disk, directory, maps)).toMatchObject({verdict: 'ok', errors: []});
    }
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
      expect(await found(disk)).toMatchObject([{code: 'file-absent', path}]);
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

    test('a segment that ends after its file, of which the whole is named too', async () => {
      const disk = new MemoryFileSystem();
      await makeAbove(disk, '/c/chk-1/_metadata');
      await makeAbove(disk, '/c/shared/x');
      await writeFile(disk, '/c/shared/x', new Uint8Array(10));
      const check = async (start: number, size: number) => {
        const path = '/c/chk-1/_metadata';
        const subtasks = [
          subtaskOf(0, keyGroupsHandle(absolute('/c/shared/x', 10n))),
          subtaskOf(1, keyGroupsHandle(segment('/c/shared/x', start, size), 1)),
        ];
        await disk.unlink(path).catch(() => undefined);
        await writeFile(disk, path, metadataOf(3, [operatorOf({subtasks})]));
        return (await verify(disk, '/c/chk-1')).errors;
      };
      expect(await check(4, 6)).toEqual([]);
      expect(await check(4, 7)).toMatchObject([
        {code: 'metadata-damaged', message: expect.stringContaining('ends at 11') as string},
      ]);
    });

    test('a checkpoint under way has no _metadata: no damage beside one of Flink, damage beside FORMAT', async () => {
      const disk = await diskWith('rocksdb-incremental');
      const directory = `${INCREMENTAL}/chk-11`;
      await disk.makeDirectory(directory);
      await writeFile(disk, `${directory}/x`, new Uint8Array(1));
      const named = await verify(disk, directory);
      expect(named).toMatchObject({
        errorCode: 'INCOMPLETE',
        errors: [],
        hints: ['metadata-missing'],
      });
      const listed = await verify(disk, directory, [], new Set([directory]));
      expect(listed).toMatchObject({errorCode: null, errors: [], hints: ['metadata-missing']});
      await writeFile(disk, `${INCREMENTAL}/FORMAT`, new Uint8Array(1));
      expect(await verify(disk, directory)).toMatchObject({
        errorCode: 'CHECKPOINT_DAMAGED',
        errors: [{code: 'metadata-missing'}],
      });
    });

    test('the first checkpoint of a job, and a savepoint, under way: no damage either', async () => {
      const disk = await diskWith('rocksdb-incremental');
      const job = '/work/checkpoints/0123456789abcdef0123456789abcdef';
      const savepoint = '/work/savepoints/savepoint-abcdef-0123456789ab';
      for (const directory of [job, `${job}/shared`, `${job}/taskowned`, `${job}/chk-1`]) {
        await disk.makeDirectory(directory);
      }
      for (const directory of ['/work/savepoints', savepoint]) await disk.makeDirectory(directory);
      for (const directory of [`${job}/chk-1`, savepoint]) {
        await writeFile(disk, `${directory}/8f3d0c9e-1111`, new Uint8Array(1));
        expect(await verify(disk, directory)).toMatchObject({
          errorCode: 'INCOMPLETE',
          errors: [],
          hints: ['metadata-missing'],
        });
      }
      // One of tidemark has a directory for each step.
      await disk.makeDirectory(`${savepoint}/by-user`);
      expect(await verify(disk, savepoint)).toMatchObject({errorCode: 'CHECKPOINT_DAMAGED'});
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
      // It was named, and not read.
      expect(result).toMatchObject({
        verdict: 'incomplete',
        errorCode: 'INCOMPLETE',
        checkpoints: 0,
      });
      expect(result.findings).toMatchObject([{code: 'deleted-meanwhile', severity: 'hint'}]);
    });
  });
});
