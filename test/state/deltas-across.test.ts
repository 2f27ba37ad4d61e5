// Promise: a chain of deltas restores into a table of either backend, whole or split: also which rows each namespace has,
// when deltas added some and took others away; numbers become those of a wider slot, and slots that the table no longer has
// are left behind.
import {describe, expect, test} from 'vitest';
import type {KeyGroupRange} from '#src/base/key-groups.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {STRING, TIMESTAMP} from '#src/records/data-type.js';
import {readValue} from '#src/records/value.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable, StateBackend, TableSpec} from '#src/state/state-backend.js';
import {MemoryFiles} from './support/memory-files.ts';
import {memoryStores} from './support/memory-store.ts';
import {noDatabase} from './support/no-database.ts';
import {STORE_OPTIONS} from './support/store-options.ts';

const MAX_PARALLELISM = 16;
const ALL: KeyGroupRange = {start: 0, end: MAX_PARALLELISM - 1};
const SPEC: TableSpec = {
  name: 'windows',
  key: [
    {name: 'word', type: STRING},
    {name: 'window_start', type: TIMESTAMP},
  ],
  keyGroupColumns: 1,
  values: [
    {name: 'sum', kind: 'float64'},
    {name: 'gone', kind: 'float64'},
  ],
  byNamespace: true,
};
const LATER: TableSpec = {...SPEC, values: [{name: 'sum', kind: 'int64'}]};
const WORDS = Array.from({length: 200}, (_, at) => `word number ${at}`);

type Name = 'hashmap' | 'rocksdb';

function make(
  name: Name,
  files: MemoryFiles,
  states: readonly FileState[] = [],
  keyGroups = ALL,
): StateBackend {
  const options = {
    uid: 'op',
    subtask: 0,
    maxParallelism: MAX_PARALLELISM,
    keyGroups,
    restored: states.length === 0 ? [] : [{index: 0, states, watermark: null}],
    restoredDirectory: states.length === 0 ? null : '/chk-restored',
    files,
    writer: new InProcessWriter(files),
  };
  if (name === 'hashmap') {
    const incremental = {deltasMax: 5};
    return new HashmapBackend({
      ...options,
      incremental,
      compression: 'gzip',
      openStored: noDatabase,
    });
  }
  return new RocksdbBackend({
    incremental: false,
    ownsRestored: false,
    ...options,
    openStore: memoryStores(files),
    place: {
      ...{jobDirectory: '/job', generation: keyGroups.start + 1, uid: 'op', subtask: 0},
      directories: ['/local'],
    },
    settings: {store: STORE_OPTIONS, cacheBytes: 300, transferThreads: 1},
  });
}

function write(table: KeyedTable, words: readonly string[], start: number, sum: number): void {
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const word of words) builder.appendRow([word, start]);
  const rows = new Int32Array(words.length);
  table.resolve(builder.build().columns, null, 0, words.length, rows);
  const {rowWords, slots} = table.shape;
  for (const row of rows) table.memory().floats[row * rowWords + slots[0]!.word] = sum;
}

function read(table: KeyedTable): Record<number, string[]> {
  const found: Record<number, string[]> = {};
  for (const namespace of table.namespaces()) {
    const rows: string[] = [];
    table.visitNamespace(namespace, (numbers, count) => {
      const words = table.readKey(0, numbers, 0, count);
      const {rowWords, slots} = table.shape;
      for (let at = 0; at < count; at += 1) {
        const sum = table.memory().floats[numbers[at]! * rowWords + slots[0]!.word];
        rows.push(`${String(readValue(STRING, words, at))} ${sum}`);
      }
    });
    found[namespace] = rows.sort();
  }
  return found;
}

/** What the publish of checkpoint `id` does. */
function complete(files: MemoryFiles, backend: StateBackend, id: number): void {
  const shared = `/chk-${id}/.shared/`;
  for (const [path, bytes] of files.content) {
    if (!path.startsWith(shared)) continue;
    const name = path.slice(shared.length);
    files.content.set(`/shared/${name.slice(0, 2)}/${name}`, bytes);
  }
  backend.checkpointCompleted(id);
}

const lines = (words: readonly string[], sum: number): string[] =>
  words.map((word) => `${word} ${sum}`).sort();

/** A file with all rows and two deltas: windows 0 and 1000 are there first, 0 goes, 2000 comes, some of 1000 are written. */
async function chain(files: MemoryFiles): Promise<readonly FileState[]> {
  const backend = make('hashmap', files);
  const table = await backend.openTable(SPEC);
  write(table, WORDS.slice(0, 20), 0, 1);
  write(table, WORDS, 1000, 2);
  await backend.snapshot({checkpointId: 1, directory: '/chk-1'});
  complete(files, backend, 1);
  table.deleteNamespace(0);
  write(table, WORDS.slice(0, 5), 2000, 3);
  await backend.snapshot({checkpointId: 2, directory: '/chk-2'});
  complete(files, backend, 2);
  write(table, WORDS.slice(0, 10), 1000, 4);
  const states = await backend.snapshot({checkpointId: 3, directory: '/chk-3'});
  complete(files, backend, 3);
  return states;
}

const EXPECTED = {
  1000: [...lines(WORDS.slice(0, 10), 4), ...lines(WORDS.slice(10), 2)].sort(),
  2000: lines(WORDS.slice(0, 5), 3),
};

describe.each(['hashmap', 'rocksdb'] as const)('deltas, into %s', (name) => {
  test.each([
    ['whole', [ALL]],
    [
      'split',
      [
        {start: 0, end: 4},
        {start: 5, end: MAX_PARALLELISM - 1},
      ],
    ],
  ])('%s', async (_how, ranges) => {
    const files = new MemoryFiles();
    const states = await chain(files);
    expect(states.length).toBe(3);
    for (const spec of [SPEC, LATER]) {
      const found: Record<number, string[]> = {};
      for (const keyGroups of ranges) {
        const backend = make(name, files, states, keyGroups);
        const table = await backend.openTable(spec);
        for (const [namespace, rows] of Object.entries(read(table))) {
          found[Number(namespace)] = [...(found[Number(namespace)] ?? []), ...rows].sort();
        }
        table.deleteNamespace(1000);
        expect(table.namespaces().filter((one) => one !== 2000)).toEqual([]);
        await backend.close();
      }
      expect(found).toEqual(EXPECTED);
    }
  });
});

test('a number that is no whole one is refused by a slot of whole numbers, in either backend', async () => {
  for (const name of ['hashmap', 'rocksdb'] as const) {
    const files = new MemoryFiles();
    const before = make('hashmap', files);
    write(await before.openTable(SPEC), ['half'], 0, 0.5);
    const states = await before.snapshot({checkpointId: 1, directory: '/chk-1'});
    complete(files, before, 1);
    await expect(make(name, files, states).openTable(LATER)).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
    });
  }
});
