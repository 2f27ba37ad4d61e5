// Promise: what a checkpoint copies is what was there, also when several files are copied at once and one is given up; and all
// these copies take a bounded number of buffers, however many files there are.
import {createHash} from 'node:crypto';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {copyStateFile} from '#src/state/copy-state-file.js';
import type {CopyRequest} from '#src/state/snapshot-request.js';
import type {FileHandle, FileSystem} from '#src/storage/file-system.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';

const PARALLEL = 4;
const FILES = 24;

let root: string;
let buffers: Set<ArrayBufferLike>;
/** Of copies that are given up with their first piece; by source. */
let givenUp: Map<string, SharedArrayBuffer>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-copy-'));
  mkdirSync(join(root, 'attempt'));
  buffers = new Set();
  givenUp = new Map();
});
afterEach(() => rmSync(root, {recursive: true, force: true}));

/** Writes take some turns, so that a piece which is filled again too early has the bytes of another file. */
const slow: FileSystem = {
  ...nodeFileSystem,
  openForRead: async (path) => {
    const handle = await nodeFileSystem.openForRead(path);
    return {
      ...bound(handle),
      read: async (buffer, ...rest) => {
        buffers.add(buffer.buffer);
        const control = givenUp.get(path);
        if (control !== undefined) Atomics.store(new Int32Array(control), 0, 1);
        return handle.read(buffer, ...rest);
      },
    };
  },
  createNew: async (path) => {
    const handle = await nodeFileSystem.createNew(path);
    return {
      ...bound(handle),
      append: async (bytes) => {
        for (let turns = 0; turns < 20; turns += 1) await turn();
        await handle.append(bytes);
      },
    };
  },
};

function bound(handle: FileHandle): FileHandle {
  return {
    read: async (...read) => handle.read(...read),
    append: async (bytes) => handle.append(bytes),
    sync: async () => handle.sync(),
    status: async () => handle.status(),
    close: async () => handle.close(),
  };
}

/** A file of its own bytes, some pieces long. */
function sourceOf(index: number): {readonly path: string; readonly bytes: Uint8Array} {
  const bytes = new Uint8Array(700_000 + index * 31_337).fill(index + 1);
  const path = join(root, `source-${index}`);
  writeFileSync(path, bytes);
  return {path, bytes};
}

function requestOf(index: number, source: string, control: SharedArrayBuffer): CopyRequest {
  return {
    checkpointId: 1,
    directory: join(root, 'attempt'),
    uid: 'groups',
    source,
    state: {
      location: 'file',
      name: `rocksdb-${index}`,
      kind: 'keyed',
      codecVersion: 1,
      keyGroups: {start: 0, end: 127},
      path: `groups/0.rocksdb-${index}`,
      description: {},
    },
    control,
    shared: false,
  };
}

test('files that are copied at once have their own bytes, in as many buffers as four of them need', async () => {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < FILES) {
      const index = next++;
      const {path, bytes} = sourceOf(index);
      const control = new SharedArrayBuffer(4);
      const request = requestOf(index, path, control);
      if (index % 5 === 3) {
        // Its piece is another file's then.
        givenUp.set(path, control);
        await expect(copyStateFile(request, slow)).rejects.toThrow('was aborted');
        continue;
      }
      const {sha256} = await copyStateFile(request, slow);
      expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      const copy = readFileSync(join(root, 'attempt', 'groups', `0.rocksdb-${index}`));
      expect(copy.equals(bytes)).toBe(true);
    }
  };
  await Promise.all(Array.from({length: PARALLEL}, work));
  expect(buffers.size).toBeLessThanOrEqual(PARALLEL * 4);
});
