// Which checkpoints of one job `checkpoint prune` deletes, and why each other one stays. Pure: the facts are what the
// directory said at one moment; what must stay whatever is asked for comes with its reason in `pinned`.
//
// Rules, the first that fits decides:
//  1. what is pinned stays: held, in use, claimed, of a lineage that is not settled
//  2. the newest restorable one stays, and what is newer than it: a resume must see that damage
//  3. without a rule for checkpoints all stay
//  4. of the restorable ones the newest `keepLast` stay, and all, damaged too, that were completed within
//     `keepWithinMillis`; the others go

import {assert} from '../base/assert.ts';

export interface PrunePolicy {
  /** The newest so many restorable ones stay; null: not asked for. */
  readonly keepLast: number | null;
  /** Those completed no longer ago than this stay; null: not asked for. */
  readonly keepWithinMillis: number | null;
}

export interface PruneCandidate {
  readonly id: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly completed: number;
  /** Complete; else damaged, with a `_metadata` that can be read. */
  readonly restorable: boolean;
}

/** Why something stays. */
export type PruneReason =
  | 'held'
  | 'in-use'
  | 'claimed'
  | 'not-committed'
  | 'another-job'
  | 'newest-restorable'
  | 'newer-than-restorable'
  | 'not-asked'
  | 'keep-last'
  | 'keep-within'
  | 'keep-savepoints'
  | 'appeared-since'
  | 'too-young'
  | 'not-alone'
  | 'no-job';

export interface PrunePlan {
  /** Oldest first. */
  readonly remove: readonly number[];
  /** Newest first. */
  readonly keep: readonly {readonly id: number; readonly reason: PruneReason}[];
}

export function planPrune(
  candidates: readonly PruneCandidate[],
  pinned: ReadonlyMap<number, PruneReason>,
  policy: PrunePolicy,
  now: number,
): PrunePlan {
  const {keepLast, keepWithinMillis} = policy;
  assert(keepLast === null || keepLast >= 1, `the newest ${keepLast} stay`);
  const newestFirst = candidates.toSorted((left, right) => right.id - left.id);
  const restorable = newestFirst.filter((candidate) => candidate.restorable);
  const newest = restorable[0]?.id ?? 0;
  const last = new Set(restorable.slice(0, keepLast ?? 0).map(({id}) => id));
  const reasonFor = ({id, completed}: PruneCandidate): PruneReason | null => {
    const pin = pinned.get(id);
    if (pin !== undefined) return pin;
    if (id === newest) return 'newest-restorable';
    if (id > newest) return 'newer-than-restorable';
    if (keepLast === null && keepWithinMillis === null) return 'not-asked';
    if (last.has(id)) return 'keep-last';
    // A clock that was set back makes it seem younger: it stays.
    return keepWithinMillis !== null && now - completed <= keepWithinMillis ? 'keep-within' : null;
  };
  const judged = newestFirst.map((candidate) => ({id: candidate.id, reason: reasonFor(candidate)}));
  return {
    remove: judged.flatMap(({id, reason}) => (reason === null ? [id] : [])).reverse(),
    keep: judged.flatMap(({id, reason}) => (reason === null ? [] : [{id, reason}])),
  };
}
