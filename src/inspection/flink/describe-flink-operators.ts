// The operators of a Flink checkpoint for `inspect`: ids with the uids that are known, states, and how they are spread over the
// subtasks. Names of keyed states stand in the state files, not in `_metadata`. Pure.

import {flinkOperatorId} from './flink-operator-id.ts';
import type {
  FlinkKeyedState,
  FlinkKeyGroups,
  FlinkOperator,
  FlinkOperatorState,
  FlinkSubtask,
} from './flink-metadata.ts';
import {keyedSizes, streamSize, subtaskSizes, subtaskStreams} from './state-parts.ts';

export interface FlinkStateDetails {
  /** Null: of keyed state and in-flight data `_metadata` says none. */
  readonly name: string | null;
  readonly kind: 'keyed' | 'operator' | 'channel';
  /** How it is kept, or how operator state is given out again. */
  readonly form: FlinkKeyedState['kind'] | 'split' | 'union' | 'broadcast' | 'input' | 'output';
  /** Written by the operator itself, with no help of Flink's. */
  readonly raw: boolean;
  /** Of a list; null: not of a list. */
  readonly elements: number | null;
  /** Null: in a stream with other states. */
  readonly bytes: number | null;
}

export interface FlinkSubtaskDetails {
  readonly index: number;
  readonly bytes: number;
  readonly files: number;
  /** Inclusive; null: no keyed state. */
  readonly key_groups: FlinkKeyGroups | null;
  /** It had ended before the checkpoint. */
  readonly finished: boolean;
}

export interface FlinkOperatorDetails {
  /** 32 hexadecimal digits: the hash of the uid. */
  readonly operator_id: string;
  /** Null: not written, and none of the uids that were named has this id. */
  readonly uid: string | null;
  /** What Flink shows; null: before Flink 2.0. */
  readonly name: string | null;
  readonly parallelism: number;
  readonly max_parallelism: number;
  /** All its subtasks had ended. */
  readonly finished: boolean;
  readonly coordinator_bytes: number;
  readonly state_bytes: number;
  /** That this checkpoint wrote: less than `state_bytes` when it is incremental. */
  readonly checkpointed_bytes: number;
  /** Bytes of the largest subtask over the mean of all; null: there is no state. */
  readonly skew: number | null;
  readonly states: readonly FlinkStateDetails[];
  readonly subtasks: readonly FlinkSubtaskDetails[];
}

/** `uids`: that a job file or a user names; those of other operators change nothing. */
export function describeFlinkOperators(
  operators: readonly FlinkOperator[],
  uids: readonly string[],
): readonly FlinkOperatorDetails[] {
  const byId = new Map(uids.map((uid) => [flinkOperatorId(uid), uid]));
  return operators.map((operator) =>
    describe(operator, operator.uid ?? byId.get(operator.id) ?? null),
  );
}

function describe(operator: FlinkOperator, uid: string | null): FlinkOperatorDetails {
  const {subtasks} = operator;
  const sizes = subtasks.map(subtaskSizes);
  const bytes = sizes.reduce((sum, {state}) => sum + state, 0);
  const largest = sizes.reduce((max, {state}) => Math.max(max, state), 0);
  return {
    operator_id: operator.id,
    uid,
    name: operator.name,
    parallelism: operator.parallelism,
    max_parallelism: operator.maxParallelism,
    finished: operator.finished,
    coordinator_bytes: operator.coordinator === null ? 0 : streamSize(operator.coordinator),
    state_bytes: bytes,
    checkpointed_bytes: sizes.reduce((sum, {checkpointed}) => sum + checkpointed, 0),
    skew: bytes === 0 ? null : Math.round((largest / (bytes / subtasks.length)) * 100) / 100,
    states: statesOf(subtasks),
    subtasks: subtasks.map(describeSubtask),
  };
}

function describeSubtask(subtask: FlinkSubtask): FlinkSubtaskDetails {
  const files = subtaskStreams(subtask).flatMap((stream) =>
    'path' in stream ? [stream.path] : [],
  );
  return {
    index: subtask.index,
    bytes: subtaskSizes(subtask).state,
    files: new Set(files).size,
    key_groups: (subtask.managedKeyed ?? subtask.rawKeyed)?.keyGroups ?? null,
    finished: subtask.finished,
  };
}

/** All subtasks together: of one name, kind and form there is one. */
function statesOf(subtasks: readonly FlinkSubtask[]): readonly FlinkStateDetails[] {
  const byKey = new Map<string, FlinkStateDetails>();
  for (const state of subtasks.flatMap(statesOfSubtask)) {
    const key = JSON.stringify([state.kind, state.form, state.raw, state.name]);
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? state : together(known, state));
  }
  return [...byKey.values()];
}

function together(one: FlinkStateDetails, other: FlinkStateDetails): FlinkStateDetails {
  return {
    ...one,
    elements: one.elements === null ? null : one.elements + (other.elements ?? 0),
    bytes: one.bytes === null || other.bytes === null ? null : one.bytes + other.bytes,
  };
}

function statesOfSubtask(subtask: FlinkSubtask): readonly FlinkStateDetails[] {
  const {managedOperator, rawOperator, managedKeyed, rawKeyed, channels} = subtask;
  return [
    ...keyed(managedKeyed, false),
    ...keyed(rawKeyed, true),
    ...named(managedOperator, false),
    ...named(rawOperator, true),
    ...channels.map(({direction, size}) => ({
      name: null,
      kind: 'channel' as const,
      form: direction,
      raw: false,
      elements: null,
      bytes: size,
    })),
  ];
}

function keyed(state: FlinkKeyedState | null, raw: boolean): readonly FlinkStateDetails[] {
  if (state === null) return [];
  const bytes = keyedSizes(state).state;
  return [{name: null, kind: 'keyed', form: state.kind, raw, elements: null, bytes}];
}

function named(state: FlinkOperatorState | null, raw: boolean): readonly FlinkStateDetails[] {
  if (state === null) return [];
  // One stream holds them all, after a header that says what they are.
  const bytes = state.states.length === 1 ? streamSize(state.stream) : null;
  return state.states.map(({name, mode, offsets}) => ({
    name,
    kind: 'operator',
    form: mode,
    raw,
    elements: offsets.length,
    bytes,
  }));
}
