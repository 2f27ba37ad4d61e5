import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {afterAll, expect, it} from 'vitest';

import {blockingFileSystem} from '#src/storage/blocking-file-system.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {codeOf, fileSystemSuite} from './support/file-system-suite.js';
import {MemoryFileSystem} from './support/memory-file-system.js';

const root = mkdtempSync(join(tmpdir(), 'tidemark-files-'));
afterAll(() => rmSync(root, {recursive: true}));
let count = 0;

for (const [name, files] of [
  ['node', nodeFileSystem],
  ['blocking', blockingFileSystem],
] as const) {
  fileSystemSuite(name, () => {
    count += 1;
    const directory = join(root, String(count));
    mkdirSync(directory);
    return {
      files,
      directory,
      plant(path, kind) {
        if (kind === 'link') symlinkSync('/etc/hostname', path);
        else execFileSync('mkfifo', [path]);
      },
    };
  });

  it(`${name}: a device is refused`, async () => {
    expect(await codeOf(files.openForRead('/dev/zero'))).toBe('EINVAL');
  });
}

it('the blocking one looks at many as at each alone, and what is not there is null', async () => {
  const directory = join(root, 'many');
  mkdirSync(directory);
  writeFileSync(join(directory, 'file'), 'four');
  symlinkSync('/etc', join(directory, 'link'));
  const names = ['file', 'none', 'link', 'file/below', '.'];
  const paths = names.map((name) => join(directory, name));
  const found = await blockingFileSystem.statuses?.(paths);
  const alone = paths.map(async (path) => nodeFileSystem.status(path).catch(() => null));
  expect(found).toEqual(await Promise.all(alone));
  expect(found?.map((status) => status?.kind)).toEqual([
    ...['file', undefined, 'link', undefined, 'directory'],
  ]);
  expect(await codeOf(blockingFileSystem.statuses!(['/'.padEnd(5000, 'x')]))).toBe('ENAMETOOLONG');
});

it('what the blocking one opened is for reading only', async () => {
  const path = join(root, 'read-only');
  writeFileSync(path, 'x');
  const handle = await blockingFileSystem.openForRead(path);
  expect(await codeOf(handle.append(Buffer.from('y')))).toBe('EBADF');
  expect(await codeOf(handle.sync())).toBe('EBADF');
  await handle.close();
});

fileSystemSuite('memory', () => {
  const files = new MemoryFileSystem();
  return {files, directory: '', plant: (path, kind) => files.plant(path, kind)};
});

it('a handle whose sync failed refuses further use', async () => {
  const files = new MemoryFileSystem({
    fault: ({name}) => (name === 'sync' ? {kind: 'fail', code: 'EIO'} : null),
  });
  const handle = await files.createNew('/a');
  expect(await codeOf(handle.sync())).toBe('EIO');
  files.options = {};
  expect(await codeOf(handle.sync())).toBe('EIO');
  expect(await codeOf(handle.append(Buffer.from('x')))).toBe('EIO');
  expect(files.syncs).toEqual([]);
});

it('a disk after a crash has what was synced, and what survived by chance', async () => {
  const files = new MemoryFileSystem();
  const handle = await files.createNew('/a');
  await handle.append(Buffer.from('kept'));
  await handle.sync();
  await handle.append(Buffer.from('lost'));
  await files.syncDirectory('/');
  await files.createNew('/b');
  expect(files.unsyncedAt(files.log.length)).toHaveLength(2);
  const harsh = files.afterCrash(files.log.length, () => 'lost');
  expect([...harsh.snapshot()]).toEqual([['/a', Buffer.from('kept').toString('hex')]]);
  const torn = files.afterCrash(files.log.length, () => 'half');
  expect(torn.contentOf('/a').toString()).toBe('keptlo');
  const mild = files.afterCrash(files.log.length, () => 'whole');
  expect(mild.contentOf('/a').toString()).toBe('keptlost');
  expect(mild.snapshot().has('/b')).toBe(true);
});
