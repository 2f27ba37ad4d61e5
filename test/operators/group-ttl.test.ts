// Promise: a group without a window lives for its ttl after its last record (and, with on-read-and-write, after its
// result went out), by a clock that no jump of the wall clock moves; what it is then follows its visibility; what is
// cleaned up is gone for good; a restore, at any parallelism and from any kind of snapshot, keeps every row's age.
import fc from 'fast-check';
import {describe, expect, it, test} from 'vitest';
import type {OptionValues, StateTtl} from '#src/job/job-spec.js';
import {aggregate} from '#src/operators/aggregate.js';
import {CLEANUP_ROWS_MAX} from '#src/operators/ttl/table-ttl.js';
import {BACKENDS, input, keepStateIn, planOf} from './support/harness.ts';
import {
  canonical,
  NO_CLEANUP,
  ON_READ,
  RETURN,
  SELECT,
  Step,
  TABLE,
  TestClock,
  type Emit,
  type Ttl,
} from './support/ttl-step.ts';

describe.each(BACKENDS)('state in %s', (name) => {
  keepStateIn(name);

  describe('a group that had no record for its ttl', () => {
    test.each<[Emit, Ttl, number, string]>([
      ['on-update', {}, 9, 'a1 a2'],
      ['on-update', {}, 10, 'a1 a1'],
      ['on-update', {visibility: RETURN}, 10, 'a1 a2'],
      ['on-update', {'update-type': ON_READ}, 10, 'a1 a1'],
      ['on-update', {'update-type': ON_READ, visibility: RETURN}, 1000, 'a1 a2'],
    ])('%s %j: %i ms later another record', async (emit, ttl, millis, out) => {
      const step = await Step.open(emit, {...NO_CLEANUP, ...ttl});
      expect(step.records('a').pass(millis).records('a').takeAll()).toBe(out);
    });

    test.each<[Ttl, number, Record<string, number>]>([
      [{}, 9, {a: 1}],
      [{}, 10, {}],
      [{visibility: RETURN}, 10, {a: 1}],
    ])('at-end %j: %i ms later the end of the input', async (ttl, millis, out) => {
      const step = await Step.open('at-end', {...NO_CLEANUP, ...ttl});
      expect(step.records('a').pass(millis).end()).toEqual(out);
    });

    test.each<[Ttl, number, Record<string, number>, Record<string, number>]>([
      // Written at 0, the barrier at 8, and another record so long after the barrier.
      [{}, 1, {a: 1}, {a: 2}],
      [{}, 2, {a: 1}, {a: 1}],
      [{'update-type': ON_READ}, 2, {a: 1}, {a: 2}],
      [{'update-type': ON_READ}, 9, {a: 1}, {a: 2}],
      [{'update-type': ON_READ}, 10, {a: 1}, {a: 1}],
      [{visibility: RETURN}, 2, {a: 1}, {a: 2}],
    ])('on-checkpoint %j, a barrier at 8 ms and %i ms', async (ttl, millis, first, second) => {
      const step = await Step.open('on-checkpoint', {...NO_CLEANUP, ...ttl});
      expect(step.records('a').pass(8).barrier()).toEqual(first);
      expect(step.pass(millis).records('a').barrier()).toEqual(second);
    });

    it('on-checkpoint: it does not go out after it expired, and its key begins anew', async () => {
      const step = await Step.open('on-checkpoint', NO_CLEANUP);
      expect(step.records('a', 'b').pass(6).records('b').pass(6).barrier()).toEqual({b: 2});
      expect(step.records('a').barrier()).toEqual({a: 1});
    });

    it('on-checkpoint: with the other visibility it goes out once, and is gone then', async () => {
      const step = await Step.open('on-checkpoint', {...NO_CLEANUP, visibility: RETURN});
      expect(step.records('a', 'b').pass(12).barrier()).toEqual({a: 1, b: 1});
      expect(step.barrier()).toEqual({});
      expect(step.records('a').barrier()).toEqual({a: 1});
      expect(step.end()).toEqual({});
    });

    it('counts each record of a batch in the group that began anew', async () => {
      const step = await Step.open('on-update', NO_CLEANUP);
      step.records('a', 'b', 'a').pass(10).takeAll();
      expect(step.records('a', 'c', 'a', 'b', 'a').takeAll()).toBe('a1 c1 a2 b1 a3');
      expect(step.pass(9).records('a', 'a').takeAll()).toBe('a4 a5');
    });

    it('on-checkpoint: a row number that another key took over goes out as that key', async () => {
      const step = await Step.open('on-checkpoint', {cleanup: {'in-background': true}});
      step.records('a', 'b').pass(10).records('c').records('d', 'e');
      expect(step.barrier()).toEqual({c: 1, d: 1, e: 1});
      expect(step.records('a', 'c').barrier()).toEqual({a: 1, c: 2});
    });

    it('on-checkpoint: a row that was cleaned up and that nobody took over does not go out', async () => {
      const step = await Step.open('on-checkpoint', {cleanup: {'in-background': true}});
      expect(step.records('a', 'b').pass(10).records('c').barrier()).toEqual({c: 1});
    });

    it('of a group of all records leaves the neutral one', async () => {
      const step = await Step.open('at-end', NO_CLEANUP, {groupBy: []});
      expect(step.records('a', 'b').pass(10).end()).toEqual({'': 0});
    });
  });

  describe('clean-up', () => {
    const left = async (cleanup: OptionValues, act: (step: Step) => void) => {
      // What is there and expired goes out at the end.
      const step = await Step.open('at-end', {visibility: RETURN, cleanup});
      act(step);
      return Object.keys(step.end()).length;
    };
    const keys = (count: number, prefix = 'k') =>
      Array.from({length: count}, (_, at) => `${prefix}${at}`);

    it('in the background looks at so many rows for each record', async () => {
      const cleanup = {incremental: {'cleanup-size': 3}};
      const old = (step: Step) => step.records(...keys(100)).pass(10);
      expect(await left(cleanup, (step) => old(step).records('x'))).toBe(98);
      expect(await left(cleanup, (step) => old(step).records('x', 'y'))).toBe(96);
      expect(await left({}, (step) => old(step).records('x'))).toBe(96);
      expect(await left(NO_CLEANUP.cleanup, (step) => old(step).records('x'))).toBe(101);
    });

    // Not `runIf`: what it leaves out, a mutant is shown all the same.
    const inMemory = name === 'hashmap' ? it : null;
    const inStore = name === 'rocksdb' ? it : null;

    inMemory?.('goes round all rows', async () => {
      const cleanup = {incremental: {'cleanup-size': 40}};
      const rounds = (step: Step) => {
        step.records(...keys(100)).pass(10);
        for (let turn = 0; turn < 3; turn += 1) step.records('x');
      };
      expect(await left(cleanup, rounds)).toBe(1);
      // Those at the beginning come again when the rows behind them are done with.
      const young = (step: Step) => {
        step
          .records(...keys(50))
          .pass(5)
          .records(...keys(50, 'old'), ...keys(50));
        step.pass(8);
        for (let turn = 0; turn < 2; turn += 1) step.records('x');
        step.pass(8);
        for (let turn = 0; turn < 3; turn += 1) step.records('x');
      };
      expect(await left(cleanup, young)).toBe(1);
    });

    inStore?.(
      'goes round all rows, those that are not in memory and those that are only there',
      async () => {
        const cleanup = {incremental: {'cleanup-size': 40}};
        const rounds = (step: Step) => {
          step.records(...keys(100)).pass(10);
          for (let turn = 0; turn < 8; turn += 1) step.records('x');
        };
        expect(await left(cleanup, rounds)).toBe(1);
      },
    );

    inMemory?.('looks at no more than so many rows for one batch', async () => {
      const many = CLEANUP_ROWS_MAX + 2000;
      const act = (step: Step) =>
        step
          .records(...keys(many))
          .pass(10)
          .records(...Array.from({length: 20_000}, () => 'x'));
      expect(await left({}, act)).toBe(2001);
    });

    it('at a snapshot leaves nothing that expired, in it and in the table', async () => {
      const ttl = {visibility: RETURN, cleanup: {'full-snapshot': true, 'in-background': false}};
      const step = await Step.open('at-end', ttl);
      const taken = await step.records('a', 'b').pass(6).records('b').pass(4).snapshot();
      expect(step.end()).toEqual({b: 2});
      const again = await Step.open('at-end', ttl, {restored: taken, clock: step.clock});
      expect(again.end()).toEqual({b: 2});
    });

    it('at a snapshot is not done unasked', async () => {
      const step = await Step.open('at-end', {...NO_CLEANUP, visibility: RETURN});
      const restored = await step.records('a').pass(10).snapshot();
      const again = await Step.open('at-end', {...NO_CLEANUP, visibility: RETURN}, {restored});
      expect(again.end()).toEqual({a: 1});
    });
  });

  describe('time', () => {
    it.each([
      ['back by an hour', -3_600_000],
      ['forward by a year', 365 * 86_400_000],
    ])('a wall clock that jumps %s changes nothing within a run', async (_name, jump) => {
      const step = await Step.open('on-update', NO_CLEANUP);
      step.records('a', 'b').pass(5);
      step.clock.wall += jump;
      step.records('a').pass(5);
      expect(step.records('a', 'b').takeAll()).toBe('a1 b1 a2 a3 b1');
    });

    it('a wall clock that went back between two runs makes nothing expire early or live again', async () => {
      const step = await Step.open('on-update', NO_CLEANUP);
      step.records('expired').pass(5).records('young').pass(6).takeAll();
      const restored = await step.snapshot();
      step.clock.wall -= 3_600_000;
      const again = await Step.open('on-update', NO_CLEANUP, {restored, clock: step.clock});
      expect(again.records('expired', 'young').takeAll()).toBe('expired1 young2');
      expect(again.pass(10).records('young').takeAll()).toBe('young1');
    });

    it('time between two runs counts', async () => {
      const step = await Step.open('on-update', NO_CLEANUP);
      const restored = await step.records('a').pass(4).snapshot();
      for (const [millis, out] of [
        [5, 'a2'],
        [6, 'a1'],
      ] as const) {
        const clock = new TestClock();
        clock.monotonic = 17;
        clock.pass(4 + millis);
        const again = await Step.open('on-update', NO_CLEANUP, {restored, clock});
        expect(again.records('a').takeAll()).toBe(out);
      }
    });

    it('a reading that is no time is refused', async () => {
      const step = await Step.open('on-update', NO_CLEANUP);
      const {files, subtasks} = await step.records('a').snapshot();
      const states = subtasks[0]!.states.map((state) =>
        state.location === 'inline' ? {...state, value: 'noon'} : state,
      );
      const restored = {files, subtasks: [{...subtasks[0]!, states}]};
      await expect(Step.open('on-update', NO_CLEANUP, {restored})).rejects.toMatchObject({
        code: 'INCOMPATIBLE',
      });
    });
  });

  describe('a restore', () => {
    it('takes another ttl for rows that were written under the one before', async () => {
      const step = await Step.open('on-update', NO_CLEANUP);
      const restored = await step.records('a').pass(15).snapshot();
      const {clock} = step;
      const longer = await Step.open('on-update', {...NO_CLEANUP, duration: 20}, {restored, clock});
      expect(longer.records('a').takeAll()).toBe('a2');
      const shorter = await Step.open('on-update', {...NO_CLEANUP, duration: 5}, {restored, clock});
      expect(shorter.records('a').takeAll()).toBe('a1');
    });

    it.each(['native', 'canonical'] as const)(
      'of %s state keeps ages at two subtasks',
      async (format) => {
        const step = await Step.open('on-update', NO_CLEANUP);
        const keys = Array.from({length: 40}, (_, at) => `k${at}`);
        step.records(...keys).pass(6);
        const taken = await step
          .records(...keys.slice(0, 20))
          .pass(5)
          .snapshot();
        const restored = format === 'native' ? taken : await canonical(taken);
        const out: string[] = [];
        for (const keyGroups of [
          {start: 0, end: 63},
          {start: 64, end: 127},
        ]) {
          const {clock} = step;
          const part = await Step.open('at-end', NO_CLEANUP, {restored, clock, keyGroups});
          out.push(...Object.entries(part.end()).map(([key, n]) => `${key} ${n}`));
        }
        expect(out.sort()).toEqual(
          keys
            .slice(0, 20)
            .map((key) => `${key} 2`)
            .sort(),
        );
      },
    );
  });

  describe('against a model', () => {
    type Act =
      | {readonly kind: 'records'; readonly keys: readonly string[]}
      | {readonly kind: 'pass'; readonly millis: number}
      | {readonly kind: 'jump'; readonly millis: number}
      | {readonly kind: 'restore'};
    const anAct: fc.Arbitrary<Act> = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('records' as const),
          keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'a key that is long'), {
            minLength: 1,
            maxLength: 8,
          }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('pass' as const),
          millis: fc.integer({min: 1, max: 12}),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('jump' as const),
          millis: fc.integer({min: -1000, max: 0}),
        }),
      },
      {weight: 1, arbitrary: fc.constant({kind: 'restore' as const})},
    );

    it('every record counts those of its key since the last pause of a ttl, whatever is cleaned up', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anAct, {maxLength: 30}),
          fc.constantFrom<OptionValues>(
            {'in-background': false},
            {incremental: {'cleanup-size': 1}},
            {'full-snapshot': true},
          ),
          fc.constantFrom<Emit>('on-update', 'on-checkpoint'),
          async (acts, cleanup, emit) => {
            let step = await Step.open(emit, {cleanup});
            const {clock} = step;
            const model = new Map<string, {n: number; at: number}>();
            const changed = new Set<string>();
            let now = 0;
            for (const act of acts) {
              if (act.kind === 'pass') {
                now += act.millis;
                clock.pass(act.millis);
              } else if (act.kind === 'jump') clock.wall += act.millis;
              else if (act.kind === 'restore') {
                const out = step.barrier();
                if (emit === 'on-checkpoint') expect(out).toEqual(alive(model, changed, now));
                changed.clear();
                step = await Step.open(emit, {cleanup}, {restored: await step.snapshot(), clock});
              } else {
                const expected = act.keys.map((key) => {
                  const known = model.get(key);
                  const isAlive = known !== undefined && known.at + 10 > now;
                  const n = isAlive ? known.n + 1 : 1;
                  model.set(key, {n, at: now});
                  changed.add(key);
                  return `${key}${n}`;
                });
                step.records(...act.keys);
                if (emit === 'on-update') expect(step.takeAll()).toBe(expected.join(' '));
              }
            }
          },
        ),
        {numRuns: process.env['TIDEMARK_PROOF'] === '1' ? 1500 : name === 'hashmap' ? 200 : 60},
      );
    });

    function alive(
      model: ReadonlyMap<string, {n: number; at: number}>,
      changed: ReadonlySet<string>,
      now: number,
    ): Record<string, number> {
      const left = [...model].filter(([key, {at}]) => changed.has(key) && at + 10 > now);
      return Object.fromEntries(left.map(([key, {n}]) => [key, n]));
    }
  });
});

