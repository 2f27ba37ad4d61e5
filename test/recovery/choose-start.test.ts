// What a run does, over every way in which the last one may have ended. The promises R1 to R3 of
// choose-start.ts, as a table and as single facts; histories.test.ts holds them over random histories.

import {describe, expect, test} from 'vitest';
import {chooseStart, type StartDecision} from '#src/recovery/choose-start.js';
import {chooseVerifiedStart} from '#src/recovery/choose-verified-start.js';
import type {VerifiedCheckpoint} from '#src/recovery/verify-checkpoint.js';
import {complete, damaged, facts, generation, lineage, request} from './history.js';

const L1 = lineage('L1');

/** `resumed 12`, `refuse CHECKPOINT_DAMAGED 11`, … */
function words(decision: StartDecision): string {
  switch (decision.kind) {
    case 'fresh':
      return `fresh ${decision.resumeRef ?? ''}`.trim();
    case 'resumed':
      return decision.from.kind === 'fresh-origin'
        ? 'resumed from the beginning'
        : `resumed ${decision.from.kind} ${decision.from.checkpoint.id}`;
    case 'restored':
      return `restored ${decision.checkpoint.id} ${decision.because}`;
    case 'finish-only':
      return `finish-only ${decision.checkpoint.id} ${decision.end}`;
    case 'refuse':
      return `refuse ${decision.code} ${decision.newestGood ?? ''}`.trim();
  }
}

describe('how the last run ended decides', () => {
  test.each([
    [null, 'resumed checkpoint 12'],
    ['failed', 'resumed checkpoint 12'],
    ['interrupted', 'resumed checkpoint 12'],
    ['finished', 'fresh delays@12'],
    ['cancelled', 'fresh delays@12'],
    ['stopped', 'fresh delays@12'],
  ] as const)('%s: %s', (end, expected) => {
    const world = facts([generation(1, L1, {end, published: true})], [complete(11), complete(12)]);
    expect(words(chooseStart(world, request()))).toBe(expected);
  });

  test('the first line says which and why', () => {
    const world = facts([generation(1, L1, {published: true})], [complete(12)]);
    const interrupted = facts(
      [generation(1, L1, {published: true, end: 'interrupted'})],
      [complete(12)],
    );
    expect(chooseStart(world, request())).toMatchObject({
      sentence: 'resumed from chk-12, because the last run crashed',
    });
    expect(chooseStart(interrupted, request())).toMatchObject({
      sentence: 'resumed from chk-12, because the last run was interrupted',
    });
    expect(chooseStart(world, request({restartCause: 'a task failed'}))).toMatchObject({
      sentence: 'resumed from chk-12, because a task failed',
    });
  });

  test('no earlier run: fresh', () => {
    expect(words(chooseStart(facts([]), request()))).toBe('fresh');
  });

  test('checkpoints without any record of a run are not passed over', () => {
    expect(words(chooseStart(facts([], [complete(3)]), request()))).toBe(
      'refuse CHECKPOINT_DAMAGED 3',
    );
  });

  test('a prune and a generation that chose no lineage do not count as runs', () => {
    const world = facts(
      [
        generation(1, L1, {published: true}),
        generation(2, null),
        generation(3, null, {kind: 'prune'}),
      ],
      [complete(12)],
    );
    expect(words(chooseStart(world, request()))).toBe('resumed checkpoint 12');
  });

  test('checkpoints of other lineages are not resumed from', () => {
    const world = facts(
      [generation(1, L1, {published: true, end: 'finished'}), generation(2, lineage('L2'))],
      [complete(12)],
    );
    expect(words(chooseStart(world, request()))).toBe('resumed from the beginning');
  });

  test('a live process: exit 11, whatever the flags', () => {
    const running = {generation: 4, host: 'here', pid: 77};
    const world = facts([generation(1, L1)], [complete(12)], {running});
    for (const start of [{kind: 'auto'}, {kind: 'fresh'}] as const) {
      expect(words(chooseStart(world, request({start})))).toBe('refuse ALREADY_RUNNING');
    }
  });
});

