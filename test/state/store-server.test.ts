// Promise: the thread of a store does what it is handed in its order: a checkpoint has all that came before it and nothing after, a scan
// sees all that came; when a write fails, nothing after it is done and every later call says why. In this thread, over RocksDB.
import {existsSync, mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {BIGINT} from '#src/records/data-type.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {Database, type Entry} from '#src/state/rocksdb/database.js';
import {
  BROKEN,
  COUNT,
  DONE,
  FAILED,
  LENGTH,
  Mailbox,
  STATE,
  WAITING,
  WRITTEN,
  type StoreCall,
  type StoreNews,
} from '#src/state/rocksdb/mailbox.js';
import {DIRTY} from '#src/state/rocksdb/row-flags.js';
import {StoreServer} from '#src/state/rocksdb/store-server.js';
import {WriteBatch, type TakenBatch} from '#src/state/rocksdb/write-batch.js';
import type {TableSpec} from '#src/state/state-backend.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {STORE_OPTIONS} from './support/store-options.ts';

/** The rows are in the second one: the first is flushed before it. */
const FAMILIES = ['others', 'rows'];
const OTHERS = 0;
const ROWS = 1;
const SPEC: TableSpec = {
  name: 'rows',
  key: [{name: 'k', type: BIGINT}],
  keyGroupColumns: 1,
  values: [{name: 'n', kind: 'float64'}],
};

let root: string;
let server: StoreServer;
let mailbox: Mailbox;
let news: StoreNews[];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-server-'));
  const directory = join(root, 'db');
  mkdirSync(directory);
  const memory = Mailbox.newMemory('a test');
  mailbox = new Mailbox(memory);
  news = [];
  const open = {directory, families: [], options: STORE_OPTIONS, what: 'a test'};
  server = new StoreServer({memory, open}, nodeFileSystem, (told) => news.push(told));
  await server.open();
  expect(await answered({kind: 'open-families', names: FAMILIES})).toBe(DONE);
  news = [];
});
afterEach(async () => {
  server.take({kind: 'close'});
  await until(() => news.some(({kind}) => kind === 'closed' || kind === 'failed'));
  rmSync(root, {recursive: true, force: true});
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

/** Hands over a call that is answered, and waits for the answer. */
async function answered(call: StoreCall): Promise<number> {
  Atomics.store(mailbox.words, STATE, WAITING);
  server.take(call);
  await until(() => mailbox.words[STATE] !== WAITING);
  return mailbox.words[STATE]!;
}

async function told(kind: StoreNews['kind']): Promise<void> {
  await until(() => news.some((one) => one.kind === kind));
}

function puts(keys: readonly string[], family = ROWS): TakenBatch {
  const batch = new WriteBatch();
  for (const key of keys) {
    batch.items.add(Buffer.from(key));
    batch.items.add(Buffer.from(`value of ${key}`));
    batch.noteDone(family, true);
  }
  return batch.take();
}

async function entriesIn(directory: string): Promise<readonly Entry[]> {
  const families = FAMILIES;
  const copy = await Database.open({directory, families, options: STORE_OPTIONS, what: 'a copy'});
  const range = {family: ROWS, from: new Uint8Array(0), isAfter: false, to: null, limit: 10_000};
  const entries = await copy.scan(range);
  await copy.close();
  return entries;
}

test('a checkpoint has what came before it, and nothing that came after', async () => {
  const many = Array.from({length: 3000}, (_, at) => `a${String(at).padStart(6, '0')}`);
  server.take({kind: 'write', batch: puts(many, OTHERS), ticket: 1});
  server.take({kind: 'write', batch: puts(many), ticket: 2});
  server.take({kind: 'checkpoint', directory: join(root, 'first')});
  // Were it written at once, it would be there before the second family is flushed.
  server.take({kind: 'write', batch: puts(['b']), ticket: 3});
  await told('checkpoint-done');
  expect((await entriesIn(join(root, 'first'))).length).toBe(many.length);
  server.take({kind: 'checkpoint', directory: join(root, 'second')});
  news = [];
  await told('checkpoint-done');
  expect(mailbox.words[WRITTEN]).toBe(3);
  expect((await entriesIn(join(root, 'second'))).length).toBe(many.length + 1);
});

test('frozen rows are written as they were, though the table goes on', async () => {
  const table = new HashTable(SPEC, 16, 'test');
  const values = Float64Array.from({length: 5000}, (_, at) => at);
  const rows = new Int32Array(values.length);
  const resolve = (): void =>
    table.resolve(
      [{layout: 'int64', values, wide: null, nulls: null}],
      null,
      0,
      values.length,
      rows,
    );
  const {rowWords, slots} = table.shape;
  const setAll = (to: number): void => {
    for (const row of rows) table.memory().floats[row * rowWords + slots[0]!.word] = to;
  };
  resolve();
  setAll(7);
  const flags = new Uint8Array(table.rowCount).fill(DIRTY);
  flags[3] = 0;
  const families = {rows: ROWS, index: OTHERS, changed: OTHERS};
  const frozen = {spec: SPEC, families, table: table.freeze(), flags};
  server.take({kind: 'write-frozen', rows: frozen, ticket: 1});
  server.take({kind: 'checkpoint', directory: join(root, 'first')});
  for (let turns = 0; !news.some(({kind}) => kind === 'checkpoint-done'); turns += 1) {
    resolve();
    setAll(-turns);
    await new Promise(setImmediate);
  }
  const entries = await entriesIn(join(root, 'first'));
  expect(entries.length).toBe(values.length - 1);
  for (const {value} of entries) {
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    expect(view.getFloat64(value.byteLength - 8, true)).toBe(7);
  }
});

test('a scan sees what was handed over before it', async () => {
  server.take({kind: 'write', batch: puts(['a', 'b']), ticket: 1});
  mailbox.writeItems([new Uint8Array(0)]);
  const call = {kind: 'scan', family: ROWS, isAfter: false, hasEnd: false, limit: 10} as const;
  expect(await answered(call)).toBe(DONE);
  expect(mailbox.words[COUNT]).toBe(2);
});

test('after a write that failed nothing is done, and every call says why', async () => {
  server.take({kind: 'write', batch: puts(['a']), ticket: 1});
  // There is no such family.
  const batch = new WriteBatch();
  batch.delete(9, Buffer.from('a'));
  server.take({kind: 'write', batch: batch.take(), ticket: 2});
  server.take({kind: 'write', batch: puts(['b']), ticket: 3});
  server.take({kind: 'checkpoint', directory: join(root, 'first')});
  await told('failed');
  expect(mailbox.words[BROKEN]).toBe(1);
  expect(mailbox.words[WRITTEN]).toBe(1);
  expect(await answered({kind: 'settle'})).toBe(FAILED);
  const text = new TextDecoder().decode(mailbox.read(mailbox.words[LENGTH]!));
  expect(text).toMatch(/family/);
  expect(await answered({kind: 'get', family: 0, count: 0})).toBe(FAILED);
  expect(existsSync(join(root, 'first'))).toBe(false);
});
