// Promise: keyed state moves between the backends in every form: the backend's own, and canonical; whole, or split among
// subtasks. Over RocksDB itself; the rows have every kind of slot and NULL keys.
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';
import type {KeyGroupRange} from '#src/base/key-groups.js';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, BOOLEAN, DATE, DOUBLE, INT, STRING, TIMESTAMP} from '#src/records/data-type.js';
import {readValue, type Value} from '#src/records/value.js';
import {storeThreads} from '#src/runtime/store-thread.js';
import {convertState} from '#src/state/canonical/convert-database.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {MailboxStore} from '#src/state/rocksdb/mailbox-store.js';
import {openStoredAlone} from '#src/state/rocksdb/open-stored.js';
import {RocksdbBackend} from '#src/state/rocksdb/rocksdb-backend.js';
import type {OpenStore} from '#src/state/rocksdb/row-store.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable, StateBackend, TableSpec} from '#src/state/state-backend.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {sample} from '../hostile/support/sample.ts';
import {STORE_OPTIONS} from './support/store-options.ts';

const MAX_PARALLELISM = 16;
const ALL: KeyGroupRange = {start: 0, end: MAX_PARALLELISM - 1};
const SPEC: TableSpec = {
  name: 'groups',
  key: [
    {name: 'word', type: STRING},
    {name: 'flag', type: BOOLEAN},
    {name: 'small', type: INT},
    {name: 'large', type: BIGINT},
    {name: 'ratio', type: DOUBLE},
    {name: 'day', type: DATE},
    {name: 'window_start', type: TIMESTAMP},
  ],
  keyGroupColumns: 6,
  values: [
    {name: 'sum', kind: 'int64'},
    {name: 'mean', kind: 'float64'},
    {name: 'last', kind: 'bytes'},
    {name: 'fired', kind: 'flag'},
  ],
  byNamespace: true,
};
const KEYS: readonly (readonly Value[])[] = [
  [null, null, null, null, null, null, 0],
  ['', false, 0, 0n, 0, 0, -1],
  ['a\0b', true, -1, -1n, -0.5, -400, -86_400_000],
  ['thirteen byte', true, 2 ** 31 - 1, 2n ** 63n - 1n, Infinity, 20_000, 1_700_000_000_000],
  ['\0\0', false, -(2 ** 31), -(2n ** 63n), NaN, 1, 1_700_000_000_000],
  ...Array.from({length: 60}, (_, at): Value[] => [
    `word ${at}`,
    at % 2 === 0,
    at,
    BigInt(at),
    at / 3,
    at,
    (at % 5) * 1000,
  ]),
];

const scratch = mkdtempSync(join(tmpdir(), 'tidemark-matrix-'));
afterAll(() => rmSync(scratch, {recursive: true, force: true}));
const files = nodeFileSystem;
const startStore = storeThreads(new URL('../../dist/src/store-entry.js', import.meta.url));
const openStore: OpenStore = async (request) => MailboxStore.open(request, startStore);
let count = 0;

const COMPRESSIONS = ['none', 'gzip', 'brotli'] as const;
type BackendName = 'hashmap' | 'rocksdb';

function make(
  name: BackendName,
  keyGroups: KeyGroupRange,
  restored: {readonly directory: string; readonly states: readonly FileState[]} | null,
): StateBackend {
  count += 1;
  const directories = [scratch];
  const place = {jobDirectory: '/job', generation: count, uid: 'step', subtask: 0, directories};
  const options = {
    uid: 'step',
    subtask: 0,
    maxParallelism: MAX_PARALLELISM,
    keyGroups,
    restored: restored === null ? [] : [{index: 0, states: restored.states, watermark: null}],
    restoredDirectory: restored?.directory ?? null,
    files,
    writer: new InProcessWriter(files),
  };
  if (name === 'hashmap') {
    const source = restored?.directory ?? '';
    return new HashmapBackend({
      ...options,
      compression: 'none',
      incremental: null,
      openStored: async (stored) =>
        openStoredAlone(stored, place, {
          ...{files, openStore, source, uid: 'step', store: STORE_OPTIONS, threads: 2},
        }),
    });
  }
  const settings = {store: STORE_OPTIONS, cacheBytes: 500, transferThreads: 2};
  return new RocksdbBackend({
    ...options,
    incremental: false,
    ownsRestored: false,
    openStore,
    place,
    settings,
  });
}

function fill(table: KeyedTable): void {
  const {slots, rowInts, rowWords} = table.shape;
  for (let from = 0; from < KEYS.length; from += 7) {
    const keys = KEYS.slice(from, from + 7);
    const builder = new BatchBuilder({fields: SPEC.key});
    for (const key of keys) builder.appendRow(key);
    const rows = new Int32Array(keys.length);
    table.resolve(builder.build().columns, null, 0, keys.length, rows);
    const {ints, floats, wides} = table.memory();
    for (const [at, row] of rows.entries()) {
      const [sum, mean, last, fired] = [slots[0]!, slots[1]!, slots[2]!, slots[3]!];
      ints[row * rowInts + sum.flagInt]! |= sum.setMask;
      if ((from + at) % 3 === 0) {
        wides[row * rowWords + sum.word] = 2n ** 60n + BigInt(from + at);
        ints[row * rowInts + sum.flagInt]! |= sum.wideMask;
      } else floats[row * rowWords + sum.word] = from + at;
      floats[row * rowWords + mean.word] = (from + at) / 7;
      ints[row * rowInts + mean.flagInt]! |= mean.setMask;
      if ((from + at) % 2 === 0) ints[row * rowInts + fired.flagInt]! |= fired.setMask;
      if ((from + at) % 4 === 0) continue;
      const text = new TextEncoder().encode('x'.repeat(from + at));
      table.writeBytes(row, last, text, 0, text.length);
    }
  }
}

