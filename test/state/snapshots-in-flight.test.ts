// Promise: several snapshots of a hashmap backend may be under way; whatever is updated meanwhile, and whichever of their
// checkpoints are completed or given up, while they wait, are written or are written already, each has exactly the rows
// of its own freeze. Older ones are written first.
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {FREEZES_MAX} from '#src/state/hashmap/page-guard.js';
import {
  manyKeys,
  restored,
  Running,
  WORDS,
  type Codec,
  type Key,
  type Taken,
} from './support/incremental.ts';

type Act =
  | {readonly kind: 'update'; readonly keys: readonly Key[]; readonly text: string}
  | {readonly kind: 'delete'; readonly keys: readonly Key[]}
  | {readonly kind: 'snapshot'; readonly full: boolean}
  | {readonly kind: 'turns'; readonly count: number}
  | {readonly kind: 'complete' | 'abort'; readonly which: number};

const aKey = fc.tuple(fc.constantFrom(...WORDS), fc.bigInt({min: 0n, max: 9n}));
const someKeys = fc.array(aKey, {minLength: 1, maxLength: 8});
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      keys: someKeys,
      text: fc.string({maxLength: 20}),
    }),
  },
  {weight: 2, arbitrary: fc.record({kind: fc.constant('delete' as const), keys: someKeys})},
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('snapshot' as const),
      full: fc.integer({min: 0, max: 9}).map((one) => one === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('turns' as const),
      count: fc.integer({min: 1, max: 12}),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('complete' as const, 'abort' as const),
      which: fc.nat({max: 3}),
    }),
  },
);

interface Pending {
  readonly id: number;
  readonly over: Promise<void>;
  taken: Taken | null;
}

/** What the coordinator and the task do with a backend: several checkpoints, each completed or given up. */
class Checkpoints {
  readonly running: Running;
  pending: Pending[] = [];
  readonly completed: Taken[] = [];
  together = 0;
  readonly #givenUp = new Set<number>();
  /** Not over, also of those that were given up. */
  #writing = 0;

  constructor(running: Running) {
    this.running = running;
  }

