// What every state backend promises, against a plain Map: a table is a map from key to accumulators; a
// snapshot is the table at the moment of the call, whatever happens to the rows afterwards; a restore of
// it, whole or split by key groups, gives the same map.
import {createHash} from 'node:crypto';
import fc from 'fast-check';
import {afterEach, describe, expect, it} from 'vitest';
import {part, whole} from '../../hostile/support/sample.ts';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import type {KeyGroupRange} from '#src/base/key-groups.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import {readValue} from '#src/records/value.js';
import type {KeyedTable, StateBackend, TableSpec} from '#src/state/state-backend.js';
import type {MemoryFiles} from './memory-files.ts';
import {keyOf} from './model.ts';

export interface BackendRequest {
  readonly files: MemoryFiles;
  readonly keyGroups: KeyGroupRange;
  readonly restored: readonly FileState[];
}

export const MAX_PARALLELISM = 16;
const ALL: KeyGroupRange = {start: 0, end: MAX_PARALLELISM - 1};

const SPEC: TableSpec = {
  name: 'rows',
  key: [
    {name: 'word', type: STRING},
    {name: 'number', type: BIGINT},
  ],
  keyGroupColumns: 1,
  values: [
    {name: 'count', kind: 'float64'},
    {name: 'last', kind: 'bytes'},
  ],
};

type Key = readonly [string | null, bigint | null];
/** Key text → count and last text. */
type Model = Map<string, {key: Key; count: number; last: string}>;

type Act =
  | {readonly kind: 'update'; readonly keys: readonly Key[]; readonly text: string}
  | {readonly kind: 'delete'; readonly keys: readonly Key[]}
  | {readonly kind: 'snapshot'}
  | {readonly kind: 'pause'};

const WORDS = [null, '', 'a', 'twelve bytes', 'thirteen byte', 'a word that is a good deal longer'];
const aKey = fc.tuple(
  fc.constantFrom(...WORDS),
  fc.option(fc.bigInt({min: 0n, max: 40n}), {nil: null}),
);
const someKeys = fc.array(aKey, {minLength: 1, maxLength: 30});
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      keys: someKeys,
      text: fc.string({maxLength: 20}),
    }),
  },
  {weight: 1, arbitrary: fc.record({kind: fc.constant('delete' as const), keys: someKeys})},
  {weight: 2, arbitrary: fc.constant({kind: 'snapshot' as const})},
  {weight: 1, arbitrary: fc.constant({kind: 'pause' as const})},
);

