// What a job master is handed: the job, what is asked of it, and the world as it may touch it.

import type {Timers} from '../base/clock.ts';
import type {Random} from '../base/random.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {StartRequest} from '../recovery/choose-start.ts';
import type {ConvertState} from '../savepoints/write-savepoint.ts';
import type {ProcessTable} from '../storage/process-table.ts';
import type {AnyJobState, ChosenRun} from './job-view.ts';
import type {RunEvent, RunRequest} from './run-types.ts';
import type {SharingOptions} from './share-among-subtasks.ts';
import type {StartTaskThread} from './task-thread.ts';

export interface MasterOptions extends SharingOptions {
  readonly request: RunRequest;
  readonly start: StartRequest['start'];
  readonly timers: Timers;
  readonly random: Random;
  readonly processes: ProcessTable;
  readonly startThread: StartTaskThread;
  readonly emit: (event: RunEvent) => void;
  /** Resolves when the user has read what was emitted until now. */
  readonly caughtUp: () => Promise<void>;
  readonly checkCompatible: (metadata: CheckpointMetadata) => void;
  /** Before anything is deployed: the job makes itself known. Rejects: it does not begin. */
  readonly chosen?: ((facts: ChosenRun) => Promise<void>) | undefined;
  readonly stateChanged?: ((state: AnyJobState) => void) | undefined;
  /** Makes canonical state files. */
  readonly convert: ConvertState;
}
