// Promise: with incremental checkpoints of the rocksdb backend every completed checkpoint is the table at its moment, whatever was
// written, compacted, completed and given up meanwhile; an SST file that a completed checkpoint has is neither read nor written
// again; nothing else is referred to.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {UploadedFiles} from '#src/state/rocksdb/uploaded-files.js';
import {parseSharedPath, stateFileAt} from '#src/storage/paths.js';
import {MemoryFileSystem} from '../storage/support/memory-file-system.js';
import {
  manyKeys,
  MAX_PARALLELISM,
  resolve,
  Running,
  SPEC,
  type Taken,
} from './support/incremental.ts';
import {fileOf, makeRocksdb, rowsOf, sorted} from './support/incremental-rocksdb.ts';
import type {MemoryFiles} from './support/memory-files.ts';
import {whole} from '../hostile/support/sample.ts';

const tables = (states: readonly FileState[]): string[] =>
  states.map(fileOf).filter((file) => file.endsWith('.sst'));

/** Rows of a checkpoint in two halves of the key groups, together. */
async function restored(files: MemoryFiles, {id, states}: Taken, cut: number) {
  const rows: [string, string][] = [];
  for (const keyGroups of [
    {start: 0, end: cut},
    {start: cut + 1, end: MAX_PARALLELISM - 1},
  ]) {
    const backend = makeRocksdb(files, {states, keyGroups, directory: `/chk-${id}`});
    rows.push(...rowsOf(await backend.openTable(SPEC)));
    await backend.close();
  }
  return rows.sort(([left], [right]) => (left < right ? -1 : 1));
}

/** A running backend, and the files that each checkpoint copied. */
function running(compactAt = 100): {one: Running; copied: (id: number) => string[]} {
  const copies: [number, string][] = [];
  const onCopy = (file: string, id: number): void => void copies.push([id, file]);
  const one = new Running({}, (files) => makeRocksdb(files, {compactAt, onCopy}));
  one.files.directories.add('/local');
  const copied = (id: number): string[] =>
    copies.filter(([of]) => of === id).map(([, file]) => file);
  return {one, copied};
}

test('every completed checkpoint is the table at its moment', async () => {
  const keys = fc.array(fc.constantFrom(...manyKeys), {minLength: 1, maxLength: 12});
  const act = fc.oneof(
    {weight: 5, arbitrary: fc.record({kind: fc.constant('update' as const), keys})},
    {weight: 1, arbitrary: fc.record({kind: fc.constant('remove' as const), keys})},
    {weight: 4, arbitrary: fc.constant({kind: 'completed' as const})},
    {weight: 1, arbitrary: fc.constant({kind: 'aborted' as const})},
    {weight: 1, arbitrary: fc.constant({kind: 'unanswered' as const})},
  );
  const acts = fc.array(act, {minLength: 2, maxLength: 14});
  const cuts = fc.integer({min: 0, max: MAX_PARALLELISM - 2});
  await fc.assert(
    fc.asyncProperty(acts, fc.integer({min: 1, max: 4}), cuts, async (list, compactAt, cut) => {
      const {one} = running(compactAt);
      const completed: Taken[] = [];
      let unanswered: Taken | null = null;
      for (const [at, next] of list.entries()) {
        if (next.kind === 'update') await one.update(next.keys, `text ${at}`);
        else if (next.kind === 'remove') await one.remove(next.keys);
        else {
          const taken = await one.snapshot();
          if (next.kind === 'aborted') one.abort(taken);
          else if (next.kind === 'unanswered') unanswered = taken;
          else {
            // Two were in flight: the older one completes first.
            if (unanswered !== null) one.complete(unanswered);
            unanswered = null;
            one.complete(taken);
            completed.push(taken);
          }
        }
      }
      await one.backend.close();
      for (const taken of completed) {
        expect(await restored(one.files, taken, cut)).toEqual(sorted(taken.model));
      }
    }),
    {numRuns: whole ? 60 : 12},
  );
});

