// The state of a Flink checkpoint part by part, with the streams that each refers to and the sizes as Flink counts them.

import type {
  FlinkFile,
  FlinkKeyedState,
  FlinkMetadata,
  FlinkOperator,
  FlinkStream,
  FlinkSubtask,
} from './flink-metadata.ts';

export interface FlinkSizes {
  /** Of all state that a restore reads. */
  readonly state: number;
  /** Of what this checkpoint wrote: less than `state` when it is incremental. */
  readonly checkpointed: number;
  /** Of in-flight data of channels. */
  readonly persisted: number;
}

const NOTHING: FlinkSizes = {state: 0, checkpointed: 0, persisted: 0};

/** Of the subtasks; the states of coordinators and of hooks are not among them, as in Flink's REST. */
export function sizesOf({operators}: FlinkMetadata): FlinkSizes {
  return sumOf(operators.flatMap(({subtasks}) => subtasks.map(subtaskSizes)));
}

export function subtaskSizes(subtask: FlinkSubtask): FlinkSizes {
  const {managedOperator, rawOperator, managedKeyed, rawKeyed, channels} = subtask;
  return sumOf([
    ...[managedOperator, rawOperator].map((state) => ofStream(state?.stream)),
    ...[managedKeyed, rawKeyed].map((state) => (state === null ? NOTHING : keyedSizes(state))),
    ...channels.map(({size}) => ({state: size, checkpointed: size, persisted: size})),
  ]);
}

export function keyedSizes(state: FlinkKeyedState): FlinkSizes {
  switch (state.kind) {
    case 'hashmap':
    case 'canonical':
    case 'key-groups':
      return ofStream(state.stream);
    case 'rocksdb': {
      const all = sumOf(keyedStreams(state).map(ofStream)).state;
      return {state: all, checkpointed: state.checkpointedSize ?? all, persisted: 0};
    }
    case 'changelog': {
      const all = sumOf([...state.base, ...state.changes].map(keyedSizes)).state;
      return {state: all, checkpointed: state.checkpointedSize, persisted: 0};
    }
    case 'changes-inline':
      return {state: state.size, checkpointed: state.size, persisted: 0};
    case 'changes':
      return {state: state.size, checkpointed: state.checkpointedSize, persisted: 0};
  }
}

function ofStream(stream: FlinkStream | undefined): FlinkSizes {
  const size = stream === undefined ? 0 : streamSize(stream);
  return {state: size, checkpointed: size, persisted: 0};
}

/** Bytes; 0 also where it was not known. */
export function streamSize(stream: FlinkStream): number {
  return stream.kind === 'empty-segment' ? 0 : Math.max(0, stream.size);
}

function sumOf(all: readonly FlinkSizes[]): FlinkSizes {
  let {state, checkpointed, persisted} = NOTHING;
  for (const one of all) {
    state += one.state;
    checkpointed += one.checkpointed;
    persisted += one.persisted;
  }
  return {state, checkpointed, persisted};
}

/** The streams of a keyed state, and of those in it. */
export function keyedStreams(state: FlinkKeyedState): readonly FlinkStream[] {
  switch (state.kind) {
    case 'hashmap':
    case 'canonical':
    case 'key-groups':
      return [state.stream];
    case 'rocksdb':
      return [state.header, ...[...state.shared, ...state.own].map(({stream}) => stream)];
    case 'changelog':
      return [...state.base, ...state.changes].flatMap(keyedStreams);
    case 'changes-inline':
      return [];
    case 'changes':
      return state.parts.map(({stream}) => stream);
  }
}

export function subtaskStreams(subtask: FlinkSubtask): readonly FlinkStream[] {
  const {managedOperator, rawOperator, managedKeyed, rawKeyed, channels} = subtask;
  return [
    ...[managedOperator, rawOperator].flatMap((state) => (state === null ? [] : [state.stream])),
    ...[managedKeyed, rawKeyed].flatMap((state) => (state === null ? [] : keyedStreams(state))),
    ...channels.map(({stream}) => stream),
  ];
}

export interface FileUse {
  readonly operator: FlinkOperator;
  readonly subtask: number;
  readonly file: FlinkFile;
  /**
   * A log of changes: the size that `_metadata` has for it is not the file's. Flink counts what it writes before it is compressed,
   * and not the byte in front that says whether it is.
   */
  readonly isLog: boolean;
}

/** Each reference to a file, in the order of `_metadata`'s operators; one file may be referred to often. */
export function fileUses({operators}: FlinkMetadata): readonly FileUse[] {
  return operators.flatMap((operator) =>
    operator.subtasks.flatMap((subtask) => {
      const {managedKeyed, rawKeyed} = subtask;
      const logs = new Set([managedKeyed, rawKeyed].flatMap((state) => logsOf(state)));
      return subtaskStreams(subtask)
        .filter((stream) => stream.kind !== 'inline' && stream.kind !== 'empty-segment')
        .map((file) => ({operator, subtask: subtask.index, file, isLog: logs.has(file)}));
    }),
  );
}

/** Of RocksDB, or logs of changes: whoever goes on from it may refer to its files again. */
export function hasReusedFiles({operators}: FlinkMetadata): boolean {
  return operators.some(({subtasks}) =>
    subtasks.some(({managedKeyed, rawKeyed}) =>
      [managedKeyed, rawKeyed].some((state) =>
        ['rocksdb', 'changelog'].includes(state?.kind ?? ''),
      ),
    ),
  );
}

function logsOf(state: FlinkKeyedState | null): readonly FlinkStream[] {
  if (state?.kind === 'changes') return keyedStreams(state);
  return state?.kind === 'changelog' ? [...state.base, ...state.changes].flatMap(logsOf) : [];
}
