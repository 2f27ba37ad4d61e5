// Which restored subtasks of a keyed operator one subtask takes over: those whose key groups overlap its own.
//
// Whether the input of a key group has ended is part of its state: an `at-end` aggregate whose input ended has
// sent its results, and they are committed with the checkpoint. Of several old subtasks some may have ended and
// others not (their ends were in flight). Those that ended are left behind then: all their results are out, and
// no record of their key groups can follow.

import {keyGroupRangeOf, type KeyGroupRange} from '../base/key-groups.ts';
import {emptyKeyGroup} from '../keys/key-groups-kernel.ts';
import type {SubtaskMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {hadInputEnded} from './chain-node.ts';

export interface TakenOver {
  readonly subtasks: readonly SubtaskMetadata[];
  /** Its input has ended, and what followed from that is out. */
  readonly inputEnded: boolean;
}

/** The operator as it is restored, and the subtask that asks. */
export interface TakeOver {
  /** All subtasks of the operator, as many as its parallelism was. */
  readonly restored: readonly SubtaskMetadata[];
  /** The key groups of the new subtask. */
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  /** Its key has no columns: all its state is in one key group, and the others say nothing. */
  readonly global: boolean;
}

export function takenOver({restored, keyGroups, maxParallelism, global}: TakeOver): TakenOver {
  const range = global ? onlyGroup(keyGroups, emptyKeyGroup(maxParallelism)) : keyGroups;
  if (range === null) return {subtasks: [], inputEnded: false};
  const overlapping = restored.filter(({index}) => {
    const {start, end} = keyGroupRangeOf(index, restored.length, maxParallelism);
    return start <= range.end && range.start <= end;
  });
  const open = overlapping.filter((subtask) => !hadInputEnded(subtask));
  if (open.length > 0) return {subtasks: open, inputEnded: false};
  return {subtasks: overlapping, inputEnded: overlapping.length > 0};
}

function onlyGroup({start, end}: KeyGroupRange, group: number): KeyGroupRange | null {
  return group >= start && group <= end ? {start: group, end: group} : null;
}
