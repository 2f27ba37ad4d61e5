// Which checkpoints go: each rule of retention.ts as a fact, and over random directories that nothing is
// deleted which any rule keeps.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {
  planRetention,
  type RetentionFacts,
  type RetentionPlan,
  type RunEnd,
} from '#src/checkpoint/retention.js';

const NONE: RetentionFacts = {
  lineage: 'own',
  claimed: null,
  committedThrough: 99,
  end: null,
  savepointTaken: false,
  checkpoints: [],
  others: [],
  held: new Set(),
  numRetained: 2,
  externalizedRetention: 'retain-on-cancellation',
};

function own(...ids: readonly number[]) {
  return ids.map((id) => ({id, lineage: 'own'}));
}

function old(...ids: readonly number[]) {
  return ids.map((id) => ({id, lineage: 'old'}));
}

function plan(facts: Partial<RetentionFacts>): RetentionPlan {
  return planRetention({...NONE, ...facts});
}

const removed = (facts: Partial<RetentionFacts>): readonly number[] =>
  plan(facts).remove.map(({id}) => id);
const kept = (facts: Partial<RetentionFacts>): readonly string[] =>
  plan(facts).keep.map(({id, why}) => `${id} ${why}`);

describe('of the own lineage', () => {
  test('the newest num-retained stay', () => {
    expect(removed({checkpoints: own(3, 5, 4, 9)})).toEqual([3, 4]);
  });

  test('what is not known to be committed stays, however old', () => {
    expect(removed({checkpoints: own(3, 4, 5, 6), committedThrough: 3})).toEqual([3]);
    expect(removed({checkpoints: own(3, 4, 5, 6), committedThrough: null})).toEqual([]);
  });

  test('held ones stay and still count', () => {
    expect(removed({checkpoints: own(3, 4, 5, 6), held: new Set([3, 6])})).toEqual([4]);
  });

  test('a claimed checkpoint counts as the first of the lineage', () => {
    const settled = [{lineage: 'old', end: 'cancelled', settled: true}] as const;
    const checkpoints = [...old(2), ...own(5, 6)];
    expect(removed({checkpoints, claimed: 2, others: settled})).toEqual([2]);
    expect(removed({checkpoints: [...old(2), ...own(5)], claimed: 2, others: settled})).toEqual([]);
  });

  test('unreadable metadata anywhere: nothing goes', () => {
    const checkpoints = [...own(3, 4, 5, 6), {id: 1, lineage: null}];
    expect(removed({checkpoints})).toEqual([]);
    expect(kept({checkpoints})).toContain('3 unreadable-metadata');
  });
});

describe('of earlier lineages', () => {
  const finished = [{lineage: 'old', end: 'finished', settled: true}] as const;

  test('those of a finished one go once the own lineage has num-retained', () => {
    expect(removed({checkpoints: [...old(1, 2), ...own(5)], others: finished})).toEqual([]);
    expect(removed({checkpoints: [...old(1, 2), ...own(5, 6)], others: finished})).toEqual([1, 2]);
  });

  test.each(['cancelled', 'stopped', 'failed', 'interrupted', null] as const)(
    'those of one that ended %s stay',
    (end) => {
      const others = [{lineage: 'old', end, settled: true}];
      expect(removed({checkpoints: [...old(1), ...own(5, 6)], others})).toEqual([]);
    },
  );

  test('unsettled, held or unknown ones stay', () => {
    const checkpoints = [...old(1), ...own(5, 6)];
    const unsettled = [{lineage: 'old', end: 'finished', settled: false}] as const;
    expect(kept({checkpoints, others: unsettled})).toContain('1 lineage-not-settled');
    expect(kept({checkpoints, others: finished, held: new Set([1])})).toContain('1 held');
    expect(kept({checkpoints})).toContain('1 lineage-unknown');
  });
});