function read(table: KeyedTable, only: number | null = null): string[] {
  const found: string[] = [];
  const take = (rows: Int32Array, length: number): void => {
    const {slots, rowInts, rowWords} = table.shape;
    const columns = SPEC.key.map((_, index) => table.readKey(index, rows, 0, length));
    for (let at = 0; at < length; at += 1) {
      const row = rows[at]!;
      const key = SPEC.key.map(({type}, index) => String(readValue(type, columns[index]!, at)));
      const {ints, floats, wides} = table.memory();
      const values = slots.map((slot) => {
        const flags = ints[row * rowInts + slot.flagInt]!;
        if ((flags & slot.setMask) === 0) return '-';
        if (slot.kind === 'flag') return 'set';
        if (slot.kind === 'bytes') return String(table.bytesLength(row, slot));
        const word = row * rowWords + slot.word;
        return String((flags & slot.wideMask) === 0 ? floats[word] : wides[word]);
      });
      found.push(JSON.stringify([key, values]));
    }
  };
  if (only === null) table.visitRows(take);
  else table.visitNamespace(only, take);
  return found.sort();
}

async function snapshotOf(
  name: BackendName,
): Promise<{directory: string; states: FileState[]; rows: string[]}> {
  const backend = make(name, ALL, null);
  const table = await backend.openTable(SPEC);
  fill(table);
  const rows = read(table);
  count += 1;
  const directory = join(scratch, `chk-${count}`);
  mkdirSync(directory);
  const states = [...(await backend.snapshot({checkpointId: count, directory}))];
  await backend.close();
  return {directory, states, rows};
}

async function canonicalOf(
  name: BackendName,
  source: {directory: string; states: FileState[]},
  compression: (typeof COMPRESSIONS)[number],
) {
  const targetDirectory = `${source.directory}-canonical-${compression}`;
  mkdirSync(join(targetDirectory, 'step'), {recursive: true});
  const {directory: sourceDirectory, states} = source;
  const subtask = {index: 0, states, watermark: null};
  const request =
    name === 'hashmap'
      ? {sourceDirectory, targetDirectory, compression, states, targetPath: states[0]!.path}
      : {sourceDirectory, targetDirectory, compression, uid: 'step', subtask, table: 0};
  return {directory: targetDirectory, states: [await convertState(files, request, openStore)]};
}

/** 1 and 2 in `npm test`, 3 and 8 in the proof. */
const PARALLELISMS = sample([1, 2], [3, 8]);

/** The key groups of each of `parallelism` subtasks. */
function rangesOf(parallelism: number): KeyGroupRange[] {
  const groups = ALL.end + 1;
  return Array.from({length: parallelism}, (_, index) => ({
    start: Math.ceil((groups * index) / parallelism),
    end: Math.ceil((groups * (index + 1)) / parallelism) - 1,
  }));
}

describe.each(['hashmap', 'rocksdb'] as const)('out of %s', (from) => {
  test(
    'restores into either backend, in either form, whole or split',
    {timeout: 120_000},
    async () => {
      const native = await snapshotOf(from);
      expect(native.rows.length).toBe(KEYS.length);
      const canonical: (typeof native)[] = [];
      for (const compression of COMPRESSIONS) {
        canonical.push({...native, ...(await canonicalOf(from, native, compression))});
      }
      // Of the canonical ones the next compression in turn: each is read by each backend, in the proof at other parallelisms.
      let turn = from === 'hashmap' ? 0 : 1;
      for (const form of ['native', 'canonical']) {
        for (const to of ['hashmap', 'rocksdb'] as const) {
          for (const ranges of PARALLELISMS.map(rangesOf)) {
            const source = form === 'native' ? native : canonical[turn++ % COMPRESSIONS.length]!;
            const rows: string[] = [];
            for (const keyGroups of ranges) {
              const backend = make(to, keyGroups, source);
              const table = await backend.openTable(SPEC);
              rows.push(...read(table));
              await backend.close();
            }
            const what = `${source.directory} into ${ranges.length} of ${to}`;
            expect(rows.sort(), what).toEqual(native.rows);
          }
        }
      }
    },
  );

  test(
    'rows are found and deleted by namespace, also after a restore',
    {timeout: 60_000},
    async () => {
      const source = await snapshotOf(from);
      for (const to of ['hashmap', 'rocksdb'] as const) {
        const backend = make(to, ALL, source);
        const table = await backend.openTable(SPEC);
        const starts = [...new Set(KEYS.map((key) => Number(key[6])))];
        expect([...table.namespaces()].sort()).toEqual([...starts].sort());
        const ofStart = (start: number): string[] =>
          source.rows.filter(
            (row) => JSON.parse(row)[0][6] === JSON.parse(read(table, start)[0]!)[0][6],
          );
        for (const start of starts) expect(read(table, start)).toEqual(ofStart(start));
        const gone = read(table, 0);
        table.deleteNamespace(0);
        expect(read(table, 0)).toEqual([]);
        expect(read(table)).toEqual(source.rows.filter((row) => !gone.includes(row)));
        await backend.close();
      }
    },
  );
});
