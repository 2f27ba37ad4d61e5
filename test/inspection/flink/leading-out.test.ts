// Bytes that nobody vouches for do not choose what is looked at: nothing outside the directory of the checkpoints and what
// --map names. Within it, what moved is looked for in its place.

import {describe, expect, test} from 'vitest';

import type {PathMap} from '#src/inspection/flink/locate-file.js';
import {makeAbove} from '../../flink-directories/support/directories.js';
import {writeFile} from '../../storage/support/fixture.js';
import {MemoryFileSystem} from '../../storage/support/memory-file-system.js';
import {map, verify} from './support/flink-disk.js';
import {
  absolute,
  keyGroupsHandle,
  metadataOf,
  operatorOf,
  relative,
  subtaskOf,
} from './support/metadata-bytes.js';

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
  const OWN = 'ab'.repeat(16);

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
    ['what else lies in that directory', absolute('file:/c/.ssh/id_rsa', 1n), 'name-refused'],
    ['what else lies in that of a job', absolute(`/c/${JOB}/x`, 1n), 'name-refused'],
    ['what else lies in its own job', absolute(`/c/${OWN}/keys/x`, 1n), 'name-refused'],
  ] as const)('%s', async (_name, reference, code) => {
    expect(await verifyReference(reference)).toMatchObject({codes: [code], outside: []});
  });

  test.each([
    ['of its job', `/c/${OWN}/shared/x`, `/c/${OWN}/shared/x`],
    ['of another job, as after a claim', `file:/c/${JOB}/shared/x`, `/c/${JOB}/shared/x`],
    ['of its changelog', `/c/${OWN}/dstl/x`, `/c/${OWN}/dstl/x`],
    ['of another job, moved', `file:///old/${JOB}/shared/x`, `/c/${JOB}/shared/x`],
    ['of another checkpoint, moved', `/old/${JOB}/chk-9/x`, `/c/${JOB}/chk-9/x`],
    ['of this checkpoint, moved', `/old/${JOB}/chk-1/x`, `/c/${OWN}/chk-1/x`],
    ['without the job in its path', '/old/shared/x', `/c/${OWN}/shared/x`],
    ['task-owned, below directories', `/old/${JOB}/taskowned/a/x`, `/c/${JOB}/taskowned/a/x`],
  ])('%s: looked for in its place', async (_name, written, path) => {
    const {codes, asked, outside} = await verifyReference(absolute(written, 1n));
    expect(codes).toEqual(['file-absent']);
    expect(outside).toEqual([]);
    // Down to the first directory that is not there.
    expect(
      asked.some((one) => one.length > 2 && path.startsWith(one) && !one.endsWith('chk-1')),
    ).toBe(true);
  });

  test('the directory above chk-N may be anything, as one that was unpacked in a home', async () => {
    const disk = new MemoryFileSystem();
    await makeAbove(disk, '/home/u/chk-1/_metadata');
    await makeAbove(disk, '/home/u/.ssh/id_rsa');
    await makeAbove(disk, '/home/u/shared/x');
    await writeFile(disk, '/home/u/.ssh/id_rsa', Buffer.from('k'));
    await writeFile(disk, '/home/u/shared/x', Buffer.from('x'));
    const codesOf = async (written: string) => {
      const operator = operatorOf({
        subtasks: [subtaskOf(0, keyGroupsHandle(absolute(written, 1n)))],
      });
      const path = '/home/u/chk-1/_metadata';
      await disk.unlink(path).catch(() => undefined);
      await writeFile(disk, path, metadataOf(3, [operator]));
      const {errors, errorCode} = await verify(disk, '/home/u/chk-1');
      return [errors.map(({code}) => code), errorCode];
    };
    expect(await codesOf('file:/home/u/.ssh/id_rsa')).toEqual([['name-refused'], 'REFUSED']);
    expect(await codesOf('/home/u/shared/x')).toEqual([[], null]);
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