export function stateBackendSuite(
  name: string,
  makeOne: (request: BackendRequest) => StateBackend,
  newFiles: () => MemoryFiles,
  {
    runs = 60,
    atOnce = 1,
  }: {
    readonly runs?: number;
    /** Snapshots that may be under way. */
    readonly atOnce?: number;
  } = {},
): void {
  const proof = whole ? part(20) : 1;
  const opened: StateBackend[] = [];
  const make = (request: BackendRequest): StateBackend => {
    const backend = makeOne(request);
    opened.push(backend);
    return backend;
  };
  const closeAll = async (): Promise<void> => {
    for (const backend of opened.splice(0)) await backend.close();
  };

  describe(name, () => {
    afterEach(closeAll);

    it('snapshots are the table at the call, and restore to it', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anAct, {minLength: 1, maxLength: 25}),
          fc.integer({min: 0, max: MAX_PARALLELISM - 2}),
          async (acts, cut) => {
            const files = newFiles();
            const backend = make({files, keyGroups: ALL, restored: []});
            const table = await backend.openTable(SPEC);
            const model: Model = new Map();
            const taken: {readonly expected: Model; readonly states: readonly FileState[]}[] = [];
            const writing: Promise<void>[] = [];
            let id = 0;
            for (const act of acts) {
              if (act.kind === 'update') update(table, model, act.keys, act.text);
              else if (act.kind === 'delete') remove(table, model, act.keys);
              else if (act.kind === 'pause') await writing.shift();
              else {
                if (writing.length >= atOnce) await writing.shift();
                id += 1;
                const expected = structuredClone(model);
                writing.push(
                  backend
                    .snapshot({checkpointId: id, directory: `/chk-${id}`})
                    .then((states) => void taken.push({expected, states})),
                );
              }
              expect(read(table)).toEqual(plain(model));
            }
            await Promise.all(writing);
            for (const {expected, states} of taken) {
              checkHandles(files, taken.findIndex((one) => one.states === states) + 1, states);
              await checkRestore(files, states, expected, cut);
            }
            await closeAll();
          },
        ),
        {numRuns: runs * proof},
      );
    });

    it('a snapshot that cannot be written rejects, and the table and the next one are whole', async () => {
      const files = newFiles();
      const backend = make({files, keyGroups: ALL, restored: []});
      const table = await backend.openTable(SPEC);
      const model: Model = new Map();
      update(
        table,
        model,
        [
          ['a', 1n],
          ['b', 2n],
        ],
        'x',
      );
      files.failAppendIn = 2;
      const failing = backend.snapshot({checkpointId: 1, directory: '/chk-1'});
      update(table, model, [['a', 1n]], 'later');
      await expect(failing).rejects.toMatchObject({code: 'STORAGE_FAILED'});
      files.failAppendIn = Infinity;
      expect(read(table)).toEqual(plain(model));
      const states = await backend.snapshot({checkpointId: 2, directory: '/chk-2'});
      const again = make({files: renamed(files, 2), keyGroups: ALL, restored: states});
      expect(read(await again.openTable(SPEC))).toEqual(plain(model));
    });

    it('a snapshot is refused while as many as may be are not written', async () => {
      const files = newFiles();
      const backend = make({files, keyGroups: ALL, restored: []});
      const table = await backend.openTable(SPEC);
      update(table, new Map(), [['a', 1n]], 'x');
      const writing = Array.from({length: atOnce}, async (_, index) =>
        backend.snapshot({checkpointId: index + 1, directory: `/chk-${index + 1}`}),
      );
      const further = {checkpointId: atOnce + 1, directory: `/chk-${atOnce + 1}`};
      await expect(backend.snapshot(further)).rejects.toMatchObject({
        message: expect.stringMatching(/still being written, and .* a/) as string,
        details: {facts: {snapshot: 'ongoing'}},
      });
      await Promise.all(writing);
      await backend.snapshot(further);
    });

    it('an aborted snapshot stops', async () => {
      const backend = make({files: newFiles(), keyGroups: ALL, restored: []});
      const table = await backend.openTable(SPEC);
      update(table, new Map(), [['a', 1n]], 'x');
      const writing = backend.snapshot({checkpointId: 1, directory: '/chk-1'});
      backend.abortSnapshot(1);
      await expect(writing).rejects.toThrow(/aborted/);
      await backend.snapshot({checkpointId: 2, directory: '/chk-2'});
    });

    it('each table of an operator gets its own rows back', async () => {
      const files = newFiles();
      const backend = make({files, keyGroups: ALL, restored: []});
      const other = {...SPEC, name: 'others'};
      const models: Model[] = [new Map(), new Map()];
      update(await backend.openTable(SPEC), models[0]!, [['a', 1n]], 'x');
      update(await backend.openTable(other), models[1]!, [['b', 2n]], 'y');
      const states = await backend.snapshot({checkpointId: 1, directory: '/chk-1'});
      const again = make({files: renamed(files, 1), keyGroups: ALL, restored: states});
      expect(read(await again.openTable(SPEC))).toEqual(plain(models[0]!));
      expect(read(await again.openTable(other))).toEqual(plain(models[1]!));
    });

    it('another key or kind of slot is refused, one that is gone is left behind, an added one begins at zero', async () => {
      const files = newFiles();
      const backend = make({files, keyGroups: ALL, restored: []});
      const model: Model = new Map();
      update(
        await backend.openTable(SPEC),
        model,
        [
          ['a', 1n],
          [null, null],
        ],
        'x',
      );
      const states = await backend.snapshot({checkpointId: 1, directory: '/chk-1'});
      const open = async (spec: TableSpec) =>
        make({files: renamed(files, 1), keyGroups: ALL, restored: states}).openTable(spec);
      const otherKey = {...SPEC, key: [SPEC.key[0]!, {name: 'number', type: STRING}]};
      await expect(open(otherKey)).rejects.toMatchObject({code: 'INCOMPATIBLE'});
      const otherKind = {...SPEC, values: [{name: 'count', kind: 'bytes' as const}]};
      await expect(open(otherKind)).rejects.toThrow(/'count' was float64, is bytes/);
      const fewer = await open({...SPEC, values: SPEC.values.slice(0, 1)});
      expect(fewer.shape.slots.length).toBe(1);
      expect(rowTotal(fewer)).toBe(model.size);
      const added = {...SPEC, values: [{name: 'new', kind: 'int64' as const}, ...SPEC.values]};
      const table = await open(added);
      expect(read(table, 1)).toEqual(plain(model));
      table.visitRows((rows, count) => {
        const {floats} = table.memory();
        const {slots, rowWords} = table.shape;
        for (const row of rows.subarray(0, count)) {
          expect(floats[row * rowWords + slots[0]!.word]).toBe(0);
        }
      });
    });
  });

  async function checkRestore(
    files: MemoryFiles,
    states: readonly FileState[],
    expected: Model,
    cut: number,
  ): Promise<void> {
    const parts: Record<string, unknown>[] = [];
    for (const keyGroups of [
      {start: 0, end: cut},
      {start: cut + 1, end: MAX_PARALLELISM - 1},
    ]) {
      const backend = make({files: byHash(files, states, newFiles()), keyGroups, restored: states});
      parts.push(read(await backend.openTable(SPEC)));
    }
    expect({...parts[0], ...parts[1]}).toEqual(plain(expected));
    expect(Object.keys(parts[0]!).length + Object.keys(parts[1]!).length).toBe(expected.size);
  }
}

