import {EngineError} from '../base/errors.ts';

/** Why a snapshot cannot begin; `facts.snapshot` tells it from a failure. */
export function snapshotOngoing(uid: string, checkpointId: number, ongoing: number): EngineError {
  return new EngineError(
    'JOB_FAILED',
    `checkpoint ${checkpointId} cannot begin: the state of ${uid} for checkpoint ` +
      `${ongoing} is still being written`,
    {
      hint: 'Raise checkpointing.interval or min-pause, or use a faster disk.',
      facts: {snapshot: 'ongoing'},
    },
  );
}