describe('what a step may say', () => {
  const plan = (options: OptionValues, stateTtl: StateTtl | null = null) =>
    planOf(
      aggregate,
      {'group-by': ['k'], select: SELECT, ...options},
      [input(TABLE, {eventTime: true, eventTimeColumn: 'v'})],
      stateTtl,
    );
  const JOB_TTL: StateTtl = {
    durationMillis: 7,
    updateType: 'on-read-and-write',
    visibility: 'never-return-expired',
    cleanupInFullSnapshot: true,
    cleanupSize: 1,
  };

  it('its own ttl holds before that of the job, and none before both', () => {
    const ttlOf = (options: OptionValues) => plan(options, JOB_TTL).plan?.options['ttl'];
    expect(ttlOf({})).toEqual(JOB_TTL);
    expect(ttlOf({ttl: 'none'})).toBeUndefined();
    expect(ttlOf({ttl: 3_600_000})).toEqual({
      durationMillis: 3_600_000,
      updateType: 'on-create-and-write',
      visibility: 'never-return-expired',
      cleanupInFullSnapshot: false,
      cleanupSize: 5,
    });
    expect(plan({}).plan?.options['ttl']).toBeUndefined();
  });

  it('state says that it expires, and not when', () => {
    expect(plan({ttl: 1}).plan?.stateFacets).toMatchObject({ttl: 'enabled'});
    expect(plan({ttl: 1}).plan?.stateFacets).toEqual(plan({ttl: 2}).plan?.stateFacets);
    expect(plan({}).plan?.stateFacets).not.toHaveProperty('ttl');
  });

  it('a window takes none, and that of the job is not for it', () => {
    const window = {tumbling: 1000};
    expect(plan({window, ttl: 5}).problems).toMatchObject([{path: ['ttl']}]);
    expect(plan({window}, JOB_TTL).plan?.options['ttl']).toBeUndefined();
    expect(plan({window, ttl: 'none'}, JOB_TTL).problems).toEqual([]);
  });

  it.each<[OptionValues, readonly string[]]>([
    [{ttl: 0}, ['ttl']],
    [{ttl: {duration: 0}}, ['ttl', 'duration']],
    [
      {ttl: {duration: 5, cleanup: {'in-background': false, incremental: {'cleanup-size': 5}}}},
      ['ttl', 'cleanup', 'incremental'],
    ],
  ])('%j is refused', (options, path) => {
    expect(plan(options).problems).toMatchObject([{path}]);
  });
});