describe('an SST file', () => {
  test('that a completed checkpoint has is only referred to; the others of the database are each checkpoint’s own', async () => {
    const {one, copied} = running();
    await one.update(manyKeys, 'first');
    const first = await one.snapshot();
    one.complete(first);
    await one.update(manyKeys.slice(0, 3), 'second');
    const second = await one.snapshot();
    expect(tables(first.states)).toEqual(copied(1).filter((file) => file.endsWith('.sst')));
    expect(tables(second.states).length).toBe(tables(first.states).length + 1);
    expect(copied(2).filter((file) => tables(first.states).includes(file))).toEqual([]);
    for (const [at, {states}] of [first, second].entries()) {
      for (const state of states) {
        const isTable = fileOf(state).endsWith('.sst');
        expect(parseSharedPath(state.path) !== null, state.path).toBe(isTable);
      }
      expect(copied(at + 1)).toEqual(expect.arrayContaining(['CURRENT', 'MANIFEST-000001']));
    }
    await one.backend.close();
  });

  test('that only a checkpoint brought which was given up, or is not complete yet, is brought again', async () => {
    const {one, copied} = running();
    await one.update(manyKeys, 'first');
    const first = await one.snapshot();
    const second = await one.snapshot();
    one.abort(first);
    const third = await one.snapshot();
    expect(tables(second.states)).toEqual(tables(first.states));
    for (const id of [1, 2, 3])
      expect(copied(id)).toEqual(expect.arrayContaining(tables(first.states)));
    one.abort(second);
    one.complete(third);
    const fourth = await one.snapshot();
    expect(tables(fourth.states)).toEqual(tables(first.states));
    expect(copied(4)).not.toEqual(expect.arrayContaining(tables(first.states)));
    await one.backend.close();
  });

  test('is uploaded anew for a full checkpoint', async () => {
    const {one, copied} = running();
    await one.update(manyKeys, 'first');
    one.complete(await one.snapshot());
    const full = await one.snapshot(true);
    expect(copied(2)).toEqual(expect.arrayContaining(tables(full.states)));
    await one.backend.close();
  });

  test('is uploaded anew by the first checkpoint after a restore, and restores without the checkpoint it was restored from', async () => {
    const {one} = running();
    await one.update(manyKeys, 'first');
    const first = await one.snapshot();
    one.complete(first);
    await one.backend.close();
    const copied: string[] = [];
    const {files} = one;
    const backend = makeRocksdb(files, {
      ...{states: first.states, directory: '/chk-1'},
      onCopy: (file) => void copied.push(file),
    });
    await backend.openTable(SPEC);
    const states = await backend.snapshot({checkpointId: 2, directory: '/chk-2'});
    expect(copied).toEqual(expect.arrayContaining(tables(states)));
    await backend.close();
  });

  test('that a restored checkpoint of one’s own has in shared/ is only referred to, from the first checkpoint on', async () => {
    const {one} = running();
    await one.update(manyKeys, 'first');
    const first = await one.snapshot();
    one.complete(first);
    await one.backend.close();
    let checkpointId = 1;
    const restore = async (
      ownsRestored: boolean,
      changes: readonly FileState[] = first.states,
    ): Promise<{bytes: number; states: readonly FileState[]}> => {
      const copied: string[] = [];
      const backend = makeRocksdb(one.files, {
        ...{states: changes, directory: '/chk-1', ownsRestored, compactAt: 100},
        onCopy: (file) => void copied.push(file),
      });
      const table = await backend.openTable(SPEC);
      resolve(table, manyKeys.slice(0, 1));
      checkpointId += 1;
      const directory = `/chk-${checkpointId}`;
      const states = await backend.snapshot({checkpointId, directory});
      await backend.close();
      const brought = states.filter((state) => copied.includes(fileOf(state)));
      return {bytes: brought.reduce((sum, {length}) => sum + length, 0), states};
    };
    const handles = (states: readonly FileState[]): string[] =>
      states.filter((state) => fileOf(state).endsWith('.sst')).map(({path}) => path);
    const stored = first.states.filter((state) => fileOf(state).endsWith('.sst'));
    const size = stored.reduce((sum, {length}) => sum + length, 0);
    expect(size).toBeGreaterThan(0);
    const [full, own] = [await restore(false), await restore(true)];
    expect(full.bytes - own.bytes).toBe(size);
    expect(handles(own.states)).toEqual(expect.arrayContaining(handles(first.states)));
    // In a checkpoint that is not incremental they belong to that checkpoint alone.
    const alone = stored.map((state) => ({...state, path: `op/0.${state.name}`}));
    for (const [at, {path}] of alone.entries()) {
      const bytes = one.files.content.get(stateFileAt('/chk-1', stored[at]!.path))!;
      one.files.content.set(`/chk-1/${path}`, bytes);
    }
    const others = first.states.filter((state) => !stored.includes(state));
    expect((await restore(true, [...others, ...alone])).bytes).toBe(full.bytes);
  });

  test('H49: that has changed in the live database since a checkpoint had it fails the next one that reads it', async () => {
    const changeLive = (files: MemoryFiles): void => {
      const path = [...files.content.keys()].find((name) => /\/db\/\d+\.sst$/.test(name))!;
      const bytes = Uint8Array.from(files.content.get(path)!);
      bytes[0]! ^= 1;
      files.content.set(path, bytes);
    };
    const message = expect.stringMatching(
      /live RocksDB database of op is damaged: .*sst has changed/,
    ) as string;
    const {one} = running();
    await one.update(manyKeys, 'first');
    const first = await one.snapshot();
    one.complete(first);
    changeLive(one.files);
    // One that does not read it refers to what was stored before.
    one.complete(await one.snapshot());
    await expect(one.snapshot(true)).rejects.toMatchObject({code: 'STORAGE_FAILED', message});
    await one.backend.close();

    const restored = makeRocksdb(one.files, {states: first.states, directory: '/chk-1'});
    await restored.openTable(SPEC);
    changeLive(one.files);
    const snapshot = restored.snapshot({checkpointId: 9, directory: '/chk-9'});
    await expect(snapshot).rejects.toMatchObject({code: 'STORAGE_FAILED', message});
    await restored.close();
  });

  test('that the MANIFEST names and the checkpoint does not is damage, and named', async () => {
    const {one} = running();
    await one.update(manyKeys, 'first');
    const taken = await one.snapshot();
    one.complete(taken);
    await one.backend.close();
    for (const file of [...tables(taken.states), 'MANIFEST-000001', 'CURRENT']) {
      const states = taken.states.filter((state) => fileOf(state) !== file);
      const backend = makeRocksdb(one.files, {states, directory: '/chk-1'});
      const opening = backend.openTable(SPEC);
      await expect(opening, file).rejects.toMatchObject({
        code: 'CHECKPOINT_DAMAGED',
        message: expect.stringContaining(file) as string,
      });
      await backend.close();
    }
  });
});

