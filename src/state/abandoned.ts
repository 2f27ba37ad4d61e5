import {EngineError} from '../base/errors.ts';

/** Why a snapshot that was given up rejects. */
export function abandoned(request: {
  readonly checkpointId: number;
  readonly uid: string;
}): EngineError {
  return new EngineError(
    'JOB_FAILED',
    `checkpoint ${request.checkpointId} was aborted while the state of ${request.uid} was written`,
  );
}
