// H36 ck-symlink-race: while the kept checkpoints are read, the directory of each file that is opened is a link for exactly that
// moment, to another place with the very same bytes: nothing but the guard of the open can tell. Whoever reads, refuses with 13,
// and what was to be written is not there.

import {
  cpSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, describe, expect, test} from 'vitest';

import {must} from '#src/base/assert.js';
import {ERROR_CODES} from '#src/base/errors.js';
import {verifyCheckpoints} from '#src/inspection/verify-checkpoint.js';
import {readStates} from '#src/inspection/state/read-states.js';
import {verifyCheckpoint} from '#src/recovery/verify-checkpoint.js';
import {readCheckpoint} from '#src/runtime/start-job.js';
import {convertSnapshot} from '#src/state/canonical/convert-snapshot.js';
import {readInFlight} from '#src/state/in-flight.js';
import {blockingFileSystem} from '#src/storage/blocking-file-system.js';
import {copyCheckpoint} from '#src/storage/copy-checkpoint.js';
import {placeDatabase} from '#src/state/rocksdb/place-database.js';
import {storedDatabaseOf} from '#src/state/rocksdb/stored-database.js';
import {deriveCheckpointState} from '#src/storage/derive-checkpoint-state.js';
import type {FileHandle, FileSystem} from '#src/storage/file-system.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {readCorpus} from '../formats/support/corpus.ts';
import {manyKeys, make, Running, SPEC} from '../state/support/incremental.ts';
import type {MemoryFiles} from '../state/support/memory-files.ts';
import {FakeTime, processTable} from '../storage/support/fixture.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
const FORMS = ['hashmap-full', 'hashmap-incremental', 'rocksdb-incremental', 'savepoint-canonical'];
const root = mkdtempSync(join(tmpdir(), 'tidemark-swapped-'));
afterAll(() => rmSync(root, {recursive: true}));

type Reader = (files: FileSystem, directory: string) => Promise<unknown>;

const READERS: Readonly<Record<string, Reader>> = {
  async verify(files, directory) {
    const {errorCode} = await verifyCheckpoints({
      ...{files, clock: new FakeTime(), directories: [directory], level: 'checksum'},
      onFinding: () => undefined,
    });
    // As the other readers, which throw.
    if (errorCode !== null) throw Object.assign(new Error(errorCode), {code: errorCode});
  },
  async 'a start'(files, directory) {
    const facts = await readCheckpoint(nodeFileSystem, directory);
    if (facts?.state !== 'complete') throw new Error(directory);
    const {kind, ...rest} = await verifyCheckpoint(files, facts);
    if (kind === 'damaged') throw Object.assign(new Error(JSON.stringify(rest)), {code: 'REFUSED'});
  },
  async 'state scan'(files, directory) {
    for await (const rows of readStates({files, directory})) must(rows.table, 'rows');
  },
  async 'checkpoint copy'(files, directory) {
    const state = await deriveCheckpointState(files, directory);
    if (state.kind !== 'complete') throw Object.assign(new Error(state.kind), {code: 'REFUSED'});
    const place = mkdtempSync(join(root, 'copies-'));
    const {metadata, metadataSha256} = state;
    const request = {source: directory, metadata, metadataSha256, processes: processTable()};
    try {
      const target = join(place, 'mine');
      await copyCheckpoint(files, {
        ...request,
        target,
        selfContained: true,
        random: '0'.repeat(12),
      });
    } catch (error) {
      expect(readdirSync(place)).toEqual([]);
      throw error;
    }
  },
};

const kindOf = (path: string): string =>
  ['_metadata', 'SHA256SUMS'].find((name) => basename(path) === name) ?? 'state';

/** For the moment of each call on a file for which `applies`, its directory is a link to that of `twin`. */
function swapping(
  home: string,
  twin: string,
  applies: (call: 'open' | 'link', path: string) => boolean,
): FileSystem {
  const during = <T>(path: string, act: () => T): T => {
    const directory = dirname(path);
    renameSync(directory, `${directory}.aside`);
    symlinkSync(join(twin, relative(home, directory)), directory);
    try {
      return act();
    } finally {
      unlinkSync(directory);
      renameSync(`${directory}.aside`, directory);
    }
  };
  const isOurs = (path: string): boolean => path.startsWith(`${home}/`);
  return {
    ...nodeFileSystem,
    async openForRead(path): Promise<FileHandle> {
      if (!isOurs(path) || !applies('open', path)) return nodeFileSystem.openForRead(path);
      // It opens before it returns.
      return during(path, async () => blockingFileSystem.openForRead(path));
    },
    async link(from, to) {
      if (isOurs(from) && applies('link', from)) during(from, () => linkSync(from, to));
      else await nodeFileSystem.link(from, to);
    },
  };
}