test('a checkpoint has inodes of its own, never those of live files; a restore links them', async () => {
  const files = new MemoryFileSystem();
  for (const path of ['/local', '/job', '/job/chk-1']) await files.makeDirectory(path);
  const inodes = async (directory: string): Promise<number[]> => {
    const names = await files.list(directory);
    const tablesThere = names.filter(({name}) => /sst$|^[0-9a-f]{64}$/.test(name));
    return Promise.all(
      tablesThere.map(async ({name}) => (await files.status(`${directory}/${name}`)).inode),
    );
  };
  const live = async (): Promise<number[]> => {
    const [own] = await files.list('/local');
    return inodes(`/local/${own!.name}/db`);
  };
  const backend = makeRocksdb(files);
  resolve(await backend.openTable(SPEC), manyKeys);
  const states = await backend.snapshot({checkpointId: 1, directory: '/job/chk-1'});
  const stored = await inodes('/job/chk-1/.shared');
  expect(stored.length).toBe(1);
  expect(await live()).not.toEqual(stored);
  await backend.close();

  const {sha256} = states.find(({path}) => parseSharedPath(path) !== null)!;
  for (const path of ['/job/shared', `/job/shared/${sha256.slice(0, 2)}`]) {
    await files.makeDirectory(path);
  }
  await files.link(`/job/chk-1/.shared/${sha256}`, `/job/shared/${sha256.slice(0, 2)}/${sha256}`);
  const again = makeRocksdb(files, {states, directory: '/job/chk-1'});
  await again.openTable(SPEC);
  expect(await live()).toEqual(stored);
  await again.close();
});

describe('what is known of uploaded files', () => {
  const identity = {device: 1, inode: 7, size: 100};
  const state = {path: '../shared/ab/…'} as FileState;
  const files = new Map([['000007.sst', {identity, state}]]);

  test.each([
    ['the same file', '000007.sst', identity, true],
    ['another name', '000008.sst', identity, false],
    ['another inode under its name', '000007.sst', {...identity, inode: 8}, false],
    ['another device', '000007.sst', {...identity, device: 2}, false],
    ['another length', '000007.sst', {...identity, size: 101}, false],
  ])('%s', (_what, name, found, isKnown) => {
    const uploaded = new UploadedFiles();
    uploaded.written(3, files);
    expect(uploaded.find(name, found)).toBe(null);
    uploaded.completed(2);
    expect(uploaded.find(name, found)).toBe(null);
    uploaded.completed(3);
    expect(uploaded.find(name, found)).toBe(isKnown ? state : null);
  });

  test('a file that the newest completed checkpoint does not have is forgotten', () => {
    const uploaded = new UploadedFiles();
    uploaded.written(1, files);
    uploaded.written(2, new Map());
    uploaded.completed(2);
    expect(uploaded.find('000007.sst', identity)).toBe(null);
    uploaded.completed(1);
    expect(uploaded.find('000007.sst', identity)).toBe(null);
  });
});
