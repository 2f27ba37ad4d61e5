// Which committed part files a restored checkpoint knows nothing of; RELIABILITY part 3.

import {describe, expect, test} from 'vitest';
import {
  branchedBelow,
  judgeOutputAhead,
  withdrawnBelow,
  type PartFacts,
} from '#src/recovery/output-ahead.js';
import {complete, lineage} from './history.js';

const part = (of: string, checkpointId: number): PartFacts => ({
  name: `${of}-${checkpointId}`,
  part: {sink: 'out', lineage: of, generation: 1, checkpointId},
});

/** L2 began from chk-12 of L1, L3 from chk-15 of L2, L4 from chk-8 of L1. */
const L2 = lineage('L2', complete(12));
const lineages = [
  lineage('L1'),
  L2,
  lineage('L3', complete(15, {lineage: 'L2', ancestors: L2.ancestors})),
  lineage('L4', complete(8)),
  lineage('L9'),
];

function ahead(
  restored: {lineage: string; id: number},
  ...parts: readonly PartFacts[]
): readonly string[] {
  const decision = judgeOutputAhead({
    parts,
    restored,
    lineages,
    ownLineage: 'new',
    policy: 'withdraw',
    call: null,
  });
  return decision.kind === 'none' ? [] : decision.parts.map(({name}) => name);
}

describe('ahead is', () => {
  test('what the same lineage committed above the restored id', () => {
    const parts = [part('L1', 9), part('L1', 10), part('L1', 11)];
    expect(ahead({lineage: 'L1', id: 10}, ...parts)).toEqual(['L1-11']);
  });

  test('what descends from it at or after that id, over any number of restores', () => {
    const parts = [part('L2', 13), part('L3', 16), part('L4', 17)];
    expect(ahead({lineage: 'L1', id: 10}, ...parts)).toEqual(['L2-13', 'L3-16']);
    expect(ahead({lineage: 'L1', id: 12}, ...parts)).toEqual(['L2-13', 'L3-16']);
    expect(ahead({lineage: 'L1', id: 8}, ...parts)).toEqual(['L2-13', 'L3-16', 'L4-17']);
  });

  test('not what branched off before the restored checkpoint, nor another fresh lineage', () => {
    expect(ahead({lineage: 'L1', id: 12}, part('L4', 17), part('L9', 20))).toEqual([]);
  });

  test('not what an ancestor committed after the restored lineage left it', () => {
    expect(ahead({lineage: 'L2', id: 15}, part('L1', 16))).toEqual([]);
  });

  test('what nobody knows any more, when it lies above', () => {
    expect(ahead({lineage: 'L1', id: 10}, part('gone', 11), part('gone', 9))).toEqual(['gone-11']);
  });

  test('never what the lineage that begins has made itself', () => {
    expect(ahead({lineage: 'L1', id: 10}, part('new', 40))).toEqual([]);
  });
});

test('refuse lists the epochs of each sink once', () => {
  const decision = judgeOutputAhead({
    parts: [part('L1', 12), part('L1', 11), part('L1', 12)],
    restored: {lineage: 'L1', id: 10},
    lineages,
    ownLineage: 'new',
    policy: 'refuse',
    call: 'tidemark restore old@10 job.yaml',
  });
  expect(decision).toMatchObject({
    kind: 'refuse',
    code: 'OUTPUT_AHEAD',
    message:
      'the output is ahead of checkpoint 10: 3 files of later checkpoints are committed (out: 11, 12)',
    hint: 'keep those rows and make them a second time with --output-ahead keep, or move them to .withdrawn/: tidemark restore old@10 job.yaml --output-ahead withdraw',
  });
});

test('nothing ahead needs no decision', () => {
  const decision = judgeOutputAhead({
    parts: [part('L1', 3)],
    restored: {lineage: 'L1', id: 10},
    lineages,
    ownLineage: 'new',
    policy: 'refuse',
    call: null,
  });
  expect(decision).toEqual({kind: 'none'});
});

describe('what a restore of an earlier checkpoint took away', () => {
  const restored = {
    lineage: 'b',
    checkpointId: 20,
    ancestors: [{lineage: 'a', checkpointId: 10}],
  };

  test('is missed by every checkpoint above it, through all ancestors', () => {
    const withdrawn = [part('b', 20), part('b', 21), part('a', 10), part('a', 11), part('c', 5)];
    expect(withdrawnBelow(withdrawn, restored).map(({name}) => name)).toEqual(['b-20', 'a-10']);
  });

  test('may be missed only behind a branch below it', () => {
    const branch = (lineage: string, checkpointId: number) => ({
      ancestors: [{lineage, checkpointId}],
    });
    expect(branchedBelow([branch('b', 19)], {lineage: 'b', id: 20})).toBe(true);
    expect(branchedBelow([branch('b', 20), branch('a', 3)], {lineage: 'b', id: 20})).toBe(false);
  });
});