/** The kept checkpoint of that form, and where else its very bytes lie. */
function twins(form: string): {home: string; twin: string; directory: string} {
  const kept = must(
    readCorpus(KEPT).find(({name}) => name.startsWith(form)),
    form,
  );
  const home = mkdtempSync(join(root, `${form}-`));
  const twin = join(KEPT, kept.name, 'files');
  cpSync(twin, home, {recursive: true});
  return {home, twin, directory: join(home, kept.facts.checkpoint)};
}

describe.each(FORMS)('H36 ck-symlink-race: %s', (form) => {
  const {home, twin, directory} = twins(form);

  test.each(Object.entries(READERS))('%s', async (_reader, read) => {
    await read(nodeFileSystem, directory);
    for (const kind of ['_metadata', 'SHA256SUMS', 'state']) {
      const applies = (call: string, path: string): boolean =>
        call === 'open' && kindOf(path) === kind;
      const files = swapping(home, twin, applies);
      await expect(read(files, directory)).rejects.toMatchObject({code: 'REFUSED'});
    }
    expect(ERROR_CODES.REFUSED).toBe(13);
    await read(nodeFileSystem, directory);
  });
});

test('H36 ck-symlink-race: a table that RocksDB is given by a link', async () => {
  const {home, twin, directory} = twins('rocksdb-incremental');
  const state = await deriveCheckpointState(nodeFileSystem, directory);
  if (state.kind !== 'complete') throw new Error(state.kind);
  const subtasks = state.metadata.operators.flatMap((operator) => operator.subtasks);
  const stored = must(subtasks.map(storedDatabaseOf).find((one) => one !== null) ?? null, 'one');
  let swapped = 0;
  const files = swapping(home, twin, (call) => {
    if (call === 'link') swapped += 1;
    return call === 'link';
  });
  const scratch = mkdtempSync(join(root, 'scratch-'));
  const place = {stored, source: directory, target: scratch, threads: 1};
  await expect(placeDatabase(files, place)).rejects.toMatchObject({code: 'REFUSED'});
  expect(swapped).toBeGreaterThan(0);
  expect(existsSync(directory)).toBe(true);
});

test('H36 ck-symlink-race: records in flight', async () => {
  const {home, twin, directory} = twins('unaligned-in-flight');
  const state = await deriveCheckpointState(nodeFileSystem, directory);
  if (state.kind !== 'complete') throw new Error(state.kind);
  const restored = {directory, metadata: state.metadata};
  expect((await readInFlight(nodeFileSystem, restored, () => true)).length).toBeGreaterThan(0);
  const files = swapping(home, twin, () => true);
  await expect(readInFlight(files, restored, () => true)).rejects.toMatchObject({code: 'REFUSED'});
});

describe('H36 ck-symlink-race: what was opened lies elsewhere', () => {
  /** As if each open had led through a link that has gone again. */
  function lying(files: MemoryFiles): void {
    const open = files.openForRead.bind(files);
    files.openForRead = async (path) => ({
      ...(await open(path)),
      location: () => `/elsewhere${path}`,
    });
    Object.assign(files, {realPath: async (path: string) => Promise.resolve(path)});
  }

  test('a table that is restored, and one that is converted', async () => {
    const running = new Running({incremental: false});
    await running.update(manyKeys, 'first');
    const {id, states} = await running.snapshot();
    const {files} = running;
    const restore = async () =>
      make(files, {states: [states], directory: `/chk-${id}`}).openTable(SPEC);
    const convert = async (targetPath: string) =>
      convertSnapshot(files, {
        ...{sourceDirectory: `/chk-${id}`, states, targetDirectory: '/target', targetPath},
        compression: 'none',
      });
    await restore();
    await convert('op/0.canonical');
    lying(files);
    await expect(restore()).rejects.toMatchObject({code: 'REFUSED'});
    await expect(convert('op/1.canonical')).rejects.toMatchObject({code: 'ELOOP'});
  });
});
