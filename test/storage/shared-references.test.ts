// Which shared files may go, as a model over any sequence of what happens: never one that a published checkpoint names, or
// that an attempt under way brings or may refer to; and in the end, when all are gone, every one.

import fc from 'fast-check';
import {expect, it} from 'vitest';

import {SharedReferences} from '#src/storage/shared-references.js';

type Step =
  | {readonly kind: 'begin'}
  | {readonly kind: 'bring'; readonly which: number; readonly names: readonly string[]}
  | {readonly kind: 'publish'; readonly which: number; readonly refer: number}
  | {readonly kind: 'give up'; readonly which: number}
  | {readonly kind: 'delete'; readonly which: number}
  | {readonly kind: 'remove'; readonly gone: boolean};

const which = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({kind: fc.constant('begin' as const)}),
  fc.record({
    kind: fc.constant('bring' as const),
    which,
    names: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), {maxLength: 3}),
  }),
  fc.record({kind: fc.constant('publish' as const), which, refer: fc.nat(31)}),
  fc.record({kind: fc.constant('give up' as const), which}),
  fc.record({kind: fc.constant('delete' as const), which}),
  fc.record({kind: fc.constant('remove' as const), gone: fc.boolean()}),
);

/** What is true, kept in the plainest way: files that are there, and who needs each. */
class Model {
  readonly there = new Set<string>();
  readonly published = new Map<number, ReadonlySet<string>>();
  readonly attempts = new Map<number, {may: Set<string>; brought: Set<string>}>();

  needed(): ReadonlySet<string> {
    const attempts = [...this.attempts.values()].flatMap(({may, brought}) => [...may, ...brought]);
    return new Set([...[...this.published.values()].flatMap((names) => [...names]), ...attempts]);
  }
}

function pick<K, V>(map: ReadonlyMap<K, V>, index: number): [K, V] | undefined {
  return [...map][index % Math.max(1, map.size)];
}

function run(references: SharedReferences, model: Model, id: number, taken: Step): void {
  switch (taken.kind) {
    case 'begin':
      references.begun(id);
      model.attempts.set(id, {
        may: new Set([...model.published.values()].flatMap((names) => [...names])),
        brought: new Set(),
      });
      return;
    case 'bring': {
      const attempt = pick(model.attempts, taken.which);
      if (attempt === undefined) return;
      references.brings(attempt[0], taken.names);
      for (const name of taken.names) {
        attempt[1].brought.add(name);
        model.there.add(name);
      }
      return;
    }
    case 'publish': {
      const attempt = pick(model.attempts, taken.which);
      if (attempt === undefined) return;
      const [attemptId, {may, brought}] = attempt;
      const referred = [...may].filter((_, index) => (taken.refer >> index) & 1);
      for (const name of referred) {
        expect(references.mayRefer(attemptId, name)).toBe(true);
        expect(model.there).toContain(name);
      }
      const names = new Set([...brought, ...referred]);
      references.published(attemptId, new Map([...names].map((name) => [name, 1])));
      model.published.set(attemptId, names);
      model.attempts.delete(attemptId);
      for (const other of model.attempts.values()) for (const name of names) other.may.add(name);
      return;
    }
    case 'give up': {
      const attempt = pick(model.attempts, taken.which);
      if (attempt === undefined) return;
      references.ended(attempt[0]);
      model.attempts.delete(attempt[0]);
      return;
    }
    case 'delete': {
      const checkpoint = pick(model.published, taken.which);
      if (checkpoint === undefined) return;
      references.deleted(checkpoint[0]);
      model.published.delete(checkpoint[0]);
      return;
    }
    case 'remove':
      remove(references, model, taken.gone);
  }
}

/** All of what nobody needs, and nothing else. */
function remove(references: SharedReferences, model: Model, gone: boolean): void {
  const needed = model.needed();
  const names = references.takeUnreferenced();
  expect([...names].sort()).toEqual([...model.there].filter((one) => !needed.has(one)).sort());
  for (const name of names) {
    expect(references.isLeaving(name)).toBe(true);
    references.left(name, gone);
    expect(references.isLeaving(name)).toBe(false);
    if (gone) model.there.delete(name);
  }
}

it('what goes is what nobody needs, whatever happened before', () => {
  fc.assert(
    fc.property(fc.array(step, {maxLength: 60}), (steps) => {
      const references = new SharedReferences();
      const model = new Model();
      for (const [index, taken] of steps.entries()) run(references, model, index + 1, taken);
      for (const id of model.attempts.keys()) references.ended(id);
      for (const id of model.published.keys()) references.deleted(id);
      expect([...references.takeUnreferenced()].sort()).toEqual([...model.there].sort());
      expect(references.unreferenced()).toEqual([]);
    }),
    {numRuns: 2000},
  );
});
