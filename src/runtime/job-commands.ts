// What a client may ask of a running job, and what it hears: plain data. The job master is behind it; the control
// server and its tests know nothing else of the engine.

import type {EngineError} from '../base/errors.ts';
import type {SavepointFormat} from '../checkpoint/checkpoint-metadata.ts';

import type {PrunedDirectory, PruneOrder} from './prune-checkpoints.ts';

export type {SavepointFormat};

export interface SavepointTarget {
  /** Absolute; null: the job's `savepoint-dir`. A directory `savepoint-<job>-<random>` is made in it. */
  readonly directory: string | null;
  readonly format: SavepointFormat;
}

export interface TakenCheckpoint {
  readonly id: number;
  /** Absolute path of its directory. */
  readonly path: string;
  readonly bytes: number;
  readonly durationMillis: number;
}

export interface TakenSavepoint extends TakenCheckpoint {
  readonly format: SavepointFormat;
}

export interface StopRequest {
  /** Windows are flushed, as at the end of the input. */
  readonly drain: boolean;
  /** Null: the last checkpoint is what is left. */
  readonly savepoint: SavepointTarget | null;
}

/** The three ends of a stop; in the last two a path that was made is never lost. */
export type StopOutcome =
  | {readonly kind: 'nothing-taken'; readonly error: EngineError}
  | {
      readonly kind: 'taken-and-running';
      readonly savepoint: TakenSavepoint;
      readonly error: EngineError;
    }
  | {
      readonly kind: 'stopped';
      /** Null: none was asked for. */
      readonly savepoint: TakenSavepoint | null;
      readonly lastCheckpoint: TakenCheckpoint | null;
    };

/** Each rejects with an EngineError when nothing was taken. */
export interface JobCommands {
  takeCheckpoint(options: {readonly full: boolean}): Promise<TakenCheckpoint>;
  /** Resolves when the savepoint's directory exists durably. */
  takeSavepoint(target: SavepointTarget): Promise<TakenSavepoint>;
  stop(request: StopRequest): Promise<StopOutcome>;
  /** Retention keeps checkpoint `id`, or does not any more; durable when it resolves. NOT_FOUND. */
  setHold(id: number, held: boolean): Promise<void>;
  /** Deletes checkpoints as `order` says; what it needs itself stays. Durable when it resolves. */
  prune(order: PruneOrder): Promise<PrunedDirectory>;
  /** Ends the job where it is, without a last checkpoint; resolves when it has ended. */
  cancel(): Promise<void>;
}

/** The commands of a job that is not there yet; when it never comes, each rejects with the reason. */
export function commandsOnce(ready: Promise<JobCommands>): JobCommands {
  // Whoever asks hears of it.
  ready.catch(() => undefined);
  return {
    takeCheckpoint: async (options) => (await ready).takeCheckpoint(options),
    takeSavepoint: async (target) => (await ready).takeSavepoint(target),
    stop: async (request) => (await ready).stop(request),
    setHold: async (id, held) => (await ready).setHold(id, held),
    prune: async (order) => (await ready).prune(order),
    cancel: async () => (await ready).cancel(),
  };
}