describe('what a job of another directory claimed and took away', () => {
  const by = {jobDirectory: '/elsewhere/delays', lineage: 'C'};
  const taken = (checkpointId: number, of = 'L1') => {
    const claimed = {checkpointId, lineage: of, by};
    return generation(2, null, {kind: 'prune', end: 'finished', claimed});
  };
  const run = generation(1, L1, {published: true});

  test.each([
    ['above all that is left', [run, taken(12)], [complete(11)], 'refuse ALREADY_RUNNING 11'],
    ['and nothing is left', [run, taken(12)], [], 'refuse ALREADY_RUNNING'],
    ['before the run marked it', [generation(1, L1), taken(1)], [], 'refuse ALREADY_RUNNING'],
    ['and which is there again', [run, taken(12)], [complete(12)], 'resumed checkpoint 12'],
    ['below a newer one', [run, taken(11)], [complete(12)], 'resumed checkpoint 12'],
    ['of another lineage', [run, taken(12, 'L0')], [complete(11)], 'resumed checkpoint 11'],
    [
      'above a damaged one',
      [run, taken(12)],
      [complete(10), damaged(complete(11))],
      'refuse ALREADY_RUNNING 10',
    ],
    [
      'below a damaged one',
      [run, taken(11)],
      [complete(10), damaged(complete(12))],
      'refuse CHECKPOINT_DAMAGED',
    ],
  ])('%s', (_what, generations, checkpoints, expected) => {
    for (const onDamaged of ['stop', 'use-older'] as const) {
      const decision = chooseStart(facts(generations, checkpoints), request({onDamaged}));
      expect(words(decision)).toBe(expected);
    }
  });

  test('the message names who has it, the hint what can be done', () => {
    const decision = chooseStart(facts([run, taken(12)], [complete(11)]), request());
    expect(decision).toMatchObject({
      message: expect.stringMatching(/chk-12, .* by the job in \/elsewhere\/delays \(lineage C\)/),
      hint: expect.stringMatching(/-s delays@11; or start over: .* --fresh$/),
    });
  });

  test('an origin: who has it is said, and not that it is gone', () => {
    const origin = complete(5, {lineage: 'L0'});
    const world = facts([generation(1, lineage('L1', origin)), taken(5, 'L0')]);
    expect(words(chooseStart(world, request()))).toBe('refuse ALREADY_RUNNING');
    const more = facts([...world.generations, taken(6, 'L0')]);
    expect(words(chooseStart(more, request()))).toBe('refuse ALREADY_RUNNING');
  });

  test('after an end on purpose no older one is offered', () => {
    const cancelled = generation(1, L1, {published: true, end: 'cancelled'});
    const world = facts([cancelled, taken(12)], [complete(11)]);
    expect(chooseStart(world, request())).toMatchObject({kind: 'fresh', resumeRef: null});
    const back = facts([cancelled, taken(12)], [complete(11), complete(12)]);
    expect(chooseStart(back, request())).toMatchObject({resumeRef: 'delays@12'});
  });
});

describe('going back to the origin', () => {
  const origin = complete(5, {lineage: 'L0'});
  const crashed = [generation(1, lineage('L1', origin))];

  test('only as long as nothing was published', () => {
    const world = facts(crashed, [origin], {origin});
    expect(words(chooseStart(world, request()))).toBe('resumed checkpoint-origin 5');
  });

  test('a failure during recovery keeps the origin, however often', () => {
    const record = lineage('L1', origin);
    const five = [1, 2, 3, 4, 5].map((number) => generation(number, record));
    const world = facts(five, [origin], {origin});
    expect(words(chooseStart(world, request()))).toBe('resumed checkpoint-origin 5');
  });

  test.each([
    ['gone', null],
    ['damaged', damaged(origin)],
    ['another one', {...origin, metadataSha256: 'other'}],
  ])('an origin that is %s is exit 4, not an empty start', (_what, now) => {
    const world = facts(crashed, [], {origin: now});
    expect(words(chooseStart(world, request({onDamaged: 'use-older'})))).toBe(
      'refuse CHECKPOINT_DAMAGED',
    );
  });

  test('a lineage that had checkpoints of which none is left never goes back', () => {
    const record = lineage('L1', origin);
    const world = facts(
      [generation(1, record, {published: true}), generation(2, record)],
      [origin],
      {origin},
    );
    for (const onDamaged of ['stop', 'use-older'] as const) {
      expect(words(chooseStart(world, request({onDamaged})))).toBe('refuse CHECKPOINT_DAMAGED');
    }
  });

  test('an unreadable checkpoint of a run that never published is none of it', () => {
    const world = facts([generation(1, L1)], [damaged(complete(3), false)]);
    expect(words(chooseStart(world, request()))).toBe('resumed from the beginning');
  });
});

