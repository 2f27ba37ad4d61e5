// Promise: what reads a state file compares it with every sum that its handle has, and hands out nothing that differs.

import {expect, test} from 'vitest';

import {crc32, sha256Hex} from '#src/base/checksum.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {checkFile} from '#src/storage/check-file.js';
import {checkedFiles} from '#src/storage/checked-files.js';
import {CHUNK_BYTES} from '#src/storage/state-chunks.js';
import {counting} from '../state/support/counting-files.ts';
import {MemoryFiles} from '../state/support/memory-files.ts';

const BYTES = Uint8Array.from({length: 1000}, (_, at) => (at * 31) % 251);

function stored(bytes: Uint8Array): MemoryFiles {
  const files = new MemoryFiles();
  files.content.set('/chk-1/op/0.groups', bytes);
  return files;
}

const SUMS = {length: BYTES.length, sha256: sha256Hex(BYTES), chunkCrcs: [crc32(BYTES)]};

test('a digest that differs where each chunk is right is found', async () => {
  const request = {path: '/chk-1/op/0.groups', below: '/', expected: SUMS};
  expect((await checkFile(stored(BYTES), request)).findings).toEqual([]);
  const other = {...request, expected: {...SUMS, sha256: sha256Hex(new Uint8Array(1))}};
  const {findings} = await checkFile(stored(BYTES), other);
  expect(findings).toMatchObject([{code: 'digest-differs', found: SUMS.sha256}]);
});

test('no byte of a chunk is handed out that is not what was written', async () => {
  const state: FileState = {
    ...{...SUMS, location: 'file', name: 'groups', kind: 'keyed', codecVersion: 1},
    ...{keyGroups: {start: 0, end: 127}, path: 'op/0.groups', description: null},
  };
  for (let at = 0; at < BYTES.length; at += 99) {
    const damaged = BYTES.slice();
    damaged[at]! ^= 4;
    const files = checkedFiles(stored(damaged), '/chk-1', [state]);
    const handle = await files.openForRead('/chk-1/op/0.groups');
    await expect(handle.read(new Uint8Array(10), 0, 10, 500)).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
    });
    await handle.close();
  }
});

test('of a chunk that was compared a part is read and compared again, and nothing that differs is handed out', async () => {
  const bytes = Uint8Array.from({length: 2.5 * CHUNK_BYTES}, (_, at) => (at * 31) % 251);
  const chunkCrcs = [0, 1, 2].map((index) =>
    crc32(bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)),
  );
  const path = '/chk-1/op/0.groups';
  const state: FileState = {
    ...{length: bytes.length, sha256: sha256Hex(bytes), chunkCrcs},
    ...{location: 'file', name: 'groups', kind: 'keyed', codecVersion: 1},
    ...{keyGroups: {start: 0, end: 127}, path: 'op/0.groups', description: null},
  };
  const disk = stored(bytes);
  const counted = counting(disk);
  let told = 0;
  const files = checkedFiles(counted.files, '/chk-1', [state], (count) => (told += count));
  const read = async (from: number, length: number): Promise<Uint8Array> => {
    const handle = await files.openForRead(path);
    const part = new Uint8Array(length);
    await handle.read(part, 0, length, from).finally(async () => handle.close());
    return part;
  };
  expect(Buffer.compare(await read(0, bytes.length), bytes)).toBe(0);
  for (const from of [0, 16_000, CHUNK_BYTES - 3, 2 * CHUNK_BYTES + 1, bytes.length - 100]) {
    const before = counted.bytes();
    expect(Buffer.compare(await read(from, 100), bytes.subarray(from, from + 100))).toBe(0);
    expect(counted.bytes() - before).toBeLessThan(CHUNK_BYTES / 16);
    for (const at of [from, from + 50, from + 99]) {
      const damaged = bytes.slice();
      damaged[at]! ^= 4;
      disk.content.set(path, damaged);
      await expect(read(from, 100)).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED'});
    }
    disk.content.set(path, bytes);
  }
  expect(told).toBe(bytes.length);
});
