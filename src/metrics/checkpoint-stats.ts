// What one subtask tells of one checkpoint, with the meaning of Flink's REST detail.

export interface SubtaskCheckpointStats {
  readonly alignment: 'aligned' | 'unaligned' | 'at-least-once';
  /** From the trigger to the first barrier. */
  readonly startDelayMillis: number;
  /** From the first barrier to the last. */
  readonly alignmentMillis: number;
  /** The task stood still. */
  readonly syncMillis: number;
  /** State was written beside the records. */
  readonly asyncMillis: number;
  /** Bytes taken in between the first barrier and the snapshot. */
  readonly alignmentBytes: number;
  /** Bytes of in-flight data that were stored. */
  readonly persistedBytes: number;
}

/** The greatest or the sum over all subtasks. */
export interface CheckpointStats {
  readonly startDelayMillisMax: number;
  readonly alignmentMillisMax: number;
  readonly syncMillisMax: number;
  readonly asyncMillisMax: number;
  readonly alignmentBytes: number;
  readonly persistedBytes: number;
  readonly unaligned: boolean;
}

export function summarize(subtasks: readonly SubtaskCheckpointStats[]): CheckpointStats {
  const most = (read: (each: SubtaskCheckpointStats) => number): number =>
    subtasks.reduce((greatest, each) => Math.max(greatest, read(each)), 0);
  const sum = (read: (each: SubtaskCheckpointStats) => number): number =>
    subtasks.reduce((total, each) => total + read(each), 0);
  return {
    startDelayMillisMax: most((each) => each.startDelayMillis),
    alignmentMillisMax: most((each) => each.alignmentMillis),
    syncMillisMax: most((each) => each.syncMillis),
    asyncMillisMax: most((each) => each.asyncMillis),
    alignmentBytes: sum((each) => each.alignmentBytes),
    persistedBytes: sum((each) => each.persistedBytes),
    unaligned: subtasks.some(({alignment}) => alignment === 'unaligned'),
  };
}