describe('at the end of the job', () => {
  const all = own(4, 5, 6);
  test.each<[RunEnd, RetentionFacts['externalizedRetention'], readonly number[]]>([
    ['finished', 'retain-on-cancellation', [4]],
    ['cancelled', 'retain-on-cancellation', [4]],
    ['finished', 'delete-on-cancellation', [4, 5, 6]],
    ['cancelled', 'delete-on-cancellation', [4, 5, 6]],
    ['cancelled', 'no-externalized-checkpoints', [4, 5, 6]],
    ['failed', 'delete-on-cancellation', [4]],
    ['failed', 'no-externalized-checkpoints', [4]],
    ['interrupted', 'no-externalized-checkpoints', [4]],
    ['stopped', 'delete-on-cancellation', [4]],
  ])('%s under %s removes %j', (end, externalizedRetention, expected) => {
    expect(removed({checkpoints: all, end, externalizedRetention})).toEqual(expected);
  });

  test('stopped with a savepoint is like cancelled', () => {
    const facts = {checkpoints: all, end: 'stopped', savepointTaken: true} as const;
    expect(removed({...facts, externalizedRetention: 'delete-on-cancellation'})).toEqual([4, 5, 6]);
    expect(removed(facts)).toEqual([4]);
  });

  test('nothing goes before its output is committed', () => {
    const facts = {checkpoints: all, end: 'finished', committedThrough: 5} as const;
    expect(removed({...facts, externalizedRetention: 'delete-on-cancellation'})).toEqual([4, 5]);
  });
});

test('over random directories nothing goes that a rule keeps, and every checkpoint is judged once', () => {
  const ends = [null, 'finished', 'cancelled', 'stopped', 'failed', 'interrupted'] as const;
  const facts = fc.record({
    committedThrough: fc.option(fc.nat({max: 20}), {nil: null}),
    end: fc.constantFrom(...ends),
    savepointTaken: fc.boolean(),
    numRetained: fc.integer({min: 1, max: 4}),
    externalizedRetention: fc.constantFrom(
      'retain-on-cancellation' as const,
      'delete-on-cancellation' as const,
      'no-externalized-checkpoints' as const,
    ),
    held: fc.array(fc.nat({max: 20})).map((ids) => new Set(ids)),
    others: fc
      .tuple(fc.constantFrom(...ends), fc.boolean(), fc.constantFrom(...ends), fc.boolean())
      .map(([endA, settledA, endB, settledB]) => [
        {lineage: 'a', end: endA, settled: settledA},
        {lineage: 'b', end: endB, settled: settledB},
      ]),
    checkpoints: fc
      .uniqueArray(fc.nat({max: 20}))
      .chain((ids) =>
        fc.tuple(
          ...ids.map((id) =>
            fc.constantFrom('own', 'own', 'a', 'b').map((lineage) => ({id, lineage})),
          ),
        ),
      ),
  });
  fc.assert(
    fc.property(facts, (random) => {
      const all = {...NONE, ...random};
      const {remove, keep} = planRetention(all);
      const judged = [...remove, ...keep].map(({id}) => id).toSorted((a, b) => a - b);
      expect(judged).toEqual(all.checkpoints.map(({id}) => id).toSorted((a, b) => a - b));
      const lineageOf = new Map(all.checkpoints.map(({id, lineage}) => [id, lineage]));
      const ownIds = all.checkpoints
        .filter(({lineage}) => lineage === 'own')
        .map(({id}) => id)
        .toSorted((a, b) => b - a);
      for (const {id} of remove) {
        expect(all.held.has(id)).toBe(false);
        if (lineageOf.get(id) === 'own') {
          expect(all.committedThrough).not.toBeNull();
          expect(id).toBeLessThanOrEqual(all.committedThrough!);
          // A run that may be resumed keeps its newest ones, whatever else is asked.
          const resumable = [null, 'failed', 'interrupted'].includes(all.end);
          if (resumable) expect(ownIds.indexOf(id)).toBeGreaterThanOrEqual(all.numRetained);
        } else {
          const other = all.others.find(({lineage}) => lineage === lineageOf.get(id));
          expect(other).toMatchObject({end: 'finished', settled: true});
          expect(ownIds.length).toBeGreaterThanOrEqual(all.numRetained);
        }
      }
    }),
    {numRuns: 500},
  );
});