describe('a damaged newest checkpoint', () => {
  const run = [generation(1, L1, {published: true})];

  test.each([
    ['known', true],
    ['unreadable', false],
  ])('%s: stops with the newest good id and the command', (_what, known) => {
    const world = facts(run, [complete(10), complete(11), damaged(complete(12), known)]);
    const decision = chooseStart(world, request());
    expect(words(decision)).toBe('refuse CHECKPOINT_DAMAGED 11');
    expect(decision).toMatchObject({
      hint: 'the newest good one is chk-11; to go on from it: tidemark run delays.job.yaml --on-damaged use-older',
    });
  });

  test('with use-older it is a restore of the newest good one', () => {
    const world = facts(run, [complete(10), complete(11), damaged(complete(12))]);
    expect(words(chooseStart(world, request({onDamaged: 'use-older'})))).toBe(
      'restored 11 newest-damaged',
    );
  });

  test('with use-older and no good one it is refused', () => {
    const world = facts(run, [damaged(complete(11)), damaged(complete(12), false)]);
    expect(words(chooseStart(world, request({onDamaged: 'use-older'})))).toBe(
      'refuse CHECKPOINT_DAMAGED',
    );
  });

  test('a directory without _metadata counts as damaged', () => {
    const world = facts(run, [complete(11), damaged(complete(12), false, 'incomplete')]);
    expect(words(chooseStart(world, request()))).toBe('refuse CHECKPOINT_DAMAGED 11');
  });

  test('one with a name that leads elsewhere is refused; use-older passes it', () => {
    const world = facts(run, [complete(11), damaged(complete(12), false, 'refused')]);
    expect(words(chooseStart(world, request()))).toBe('refuse REFUSED 11');
    expect(words(chooseStart(world, request({onDamaged: 'use-older'})))).toBe(
      'restored 11 newest-damaged',
    );
  });

  test('one of a later version is refused as incompatible, use-older or not', () => {
    const world = facts(run, [complete(11), damaged(complete(12), false, 'incompatible')]);
    for (const onDamaged of ['stop', 'use-older'] as const) {
      expect(words(chooseStart(world, request({onDamaged})))).toBe('refuse INCOMPATIBLE 11');
    }
  });

  test('an older damaged one does not matter', () => {
    const world = facts(run, [damaged(complete(11)), complete(12)]);
    expect(words(chooseStart(world, request()))).toBe('resumed checkpoint 12');
  });

  test('inside the process it is not passed over either', () => {
    const world = facts(run, [complete(11), damaged(complete(12))]);
    expect(words(chooseStart(world, request({restartCause: 'a task failed'})))).toBe(
      'refuse CHECKPOINT_DAMAGED 11',
    );
  });
});

describe('finish-only', () => {
  test.each([null, 'failed', 'interrupted'] as const)(
    'after the final checkpoint a run that %s only settles',
    (end) => {
      const final = complete(12, {purpose: 'final', drained: true});
      const world = facts([generation(1, L1, {published: true, end})], [complete(11), final]);
      expect(words(chooseStart(world, request()))).toBe('finish-only 12 finished');
    },
  );

  test('a drained stop is stopped, an undrained one goes on', () => {
    const run = [generation(1, L1, {published: true})];
    const drained = complete(12, {purpose: 'stop', drained: true});
    expect(words(chooseStart(facts(run, [drained]), request()))).toBe('finish-only 12 stopped');
    const stop = complete(12, {purpose: 'stop'});
    expect(words(chooseStart(facts(run, [stop]), request()))).toBe('resumed checkpoint 12');
  });
});

