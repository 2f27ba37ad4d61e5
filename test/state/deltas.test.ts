// Promise: with `incremental` a checkpoint's chain of files restores to the table as it was at the checkpoint, whatever
// was updated, deleted and put back between checkpoints, and whichever of them were completed or given up; and it has
// only what changed. A chain that is not whole is refused with the name of what is missing.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {FileState} from '#src/checkpoint/checkpoint-metadata.js';
import {BatchBuilder} from '#src/records/batch-builder.js';
import {BIGINT, STRING} from '#src/records/data-type.js';
import {readValue} from '#src/records/value.js';
import {convertSnapshot} from '#src/state/canonical/convert-snapshot.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {HashmapBackend} from '#src/state/hashmap/hashmap-backend.js';
import {InProcessWriter} from '#src/state/snapshot-writer.js';
import type {KeyedTable, TableSpec} from '#src/state/state-backend.js';
import {MemoryFiles} from './support/memory-files.ts';

const MAX_PARALLELISM = 16;
const ALL = {start: 0, end: MAX_PARALLELISM - 1};
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
type Key = readonly [string, bigint];
type Model = ReadonlyMap<string, string>;
type Codec = 'none' | 'gzip';

interface Options {
  readonly deltasMax?: number;
  readonly compression?: Codec;
  readonly states?: readonly (readonly FileState[])[];
  readonly keyGroups?: typeof ALL;
  readonly directory?: string;
  /** A snapshot is written, and its backend does not know yet. */
  readonly afterWrite?: (checkpointId: number) => void;
}

function make(files: MemoryFiles, options: Options = {}): HashmapBackend {
  const {deltasMax = 3, compression = 'none', states = [], keyGroups = ALL} = options;
  const {directory = '/chk-restored', afterWrite = () => undefined} = options;
  const writer = new InProcessWriter(files);
  return new HashmapBackend({
    uid: 'op',
    subtask: 0,
    maxParallelism: MAX_PARALLELISM,
    keyGroups,
    restored: states.map((own, index) => ({index, states: own, watermark: null})),
    restoredDirectory: states.length === 0 ? null : directory,
    files,
    writer: {
      call: async (request) => {
        const state = await writer.call(request);
        afterWrite(request.checkpointId);
        return state;
      },
      close: async () => writer.close(),
    },
    compression,
    incremental: {deltasMax},
  });
}

/** A backend, its table, and what has to be in it. */
class Running {
  readonly files = new MemoryFiles();
  readonly backend: HashmapBackend;
  readonly model = new Map<string, string>();
  #table: KeyedTable | null = null;
  #last = 0;

  constructor(options: Options = {}) {
    this.backend = make(this.files, options);
  }

  async table(): Promise<KeyedTable> {
    this.#table ??= await this.backend.openTable(SPEC);
    return this.#table;
  }

  async update(keys: readonly Key[], text: string): Promise<void> {
    const table = await this.table();
    const rows = resolve(table, keys);
    const bytes = new TextEncoder().encode(text);
    for (const [position, key] of keys.entries()) {
      table.writeBytes(rows[position]!, table.shape.slots[1]!, bytes, 0, bytes.length);
      this.model.set(keyText(key), text);
    }
  }

  async remove(keys: readonly Key[]): Promise<void> {
    const table = await this.table();
    const known = new Map(keys.map((key) => [keyText(key), key]));
    const present = [...known.values()].filter((key) => this.model.has(keyText(key)));
    table.deleteRows(resolve(table, present), 0, present.length);
    for (const key of present) this.model.delete(keyText(key));
  }

  async snapshot(full = false): Promise<Taken> {
    this.#last += 1;
    const id = this.#last;
    await this.table();
    const model = new Map(this.model);
    const states = await this.backend.snapshot({checkpointId: id, directory: `/chk-${id}`, full});
    return {id, model, states};
  }

  /** What a publish and its notification do. */
  complete({id}: Taken): void {
    for (const [path, bytes] of this.files.content) {
      const shared = `/chk-${id}/.shared/`;
      if (!path.startsWith(shared)) continue;
      const name = path.slice(shared.length);
      this.files.content.set(`/shared/${name.slice(0, 2)}/${name}`, bytes);
    }
    this.backend.checkpointCompleted(id);
  }

  /** What an abort does: the attempt's directory goes. */
  abort({id}: Taken): void {
    for (const path of [...this.files.content.keys()]) {
      if (path.startsWith(`/chk-${id}/`)) this.files.content.delete(path);
    }
    this.backend.checkpointAborted(id);
  }
}

interface Taken {
  readonly id: number;
  readonly model: Model;
  readonly states: readonly FileState[];
}

