// What a detached run and the process that started it say to each other, once each, over the channel that Node opens
// between them. Then the channel is closed and they know nothing of each other any more.

import type {SerializedError} from '../base/errors.ts';
import type {RunRequest} from '../runtime/run-types.ts';
import type {StartedJob} from './client-types.ts';

/** The environment is the process's own. */
export interface DetachedOrder {
  readonly request: Omit<RunRequest, 'environment'>;
  /** Directory that holds its stderr until it knows which job it is. */
  readonly starting: string;
}

export type DetachedAnswer =
  | {readonly kind: 'running'; readonly started: StartedJob}
  | {readonly kind: 'failed'; readonly error: SerializedError};