describe('flags', () => {
  const world = facts([generation(1, L1, {published: true})], [complete(11), complete(12)]);

  test('--fresh never resumes', () => {
    expect(words(chooseStart(world, request({start: {kind: 'fresh'}})))).toBe('fresh');
  });

  test('-s restores exactly that', () => {
    const start = {
      kind: 'restore',
      ref: 'delays@11',
      checkpoint: complete(11),
      claim: false,
    } as const;
    expect(words(chooseStart(world, request({start})))).toBe('restored 11 requested');
  });

  test.each([
    ['nothing there', null, 'refuse NOT_FOUND'],
    ['damaged', damaged(complete(11)), 'refuse CHECKPOINT_DAMAGED 12'],
    ['incomplete', damaged(complete(11), false, 'incomplete'), 'refuse NOT_FOUND 12'],
    ['with a link in it', damaged(complete(11), true, 'refused'), 'refuse REFUSED 12'],
    ['of a later version', damaged(complete(11), false, 'incompatible'), 'refuse INCOMPATIBLE 12'],
    ['drained', complete(11, {drained: true}), 'refuse REFUSED'],
  ])('-s with %s is refused', (_what, checkpoint, expected) => {
    const start = {kind: 'restore', ref: 'x', checkpoint, claim: false} as const;
    const others = facts([generation(1, L1, {published: true})], [complete(12)]);
    expect(words(chooseStart(others, request({start})))).toBe(expected);
  });

  test('-s with a checkpoint of another job that was copied in is refused', () => {
    const copied = facts(
      [generation(1, L1, {published: true})],
      [complete(11), damaged(complete(12), false, 'incompatible')],
    );
    const start = {
      kind: 'restore',
      ref: 'delays@12',
      checkpoint: complete(12),
      claim: false,
    } as const;
    expect(words(chooseStart(copied, request({start})))).toBe('refuse INCOMPATIBLE 11');
  });

  test('a drained one is restored with --allow-drained', () => {
    const drained = complete(11, {drained: true});
    const start = {kind: 'restore', ref: 'x', checkpoint: drained, claim: false} as const;
    expect(words(chooseStart(facts([], [drained]), request({start, allowDrained: true})))).toBe(
      'restored 11 requested',
    );
  });
});

describe('verification', () => {
  const world = facts([generation(1, L1, {published: true})], [complete(11), complete(12)]);

  function verifying(...bad: readonly number[]) {
    const seen: number[] = [];
    return {
      seen,
      verify: async (checkpoint: ReturnType<typeof complete>) => {
        seen.push(checkpoint.id);
        return Promise.resolve(
          bad.includes(checkpoint.id)
            ? ({kind: 'damaged', facts: damaged(checkpoint) as never} as const)
            : ({kind: 'verified', checkpoint: checkpoint as VerifiedCheckpoint} as const),
        );
      },
    };
  }

  test('damage found while verifying stops the start as any other', async () => {
    const {verify, seen} = verifying(12);
    const start = await chooseVerifiedStart(world, request(), verify);
    expect(words(start.decision)).toBe('refuse CHECKPOINT_DAMAGED 11');
    expect(start.checkpoint).toBeNull();
    expect(seen).toEqual([12, 11]);
  });

  test('what a refusal names as good was verified too', async () => {
    const three = facts(
      [generation(1, L1, {published: true})],
      [complete(10), complete(11), complete(12)],
    );
    const {verify, seen} = verifying(11, 12);
    const start = await chooseVerifiedStart(three, request(), verify);
    expect(words(start.decision)).toBe('refuse CHECKPOINT_DAMAGED 10');
    expect(seen).toEqual([12, 11, 10]);
  });

  test('with use-older the older one is verified too', async () => {
    const {verify, seen} = verifying(12);
    const start = await chooseVerifiedStart(world, request({onDamaged: 'use-older'}), verify);
    expect(words(start.decision)).toBe('restored 11 newest-damaged');
    expect(start.checkpoint?.id).toBe(11);
    expect(seen).toEqual([12, 11]);
  });

  test('all damaged: refused, and each was looked at once', async () => {
    const {verify, seen} = verifying(11, 12);
    const start = await chooseVerifiedStart(world, request({onDamaged: 'use-older'}), verify);
    expect(words(start.decision)).toBe('refuse CHECKPOINT_DAMAGED');
    expect(seen).toEqual([12, 11]);
  });

  test('a damaged REF is refused', async () => {
    const {verify} = verifying(11);
    const start = {kind: 'restore', ref: 'x', checkpoint: complete(11), claim: false} as const;
    const chosen = await chooseVerifiedStart(world, request({start}), verify);
    expect(words(chosen.decision)).toBe('refuse CHECKPOINT_DAMAGED 12');
  });
});
