import type {SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import {restoredPlan} from './split-plan.ts';

/** `data/a.ndjson at byte 4096 of 10000`, in reading order; then what was not begun, and what was read to its end. */
export function describeFilePosition(uid: string, subtasks: readonly SubtaskMetadata[]): string[] {
  const plan = restoredPlan(uid, subtasks, false);
  if (plan === null) return [];
  const lines = plan.unfinished.flatMap(({split, position}) =>
    position === null
      ? []
      : // Offsets in a gzip file count what comes out of it, so they may be beyond its size.
        [`${split.path} at byte ${position.offset}${ofSize(split)}`],
  );
  for (const {split, position} of plan.unfinished) {
    if (position === null) lines.push(`${split.path} from its beginning`);
  }
  const {length} = plan.finished;
  if (length > 0) lines.push(`${length} ${length === 1 ? 'file' : 'files'} read to the end`);
  return lines;
}

function ofSize({path, size}: {readonly path: string; readonly size: number}): string {
  return path.endsWith('.gz') ? ' of its content' : ` of ${size}`;
}
