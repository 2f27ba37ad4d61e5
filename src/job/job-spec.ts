// A validated job: plain data, so that it crosses threads as it is. Every name is resolved, every
// default filled in, every path absolute, every schema known.

import type {SourceColumn} from './schema-column.ts';
import type {JsonValue} from '../base/json.ts';
import type {Schema} from '../records/schema.ts';

/** Values of a connector's or operator's declared fields after validation; durations in ms, sizes in bytes, paths absolute. */
export interface OptionValues {
  readonly [name: string]: OptionValue;
}
export type OptionValue = JsonValue | undefined | OptionValues | readonly OptionValue[];

export interface WatermarkSpec {
  /** A timestamp column of the source's schema. */
  readonly column: string;
  readonly maxOutOfOrdernessMillis: number;
  /** Null: never idle. */
  readonly idleTimeoutMillis: number | null;
}

/** What happens to a record that cannot be read. */
export type BadRecordPolicy =
  | {readonly kind: 'fail'}
  | {readonly kind: 'skip'}
  /** To the side output of that name, which an implicit sink takes. */
  | {readonly kind: 'dead-letter'; readonly sideOutput: string};

export interface SourceSpec {
  /** Its key in the file; also its operator uid. */
  readonly uid: string;
  readonly connector: string;
  readonly options: OptionValues;
  readonly schema: Schema;
  /** The fields of `schema` and how each is read; a generator's are read from nowhere. */
  readonly columns: readonly SourceColumn[];
  readonly watermark: WatermarkSpec | null;
  /** Rows per second over all subtasks; null: no limit. */
  readonly rateLimit: number | null;
  readonly bounded: boolean;
  readonly onBadRecord: BadRecordPolicy;
  /** A longer record is a bad record; null: the source decodes none. */
  readonly maxRecordBytes: number | null;
  /** `<uid>.dead-letter` with the dead-letter schema, when the policy asks for it. */
  readonly sideOutputs: readonly SideOutput[];
}

/** A stream beside the main one that steps and sinks may take as input. */
export interface SideOutput {
  readonly name: string;
  readonly schema: Schema;
}

/** How records come into a step that is not keyed. */
export type StepPartitioning = 'forward' | 'rebalance' | 'broadcast';

export interface StepSpec {
  /** The step's `id`, its operator uid. */
  readonly uid: string;
  readonly type: string;
  /** Names of sources, steps or side outputs, in the order of the file. */
  readonly inputs: readonly string[];
  readonly options: OptionValues;
  readonly schema: Schema;
  readonly sideOutputs: readonly SideOutput[];
  /** Columns that the input is partitioned by; null: not keyed. */
  readonly keyColumns: readonly string[] | null;
  /** Of a keyed step: forward, and of no meaning. */
  readonly partitioning: StepPartitioning;
  readonly stateful: boolean;
  /** Per input: the columns that the step reads itself; null: all. */
  readonly usedColumns: readonly (readonly string[] | null)[];
  /** Columns of the inputs go through under their names. */
  readonly passesColumns: boolean;
  /** How its state describes itself; null: it has none. */
  readonly stateFacets: Readonly<Record<string, JsonValue>> | null;
}

export interface SinkSpec {
  readonly uid: string;
  readonly connector: string;
  readonly input: string;
  readonly options: OptionValues;
  /** Schema of its input. */
  readonly schema: Schema;
}

/** How long keyed state without a window lives; see operators/ttl/table-ttl.ts. */
export interface StateTtl {
  readonly durationMillis: number;
  readonly updateType: 'on-create-and-write' | 'on-read-and-write';
  readonly visibility: 'never-return-expired' | 'return-expired-if-not-cleaned-up';
  /** Expired rows go before each snapshot. */
  readonly cleanupInFullSnapshot: boolean;
  /** Rows that are looked at for each record, in search of expired ones; 0: none. */
  readonly cleanupSize: number;
}

export type ExternalizedRetention =
  'retain-on-cancellation' | 'delete-on-cancellation' | 'no-externalized-checkpoints';

export interface CheckpointingSpec {
  /** Null: no periodic checkpoints. */
  readonly intervalMillis: number | null;
  readonly mode: 'exactly-once' | 'at-least-once';
  readonly timeoutMillis: number;
  readonly minPauseMillis: number;
  readonly maxConcurrent: number;
  readonly tolerableFailed: number;
  readonly numRetained: number;
  readonly externalizedRetention: ExternalizedRetention;
  readonly unaligned: {readonly enabled: boolean; readonly forced: boolean};
  readonly alignedTimeoutMillis: number;
  readonly incremental: boolean;
  /** Deltas that may follow a file with all rows. */
  readonly maxChain: number;
  readonly snapshotCompression: 'none' | 'gzip' | 'brotli' | 'zstd';
  /** Absolute; the job's own directory is `<directory>/<job name>/`. */
  readonly directory: string;
  readonly savepointDirectory: string | null;
}

export type RestartStrategySpec =
  | {readonly type: 'none'}
  | {readonly type: 'fixed-delay'; readonly attempts: number; readonly delayMillis: number}
  | {
      readonly type: 'failure-rate';
      readonly maxFailuresPerInterval: number;
      readonly intervalMillis: number;
      readonly delayMillis: number;
    }
  | {
      readonly type: 'exponential-delay';
      readonly initialBackoffMillis: number;
      readonly maxBackoffMillis: number;
      readonly multiplier: number;
      readonly jitterFactor: number;
      readonly resetThresholdMillis: number;
      /** Null: infinite. */
      readonly attemptsBeforeReset: number | null;
    };

export interface StateSpec {
  readonly backend: 'hashmap' | 'rocksdb';
  /** Of steps that say nothing themselves; null: state lives on. */
  readonly ttl: StateTtl | null;
  /** What holds with `backend: rocksdb`; the defaults with another. */
  readonly rocksdb: RocksdbSpec;
}

export interface RocksdbSpec {
  /** Bytes of rows of each table in memory. */
  readonly cacheSize: number;
  readonly writeBufferSize: number;
  readonly writeBufferCount: number;
  readonly backgroundThreads: number;
  /** -1: no limit. */
  readonly openFiles: number;
  readonly blockSize: number;
  /** 0: no bloom filter. */
  readonly bloomBitsPerKey: number;
  readonly transferThreads: number;
  /** Absolute; empty: within the job directory. */
  readonly localDirectories: readonly string[];
}

export interface JobSpec {
  readonly name: string;
  /** Absolute path of the job file. */
  readonly file: string;
  /** Its directory: relative paths start here. */
  readonly directory: string;
  /** SHA-256 of the file's text. */
  readonly hash: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly sources: readonly SourceSpec[];
  /** In an order in which inputs come before their users. */
  readonly steps: readonly StepSpec[];
  readonly sinks: readonly SinkSpec[];
  readonly checkpointing: CheckpointingSpec;
  readonly state: StateSpec;
  readonly restartStrategy: RestartStrategySpec;
  /** Between two signs of life of a task thread. */
  readonly heartbeatIntervalMillis: number;
  /** A thread that is silent for this long counts as dead; not below the interval. */
  readonly heartbeatTimeoutMillis: number;
}
