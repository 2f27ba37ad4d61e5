// Promise: whatever the cache holds, and however far behind its store is, a row that is resolved has its newest values; a checkpoint
// has the table as it was at the barrier: what came before it always, what came after it never. The store is as late as it may be.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {part, whole} from '../hostile/support/sample.ts';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {STRING, TIMESTAMP} from '#src/records/data-type.js';
import {readValue} from '#src/records/value.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {OpenStore} from '#src/state/rocksdb/row-store.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {KeyedTable, TableSpec} from '#src/state/state-backend.js';
import {MemoryFiles} from './support/memory-files.ts';
import {memoryStores, type StoreFaults} from './support/memory-store.ts';
import {STORE_OPTIONS} from './support/store-options.ts';

const SPEC: TableSpec = {
  name: 'rows',
  key: [{name: 'word', type: STRING}],
  keyGroupColumns: 1,
  values: [
    {name: 'count', kind: 'float64'},
    {name: 'last', kind: 'bytes'},
  ],
};
const WORDS = 120;
/** Some lie in the row, some in the arena. */
const wordOf = (key: number): string => (key % 2 === 0 ? `${key}` : `a longer word, ${key}`);

/** Word → count and last text. */
type Model = Map<string, string>;

type Act =
  | {readonly kind: 'update' | 'delete'; readonly keys: readonly number[]; readonly text: string}
  | {readonly kind: 'snapshot' | 'changed' | 'look' | 'touch' | 'turn' | 'expire'};

const someKeys = fc.uniqueArray(fc.integer({min: 0, max: WORDS - 1}), {
  minLength: 1,
  maxLength: 40,
});
const aText = fc.string({maxLength: 20});
const of = (kind: 'update' | 'delete') =>
  fc.record({kind: fc.constant(kind), keys: someKeys, text: aText});
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {weight: 12, arbitrary: of('update')},
  {weight: 2, arbitrary: of('delete')},
  {weight: 3, arbitrary: fc.constant({kind: 'snapshot' as const})},
  {weight: 1, arbitrary: fc.constant({kind: 'changed' as const})},
  {weight: 1, arbitrary: fc.constant({kind: 'look' as const})},
  {weight: 1, arbitrary: fc.constant({kind: 'touch' as const})},
  {weight: 2, arbitrary: fc.constant({kind: 'turn' as const})},
  {weight: 2, arbitrary: fc.constant({kind: 'expire' as const})},
);

function make(
  files: MemoryFiles,
  faults: StoreFaults,
  cacheBytes: number,
  states: readonly FileState[] = [],
  openStore: OpenStore = memoryStores(files, faults),
): RocksdbBackend {
  return new RocksdbBackend({
    uid: 'test',
    subtask: 0,
    maxParallelism: 16,
    keyGroups: {start: 0, end: 15},
    restored: states.length === 0 ? [] : [{index: 0, states, watermark: null}],
    restoredDirectory: states.length === 0 ? null : '/restored',
    files,
    writer: new InProcessWriter(files),
    openStore,
    place: {jobDirectory: '/job', generation: 1, uid: 'test', subtask: 0, directories: ['/local']},
    settings: {store: STORE_OPTIONS, cacheBytes, transferThreads: 2},
    incremental: false,
    ownsRestored: false,
  });
}

function resolve(table: KeyedTable, words: readonly string[]): Int32Array {
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const word of words) builder.appendRow([word]);
  const rows = new Int32Array(words.length);
  table.resolve(builder.build().columns, null, 0, words.length, rows);
  return rows;
}

function valuesOf(table: KeyedTable, row: number): string {
  const [count, last] = [table.shape.slots[0]!, table.shape.slots[1]!];
  const start = table.bytesStart(row, last);
  const bytes = table.arena().slice(start, start + table.bytesLength(row, last));
  const number = table.memory().floats[row * table.shape.rowWords + count.word]!;
  return `${number} ${new TextDecoder().decode(bytes)}`;
}

function update(table: KeyedTable, model: Model, words: readonly string[], text: string): void {
  const rows = resolve(table, words);
  const {slots, rowWords} = table.shape;
  const bytes = new TextEncoder().encode(text);
  for (const [at, word] of words.entries()) {
    const row = rows[at]!;
    const known = model.get(word);
    // What the operator reads is what it wrote last.
    if (known !== undefined) expect(valuesOf(table, row)).toBe(known);
    expect(table.memory().floats[row * rowWords + slots[0]!.word]).toBe(
      known === undefined ? 0 : Number.parseInt(known, 10),
    );
    table.memory().floats[row * rowWords + slots[0]!.word]! += 1;
    table.writeBytes(row, slots[1]!, bytes, 0, bytes.length);
    model.set(word, valuesOf(table, row));
  }
  // They are told at the next barrier.
  table.markChanged(rows, 0, words.length);
}

