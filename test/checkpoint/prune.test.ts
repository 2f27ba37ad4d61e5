// Which checkpoints a prune deletes: tables for the rules, and what must hold whatever the rules and the pins are.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';

import {planPrune, type PruneCandidate, type PrunePolicy} from '#src/checkpoint/prune.js';

const NOW = 1_000_000;
const NO_PINS = new Map<number, 'held'>();

/** `+3` complete and `-3` damaged, each completed `id` thousand ms before now, less with a higher id. */
function candidates(...ids: readonly number[]): PruneCandidate[] {
  return ids.map((id) => ({
    id: Math.abs(id),
    completed: NOW - 10_000 + Math.abs(id) * 1000,
    restorable: id > 0,
  }));
}

function removed(
  ids: readonly number[],
  policy: Partial<PrunePolicy>,
  pins: ReadonlyMap<number, 'held'> = NO_PINS,
): readonly number[] {
  const whole = {keepLast: null, keepWithinMillis: null, ...policy};
  return planPrune(candidates(...ids), pins, whole, NOW).remove;
}

describe('rules', () => {
  test.each([
    ['no rule deletes no checkpoint', [1, 2, 3], {}, []],
    ['the newest N stay', [1, 2, 3, 4], {keepLast: 2}, [1, 2]],
    ['damaged ones are not counted, and go', [1, -2, 3, -4, 5], {keepLast: 2}, [1, -2, -4]],
    ['damaged ones that are newer than all others stay', [1, 2, -3], {keepLast: 1}, [1]],
    ['of damaged ones alone nothing goes', [-1, -2], {keepLast: 1}, []],
    ['what is young enough stays', [1, 5, 9], {keepWithinMillis: 5000}, [1]],
    ['what either rule keeps stays', [1, 5, 9], {keepLast: 1, keepWithinMillis: 5000}, [1]],
    ['both rules are over: the newest stays', [1, 2], {keepWithinMillis: 1}, [1]],
  ] as const)('%s', (_, ids, policy, expected) => {
    expect(removed(ids, policy)).toEqual(expected.map((id) => Math.abs(id)));
  });

  test('what is pinned stays, with its own reason', () => {
    const pins = new Map([[1, 'held']] as const);
    const plan = planPrune(candidates(1, 2, 3), pins, {keepLast: 1, keepWithinMillis: null}, NOW);
    expect(plan).toEqual({
      remove: [2],
      keep: [
        {id: 3, reason: 'newest-restorable'},
        {id: 1, reason: 'held'},
      ],
    });
  });

  test('a clock that was set back deletes nothing that seems to come from the future', () => {
    const [old] = candidates(1);
    const future = {...old!, id: 1, completed: NOW + 60_000};
    const policy = {keepLast: null, keepWithinMillis: 1};
    expect(planPrune([future, ...candidates(9)], NO_PINS, policy, NOW).remove).toEqual([]);
  });
});

test('whatever is asked: each is kept or removed once, and what must stay stays', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({min: 1, max: 30}), {maxLength: 12}),
      fc.func(fc.boolean()),
      fc.func(fc.boolean()),
      fc.option(fc.integer({min: 1, max: 5})),
      fc.option(fc.integer({min: 1, max: 20_000})),
      (ids, isRestorable, isPinned, keepLast, keepWithinMillis) => {
        const all = candidates(...ids).map((one) => ({...one, restorable: isRestorable(one.id)}));
        const pins = new Map(ids.filter((id) => isPinned(id)).map((id) => [id, 'held'] as const));
        const plan = planPrune(all, pins, {keepLast, keepWithinMillis}, NOW);
        const kept = plan.keep.map(({id}) => id);
        expect([...plan.remove, ...kept].sort((a, b) => a - b)).toEqual(
          ids.toSorted((a, b) => a - b),
        );
        for (const id of pins.keys()) expect(kept).toContain(id);
        const restorable = all.filter((one) => one.restorable).map(({id}) => id);
        if (restorable.length > 0) expect(kept).toContain(Math.max(...restorable));
        const newest = restorable.toSorted((a, b) => b - a).slice(0, keepLast ?? 0);
        for (const id of newest) expect(kept).toContain(id);
      },
    ),
    {numRuns: 300},
  );
});
