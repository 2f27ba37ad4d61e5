// Promise: with `incremental` a checkpoint's chain of files restores to the table as it was at the checkpoint, whatever
// was updated, deleted and put back between checkpoints, and whichever of them were completed or given up; and it has
// only what changed.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {convertSnapshot} from '#src/state/canonical/convert-snapshot.js';
import {HashTable} from '#src/state/hashmap/hash-table.js';
import {
  make,
  manyKeys,
  MAX_PARALLELISM,
  resolve,
  restored,
  Running,
  SPEC,
  WORDS,
  type Codec,
  type Key,
  type Taken,
} from './support/incremental.ts';

type Act =
  | {readonly kind: 'update'; readonly keys: readonly Key[]; readonly text: string}
  | {readonly kind: 'delete'; readonly keys: readonly Key[]}
  | {readonly kind: 'snapshot'; readonly full: boolean}
  | {readonly kind: 'complete' | 'abort'; readonly which: number};

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
      compression: 'none',
    });
    const found = await restored(running.files, [[canonical]], id, {directory: '/savepoint'});
    expect(new Map(found)).toEqual(model);
  });
});