  begin(full: boolean): void {
    if (this.#writing === FREEZES_MAX) return;
    this.#writing += 1;
    const {id, taken} = this.running.begin(full);
    const over = taken.then(
      (done) => {
        this.#writing -= 1;
        // Whoever is told of an abort in time never says that it is written.
        expect(this.#givenUp.has(id)).toBe(false);
        pending.taken = done;
      },
      () => {
        this.#writing -= 1;
        // Its directory goes at the abort, so it may also fail for that.
        expect(this.#givenUp.has(id)).toBe(true);
      },
    );
    const pending: Pending = {id, over, taken: null};
    this.pending.push(pending);
    this.together = Math.max(this.together, this.#writing);
  }

  /** As the coordinator: what is older is given up. */
  complete(which: number): void {
    const written = this.pending.flatMap(({taken}) => taken ?? []);
    const taken = written[which % written.length];
    if (taken === undefined) return;
    for (const one of this.pending.filter(({id}) => id < taken.id)) this.#abort(one);
    this.running.complete(taken);
    this.completed.push(taken);
    this.pending = this.pending.filter(({id}) => id > taken.id);
  }

  abort(which: number): void {
    const one = this.pending[which % this.pending.length];
    if (one !== undefined) this.#abort(one);
  }

  #abort(one: Pending): void {
    this.#givenUp.add(one.id);
    this.running.abort(one);
    this.pending = this.pending.filter((other) => other !== one);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function act(checkpoints: Checkpoints, next: Act): Promise<void> {
  const {running} = checkpoints;
  if (next.kind === 'update') await running.update(next.keys, next.text);
  else if (next.kind === 'delete') await running.remove(next.keys);
  else if (next.kind === 'snapshot') checkpoints.begin(next.full);
  else if (next.kind === 'turns') await turns(next.count);
  else if (next.kind === 'complete') checkpoints.complete(next.which);
  else checkpoints.abort(next.which);
}

describe('several snapshots under way', () => {
  it('each has the rows of its own freeze, with and without incremental', async () => {
    const seen = {together: 0, deltas: 0, completed: 0};
    await fc.assert(
      fc.asyncProperty(
        fc.array(anAct, {minLength: 5, maxLength: 50}),
        fc.boolean(),
        fc.constantFrom<Codec>('none', 'gzip'),
        async (acts, incremental, compression) => {
          const running = new Running({incremental, compression, deltasMax: 3});
          await running.update(manyKeys, 'first');
          running.complete(await running.snapshot());
          const checkpoints = new Checkpoints(running);
          for (const next of acts) await act(checkpoints, next);
          await Promise.all(checkpoints.pending.map(async ({over}) => over));
          for (let left = checkpoints.pending.length; left > 0; left -= 1) checkpoints.complete(0);
          for (const {states, model, id} of checkpoints.completed) {
            const found = await restored(running.files, [states], id);
            expect(new Map(found)).toEqual(model);
            expect(found.length).toBe(model.size);
            seen.deltas += states.length - 1;
          }
          seen.together = Math.max(seen.together, checkpoints.together);
          seen.completed += checkpoints.completed.length;
        },
      ),
      {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 1500 : 60},
    );
    expect(seen.together).toBe(FREEZES_MAX);
    expect(seen.deltas).toBeGreaterThan(0);
    expect(seen.completed).toBeGreaterThan(0);
  });

  it('older ones are written first, and one that is given up leaves its place at once', async () => {
    const began: number[] = [];
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const running = new Running({
      beforeWrite: async (id): Promise<void> => {
        began.push(id);
        if (id === 1) await held;
      },
    });
    await running.update(manyKeys, 'first');
    const writing = Array.from({length: FREEZES_MAX}, () => running.begin());
    await expect(running.begin().taken).rejects.toThrow(
      /checkpoint 1, 2, 3, 4 is still .* at most 4/,
    );
    const second = expect(writing[1]!.taken).rejects.toThrow(/aborted/);
    running.abort({id: 2});
    await second;
    await running.update([['a', 1n]], 'second');
    const last = running.begin();
    await turns(20);
    expect(began).toEqual([1]);
    letGo();
    for (const {taken} of [writing[0]!, writing[2]!, writing[3]!, last]) {
      const {id, states, model} = await taken;
      running.complete({id, states, model});
      expect(new Map(await restored(running.files, [states], id))).toEqual(model);
    }
    expect(began).toEqual([1, 3, 4, 6]);
  });

  it('one that is given up while it is written is read in peace, and those behind it wait', async () => {
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const began: number[] = [];
    const running = new Running({
      beforeWrite: async (id): Promise<void> => {
        began.push(id);
        if (id === 1) await held;
      },
    });
    await running.update(manyKeys, 'first');
    const first = expect(running.begin().taken).rejects.toThrow(/aborted/);
    await turns(2);
    running.abort({id: 1});
    const next = running.begin();
    await turns(20);
    expect(began).toEqual([1]);
    letGo();
    await first;
    const {id, states, model} = await next.taken;
    running.complete({id, states, model});
    expect(new Map(await restored(running.files, [states], id))).toEqual(model);
  });

  it('strings that nobody needs any more go, though there is always a snapshot under way', async () => {
    const running = new Running({incremental: false});
    const text = 'x'.repeat(400);
    await running.update(manyKeys, text);
    const moved: Taken[] = [];
    let writing: Promise<Taken> = running.begin().taken;
    for (let round = 0; round < 120; round += 1) {
      const before = running.backend.sizeBytes();
      await running.update(manyKeys, `${round} ${text}`);
      const isMoved = running.backend.sizeBytes() < before;
      const next = running.begin().taken;
      // Its strings were moved between its freeze and its turn.
      if (isMoved) moved.push(await writing);
      else await writing;
      writing = next;
    }
    moved.push(await writing);
    expect(moved.length).toBeGreaterThan(1);
    const live = [...running.model.values()].reduce((sum, value) => sum + value.length, 0);
    // Without an end to it there would be 120 times as much.
    expect(running.backend.sizeBytes()).toBeLessThan(25 * live);
    for (const {states, id, model} of moved) {
      expect(new Map(await restored(running.files, [states], id))).toEqual(model);
    }
  });
});
