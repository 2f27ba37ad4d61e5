// What is settled before a start: for each earlier lineage what is committed, whose temporaries go and
// what is marked; RELIABILITY part 2 "Before anything is deployed".

import {describe, expect, test} from 'vitest';
import {chooseStart, type StartFacts, type StartRequest} from '#src/recovery/choose-start.js';
import {lineageRecordOf, planSettlement, type StartsWork} from '#src/recovery/plan-settlement.js';
import {complete, damaged, facts, generation, lineage, request} from './history.js';

const L1 = lineage('L1');
const run1 = generation(1, L1, {published: true});

function start(world: StartFacts, asked: Partial<StartRequest> = {}): StartsWork {
  const decision = chooseStart(world, request(asked));
  if (decision.kind === 'refuse') throw new Error(decision.message);
  return decision;
}

/** `L1 commit 12 keep 12 mark 1`, per step. */
function words(world: StartFacts, asked: Partial<StartRequest> = {}): readonly string[] | string {
  const onDamaged = asked.onDamaged ?? 'stop';
  const plan = planSettlement(world, start(world, asked), {onDamaged});
  if (plan.kind === 'refuse') return `refuse ${plan.code}`;
  const steps = plan.steps.map(({lineage: name, commit, keepPreparedBy, mark, why}) =>
    [
      `${name} ${why}:`,
      `commit ${commit?.checkpointId ?? '-'}`,
      `keep ${keepPreparedBy?.checkpointId ?? '-'}`,
      `mark ${mark ?? '-'}`,
    ].join(' '),
  );
  return plan.requireFinal === null
    ? steps
    : [...steps, `require final ${plan.requireFinal.checkpointId}`];
}

const fresh = {start: {kind: 'fresh'}} as const;

function restore(id: number, changes = {}) {
  const checkpoint = complete(id, changes);
  return {start: {kind: 'restore', ref: 'x', checkpoint, claim: false}} as const;
}

describe('a fresh start', () => {
  test('settles a crashed lineage from its newest checkpoint', () => {
    expect(words(facts([run1], [complete(11), complete(12)]), fresh)).toEqual([
      'L1 earlier-lineage: commit 12 keep 12 mark 1',
    ]);
  });

  test('a lineage that published nothing has its temporaries removed', () => {
    expect(words(facts([generation(1, L1)]), fresh)).toEqual([
      'L1 earlier-lineage: commit - keep - mark 1',
    ]);
  });

  test('what was claimed and taken away is committed: whoever claimed it saw to that', () => {
    const by = {jobDirectory: '/elsewhere/delays', lineage: 'C'};
    const claimed = {checkpointId: 12, lineage: 'L1', by};
    const prune = generation(2, null, {kind: 'prune', end: 'finished', claimed});
    const [nothing, older] = [facts([run1, prune]), facts([run1, prune], [complete(11)])];
    for (const world of [nothing, older]) {
      expect(words(world, fresh)).toEqual(['L1 earlier-lineage: commit - keep - mark 1']);
    }
    for (const id of [12, 13]) {
      expect(words(facts([run1, prune], [complete(11), complete(id)]), fresh)).toEqual([
        `L1 earlier-lineage: commit ${id} keep ${id} mark 1`,
      ]);
    }
    const unknown = facts([run1, prune], [damaged(complete(13), false)]);
    expect(words(unknown, fresh)).toBe('refuse COMMIT_UNDECIDED');
  });

  test('a settled one is left alone', () => {
    const world = facts([generation(1, L1, {published: true, settled: true})], [complete(12)]);
    expect(words(world, fresh)).toEqual([]);
  });

  test('the mark of an older generation does not cover a newer one of the lineage', () => {
    const world = facts(
      [generation(1, L1, {published: true, settled: true}), generation(2, L1)],
      [complete(12)],
    );
    expect(words(world, fresh)).toEqual(['L1 earlier-lineage: commit 12 keep 12 mark 2']);
  });

  test('several lineages are settled in the order in which they began', () => {
    const world = facts(
      [run1, generation(2, lineage('L2'), {published: true})],
      [complete(11), complete(12, {lineage: 'L2', generation: 2, runId: 'run-2'})],
    );
    expect(words(world, fresh)).toEqual([
      'L1 earlier-lineage: commit 11 keep 11 mark 1',
      'L2 earlier-lineage: commit 12 keep 12 mark 2',
    ]);
  });

  test('damaged state does not matter where the metadata is whole', () => {
    expect(words(facts([run1], [complete(11), damaged(complete(12))]), fresh)).toEqual([
      'L1 earlier-lineage: commit 12 keep 12 mark 1',
    ]);
  });

  test('a newest one that cannot be read leaves its commit undecided', () => {
    const world = facts([run1], [complete(11), damaged(complete(12), false)]);
    expect(words(world, fresh)).toBe('refuse COMMIT_UNDECIDED');
    expect(words(world, {...fresh, onDamaged: 'use-older'})).toEqual([
      'L1 earlier-lineage: commit 11 keep 11 mark 1',
    ]);
  });

  test('an unreadable one above the first id of a later lineage is not the older one’s', () => {
    const world = facts(
      [run1, generation(2, lineage('L2'), {published: true})],
      [
        complete(11),
        complete(12, {lineage: 'L2', generation: 2}),
        damaged(complete(13), false),
        complete(14, {lineage: 'L2', generation: 2}),
      ],
    );
    expect(words(world, fresh)).toEqual([
      'L1 earlier-lineage: commit 11 keep 11 mark 1',
      'L2 earlier-lineage: commit 14 keep 14 mark 2',
    ]);
  });

  test('published, and nothing left: undecided', () => {
    expect(words(facts([run1]), fresh)).toBe('refuse COMMIT_UNDECIDED');
  });
});

