// Promise: the staged files of a live database are a whole database, though compactions remove files meanwhile; and what a MANIFEST
// says is read as RocksDB means it, a torn end left out.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {Database} from '#src/state/rocksdb/database.js';
import {readManifest} from '#src/state/rocksdb/read-manifest.js';
import {stageCheckpoint} from '#src/state/rocksdb/stage-checkpoint.js';
import {WriteBatch} from '#src/state/rocksdb/write-batch.js';
import type {FileSystem} from '#src/storage/file-system.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {STORE_OPTIONS} from './support/store-options.ts';

let root: string;
let database: Database;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-stage-'));
  mkdirSync(join(root, 'db'));
  const directory = join(root, 'db');
  database = await Database.open({directory, families: [], options: STORE_OPTIONS, what: 'a test'});
  await database.openFamilies(['rows']);
});
afterEach(async () => {
  await database.close();
  rmSync(root, {recursive: true, force: true});
});

async function put(...keys: readonly string[]): Promise<void> {
  const batch = new WriteBatch();
  for (const key of keys) {
    batch.items.add(Buffer.from(key));
    batch.items.add(Buffer.from(`value of ${key}`));
    batch.noteDone(0, true);
  }
  await database.write(batch.take());
}

async function keysIn(directory: string): Promise<string[]> {
  const families = ['rows'];
  const copy = await Database.open({directory, families, options: STORE_OPTIONS, what: 'a copy'});
  const range = {family: 0, from: new Uint8Array(0), isAfter: false, to: null, limit: 100};
  const entries = await copy.scan(range);
  await copy.close();
  return entries.map(({key}) => Buffer.from(key).toString());
}

test('the staged files are the database at the call', async () => {
  await put('a', 'b');
  const first = await stageCheckpoint(database, nodeFileSystem, join(root, 'first'));
  await put('c');
  await stageCheckpoint(database, nodeFileSystem, join(root, 'second'));
  expect(readdirSync(join(root, 'first')).sort()).toEqual([...first].sort());
  expect(await keysIn(join(root, 'first'))).toEqual(['a', 'b']);
  expect(await keysIn(join(root, 'second'))).toEqual(['a', 'b', 'c']);
});

test('a file that vanishes before it is linked: all of it again', async () => {
  await put('a');
  await database.flush();
  await put('b');
  let vanished = 0;
  const files: FileSystem = {
    ...nodeFileSystem,
    async link(source, target) {
      vanished += 1;
      if (vanished === 1) throw Object.assign(new Error('gone'), {code: 'ENOENT'});
      await nodeFileSystem.link(source, target);
    },
  };
  await stageCheckpoint(database, files, join(root, 'copy'));
  expect(await keysIn(join(root, 'copy'))).toEqual(['a', 'b']);
});

test('a file that the MANIFEST names and the directory does not: again, and given up with the reason', async () => {
  await put('a');
  await database.flush();
  for (const name of readdirSync(join(root, 'db'))) {
    if (name.endsWith('.sst')) unlinkSync(join(root, 'db', name));
  }
  const staging = stageCheckpoint(database, nodeFileSystem, join(root, 'copy'));
  await expect(staging).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringMatching(/vanished 10 times/) as string,
  });
});

test('a MANIFEST: the files that are alive, cut off anywhere those of its whole edits', async () => {
  for (const key of ['a', 'b', 'c']) {
    await put(key);
    await database.flush();
  }
  const names = readdirSync(join(root, 'db'));
  const current = readFileSync(join(root, 'db', 'CURRENT'), 'utf8').trim();
  const bytes = readFileSync(join(root, 'db', current));
  const tables = names.filter((name) => name.endsWith('.sst')).map((name) => parseInt(name, 10));
  const whole = readManifest(bytes, 'MANIFEST');
  const liveFiles = tables.sort((l, r) => l - r);
  expect(whole).toMatchObject({liveFiles, length: bytes.length, isTorn: false});
  expect(whole.files.map(({number}) => number).sort((l, r) => l - r)).toEqual(liveFiles);
  expect(whole.files.map(({family, level}) => `${family} ${level}`)).toEqual(
    liveFiles.map(() => 'rows 0'),
  );
  expect(whole.files.map(({smallest}) => Buffer.from(smallest).toString()).sort()).toEqual([
    'a',
    'b',
    'c',
  ]);
  expect(whole.files.every(({smallest, largest}) => Buffer.compare(smallest, largest) === 0)).toBe(
    true,
  );
  for (let length = 0; length < bytes.length; length += 1) {
    const cut = readManifest(bytes.subarray(0, length), 'MANIFEST');
    expect(cut.length).toBeLessThanOrEqual(length);
    expect(cut.isTorn).toBe(bytes.subarray(cut.length, length).some((byte) => byte !== 0));
    const again = readManifest(bytes.subarray(0, cut.length), 'MANIFEST');
    expect(again).toEqual({...cut, isTorn: false});
    for (const file of cut.liveFiles) expect(tables).toContain(file);
  }
});

test('H49: a MANIFEST with any bit flipped is refused, or taken for one that is just being written', async () => {
  await put('a');
  await database.flush();
  const current = readFileSync(join(root, 'db', 'CURRENT'), 'utf8').trim();
  const bytes = readFileSync(join(root, 'db', current));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const damaged = Uint8Array.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    const found = (): string => {
      try {
        return readManifest(damaged, 'MANIFEST').isTorn ? 'torn' : 'nothing';
      } catch (error) {
        return (error as {code: string}).code;
      }
    };
    expect(['torn', 'STORAGE_FAILED'], `bit ${bit}`).toContain(found());
  }
});

test('an edit of the MANIFEST that is not whole: all of it again, and given up with the reason', async () => {
  await put('a');
  await database.flush();
  const current = readFileSync(join(root, 'db', 'CURRENT'), 'utf8').trim();
  const manifest = join(root, 'db', current);
  const bytes = readFileSync(manifest);
  writeFileSync(manifest, bytes.subarray(0, -1));
  let reads = 0;
  const mends = (afterReads: number): FileSystem => ({
    ...nodeFileSystem,
    openForRead: async (path) => {
      if (path === manifest && reads++ === afterReads) writeFileSync(manifest, bytes);
      return nodeFileSystem.openForRead(path);
    },
  });
  const staged = async (files: FileSystem): Promise<readonly string[]> =>
    stageCheckpoint(
      {directory: join(root, 'db'), flush: async () => Promise.resolve()},
      files,
      join(root, 'torn'),
    );
  await expect(staged(nodeFileSystem)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringMatching(/ended within an edit 10 times/) as string,
  });
  expect(await staged(mends(3))).toContain(current);
  expect(readFileSync(join(root, 'torn', current))).toEqual(bytes);
});

test('a stored database that is not there is an error, not an empty one', async () => {
  mkdirSync(join(root, 'empty'));
  const request = {directory: join(root, 'empty'), families: ['rows'], options: STORE_OPTIONS};
  await expect(Database.open({...request, what: 'a test'})).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  });
});
