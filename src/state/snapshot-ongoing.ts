import {EngineError} from '../base/errors.ts';

/**
 * Why a snapshot cannot begin: those of the checkpoints `ongoing` are under way, and `limit`. `facts.snapshot` tells it
 * from a failure.
 */
export function snapshotOngoing(
  uid: string,
  checkpointId: number,
  ongoing: readonly number[],
  limit: string,
): EngineError {
  return new EngineError(
    'JOB_FAILED',
    `checkpoint ${checkpointId} cannot begin: the state of ${uid} for checkpoint ` +
      `${ongoing.join(', ')} is still being written, and ${limit}`,
    {
      hint: 'Raise checkpointing.interval or min-pause, lower max-concurrent-checkpoints, or use a faster disk.',
      facts: {snapshot: 'ongoing'},
    },
  );
}
