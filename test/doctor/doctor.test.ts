// doctor says what is wrong with a machine and a directory, and leaves nothing behind.

import {chmod, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {systemClock} from '#src/base/clock.js';
import {systemRandom} from '#src/base/random.js';
import {checkDirectory} from '#src/doctor/check-directory.js';
import {checkMachine} from '#src/doctor/check-machine.js';
import {checkSockets} from '#src/doctor/check-sockets.js';
import {mountOf, parseMounts, type Mount} from '#src/doctor/mounts.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import type {Check} from '#src/doctor/check.js';
import type {FileSystem} from '#src/storage/file-system.js';

const GOOD = {
  nodeVersion: '20.20.2',
  platform: 'linux',
  cores: 2,
  memoryBytes: 4e9,
  wallMillis: Date.UTC(2026, 0, 1),
  bootId: 'x',
  startTime: '7',
};

const failing = (checks: readonly Check[]): string[] =>
  checks.filter(({severity}) => severity !== 'ok').map(({severity, id}) => `${severity} ${id}`);

describe('a machine', () => {
  test('with nothing wrong has no findings', () => {
    expect(failing(checkMachine(GOOD))).toEqual([]);
  });

  test.each([
    [{nodeVersion: '18.20.4'}, 'error node-version'],
    [{nodeVersion: '20.14.0'}, 'error node-version'],
    [{nodeVersion: '21.0.0'}, 'warning node-version'],
    [{platform: 'win32', bootId: null}, 'warning platform'],
    [{cores: 1}, 'warning cores'],
    [{memoryBytes: 1e8}, 'warning memory'],
    [{wallMillis: 0}, 'error clock'],
    [{bootId: null}, 'warning proc'],
    [{startTime: null}, 'warning proc'],
  ])('with %j has the finding %s, and what to do', (facts, finding) => {
    const checks = checkMachine({...GOOD, ...facts});
    expect(failing(checks)).toContain(finding);
    for (const {severity, suggestion} of checks) {
      expect(suggestion === null).toBe(severity === 'ok');
    }
  });
});

test('a socket path is measured in bytes', () => {
  const long = `/${'ü'.repeat(45)}`;
  expect(checkSockets([long], 103).severity).toBe('error');
  expect(checkSockets([long, '/tmp'], 103)).toMatchObject({severity: 'ok', path: '/tmp'});
});

describe('mounts', () => {
  const mounts = parseMounts(
    [
      '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
      '30 22 0:25 / /tmp rw shared:5 - tmpfs tmpfs rw',
      '31 22 0:30 / /mnt/with\\040blank rw - nfs4 server:/x rw',
      '32 22 8:2 / /tmp rw - xfs /dev/sdb rw',
      'nonsense',
    ].join('\n'),
  );

  test.each([
    ['/home', 'ext4'],
    ['/mnt/with blank/state', 'nfs4'],
    ['/mnt/with', 'ext4'],
    ['/tmp/x', 'xfs'],
    ['/tmpfile', 'ext4'],
  ])('%s is on %s', (path, type) => {
    expect(mountOf(mounts, path)?.type).toBe(type);
  });
});

describe('a directory', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-doctor-'));
  });

  afterEach(async () => {
    expect((await readdir(directory)).filter((name) => name.includes('doctor'))).toEqual([]);
    await rm(directory, {recursive: true, force: true});
  });

  const check = async (
    files: Partial<FileSystem> = {},
    {path = directory, mounts = [{point: '/', type: 'ext4'}] as readonly Mount[]} = {},
  ): Promise<string[]> => {
    const context = {
      files: {...nodeFileSystem, freeBytes: async () => Promise.resolve(1e12), ...files},
      clock: systemClock,
      random: systemRandom,
      mounts,
    };
    return failing(await checkDirectory(path, 'it', context));
  };
  const fail = (code: string) => async (): Promise<never> =>
    Promise.reject(Object.assign(new Error(code), {code}));

  test('with nothing wrong has no findings', async () => {
    expect(await check()).toEqual([]);
  });

  test('that is not there yet is judged by the one above it', async () => {
    expect(await check({}, {path: join(directory, 'a/b/c')})).toEqual([]);
  });

  test('that every user may write is a warning; a sticky one is none', async () => {
    for (const [mode, found] of [
      [0o777, ['warning open-to-all']],
      [0o1777, []],
    ] as const) {
      await chmod(directory, mode);
      expect(await check()).toEqual(found);
      expect(await check({}, {path: join(directory, 'a/b')})).toEqual(found);
    }
  });

  test('that is a file is an error', async () => {
    await writeFile(join(directory, 'file'), '');
    expect(await check({}, {path: join(directory, 'file')})).toEqual(['error directory-writable']);
    expect(await check({}, {path: join(directory, 'file/below')})).toEqual([
      'error directory-writable',
    ]);
  });

  test.each([
    [{createNew: fail('EACCES')}, 'error directory-writable'],
    [{makeDirectory: fail('EROFS')}, 'error directory-writable'],
    [{rename: fail('EXDEV')}, 'error rename'],
    [{link: fail('EPERM')}, 'error hard-link'],
    [{syncDirectory: fail('EINVAL')}, 'error directory-sync'],
    [{freeBytes: async () => Promise.resolve(1e6)}, 'error free-space'],
    [{freeBytes: async () => Promise.resolve(5e8)}, 'warning free-space'],
    [{freeBytes: fail('ENOSYS')}, 'warning free-space'],
  ] as [Partial<FileSystem>, string][])(
    'whose file system fails at %o has the finding %s',
    async (files, finding) => {
      expect(await check(files)).toEqual([finding]);
    },
  );

  test.each(['tmpfs', 'nfs4', 'cifs', 'fuse.sshfs', '9p'])('on %s has a warning', async (type) => {
    expect(await check({}, {mounts: [{point: '/', type}]})).toEqual(['warning file-system']);
  });
});
