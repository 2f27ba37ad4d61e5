// A file of a checkpoint is opened where its path says, or not at all: links are put in the place of directories at the very
// moment between the look and the open, and taken away before anybody can see them, on systems that tell where an open file lies
// and on those that do not.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';

import {systemErrorCode} from '#src/base/errors.js';
import {blockingFileSystem} from '#src/storage/blocking-file-system.js';
import type {FileHandle, FileSystem} from '#src/storage/file-system.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {openBelow} from '#src/storage/open-below.js';

let root: string;
let job: string;
let inside: string;
let file: string;
let outside: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-below-'));
  job = join(root, 'job');
  inside = join(job, 'chk-1');
  file = join(inside, 'op/0.groups');
  outside = join(root, 'outside');
  for (const directory of [inside, outside]) {
    mkdirSync(join(directory, 'op'), {recursive: true});
    writeFileSync(join(directory, 'op/0.groups'), directory === inside ? 'state' : 'their');
  }
});

afterEach(() => rmSync(root, {recursive: true}));

const aside = (): string => `${inside}.aside`;

function putLink(): void {
  renameSync(inside, aside());
  symlinkSync(outside, inside);
}

function takeLinkAway(): void {
  unlinkSync(inside);
  renameSync(aside(), inside);
}

/** As on a system without /proc. */
function untold(handle: FileHandle): FileHandle {
  return {
    read: async (...values) => handle.read(...values),
    append: async (bytes) => handle.append(bytes),
    sync: async () => handle.sync(),
    status: async () => handle.status(),
    close: async () => handle.close(),
  };
}

interface Moments {
  readonly before?: () => void;
  readonly after?: () => void;
  readonly status?: (path: string) => void;
}

function files(told: boolean, {before, after, status}: Moments): FileSystem & {opened: number} {
  const watched = {
    ...nodeFileSystem,
    opened: 0,
    async openForRead(path: string): Promise<FileHandle> {
      watched.opened += 1;
      before?.();
      const handle = await nodeFileSystem.openForRead(path);
      after?.();
      return told ? handle : untold(handle);
    },
    async status(path: string) {
      const found = await nodeFileSystem.status(path);
      status?.(path);
      return found;
    },
  };
  return watched;
}

async function textOf(handle: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(16);
  const count = await handle.read(bytes, 0, 16, 0);
  await handle.close();
  return bytes.toString('utf8', 0, count);
}

/** What was read, or the code and the path of the refusal. */
async function outcome(system: FileSystem, path = file, below = job): Promise<string> {
  try {
    return await textOf(await openBelow(system, path, below));
  } catch (error) {
    return `${systemErrorCode(error)} ${(error as {path?: string}).path?.slice(root.length)}`;
  }
}

describe.each([
  ['a system that tells where an open file lies', true],
  ['one that does not', false],
])('%s', (_name, told) => {
  test('without a link the file is opened, once', async () => {
    const system = files(told, {});
    expect(await outcome(system)).toBe('state');
    expect(system.opened).toBe(1);
  });

  test('links in what lies above are of whoever named it', async () => {
    symlinkSync(root, join(root, 'link'));
    const below = join(root, 'link/job');
    expect(await outcome(files(told, {}), join(below, 'chk-1/op/0.groups'), below)).toBe('state');
    const other = join(root, 'link/job/chk-1/none');
    expect(await outcome(files(told, {}), other, below)).toMatch(/^ENOENT/);
  });

  test('a link that was put there stays: its path is named', async () => {
    const system = files(told, {before: () => !existsSync(aside()) && putLink()});
    expect(await outcome(system)).toBe('ELOOP /job/chk-1');
  });

  test('one that leads nowhere, too', async () => {
    putLink();
    rmSync(outside, {recursive: true});
    expect(await outcome(files(told, {}))).toBe('ELOOP /job/chk-1');
  });

  test('one that is there for each open only is never followed', async () => {
    const system = files(told, {before: putLink, after: takeLinkAway});
    expect(await outcome(system)).toBe(`ELOOP ${file.slice(root.length)}`);
    expect(system.opened).toBe(3);
  });

  test('one that came once and went: what is opened next is what is there', async () => {
    let isFirst = true;
    const once = (act: () => void) => () => {
      if (isFirst) act();
    };
    const after = (): void => {
      if (isFirst) takeLinkAway();
      isFirst = false;
    };
    expect(await outcome(files(told, {before: once(putLink), after}))).toBe('state');
  });

  test('one that goes when what was opened is compared', async () => {
    const status = (path: string): void => {
      if (path === file && existsSync(aside())) takeLinkAway();
    };
    const system = files(told, {before: () => !existsSync(aside()) && putLink(), status});
    expect(await outcome(system)).toMatch(/^ELOOP/);
  });

  test('what is deleted meanwhile is gone, not refused', async () => {
    const system = files(told, {after: () => renameSync(inside, join(root, 'deleted'))});
    expect(await outcome(system)).toMatch(/^ENOENT/);
    writeFileSync(join(root, 'deleted/x'), '');
    renameSync(join(root, 'deleted'), inside);
    const path = join(inside, 'x');
    expect(await outcome(files(told, {after: () => unlinkSync(path)}), path)).toMatch(/^ENOENT/);
  });
});

test('the file system that blocks tells it as well', async () => {
  expect(await outcome(blockingFileSystem)).toBe('state');
  putLink();
  expect(await outcome(blockingFileSystem)).toBe('ELOOP /job/chk-1');
});