/** The files of the snapshot that `states` names, found by their content, below `/restored`. */
function byHash(files: MemoryFiles, states: readonly FileState[], found: MemoryFiles): MemoryFiles {
  for (const state of states) {
    for (const bytes of files.content.values()) {
      const digest = createHash('sha256').update(bytes).digest('hex');
      if (digest === state.sha256) found.content.set(`/restored/${state.path}`, bytes);
    }
  }
  return found;
}

function renamed(files: MemoryFiles, id: number): MemoryFiles {
  for (const [path, bytes] of files.content) {
    if (path.startsWith(`/chk-${id}/`))
      files.content.set(path.replace(`/chk-${id}`, '/restored'), bytes);
  }
  return files;
}

function checkHandles(files: MemoryFiles, id: number, states: readonly FileState[]): void {
  for (const state of states) {
    const bytes = files.content.get(`/chk-${id}/${state.path}`)!;
    expect(bytes.length).toBe(state.length);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(state.sha256);
    expect(state.chunkCrcs.length).toBe(Math.ceil(bytes.length / 2 ** 20));
  }
}

function resolve(table: KeyedTable, keys: readonly Key[]): Int32Array {
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const key of keys) builder.appendRow(key);
  const rows = new Int32Array(keys.length);
  table.resolve(builder.build().columns, null, 0, keys.length, rows);
  return rows;
}

function update(table: KeyedTable, model: Model, keys: readonly Key[], text: string): void {
  const rows = resolve(table, keys);
  const [count, last] = [table.shape.slots[0]!, table.shape.slots[1]!];
  const bytes = new TextEncoder().encode(text);
  keys.forEach((key, position) => {
    table.memory().floats[rows[position]! * table.shape.rowWords + count.word]! += 1;
    table.writeBytes(rows[position]!, last, bytes, 0, bytes.length);
    const known = model.get(keyOf(key));
    model.set(keyOf(key), {key, count: (known?.count ?? 0) + 1, last: text});
  });
}

function remove(table: KeyedTable, model: Model, keys: readonly Key[]): void {
  const present = [...new Map(keys.map((key) => [keyOf(key), key])).entries()].filter(([text]) =>
    model.has(text),
  );
  const rows = resolve(
    table,
    present.map(([, key]) => key),
  );
  table.deleteRows(rows, 0, present.length);
  for (const [text] of present) model.delete(text);
}

function plain(model: Model): Record<string, unknown> {
  return Object.fromEntries([...model].map(([text, {count, last}]) => [text, {count, last}]));
}

function read(table: KeyedTable, firstSlot = 0): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  table.visitRows((rows, rowCount) => {
    const columns = SPEC.key.map((_, index) => table.readKey(index, rows, 0, rowCount));
    const [count, last] = [table.shape.slots[firstSlot]!, table.shape.slots[firstSlot + 1]!];
    for (let at = 0; at < rowCount; at += 1) {
      const row = rows[at]!;
      const key = SPEC.key.map((field, index) => readValue(field.type, columns[index]!, at));
      const start = table.bytesStart(row, last);
      const bytes = table.arena().slice(start, start + table.bytesLength(row, last));
      entries.push([
        keyOf(key),
        {
          count: table.memory().floats[row * table.shape.rowWords + count.word],
          last: new TextDecoder().decode(bytes),
        },
      ]);
    }
  });
  const found = Object.fromEntries(entries);
  // Each row once.
  expect(Object.keys(found).length).toBe(entries.length);
  return found;
}

function rowTotal(table: KeyedTable): number {
  let total = 0;
  table.visitRows((_rows, count) => {
    total += count;
  });
  return total;
}