type Act =
  | {readonly kind: 'update'; readonly keys: readonly Key[]; readonly text: string}
  | {readonly kind: 'delete'; readonly keys: readonly Key[]}
  | {readonly kind: 'snapshot'; readonly full: boolean}
  | {readonly kind: 'complete' | 'abort'; readonly which: number};

const WORDS = ['', 'a', 'twelve bytes', 'thirteen byte', 'a word that is a good deal longer'];
const aKey = fc.tuple(fc.constantFrom(...WORDS), fc.bigInt({min: 0n, max: 4n}));
const someKeys = fc.array(aKey, {minLength: 1, maxLength: 8});
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      keys: someKeys,
      text: fc.string({maxLength: 20}),
    }),
  },
  {weight: 3, arbitrary: fc.record({kind: fc.constant('delete' as const), keys: someKeys})},
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('snapshot' as const),
      full: fc.integer({min: 0, max: 9}).map((one) => one === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('complete' as const, 'abort' as const),
      which: fc.nat({max: 2}),
    }),
  },
);
const manyKeys: readonly Key[] = WORDS.flatMap((word) =>
  Array.from({length: 60}, (_, number): Key => [word, BigInt(number)]),
);

describe('incremental', () => {
  it('the chain of every completed checkpoint restores to what the table was', async () => {
    let deltas = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(anAct, {minLength: 5, maxLength: 40}),
        fc.integer({min: 1, max: 4}),
        fc.constantFrom<Codec>('none', 'gzip'),
        fc.integer({min: 0, max: MAX_PARALLELISM - 2}),
        async (acts, deltasMax, compression, cut) => {
          const running = new Running({deltasMax, compression});
          // Enough rows that a few changes do not outweigh them.
          await running.update(manyKeys, 'first');
          running.complete(await running.snapshot());
          let pending: Taken[] = [];
          const completed: Taken[] = [];
          for (const act of acts) {
            if (act.kind === 'update') await running.update(act.keys, act.text);
            else if (act.kind === 'delete') await running.remove(act.keys);
            else if (act.kind === 'snapshot') pending.push(await running.snapshot(act.full));
            else {
              const taken = pending[act.which % pending.length];
              if (taken === undefined) continue;
              if (act.kind === 'complete') {
                running.complete(taken);
                completed.push(taken);
                pending = pending.filter(({id}) => id > taken.id);
              } else {
                running.abort(taken);
                pending = pending.filter((one) => one !== taken);
              }
            }
          }
          for (const {states, model, id} of completed) {
            deltas += states.length - 1;
            expect(states.length).toBeLessThanOrEqual(deltasMax + 1);
            const parts = [
              {start: 0, end: cut},
              {start: cut + 1, end: MAX_PARALLELISM - 1},
            ];
            const found: [string, string][] = [];
            for (const keyGroups of parts) {
              found.push(...(await restored(running.files, [states], id, {keyGroups})));
            }
            expect(new Map(found)).toEqual(model);
            expect(found.length).toBe(model.size);
          }
        },
      ),
      {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 1500 : 100},
    );
    expect(deltas).toBeGreaterThan(20);
  });

  it('has no more than the rows that changed, and a third', async () => {
    const running = new Running();
    const keys = Array.from({length: 50_000}, (_, number): Key => ['key', BigInt(number)]);
    await running.update(keys, '');
    running.complete(await running.snapshot());
    const changed = keys.filter((_, index) => index % 11 === 0);
    await running.update(changed, '');
    const {states} = await running.snapshot();
    expect(states.map(({description}) => (description as {rows: number}).rows)).toEqual([
      50_000,
      changed.length,
    ]);
    const rowBytes = (await running.table()).shape.rowInts * 4;
    expect(states[1]!.length).toBeLessThan(1.3 * changed.length * rowBytes);
  });

  it('nothing new is written where nothing changed', async () => {
    const running = new Running();
    await running.update(manyKeys, 'first');
    const first = await running.snapshot();
    running.complete(first);
    const second = await running.snapshot();
    expect(second.states).toEqual(first.states);
  });

  it('all rows are written again behind max-chain deltas, or when the deltas outweigh half of them', async () => {
    const lengths = async (deltasMax: number, changes: number): Promise<number[]> => {
      const running = new Running({deltasMax});
      const counts: number[] = [];
      await running.update(manyKeys, 'first');
      for (let round = 0; round < 7; round += 1) {
        const taken = await running.snapshot();
        running.complete(taken);
        counts.push(taken.states.length);
        await running.update(manyKeys.slice(0, changes), `round ${round}`);
      }
      return counts;
    };
    expect(await lengths(2, 5)).toEqual([1, 2, 3, 1, 2, 3, 1]);
    expect(await lengths(10, 70)).toEqual([1, 2, 3, 1, 2, 3, 1]);
    expect(await lengths(10, 260)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it('a snapshot of all rows that was given up is followed by another one', async () => {
    const running = new Running();
    await running.update(manyKeys, 'first');
    running.complete(await running.snapshot());
    await running.update([['a', 1n]], 'second');
    running.abort(await running.snapshot(true));
    await running.update([['a', 2n]], 'third');
    const taken = await running.snapshot();
    expect(taken.states).toHaveLength(1);
    running.complete(taken);
    expect(new Map(await restored(running.files, [taken.states], taken.id))).toEqual(taken.model);
    await running.update([['a', 1n]], 'later');
    expect((await running.snapshot()).states).toHaveLength(2);
  });

  it('a snapshot of all rows that was asked for is one', async () => {
    const running = new Running();
    await running.update(manyKeys, 'first');
    running.complete(await running.snapshot());
    await running.update([['a', 1n]], 'second');
    const taken = await running.snapshot(true);
    expect(taken.states.map(({description}) => (description as {rows: number}).rows)).toEqual([
      manyKeys.length,
    ]);
  });

  it('deleted keys are kept up to the number of rows that are left', () => {
    const table = new HashTable(SPEC, MAX_PARALLELISM, 'op');
    table.trackChanges();
    const rows = resolve(
      table,
      Array.from({length: 4000}, (_, number): Key => ['key', BigInt(number)]),
    );
    const changes = table.changes!;
    expect(changes.freeze(1, false)).toBeNull();
    changes.completed(1);
    table.deleteRows(rows, 0, 1900);
    expect(changes.freeze(2, false)?.tombstones.count).toBe(1900);
    changes.completed(2);
    table.deleteRows(rows, 1900, 4000);
    expect(changes.freeze(3, false)).toBeNull();
  });

  it('more deleted keys than rows that are left are no delta', async () => {
    const running = new Running();
    const keys = Array.from({length: 4000}, (_, number): Key => ['key', BigInt(number)]);
    await running.update(keys, 'x');
    running.complete(await running.snapshot());
    await running.remove(keys.slice(0, 3500));
    const taken = await running.snapshot();
    expect(taken.states).toHaveLength(1);
    running.complete(taken);
    expect(await restored(running.files, [taken.states], taken.id)).toHaveLength(500);
  });

  it('only files of completed checkpoints are referred to', async () => {
    const running = new Running({deltasMax: 10});
    await running.update(manyKeys, 'first');
    running.complete(await running.snapshot());
    await running.update([['a', 1n]], 'second');
    const given = await running.snapshot();
    running.abort(given);
    const pending = await running.snapshot();
    const next = await running.snapshot();
    for (const taken of [pending, next]) {
      const digests = taken.states.map(({sha256}) => sha256);
      expect(digests).toHaveLength(2);
      expect(digests[0]).toBe(given.states[0]!.sha256);
    }
    running.complete(next);
    expect(new Map(await restored(running.files, [next.states], next.id))).toEqual(next.model);
  });

  it('an abort that comes when the files are written leaves nothing to refer to', async () => {
    const running: Running = new Running({
      deltasMax: 10,
      afterWrite: (id): void => {
        if (id === 2) running.backend.checkpointAborted(2);
      },
    });
    await running.update(manyKeys, 'first');
    running.complete(await running.snapshot());
    await running.update([['a', 1n]], 'second');
    await expect(running.snapshot()).rejects.toThrow(/aborted/);
    const taken = await running.snapshot();
    running.complete(taken);
    expect(new Map(await restored(running.files, [taken.states], taken.id))).toEqual(taken.model);
  });

  it('the first snapshot after a restore has all rows', async () => {
    const running = new Running();
    await running.update(manyKeys, 'first');
    running.complete(await running.snapshot());
    await running.update([['a', 1n]], 'second');
    const taken = await running.snapshot();
    running.complete(taken);
    const again = make(running.files, {states: [taken.states], directory: `/chk-${taken.id}`});
    resolve(await again.openTable(SPEC), [['a', 3n]]);
    const states = await again.snapshot({checkpointId: 9, directory: '/chk-9'});
    expect(states.map(({description}) => (description as {rows: number}).rows)).toEqual([
      manyKeys.length,
    ]);
  });

  it('a canonical savepoint has the rows of the chain', async () => {
    const running = new Running({compression: 'gzip'});
    await running.update(manyKeys, 'first');
    running.complete(await running.snapshot());
    await running.update([['a', 1n]], 'second');
    await running.remove([['a', 2n]]);
    const {states, id, model} = await running.snapshot();
    running.complete({states, id, model});
    const canonical = await convertSnapshot(running.files, {
      states,
      sourceDirectory: `/chk-${id}`,
      targetDirectory: '/savepoint',
      targetPath: 'op/0.rows',
      sliceBytes: 1000,
    });
    const found = await restored(running.files, [[canonical]], id, {directory: '/savepoint'});
    expect(new Map(found)).toEqual(model);
  });
});

describe('a chain that is not whole is refused', () => {
  async function chain(): Promise<{running: Running; taken: Taken}> {
    const running = new Running({deltasMax: 10});
    await running.update(manyKeys, 'first');
    let taken = await running.snapshot();
    for (let round = 0; round < 3; round += 1) {
      running.complete(taken);
      await running.update([['a', BigInt(round)]], `round ${round}`);
      taken = await running.snapshot();
    }
    running.complete(taken);
    expect(taken.states).toHaveLength(4);
    return {running, taken};
  }

  it.each([
    ['without its base', (s: FileState[]) => s.slice(1), 0],
    ['without a delta', (s: FileState[]) => [s[0]!, s[1]!, s[3]!], 2],
    ['without its last delta', (s: FileState[]) => s.slice(0, 3), 2],
    ['out of order', (s: FileState[]) => [s[0]!, s[2]!, s[1]!, s[3]!], 2],
    ['backwards', (s: FileState[]) => s.toReversed(), 3],
    ['with a delta twice', (s: FileState[]) => [s[0]!, s[1]!, s[1]!, s[2]!], 1],
    ['with a loop', (s: FileState[]) => [s[0]!, s[1]!, following(s[2]!, s[2]!), s[3]!], 2],
  ] as const)('%s', async (_, change, named) => {
    const {running, taken} = await chain();
    const {path} = taken.states[named]!;
    await expect(
      restored(running.files, [change([...taken.states])], taken.id),
    ).rejects.toMatchObject({code: 'CHECKPOINT_DAMAGED', message: expect.stringContaining(path)});
  });

  it('with another file under a handle', async () => {
    const {running, taken} = await chain();
    const place = (index: number): string => {
      const {sha256} = taken.states[index]!;
      return `/shared/${sha256.slice(0, 2)}/${sha256}`;
    };
    running.files.content.set(place(2), running.files.content.get(place(1))!);
    await expect(restored(running.files, [taken.states], taken.id)).rejects.toThrow(
      /it is delta 1 after [0-9a-f]{64}, not delta 2/,
    );
    running.files.content.set(place(0), running.files.content.get(place(1))!);
    await expect(restored(running.files, [taken.states], taken.id)).rejects.toThrow(
      /it is delta 1 after [0-9a-f]{64}, not a whole table/,
    );
  });

  it('with a file that is gone', async () => {
    const {running, taken} = await chain();
    const {sha256} = taken.states[1]!;
    running.files.content.delete(`/shared/${sha256.slice(0, 2)}/${sha256}`);
    await expect(restored(running.files, [taken.states], taken.id)).rejects.toThrow(sha256);
  });
});

/** The handle as if it followed another one. */
function following(state: FileState, previous: FileState): FileState {
  const {chain, ...rest} = state.description as {chain: object};
  return {...state, description: {...rest, chain: {...chain, previous: previous.sha256}}};
}

async function restored(
  files: MemoryFiles,
  states: readonly (readonly FileState[])[],
  id: number,
  options: Options = {},
): Promise<[string, string][]> {
  const backend = make(files, {directory: `/chk-${id}`, ...options, states});
  const table = await backend.openTable(SPEC);
  const rows = Int32Array.from({length: table.rowCount}, (_, row) => row).filter((row) =>
    table.isLive(row),
  );
  const columns = SPEC.key.map((_, index) => table.readKey(index, rows, 0, rows.length));
  const last = table.shape.slots[1]!;
  return [...rows].map((row, at): [string, string] => {
    const [word, number] = SPEC.key.map((field, index) =>
      readValue(field.type, columns[index]!, at),
    );
    const start = table.bytesStart(row, last);
    const bytes = table.arena().slice(start, start + table.bytesLength(row, last));
    return [keyText([word as string, number as bigint]), new TextDecoder().decode(bytes)];
  });
}

function resolve(table: KeyedTable, keys: readonly Key[]): Int32Array {
  const builder = new BatchBuilder({fields: SPEC.key});
  for (const key of keys) builder.appendRow([...key]);
  const rows = new Int32Array(keys.length);
  table.resolve(builder.build().columns, null, 0, keys.length, rows);
  return rows;
}

function keyText([word, number]: Key): string {
  return `${word}|${number}`;
}