function remove(table: KeyedTable, model: Model, words: readonly string[]): void {
  const present = words.filter((word) => model.has(word));
  table.deleteRows(resolve(table, present), 0, present.length);
  for (const word of present) model.delete(word);
}

function read(table: KeyedTable, visit = table.visitRows.bind(table)): Model {
  const found: Model = new Map();
  visit((rows, count) => {
    const words = table.readKey(0, rows, 0, count);
    for (let at = 0; at < count; at += 1) {
      const word = String(readValue(STRING, words, at));
      expect(found.has(word)).toBe(false);
      found.set(word, valuesOf(table, rows[at]!));
    }
  });
  return found;
}

/** Writes rows that are visited. */
function touch(table: KeyedTable, model: Model): void {
  const {slots, rowWords} = table.shape;
  table.visitRows((rows, count) => {
    const words = table.readKey(0, rows, 0, count);
    table.prepareWrite(rows, 0, count);
    for (let at = 0; at < count; at += 1) {
      table.memory().floats[rows[at]! * rowWords + slots[0]!.word]! += 1;
      model.set(String(readValue(STRING, words, at)), valuesOf(table, rows[at]!));
    }
  });
}

/** Deletes some of the rows that a search comes by, as those with a `ttl` are; returns their words. */
function expire(table: KeyedTable, model: Model): readonly string[] {
  const gone: string[] = [];
  table.visitSome(30, (rows, count) => {
    const words = table.readKey(0, rows, 0, count);
    const over = new Int32Array(count);
    let overCount = 0;
    for (let at = 0; at < count; at += 1) {
      const word = String(readValue(STRING, words, at));
      expect(valuesOf(table, rows[at]!)).toBe(model.get(word));
      if (word.length % 3 !== 0) continue;
      over[overCount++] = rows[at]!;
      gone.push(word);
      model.delete(word);
    }
    if (overCount > 0) table.deleteRows(over, 0, overCount);
  });
  return gone;
}

interface Taken {
  readonly id: number;
  readonly expected: Model;
  readonly states: readonly FileState[];
}

async function live(
  acts: readonly Act[],
  cacheBytes: number,
  faults: StoreFaults,
): Promise<{readonly files: MemoryFiles; readonly taken: readonly Taken[]}> {
  const files = new MemoryFiles();
  const backend = make(files, faults, cacheBytes);
  const table = await backend.openTable(SPEC);
  const model: Model = new Map();
  const changed = new Set<string>();
  const taken: Taken[] = [];
  let writing: Promise<void> | null = null;
  const checkChanged = (): void => {
    const told = read(table, table.visitChanged.bind(table));
    const words = [...changed].filter((word) => model.has(word));
    expect(told).toEqual(new Map(words.map((word) => [word, model.get(word)!])));
    changed.clear();
  };
  for (const act of acts) {
    if (act.kind === 'update' || act.kind === 'delete') {
      const words = act.keys.map(wordOf);
      // A deleted group is told no more.
      for (const word of words) changed[act.kind === 'update' ? 'add' : 'delete'](word);
      (act.kind === 'update' ? update : remove)(table, model, words, act.text);
    } else if (act.kind === 'changed') checkChanged();
    else if (act.kind === 'look') expect(read(table)).toEqual(model);
    else if (act.kind === 'touch') touch(table, model);
    else if (act.kind === 'expire') for (const word of expire(table, model)) changed.delete(word);
    else if (act.kind === 'turn') await new Promise(setImmediate);
    else {
      await writing;
      checkChanged();
      const id = taken.length + 1;
      const expected = new Map(model);
      writing = backend
        .snapshot({checkpointId: id, directory: `/chk-${id}`})
        .then((states) => void taken.push({id, expected, states}));
    }
  }
  await writing;
  expect(read(table)).toEqual(model);
  await backend.close();
  return {files, taken};
}

