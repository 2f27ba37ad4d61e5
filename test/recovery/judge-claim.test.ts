// Who may begin from a checkpoint that somebody claimed: a table of claims, starts and what is decided (O1, O2).

import {expect, test} from 'vitest';

import type {ClaimFacts} from '#src/recovery/facts.js';
import {judgeClaim} from '#src/recovery/judge-claim.js';
import type {StartsWork} from '#src/recovery/plan-settlement.js';
import {complete, lineage} from './history.js';

const checkpoint = complete(7);
const restored = (claimed: boolean): StartsWork => ({
  kind: 'restored',
  checkpoint,
  because: 'requested',
  claimed,
  sentence: '',
});
const resumed = (name: string): StartsWork => ({
  kind: 'resumed',
  lineage: name,
  from: {kind: 'checkpoint-origin', checkpoint},
  record: lineage(name, checkpoint),
  sentence: '',
});
const ours = (name: string): ClaimFacts => ({jobDirectory: '/state/delays', lineage: name});
const theirs: ClaimFacts = {jobDirectory: '/elsewhere/delays', lineage: 'L1'};

test.each<[string, ClaimFacts | null, StartsWork, string]>([
  ['nobody claimed it, and it is claimed', null, restored(true), 'any'],
  ['nobody claimed it, and it is not claimed', null, restored(false), 'any'],
  ['nobody claimed it, and it is begun from again', null, resumed('L1'), 'any'],
  ['claimed by another job directory, to be claimed', theirs, restored(true), 'refuse'],
  ['claimed by another job directory, without a claim', theirs, restored(false), 'refuse'],
  ['claimed by another job directory, begun from again', theirs, resumed('L1'), 'refuse'],
  ['claimed by this lineage, which goes on', ours('L1'), resumed('L1'), 'any'],
  ['claimed by another lineage of this directory', ours('L1'), resumed('L2'), 'refuse'],
  ['claimed by an earlier run of this directory', ours('L1'), restored(true), 'refuse'],
  ['claimed by an earlier run, and not claimed', ours('L1'), restored(false), 'refuse'],
  ['claimed by a run that died before it began', ours('L9'), restored(true), 'L9'],
  ['claimed by one that never began, and not claimed', ours('L9'), restored(false), 'refuse'],
])('%s', (_what, claim, start, expected) => {
  const decision = judgeClaim({
    claim,
    jobDirectory: '/state/delays',
    knownLineages: new Set(['L1', 'L2']),
    start,
  });
  const told = decision.kind === 'refuse' ? 'refuse' : (decision.newLineage ?? 'any');
  expect(told).toBe(expected);
});