describe('a restore', () => {
  test('the restored checkpoint takes the place of the newest', () => {
    const world = facts([run1], [complete(11), complete(12)]);
    expect(words(world, restore(11))).toEqual(['L1 restored-lineage: commit 11 keep 11 mark 1']);
  });

  test('use-older is such a restore', () => {
    const world = facts([run1], [complete(11), damaged(complete(12), false)]);
    expect(words(world, {onDamaged: 'use-older'})).toEqual([
      'L1 restored-lineage: commit 11 keep 11 mark 1',
    ]);
  });

  test('of a settled lineage commits nothing again, but removes what a zombie could link', () => {
    const settled = generation(1, L1, {published: true, settled: true, end: 'finished'});
    const world = facts([settled], [complete(11), complete(12)]);
    expect(words(world, restore(11))).toEqual(['L1 restored-lineage: commit - keep 11 mark 1']);
  });

  test('what descends from the restored checkpoint is removed, what branched before it is settled', () => {
    const world = facts(
      [
        run1,
        generation(2, lineage('L2', complete(11)), {published: true}),
        generation(3, lineage('L3', complete(13)), {published: true}),
      ],
      [
        complete(11),
        complete(13),
        complete(14, {lineage: 'L2', generation: 2}),
        complete(15, {lineage: 'L3', generation: 3}),
      ],
    );
    expect(words(world, restore(12))).toEqual([
      'L1 restored-lineage: commit 12 keep 12 mark 1',
      'L2 earlier-lineage: commit 14 keep 14 mark 2',
      'L3 descends-from-restored: commit - keep - mark 3',
    ]);
  });

  test('of a checkpoint that another directory published: its parts must be final, nothing is touched', () => {
    const foreign = {lineage: 'X', runId: 'elsewhere', generation: 1};
    expect(words(facts([run1], [complete(12)]), restore(40, foreign))).toEqual([
      'L1 earlier-lineage: commit 12 keep 12 mark 1',
      'require final 40',
    ]);
  });

  test('and what was begun here from it before is removed, not committed: it will be made again', () => {
    const foreign = {lineage: 'X', runId: 'elsewhere', generation: 1};
    const before = generation(1, lineage('L1', complete(40, foreign)), {published: true});
    expect(words(facts([before], [complete(41)]), restore(40, foreign))).toEqual([
      'L1 descends-from-restored: commit - keep - mark 1',
      'require final 40',
    ]);
  });

  test('a crash before the first checkpoint of the new lineage: the same again', () => {
    const origin = complete(11);
    const world = facts([run1, generation(2, lineage('L2', origin))], [origin, complete(12)], {
      origin,
    });
    expect(words(world)).toEqual([
      'L1 restored-lineage: commit 11 keep 11 mark 1',
      'L2 resumed-lineage: commit - keep - mark -',
    ]);
  });
});

describe('a resume', () => {
  test('commits what the checkpoint prepared and removes the rest of its lineage', () => {
    expect(words(facts([run1], [complete(11), complete(12)]))).toEqual([
      'L1 resumed-lineage: commit 12 keep 12 mark -',
    ]);
  });

  test('from the beginning removes the temporaries', () => {
    expect(words(facts([generation(1, L1)]))).toEqual([
      'L1 resumed-lineage: commit - keep - mark -',
    ]);
  });

  test('finish-only commits the final one', () => {
    expect(words(facts([run1], [complete(12, {purpose: 'final', drained: true})]))).toEqual([
      'L1 finished-lineage: commit 12 keep 12 mark -',
    ]);
  });
});

test('a restored lineage remembers its ancestors with the ids at which they branched', () => {
  const from = complete(11, {lineage: 'L2', ancestors: [{lineage: 'L1', checkpointId: 4}]});
  const decision = start(facts([run1]), {
    start: {kind: 'restore', ref: 'x', checkpoint: from, claim: false},
  });
  expect(lineageRecordOf(decision, 'L3', 'keep')).toEqual({
    lineage: 'L3',
    origin: {
      kind: 'checkpoint',
      checkpointId: 11,
      path: '/state/delays/chk-11',
      metadataSha256: 'sha-11',
      claimed: false,
    },
    ancestors: [
      {lineage: 'L1', checkpointId: 4},
      {lineage: 'L2', checkpointId: 11},
    ],
    outputAhead: 'keep',
  });
});
