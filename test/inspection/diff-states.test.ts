// Promise: what differs in two states is told exactly, whatever form and parallelism each is stored with, and however few key
// groups are in memory at a time; two that hold the same are the same.

import {cpSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';

import type {CheckpointMetadata, FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {diffCheckpoints} from '#src/inspection/diff-checkpoints.js';
import {diffStates, type StateSide} from '#src/inspection/state/diff-states.js';
import {stateTables} from '#src/inspection/state/state-tables.js';
import {convertSnapshot} from '#src/state/canonical/convert-snapshot.js';
import {STRING} from '#src/records/data-type.js';
import type {KeyedTable, StateBackend, TableSpec} from '#src/state/state-backend.js';
import {nodeFileSystem} from '#src/storage/node-file-system.js';
import {forge, type Metadata} from '../hostile/support/forge.ts';
import {makeRocksdb} from '../state/support/incremental-rocksdb.ts';
import {
  keyText,
  make,
  MAX_PARALLELISM,
  resolve,
  Running,
  SPEC,
  WORDS,
  type Key,
} from '../state/support/incremental.ts';
import {MemoryFiles} from '../state/support/memory-files.ts';

const KEPT = fileURLToPath(new URL('../formats/kept', import.meta.url));
const FORMS = ['file', 'gzip', 'chain', 'canonical', 'rescaled', 'rocksdb'] as const;
type Form = (typeof FORMS)[number];

/** A number for each key that is there. */
type Model = ReadonlyMap<string, {readonly key: Key; readonly value: string}>;

/** Some rows under a few names, so that two models share many. */
const models = fc
  .array(
    fc.record({
      key: fc.tuple(fc.constantFrom(...WORDS), fc.bigInt(0n, 12n)),
      value: fc.constantFrom('x', 'y', 'a text that does not fit into its row'),
    }),
    {maxLength: 60},
  )
  .map((rows): Model => new Map(rows.map((row) => [keyText(row.key), row])));

function sideOf(
  files: MemoryFiles,
  directory: string,
  subtasks: readonly (readonly FileState[])[],
  maxParallelism = MAX_PARALLELISM,
): StateSide {
  const own = subtasks.map((states, index) => ({index, states, watermark: null}));
  const operator = {uid: 'op', type: 'aggregate', parallelism: 1, maxParallelism, subtasks: own};
  const metadata = {operators: [operator]} as unknown as CheckpointMetadata;
  return {tables: stateTables(metadata, directory), place: {files, directory}};
}

async function resolveAll(
  backend: StateBackend,
  spec: TableSpec,
  keys: readonly Key[],
): Promise<void> {
  resolve(await backend.openTable(spec), keys);
}

async function write(running: Running, rows: Model): Promise<void> {
  for (const value of new Set([...rows.values()].map((row) => row.value))) {
    const keys = [...rows.values()].filter((row) => row.value === value).map(({key}) => key);
    await running.update(keys, value);
  }
}

async function stored(model: Model, form: Form): Promise<StateSide> {
  const compression = form === 'gzip' ? 'gzip' : 'none';
  const running =
    form === 'rocksdb'
      ? new Running({}, (files) => makeRocksdb(files, {asRocksdb: true}))
      : new Running({deltasMax: 10, compression});
  if (form === 'chain') {
    // Values that are replaced, and rows that go, in later files.
    const before = [...model.values()].map(({key}) => key);
    await running.update([...before, ['gone', 1n], ['gone', 2n]], 'before');
    running.complete(await running.snapshot());
    await running.remove([
      ['gone', 1n],
      ['gone', 2n],
    ]);
    running.complete(await running.snapshot());
  }
  await write(running, model);
  const taken = await running.snapshot();
  running.complete(taken);
  const {files} = running;
  const directory = `/chk-${taken.id}`;
  if (form === 'canonical') {
    const place = {sourceDirectory: directory, targetDirectory: '/sp', targetPath: 'op/0.rows'};
    const state = await convertSnapshot(files, {
      states: taken.states,
      compression: 'gzip',
      ...place,
    });
    return sideOf(files, '/sp', [[state]]);
  }
  if (form === 'rescaled') {
    const parts = [
      {start: 0, end: 4},
      {start: 5, end: MAX_PARALLELISM - 1},
    ].map(async (keyGroups, index) => {
      const states = [taken.states];
      const backend = make(files, {states, keyGroups, directory, incremental: false});
      await backend.openTable(SPEC);
      const own = await backend.snapshot({checkpointId: 9, directory: `/re/${index}`});
      return own.map((state) => ({...state, path: `${index}/${state.path}`}));
    });
    return sideOf(files, '/re', await Promise.all(parts));
  }
  return sideOf(files, directory, [taken.states]);
}

/** `word|number`, and both values: what a row that differs says. */
function told(change: string, from: string | null, to: string | null): string {
  interface Row {
    readonly key: {readonly word: string};
    readonly namespace: {readonly number: number};
    readonly value: {readonly last: string};
  }
  const [before, after] = [from, to].map((text) =>
    text === null ? null : (JSON.parse(text) as Row),
  );
  const {key, namespace} = (after ?? before)!;
  const values = `${before?.value.last ?? '-'} ${after?.value.last ?? '-'}`;
  return `${change} ${key.word}|${namespace.number} ${values}`;
}

function expected(from: Model, to: Model): string[] {
  const all = new Set([...from.keys(), ...to.keys()]);
  return [...all]
    .flatMap((key) => {
      const before = from.get(key)?.value;
      const after = to.get(key)?.value;
      if (before === after) return [];
      const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
      return [`${change} ${key} ${before ?? '-'} ${after ?? '-'}`];
    })
    .sort();
}

test('two random states differ in what two maps differ in, in any two forms', async () => {
  const forms = fc.constantFrom(...FORMS);
  await fc.assert(
    fc.asyncProperty(
      models,
      models,
      forms,
      forms,
      fc.constantFrom(1, 1_000_000),
      fc.constantFrom(1, 600, 1_000_000),
      async (from, to, fromForm, toForm, sliceBytes, keptBytes) => {
        const sides = {from: await stored(from, fromForm), to: await stored(to, toForm)};
        const diff = await diffStates({...sides, rowsMax: Infinity, sliceBytes, keptBytes});
        const rows = expected(from, to);
        const count = (change: string): number =>
          rows.filter((row) => row.startsWith(`${change} `)).length;
        expect(diff).toMatchObject({
          keysAdded: count('added'),
          keysRemoved: count('removed'),
          keysChanged: count('changed'),
          schemaChanged: false,
        });
        const found = diff.rows.map((row) => told(row.change, row.from, row.to));
        expect(found.sort()).toEqual(rows);
      },
    ),
    {numRuns: 40},
  );
});

describe('two states', () => {
  const rows = (values: readonly string[]): Model =>
    new Map(
      values.map((value, index) => {
        const key: Key = ['a', BigInt(index)];
        return [keyText(key), {key, value}];
      }),
    );

  test('no more rows are told than asked for, and all are counted', async () => {
    const from = await stored(rows(['x', 'x', 'x']), 'file');
    const to = await stored(rows(['y', 'y', 'y', 'y']), 'canonical');
    const diff = await diffStates({from, to, rowsMax: 2});
    expect(diff).toMatchObject({keysAdded: 1, keysRemoved: 0, keysChanged: 3});
    expect(diff.rows).toHaveLength(2);
    expect((await diffStates({from, to, rowsMax: 0})).rows).toEqual([]);
  });

  test('a side without the state has none of its keys', async () => {
    const from = await stored(rows(['x', 'y']), 'file');
    const nothing = {...from, tables: []};
    const none = {keysAdded: 0, keysRemoved: 0, keysChanged: 0};
    const removed = await diffStates({from, to: nothing, rowsMax: 9});
    expect(removed).toMatchObject({...none, keysRemoved: 2});
    const added = await diffStates({from: nothing, to: from, rowsMax: 9});
    expect(added).toMatchObject({...none, keysAdded: 2});
  });

  test('another value column: rows are compared in those that both have', async () => {
    const from = await stored(rows(['x', 'y']), 'file');
    const to = await stored(rows(['x', 'z']), 'file');
    const renamed = to.tables.map((table) => {
      const values = table.shape.values.map((field) =>
        field.name === 'count' ? {...field, name: 'other'} : field,
      );
      return {...table, shape: {...table.shape, values}};
    });
    const diff = await diffStates({from, to: {...to, tables: renamed}, rowsMax: 9});
    expect(diff).toMatchObject({keysAdded: 0, keysChanged: 1, schemaChanged: true});
    expect(JSON.parse(diff.rows[0]!.to!)).toMatchObject({value: {other: null, last: 'z'}});
  });

  /** One row, whose values `write` sets. */
  async function oneRow(write: (table: KeyedTable, row: number) => void): Promise<StateSide> {
    const running = new Running({deltasMax: 10});
    await running.update([['a', 1n]], 'x');
    write(await running.table(), 0);
    const taken = await running.snapshot();
    running.complete(taken);
    return sideOf(running.files, `/chk-${taken.id}`, [taken.states]);
  }

  test('values are compared bit by bit, and told as what they are: -0 is not 0', async () => {
    const [plus, minus] = [0, -0].map(async (value) =>
      oneRow((table, row) => {
        const {word, flagInt, setMask} = table.shape.slots[0]!;
        const {floats, ints} = table.memory();
        floats[row * table.shape.rowWords + word] = value;
        ints[row * table.shape.rowInts + flagInt]! |= setMask;
      }),
    );
    const sides = {from: (await plus)!, to: (await minus)!};
    const diff = await diffStates({...sides, rowsMax: 9});
    expect(diff).toMatchObject({keysChanged: 1, rows: [{change: 'changed'}]});
    expect(diff.rows[0]!.from).toContain('"count":0');
    expect(diff.rows[0]!.to).toContain('"count":-0');
  });

  test('bytes that are no text are no text that looks like them', async () => {
    const texts = [Buffer.of(0, 1, 255), 'base64:AAH/', 'utf8:base64:AAH/', 'utf8:x', 'base64'];
    const sides = await Promise.all(
      texts.map(async (text) =>
        oneRow((table, row) => {
          const bytes = Buffer.from(text);
          table.writeBytes(row, table.shape.slots[1]!, bytes, 0, bytes.length);
        }),
      ),
    );
    const told: unknown[] = [];
    for (const to of sides) {
      for (const from of sides) {
        const diff = await diffStates({from, to, rowsMax: 9});
        expect(diff.keysChanged).toBe(from === to ? 0 : 1);
      }
      const [row] = (await diffStates({from: {...to, tables: []}, to, rowsMax: 9})).rows;
      told.push((JSON.parse(row!.to!) as {value: {last: string}}).value.last);
    }
    expect(told).toEqual([
      ...['base64:AAH/', 'utf8:base64:AAH/', 'utf8:utf8:base64:AAH/', 'utf8:x', 'base64'],
    ]);
  });

  test('a key of other columns is another key, also where its values are the same', async () => {
    const keys: readonly Key[] = [
      ['a', 0n],
      ['a', 1n],
    ];
    const side = async (name: string): Promise<StateSide> => {
      const files = new MemoryFiles();
      const backend = make(files, {incremental: false});
      const [, ...others] = SPEC.key;
      await resolveAll(backend, {...SPEC, key: [{name, type: STRING}, ...others]}, keys);
      return sideOf(files, '/chk-1', [
        await backend.snapshot({checkpointId: 1, directory: '/chk-1'}),
      ]);
    };
    const [from, to] = [await side('word'), await side('name')];
    const counts = {keysAdded: 2, keysRemoved: 2, keysChanged: 0, schemaChanged: true};
    const diff = await diffStates({from, to, rowsMax: 9});
    expect(diff).toMatchObject(counts);
    expect(diff.rows.map(({change}) => change).sort()).toEqual([
      ...['added', 'added', 'removed', 'removed'],
    ]);
    const same = {keysAdded: 0, keysRemoved: 0, keysChanged: 0, schemaChanged: false};
    expect(await diffStates({from, to: await side('word'), rowsMax: 9})).toMatchObject(same);
  });

  test('another number of key groups is refused', async () => {
    const from = await stored(rows(['x']), 'file');
    const [table] = from.tables;
    const shape = {...table!.shape, maxParallelism: 32};
    const to = {...from, tables: [{...table!, shape}]};
    await expect(diffStates({from, to, rowsMax: 0})).rejects.toMatchObject({
      code: 'INCOMPATIBLE',
      message: expect.stringContaining('16 key groups in one of them and 32') as string,
    });
  });
});

describe('the kept checkpoints', () => {
  const place = {files: nodeFileSystem, rowsMax: 100};
  const savepoint = 'files/savepoints/savepoint-10131a-0cb72edbffcc';
  const canonical = join(KEPT, 'savepoint-canonical-0.1.0', savepoint);
  const native = join(KEPT, 'savepoint-native-0.1.0', savepoint);
  const checkpoint = join(KEPT, 'hashmap-full-0.1.0/files/state/kept/chk-5');

  test('a canonical savepoint and a native one of one job are the same', async () => {
    const diff = await diffCheckpoints({...place, from: canonical, to: native});
    expect(diff).toMatchObject({
      equal: true,
      operators: {added: [], removed: [], changed: []},
      sources: [],
    });
    expect(diff.bytes.from).not.toBe(diff.bytes.to);
  });

  test('when it was taken, and at which parallelism, is no difference', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'tidemark-diff-'));
    try {
      const [from, to] = [join(scratch, 'from'), join(scratch, 'to')];
      for (const directory of [from, to]) cpSync(checkpoint, directory, {recursive: true});
      const ended = {codec_version: 1, kind: 'operator', location: 'inline', name: 'input-ended', value: true}; // prettier-ignore
      const operatorOf = (metadata: Metadata, uid: string) =>
        metadata.operators.find((one) => one.uid === uid) as Metadata['operators'][number] & {
          parallelism: number;
        };
      forge(from, (metadata) => {
        for (const {states} of operatorOf(metadata, 'windows-out').subtasks) states.push(ended);
      });
      forge(to, (metadata) => {
        const sink = operatorOf(metadata, 'windows-out');
        sink.parallelism = 1;
        sink.subtasks.length = 1;
        sink.subtasks[0]!.states.push(ended);
        const [first, second] = operatorOf(metadata, 'made').subtasks.map(
          ({states}) => states[0]!.value as {positions: unknown[]},
        );
        first!.positions.push(...second!.positions.splice(0));
        for (const {states} of operatorOf(metadata, 'running').subtasks) {
          states.find(({name}) => name === 'ttl-clock')!.value = 1767225700000;
        }
      });
      const diff = await diffCheckpoints({...place, from, to});
      expect(diff).toMatchObject({operators: {changed: []}, sources: [], equal: true});
      // Of some subtasks only, it is another state.
      forge(from, (metadata) => operatorOf(metadata, 'windows-out').subtasks[0]!.states.pop());
      const some = await diffCheckpoints({...place, from, to});
      expect(some.operators.changed).toMatchObject([
        {uid: 'windows-out', states: [{name: 'input-ended'}]},
      ]);
    } finally {
      rmSync(scratch, {recursive: true});
    }
  });

  test('one of another run differs, and the other way round alike', async () => {
    const there = await diffCheckpoints({...place, from: native, to: checkpoint});
    const back = await diffCheckpoints({...place, from: checkpoint, to: native});
    expect(there.equal).toBe(false);
    expect(there.sources.map(({operator}) => operator)).toEqual(['readings', 'made']);
    const counts = (diff: typeof there) =>
      diff.operators.changed.flatMap(({uid, states}) =>
        states.map((state) => ({uid, ...state, rows: state.rows.length})),
      );
    expect(counts(there)).toContainEqual(
      expect.objectContaining({uid: 'windows', name: 'groups', keys_added: 10, keys_removed: 2}),
    );
    expect(counts(there)).toContainEqual(
      expect.objectContaining({uid: 'ticks-out', kind: 'other', keys_changed: 0}),
    );
    expect(counts(back)).toEqual(
      counts(there).map((state) => ({
        ...state,
        keys_added: state.keys_removed,
        keys_removed: state.keys_added,
      })),
    );
  });

  test('operators that only one of them has, and another key of one that both have', async () => {
    const place = {files: nodeFileSystem, rowsMax: 100};
    const other = join(KEPT, 'rocksdb-full-0.1.0/files/state/kept/chk-7');
    const there = await diffCheckpoints({...place, from: native, to: other});
    const back = await diffCheckpoints({...place, from: other, to: native});
    expect(there.equal).toBe(false);
    expect(there.operators).toMatchObject({added: ['keyed', 'nowhere']});
    expect(there.operators.changed[0]!.states[0]).toMatchObject({
      ...{name: 'groups', keys_added: 5, keys_removed: 6, keys_changed: 0, schema_changed: true},
    });
    expect(back.operators.added).toEqual(there.operators.removed);
    expect(back.operators.removed).toEqual(there.operators.added);
  });
});
