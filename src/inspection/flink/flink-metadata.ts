// What Flink's `_metadata` says, as it says it: handles in their order, names and paths as they were written. Each
// reference to a file keeps its place in the bytes, so that a copy can be written with another reference there.

/** Bytes from the file's start; `end` is after the last. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

export type FlinkStream =
  /** In `_metadata` itself. */
  | {readonly kind: 'inline'; readonly name: string; readonly size: number}
  /** Tag 2, a path or URI with all its parts. */
  | {readonly kind: 'absolute'; readonly path: string; readonly size: number; readonly at: Extent}
  /** Tag 6, below the directory of `_metadata`. */
  | {readonly kind: 'relative'; readonly path: string; readonly size: number; readonly at: Extent}
  /** Tag 15, a part of a file of several states. */
  | {
      readonly kind: 'segment';
      readonly path: string;
      readonly start: number;
      readonly size: number;
      readonly scope: 'exclusive' | 'shared';
      readonly at: Extent;
    }
  /** Tag 16. */
  | {readonly kind: 'empty-segment'};

/** Of which the size may be -1: not known when it was written. */
export type FlinkFile = Exclude<FlinkStream, {kind: 'inline' | 'empty-segment'}>;

/** Inclusive; `end` = `start` - 1: none. */
export interface FlinkKeyGroups {
  readonly start: number;
  readonly end: number;
}

export interface FlinkNamedFile {
  /** In RocksDB's own directory: `000012.sst`, `CURRENT`. */
  readonly name: string;
  readonly stream: FlinkStream;
}

export type FlinkKeyedState =
  | {
      /** Tag 12; tag 7, which every backend reads; tag 3, which up to Flink 1.14 stands for both. */
      readonly kind: 'hashmap' | 'canonical' | 'key-groups';
      readonly keyGroups: FlinkKeyGroups;
      /** One position for each key group, in the stream. */
      readonly offsets: BigInt64Array;
      readonly stream: FlinkStream;
    }
  | {
      /** Tags 5 and 11. */
      readonly kind: 'rocksdb';
      readonly keyGroups: FlinkKeyGroups;
      /** Bytes that this checkpoint wrote; null: not said. */
      readonly checkpointedSize: number | null;
      /** Names and serializers of the states. */
      readonly header: FlinkStream;
      readonly shared: readonly FlinkNamedFile[];
      readonly own: readonly FlinkNamedFile[];
    }
  | {
      /** Tags 8 and 14. */
      readonly kind: 'changelog';
      readonly keyGroups: FlinkKeyGroups;
      readonly checkpointedSize: number;
      readonly base: readonly FlinkKeyedState[];
      readonly changes: readonly FlinkKeyedState[];
    }
  | {
      /** Tag 9. */
      readonly kind: 'changes-inline';
      readonly keyGroups: FlinkKeyGroups;
      readonly size: number;
    }
  | {
      /** Tags 10 and 13. */
      readonly kind: 'changes';
      readonly keyGroups: FlinkKeyGroups;
      readonly size: number;
      readonly checkpointedSize: number;
      readonly parts: readonly {readonly offset: number; readonly stream: FlinkStream}[];
    };

export interface FlinkOperatorState {
  readonly states: readonly {
    readonly name: string;
    readonly mode: 'split' | 'union' | 'broadcast';
    /** One position for each element, in the stream. */
    readonly offsets: BigInt64Array;
  }[];
  readonly stream: FlinkStream;
  /**
   * Tag 17: the handle with the flag before it, its tag, and what tag 4 does not have: the directories of the merged
   * files. A copy leaves those out. Null: tag 4.
   */
  readonly merged: {
    readonly whole: Extent;
    readonly tag: Extent;
    readonly directories: Extent;
  } | null;
}

export interface FlinkChannelState {
  readonly direction: 'input' | 'output';
  /** Of the bytes of these channels; the stream may hold those of others. */
  readonly size: number;
  readonly stream: FlinkStream;
}

export interface FlinkSubtask {
  readonly index: number;
  /** It had ended before the checkpoint, and has no state. */
  readonly finished: boolean;
  readonly managedOperator: FlinkOperatorState | null;
  readonly rawOperator: FlinkOperatorState | null;
  readonly managedKeyed: FlinkKeyedState | null;
  readonly rawKeyed: FlinkKeyedState | null;
  readonly channels: readonly FlinkChannelState[];
}

export interface FlinkOperator {
  /** From version 5 on, where the job has them. */
  readonly name: string | null;
  readonly uid: string | null;
  /** 32 hexadecimal digits: the hash of the uid. */
  readonly id: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly coordinator: FlinkStream | null;
  /** All its subtasks had ended. */
  readonly finished: boolean;
  readonly subtasks: readonly FlinkSubtask[];
}

/** From version 4 on; the State Processor API writes none. */
export interface FlinkProperties {
  readonly kind: 'checkpoint' | 'savepoint';
  /** Of a savepoint. */
  readonly format: 'canonical' | 'native' | null;
  /** What Flink calls it: `Checkpoint`, `Full Checkpoint`, `Savepoint`, `Terminate Savepoint`, … */
  readonly name: string;
}

export interface FlinkMetadata {
  readonly version: number;
  readonly checkpointId: number;
  /** Of hooks on the master; their bytes are the hooks' own. */
  readonly masterStates: readonly {readonly name: string; readonly size: number}[];
  readonly operators: readonly FlinkOperator[];
  readonly properties: FlinkProperties | null;
}
