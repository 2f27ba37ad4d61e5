// What is known of a bounded source's splits when a deployment begins, and how a checkpoint keeps it
// although the subtasks claim splits (shared-splits.ts) without telling each other.
//
// In a snapshot
//   - every subtask lists the splits that it has itself: finished, or claimed and not finished, with how
//     far it has read;
//   - subtask 0 adds the plan of its deployment: every split with the position that it had when the
//     deployment began, and those that were finished by then.
// A restore makes the next plan of it. For every planned split:
//   finished by somebody → finished; open at somebody → at that position; else → at its planned position.
//
// Why that is exactly once, although the barrier comes to the subtasks at different moments:
//   1. A split is claimed at most once per deployment. So at most one subtask lists it, and nothing but the
//      rows that this subtask read before its barrier is in the checkpoint: what it lists says how many.
//   2. A split that nobody lists was claimed by nobody, or by a subtask after its barrier. Either way no
//      row of it beyond its planned position was read before a barrier, so the planned position is right.
//   3. The plan never changes while its deployment lives. So it does not matter when subtask 0 writes it,
//      whereas leaving out what is claimed by then would lose the splits of 2: claimed before the barrier
//      of subtask 0 and after that of the one that claimed them.
// A checkpoint without the position of every subtask says less than this, and is refused.

import type {SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import {FieldError} from '../../storage/json-fields.ts';
import {damagedPosition} from '../stored-value.ts';
import {
  readPosition,
  type FinishedSplit,
  type SourcePosition,
  type SplitPlan,
  type UnfinishedSplit,
} from './split.ts';

/** What all subtasks of a checkpoint knew together; null: it knows nothing of this source. */
export function restoredPlan(
  uid: string,
  subtasks: readonly SubtaskMetadata[],
  ordered: boolean,
): SplitPlan | null {
  const positions = subtasks.flatMap(({states}) => states.map((state) => readPosition(state, uid)));
  if (positions.length === 0) return null;
  try {
    return mergePositions(positions, ordered);
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw damagedPosition(`${uid}: the positions in the checkpoint do not fit each other`, error);
  }
}

/** Throws FieldError when they cannot be of one checkpoint. */
function mergePositions(positions: readonly SourcePosition[], ordered: boolean): SplitPlan {
  const [plan, another] = positions.flatMap(({shares}) => shares?.plan ?? []);
  if (another !== undefined) throw new FieldError('two subtasks have a plan of all splits');
  if (plan === undefined && positions.some(({shares}) => shares !== null)) {
    throw new FieldError('no subtask has the plan of all splits');
  }
  const finished = positions.flatMap((position) => position.finished);
  const open = positions.flatMap((position) => position.unfinished);
  const listed = pathsOf(finished, open);
  if (plan !== undefined) {
    pathsOf(plan.finished, plan.unfinished);
    for (const each of plan.unfinished) if (!listed.delete(each.split.path)) open.push(each);
    for (const path of listed) throw new FieldError(`${path} is not in the plan of all splits`);
  }
  const watermark = Math.min(...positions.map((position) => position.watermark));
  if (watermark === Infinity && open.length > 0) {
    throw new FieldError('the input is at its end and has splits to be read');
  }
  return {
    watermark,
    finished: [...(plan?.finished ?? []), ...finished],
    unfinished: inReadingOrder(open, ordered),
  };
}

/** Each stands there once. */
function pathsOf(
  finished: readonly FinishedSplit[],
  unfinished: readonly UnfinishedSplit[],
): Set<string> {
  const paths = new Set<string>();
  for (const {path} of [...finished, ...unfinished.map(({split}) => split)]) {
    if (paths.has(path)) throw new FieldError(`${path} stands there twice`);
    paths.add(path);
  }
  return paths;
}

/**
 * What was begun first, then by name. Not where names are in time order: a split that was begun may come
 * after one that was not, whose records it would make late.
 */
export function inReadingOrder(
  splits: readonly UnfinishedSplit[],
  ordered: boolean,
): readonly UnfinishedSplit[] {
  const keyed = splits.map((each) => ({each, key: Buffer.from(each.split.path)}));
  keyed.sort((left, right) => {
    const begun = Number(right.each.position !== null) - Number(left.each.position !== null);
    return ordered || begun === 0 ? Buffer.compare(left.key, right.key) : begun;
  });
  return keyed.map(({each}) => each);
}