test('a row has its newest values, and a checkpoint those of the barrier', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anAct, {minLength: 5, maxLength: 40}),
      fc.constantFrom(200, 2000, 4000, 8000),
      fc.boolean(),
      async (acts, cacheBytes, neverOnItsOwn) => {
        const faults = {lookups: 0, neverOnItsOwn};
        const {files, taken} = await live([...acts, {kind: 'snapshot'}], cacheBytes, faults);
        for (const {id, expected, states} of taken) {
          for (const [path, bytes] of files.content) {
            if (!path.startsWith(`/chk-${id}/`)) continue;
            files.content.set(path.replace(`/chk-${id}`, '/restored'), bytes);
          }
          const again = make(files, faults, 1 << 20, states);
          expect(read(await again.openTable(SPEC))).toEqual(expected);
          await again.close();
        }
      },
    ),
    // Shown as it was drawn: making it small would take minutes.
    {numRuns: whole ? part(600) : 60, endOnFailure: true},
  );
});

test('a cache that holds all rows never asks the store', async () => {
  const faults: StoreFaults = {lookups: 0};
  const acts: Act[] = [1, 2, 3].map((text) => ({
    kind: 'update',
    keys: Array.from({length: 40}, (_, key) => key * text),
    text: `${text}`,
  }));
  await live([...acts, {kind: 'snapshot'}, ...acts], 1 << 20, faults);
  expect(faults.lookups).toBe(0);
});

test('a deleted key that comes again is new, though its deletion is not done', async () => {
  const keys = Array.from({length: 80}, (_, key) => key);
  const some = keys.slice(20, 30);
  const acts: Act[] = [
    {kind: 'update', keys, text: 'first'},
    {kind: 'update', keys: keys.slice(40), text: 'second'},
    {kind: 'delete', keys: some, text: ''},
    {kind: 'update', keys: some, text: 'again'},
  ];
  await live(acts, 4000, {lookups: 0, neverOnItsOwn: true});
});

test('a search some places at a time comes to every row, also those in the store alone', async () => {
  const files = new MemoryFiles();
  const backend = make(files, {lookups: 0}, 4000);
  const table = await backend.openTable(SPEC);
  const model: Model = new Map();
  const words = Array.from({length: WORDS}, (_, key) => wordOf(key));
  for (let from = 0; from < WORDS; from += 20)
    update(table, model, words.slice(from, from + 20), 'x');
  const found = new Set<string>();
  // At most two rounds: the first may end with rows that the store did not have.
  for (let step = 0; step < (WORDS / 10 + 1) * 2; step += 1) {
    table.visitSome(10, (rows, count) => {
      const column = table.readKey(0, rows, 0, count);
      for (let at = 0; at < count; at += 1) found.add(String(readValue(STRING, column, at)));
    });
  }
  expect([...found].sort()).toEqual([...words].sort());
  await backend.close();
});

test('what is told or deleted by namespace is searched for once: no scan begins before what it took away already', async () => {
  const files = new MemoryFiles();
  const scans: {readonly family: number; readonly from: string; readonly found: number}[] = [];
  const stores = memoryStores(files);
  const backend = make(files, {lookups: 0}, 4000, [], async (request) => {
    const store = await stores(request);
    const scan = store.scan.bind(store);
    store.scan = (range) => {
      const found = scan(range);
      const from = Buffer.from(range.from).toString('hex');
      scans.push({family: range.family, from, found: found.keys.count});
      return found;
    };
    return store;
  });
  const rows = await backend.openTable(SPEC);
  const words = Array.from({length: 2500}, (_, key) => wordOf(key));
  for (let from = 0; from < words.length; from += 50) {
    update(rows, new Map(), words.slice(from, from + 50), 'x');
  }
  scans.length = 0;
  let told = 0;
  rows.visitChanged((_rows, count) => void (told += count));
  expect(told).toBe(words.length);
  expect(scans.map(({found}) => found)).toEqual([1024, 1024, 452, 0]);
  expect(new Set(scans.map(({from}) => from)).size).toBe(scans.length);

  const key = [...SPEC.key, {name: 'window', type: TIMESTAMP}];
  const spec: TableSpec = {...SPEC, name: 'windows', key, byNamespace: true};
  const windows = await backend.openTable(spec);
  for (let from = 0; from < words.length; from += 50) {
    const builder = new BatchBuilder({fields: key});
    for (const word of words.slice(from, from + 50)) builder.appendRow([word, 1000]);
    windows.resolve(builder.build().columns, null, 0, 50, new Int32Array(50));
  }
  scans.length = 0;
  windows.deleteNamespace(1000);
  expect(scans.map(({found}) => found)).toEqual([1024, 1024, 452, 0]);
  expect(new Set(scans.map(({from}) => from)).size).toBe(scans.length);
  expect(windows.namespaces()).toEqual([]);
  await backend.close();
});
