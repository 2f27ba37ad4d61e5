// Which published checkpoints go, and why each other one stays. Pure: the facts are what the job
// directory said at one moment, under one generation; the driver deletes in the order given.
//
// Rules, the first that fits decides:
//  1. any unreadable checkpoint: nothing goes (what it refers to is unknown)
//  2. a held one stays
//  3. one whose output is not known to be committed stays
//  4. of the own lineage: the newest `num-retained` stay, older ones go; once it has ended, what
//     `externalized-checkpoint-retention` says
//  5. of another lineage: goes once that lineage finished and is settled, and the own lineage has
//     `num-retained` checkpoints of its own; else stays until `checkpoint prune`

import {assert} from '../base/assert.ts';

/** How a run ended; null in facts: it runs, or it crashed. */
export type RunEnd = 'finished' | 'cancelled' | 'stopped' | 'failed' | 'interrupted';

/** One `chk-N` of the job directory. */
export interface RetentionCheckpoint {
  readonly id: number;
  /** Null: `_metadata` cannot be read. */
  readonly lineage: string | null;
}

export interface RetentionLineage {
  readonly lineage: string;
  /** Of its newest generation, from the synced end record. */
  readonly end: RunEnd | null;
  /** What it prepared is committed or removed, and the mark is synced. */
  readonly settled: boolean;
}

export interface RetentionFacts {
  /** The lineage of the generation that asks. */
  readonly lineage: string;
  /** A checkpoint of this directory that a claim made the first of the own lineage; else null. */
  readonly claimed: number | null;
  /** Output up to and with this checkpoint of the own lineage is committed; null: nothing yet. */
  readonly committedThrough: number | null;
  /** How the own lineage ended: only from its synced end record; null while it runs. */
  readonly end: RunEnd | null;
  /** The own lineage ended as `stopped` and a savepoint holds its state. */
  readonly savepointTaken: boolean;
  readonly checkpoints: readonly RetentionCheckpoint[];
  /** Every other lineage with an owner record. */
  readonly others: readonly RetentionLineage[];
  /** Ids that a hold names. */
  readonly held: ReadonlySet<number>;
  readonly numRetained: number;
  readonly externalizedRetention:
    'retain-on-cancellation' | 'delete-on-cancellation' | 'no-externalized-checkpoints';
}

export type KeepReason =
  | 'unreadable-metadata'
  | 'held'
  | 'commit-not-done'
  | 'within-num-retained'
  | 'own-lineage-too-young'
  | 'lineage-not-settled'
  | 'lineage-not-finished'
  | 'lineage-unknown';

export type RemoveReason = 'beyond-num-retained' | 'job-ended' | 'earlier-finished-lineage';

declare const removable: unique symbol;

/** The right to delete one checkpoint; only `planRetention` makes it. */
export interface RemovableCheckpoint {
  readonly id: number;
  readonly why: RemoveReason;
  readonly [removable]: true;
}

export interface KeptCheckpoint {
  readonly id: number;
  readonly why: KeepReason;
}

export interface RetentionPlan {
  /** Oldest first. */
  readonly remove: readonly RemovableCheckpoint[];
  readonly keep: readonly KeptCheckpoint[];
}

export function planRetention(facts: RetentionFacts): RetentionPlan {
  assert(facts.numRetained >= 1, `num-retained is ${facts.numRetained}`);
  const checkpoints = facts.checkpoints.toSorted((left, right) => left.id - right.id);
  if (checkpoints.some(({lineage}) => lineage === null)) {
    return {remove: [], keep: checkpoints.map(({id}) => ({id, why: 'unreadable-metadata'}))};
  }
  const own = checkpoints.filter((checkpoint) => isOwn(facts, checkpoint));
  const newest = new Set(own.slice(-facts.numRetained).map(({id}) => id));
  const mature = own.length >= facts.numRetained;

  const remove: RemovableCheckpoint[] = [];
  const keep: KeptCheckpoint[] = [];
  for (const checkpoint of checkpoints) {
    const verdict = isOwn(facts, checkpoint)
      ? judgeOwn(facts, checkpoint, newest.has(checkpoint.id))
      : judgeOther(facts, checkpoint, mature);
    if (verdict.go) remove.push({id: checkpoint.id, why: verdict.why} as RemovableCheckpoint);
    else keep.push({id: checkpoint.id, why: verdict.why});
  }
  return {remove, keep};
}

type Verdict =
  {readonly go: true; readonly why: RemoveReason} | {readonly go: false; readonly why: KeepReason};

function judgeOwn(
  facts: RetentionFacts,
  {id, lineage}: RetentionCheckpoint,
  retained: boolean,
): Verdict {
  if (facts.held.has(id)) return {go: false, why: 'held'};
  // A claimed one was settled before the restore; its own lineage's mark says so.
  const committed =
    lineage === facts.lineage
      ? facts.committedThrough !== null && id <= facts.committedThrough
      : isSettled(facts, lineage);
  if (!committed) return {go: false, why: 'commit-not-done'};
  if (goesAtEnd(facts)) return {go: true, why: 'job-ended'};
  if (retained) return {go: false, why: 'within-num-retained'};
  return {go: true, why: 'beyond-num-retained'};
}

function judgeOther(
  facts: RetentionFacts,
  {id, lineage}: RetentionCheckpoint,
  mature: boolean,
): Verdict {
  if (facts.held.has(id)) return {go: false, why: 'held'};
  const other = facts.others.find((candidate) => candidate.lineage === lineage);
  if (other === undefined) return {go: false, why: 'lineage-unknown'};
  if (other.end !== 'finished') return {go: false, why: 'lineage-not-finished'};
  if (!other.settled) return {go: false, why: 'lineage-not-settled'};
  if (!mature) return {go: false, why: 'own-lineage-too-young'};
  return {go: true, why: 'earlier-finished-lineage'};
}

function isOwn(facts: RetentionFacts, {id, lineage}: RetentionCheckpoint): boolean {
  return lineage === facts.lineage || id === facts.claimed;
}

function isSettled(facts: RetentionFacts, lineage: string | null): boolean {
  return facts.others.some((other) => other.lineage === lineage && other.settled);
}

/** Does the end of the job take all its checkpoints along? A resumable run always keeps them. */
function goesAtEnd({end, externalizedRetention, savepointTaken}: RetentionFacts): boolean {
  switch (end) {
    case null:
    case 'failed':
    case 'interrupted':
      return false;
    case 'finished':
    case 'cancelled':
      return externalizedRetention !== 'retain-on-cancellation';
    case 'stopped':
      // Without a savepoint the last checkpoint is the only thing that `stop` left behind.
      return savepointTaken && externalizedRetention !== 'retain-on-cancellation';
  }
}
