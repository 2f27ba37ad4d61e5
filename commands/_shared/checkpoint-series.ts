// What `checkpoint list --plot` and `--html` draw: the checkpoints of each job, oldest first.

import {dirname} from 'node:path';
import type {CheckpointListItem} from '../../src/index.ts';

export interface PlottedCheckpoint {
  readonly id: number;
  readonly bytes: number;
  /** Null: not known. */
  readonly durationMillis: number | null;
  readonly item: CheckpointListItem;
}

export interface CheckpointSeries {
  readonly jobName: string;
  /** Absolute: where they lie. */
  readonly directory: string;
  /** Oldest first; at least one. */
  readonly points: readonly PlottedCheckpoint[];
}

export interface PlottedList {
  readonly series: readonly CheckpointSeries[];
  /** Of items that are in no series: attempts, savepoints, and what cannot be read. */
  readonly leftOut: number;
}

export function seriesOf(items: readonly CheckpointListItem[]): PlottedList {
  const byDirectory = new Map<string, {jobName: string; points: PlottedCheckpoint[]}>();
  let leftOut = 0;
  for (const item of items.toReversed()) {
    const {id, kind, created, jobName, bytes, durationMillis} = item;
    if (kind !== 'checkpoint' || id === null || created === null || jobName === null) {
      leftOut += 1;
      continue;
    }
    const directory = dirname(item.path);
    const series = byDirectory.get(directory) ?? {jobName, points: []};
    byDirectory.set(directory, series);
    series.points.push({id, bytes, durationMillis, item});
  }
  const series = [...byDirectory].map(([directory, rest]) => ({directory, ...rest}));
  return {series: series.toReversed(), leftOut};
}
