// Promise: what reads a state file compares it with every sum that its handle has, and hands out nothing that differs.

import {expect, test} from 'vitest';

import {crc32, sha256Hex} from '#src/base/checksum.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {checkFile} from '#src/storage/check-file.js';
import {checkedFiles} from '#src/storage/checked-files.js';
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
