// The SST files of a live database in shared/ after a power loss, whatever subset of the unsynced operations reached the disk: a checkpoint that was acknowledged restores to the rows that it was taken of, though compactions have long removed its
// files from the database, other checkpoints were given up, deleted, and made by the next owner out of a restored database; a
// savepoint of it is whole or not there, and needs nothing outside itself. Live databases lie on a disk of their own.

import {describe, expect, it} from 'vitest';

import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {orphansAmong, unclaimedFiles} from '#src/storage/list-orphans.js';
import {sharedNames} from '#src/storage/shared-directory.js';
import {writeSavepoint} from '#src/savepoints/write-savepoint.js';
import type {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {KeyedTable} from '#src/state/state-backend.js';
import {checkCheckpoint} from '#src/storage/check-checkpoint.js';
import {readMetadata, statusOrNull} from '#src/storage/derive-checkpoint-state.js';
import type {FileSystem} from '#src/storage/file-system.js';
import type {Ownership} from '#src/storage/job-directory.js';
import {JobPaths, parseSharedPath} from '#src/storage/paths.js';
import {SavepointAttempt} from '#src/storage/savepoint-attempt.js';
import {whole} from '../hostile/support/sample.ts';
import {apart} from '../state/support/apart.ts';
import {makeRocksdb, rowsOf, sorted} from '../state/support/incremental-rocksdb.ts';
import {keyText, resolve, SPEC, type Key} from '../state/support/incremental.ts';
import {beginFresh, JOB_DIRECTORY, start} from '../storage/support/fixture.js';
import {MemoryFileSystem, type Fault} from '../storage/support/memory-file-system.js';
import {sharingMetadata} from '../storage/support/shared-states.js';
import {
  findViolation,
  RECORDED_OWNERS,
  say,
  withoutEachSync,
  type Promised,
  type Recording,
} from './crash-disks.ts';

const paths = new JobPaths(JOB_DIRECTORY);
const SAVEPOINT = '/savepoints/savepoint-012345-aaaaaaaaaaaa';
const KEYS: readonly Key[] = Array.from({length: 6}, (_, at): Key => [
  `word ${at % 3}`,
  BigInt(at),
]);

type Rows = readonly (readonly [string, string])[];

/** A backend over a disk of its own, its table, and what has to be in it. */
class Database {
  readonly model = new Map<string, string>();
  readonly #files: FileSystem;
  #backend: RocksdbBackend | null = null;
  #table: KeyedTable | null = null;

  constructor(disk: FileSystem) {
    this.#files = apart('/local', new MemoryFileSystem(), disk);
  }

  /** Fresh, or from a checkpoint; returns its rows. */
  async open(states: readonly FileState[] = [], directory = ''): Promise<Rows> {
    await this.#files.makeDirectory('/local');
    this.#backend = makeRocksdb(this.#files, {states, directory, compactAt: 3});
    this.#table = await this.#backend.openTable(SPEC);
    const rows = rowsOf(this.#table);
    for (const [key, text] of rows) this.model.set(key, text);
    return rows;
  }

  update(keys: readonly Key[], text: string): void {
    const table = this.#table!;
    const bytes = new TextEncoder().encode(text);
    for (const [at, row] of resolve(table, keys).entries()) {
      table.writeBytes(row, table.shape.slots[1]!, bytes, 0, bytes.length);
      this.model.set(keyText(keys[at]!), text);
    }
  }

  async publish(owner: Ownership, id: number): Promise<readonly FileState[]> {
    const attempt = await owner.beginAttempt(id);
    const {directory} = attempt;
    const states = await this.#backend!.snapshot({checkpointId: id, directory});
    try {
      await attempt.publish(metadataWith(owner, id, states));
    } catch (error) {
      await attempt.abort();
      this.#backend!.checkpointAborted(id);
      throw error;
    }
    this.#backend!.checkpointCompleted(id);
    return states;
  }

  async close(): Promise<void> {
    await this.#backend?.close();
  }
}

function metadataWith(owner: Ownership, id: number, states: readonly FileState[]) {
  const metadata = sharingMetadata(owner, id, states);
  const requiredFeatures = [...metadata.requiredFeatures, 'rocksdb-state'];
  const operators = metadata.operators.map((one) =>
    one.uid === 'count' ? {...one, uid: 'op'} : one,
  );
  return {...metadata, requiredFeatures, operators};
}

/**
 * 1, 2, 4 and 5 are published by one owner, of which 4 compacts; 3 is given up; 1 and 2 are deleted. Of 5 a savepoint is made. The next owner
 * restores 5, publishes 6, and deletes 4 and 5. Power is lost while 4 is published, and while the savepoint is made.
 */
async function record(droppedSyncs: ReadonlySet<number>): Promise<Recording> {
  const disk = new MemoryFileSystem({droppedSyncs});
  const promises: Promised[] = [];
  const promise = (what: string, holds: Promised['holds']): Promised => {
    const made = {what, since: disk.log.length, until: Infinity, holds};
    promises.push(made);
    return made;
  };
  const published = async (from: Database, owner: Ownership, id: number): Promise<Promised> => {
    const rows = sorted(from.model);
    await from.publish(owner, id);
    return promise(`checkpoint ${id}`, async (crashed) =>
      restores(crashed, paths.checkpoint(id), rows),
    );
  };
  disk.phase = 'before';
  const owner = await start(disk, RECORDED_OWNERS[0]);
  await beginFresh(owner);
  const database = new Database(disk);
  await database.open();

  database.update(KEYS, 'first');
  const one = await published(database, owner, 1);
  database.update(KEYS.slice(0, 1), 'second');
  const two = await published(database, owner, 2);
  database.update(KEYS.slice(1, 2), 'third');
  const {options} = disk;
  disk.options = {...options, fault: metadataRefused};
  await expect(database.publish(owner, 3)).rejects.toThrow('EIO');
  disk.options = options;
  disk.phase = 'publish';
  // It compacts: no file of 1 and 2 is left in the database.
  const four = await published(database, owner, 4);

  // shared.test.ts looks at deletions.
  disk.phase = 'before';
  one.until = two.until = disk.log.length;
  await owner.deleteCheckpoints(await owner.permitDeletion([1, 2]));
  database.update(KEYS.slice(2, 3), 'fifth');
  const five = await published(database, owner, 5);
  const rows = sorted(database.model);

  disk.phase = whole ? 'savepoint' : 'before';
  const read = await readMetadata(disk, paths.checkpoint(5));
  if (read.kind !== 'read') throw new Error(read.kind);
  const source = {directory: paths.checkpoint(5), metadata: read.metadata};
  const place = {path: SAVEPOINT, jobId: '0123456789abcdef0123456789abcdef', generation: 1};
  const attempt = await SavepointAttempt.begin(disk, place);
  const convert = async () => Promise.reject(new Error('nothing is converted'));
  await writeSavepoint(disk, source, attempt, 'native', convert);
  promise('the savepoint', async (crashed) => restores(crashed, SAVEPOINT, rows));

  disk.phase = 'before';
  const next = await start(disk, RECORDED_OWNERS[1]);
  await next.sweepDeleted();
  const restored = new Database(disk);
  const states = statesOf(read.metadata.operators);
  expect(await restored.open(states, paths.checkpoint(5))).toEqual(rows);
  restored.update(KEYS.slice(3), 'sixth');
  await published(restored, next, 6);
  four.until = five.until = disk.log.length;
  await next.deleteCheckpoints(await next.permitDeletion([4, 5]));
  await Promise.all([database.close(), restored.close()]);
  return {disk, promises};
}

const metadataRefused: Fault = ({name, path}) =>
  name === 'createNew' && path.endsWith('_metadata') ? {kind: 'fail', code: 'EIO'} : null;

function statesOf(
  operators: readonly {uid: string; subtasks: readonly {states: readonly unknown[]}[]}[],
): readonly FileState[] {
  const {subtasks} = operators.find(({uid}) => uid === 'op')!;
  return subtasks[0]!.states as readonly FileState[];
}

async function isWhole(files: MemoryFileSystem, directory: string): Promise<boolean> {
  const onFinding = (): void => undefined;
  const result = await checkCheckpoint({files, directory, level: 'checksum', onFinding});
  return result.state.kind === 'complete' && result.errors === 0;
}

/** `_metadata` of what was restored, with its rows: of equal ones that are whole all bytes are equal. */
const known = new Map<string, string>();

/** It is whole, and opens as a database of these rows. */
async function restores(disk: MemoryFileSystem, directory: string, rows: Rows): Promise<boolean> {
  if (!(await isWhole(disk, directory))) return false;
  const read = await readMetadata(disk, directory);
  if (read.kind !== 'read') return false;
  const wanted = JSON.stringify(rows);
  const bytes = Buffer.from(read.bytes).toString('latin1');
  const before = known.get(bytes);
  if (before !== undefined) return before === wanted;
  const database = new Database(disk);
  const found = await database.open(statesOf(read.metadata.operators), directory);
  await database.close();
  known.set(bytes, JSON.stringify(found));
  return JSON.stringify(found) === wanted;
}

async function alwaysHolds(disk: MemoryFileSystem): Promise<string | null> {
  const entries = await disk.list(JOB_DIRECTORY).catch(() => []);
  const there = entries.flatMap(({name}) => (/^chk-\d+$/.test(name) ? [name] : []));
  for (const name of there) {
    if (!(await isWhole(disk, `${JOB_DIRECTORY}/${name}`))) return `${name} is torn`;
  }
  if ((await statusOrNull(disk, SAVEPOINT)) !== null) {
    if (!(await isWhole(disk, SAVEPOINT))) return 'the savepoint is torn';
    const read = await readMetadata(disk, SAVEPOINT);
    const states = read.kind === 'read' ? statesOf(read.metadata.operators) : [];
    const outside = states.find(({path}) => parseSharedPath(path) !== null);
    if (outside !== undefined) return `the savepoint needs ${outside.path}`;
  }
  const next = await start(disk);
  await next.sweepDeleted();
  for (const name of there) {
    if (!(await isWhole(disk, `${JOB_DIRECTORY}/${name}`))) return `${name} is torn by the sweep`;
  }
  const unclaimed = await unclaimedFiles(disk, await sharedNames(disk, paths), []);
  const orphans = await orphansAmong(disk, paths, unclaimed, await next.listCheckpoints());
  return orphans?.length === 0 ? null : `left behind: ${JSON.stringify(orphans)}`;
}

function placeOf(path: string): string {
  return path
    .replace(JOB_DIRECTORY, '<job>')
    .replace(/\d{10}/g, 'G')
    .replace(/chk-\d+/, 'chk-N')
    .replace(/-[0-9a-f]{16}/, '-<run>')
    .replace(/record-\d+/, 'record')
    .replace(/rocksdb-\d+-sst/, 'sst')
    .replace(/0\.[0-9a-f]{64}/, '<digest>')
    .replace(/shared\/[0-9a-f]{2}/, 'shared/ab');
}

describe('crash states of a RocksDB database in shared/', () => {
  it.skipIf(whole)(
    'every acknowledged checkpoint restores its rows, and nothing is left behind',
    async () => {
      const recording = await record(new Set());
      const {violation, disks} = await findViolation(recording, alwaysHolds);
      say(`crash states: ${recording.disk.log.length} operations, ${disks} different disks`);
      expect(violation).toBeNull();
      expect(disks).toBeGreaterThan(100);
    },
    300_000,
  );

  it.runIf(whole)(
    'each single sync is needed',
    async () => {
      const why = await withoutEachSync(record, alwaysHolds, placeOf);
      const places = why.map(([place]) => place.trim().replace(/\s+/, ' '));
      expect(places).toContain('publish <job>/work/G/pending/chk-N/op/0.sst');
      expect(why.filter(([, violation]) => violation === null)).toEqual([]);
    },
    300_000,
  );
});
