// What must hold between the numbers of `_metadata`. The format has no checksum: these are the changed bytes that can be found.

import type {
  FlinkKeyedState,
  FlinkKeyGroups,
  FlinkMetadata,
  FlinkOperator,
  FlinkStream,
  FlinkSubtask,
} from './flink-metadata.ts';

/** Sentences; none: nothing contradicts anything else. */
export function contradictionsIn({operators}: FlinkMetadata): readonly string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const operator of operators) {
    if (seen.has(operator.id)) found.push(`two operators have the id ${operator.id}`);
    seen.add(operator.id);
    // One by one: what is spread into a call lies on the stack, and there is no end to what may be wrong.
    for (const sentence of inOperator(operator)) found.push(`operator ${operator.id}: ${sentence}`);
  }
  return found;
}

function inOperator(operator: FlinkOperator): readonly string[] {
  const {parallelism, maxParallelism, subtasks} = operator;
  const found: string[] = [];
  if (parallelism > maxParallelism) {
    found.push(`its parallelism ${parallelism} is above its max parallelism ${maxParallelism}`);
  }
  for (const subtask of subtasks) {
    for (const state of keyedOf(subtask)) {
      for (const sentence of inKeyed(state, maxParallelism)) found.push(sentence);
    }
    for (const sentence of inOperatorStates(subtask)) found.push(sentence);
  }
  const overlap = overlapOf(subtasks);
  if (overlap !== null) found.push(`two subtasks have the key group ${overlap}`);
  return found;
}

function keyedOf({managedKeyed, rawKeyed}: FlinkSubtask): readonly FlinkKeyedState[] {
  return [managedKeyed, rawKeyed].filter((state) => state !== null);
}

function inKeyed(state: FlinkKeyedState, maxParallelism: number): readonly string[] {
  const {start, end} = state.keyGroups;
  const found = end < maxParallelism ? [] : [`key groups ${start} to ${end} of ${maxParallelism}`];
  if (state.kind === 'changelog') {
    return [
      ...found,
      ...[...state.base, ...state.changes].flatMap((one) => inKeyed(one, maxParallelism)),
    ];
  }
  if (!('offsets' in state)) return found;
  return [...found, ...beyond(state.offsets, state.stream, 'a key group')];
}

function inOperatorStates({managedOperator, rawOperator}: FlinkSubtask): readonly string[] {
  return [managedOperator, rawOperator].flatMap((state) =>
    state === null
      ? []
      : state.states.flatMap(({name, offsets}) =>
          beyond(offsets, state.stream, `an element of ${JSON.stringify(name)}`),
        ),
  );
}

function beyond(offsets: BigInt64Array, stream: FlinkStream, what: string): readonly string[] {
  if (stream.kind === 'empty-segment' || stream.size < 0) return [];
  const size = BigInt(stream.size);
  const wrong = offsets.find((offset) => offset > size || offset < -1n);
  return wrong === undefined ? [] : [`${what} begins at byte ${wrong} of a state of ${size} bytes`];
}

/** Managed keyed state of one key group lies in one subtask. */
function overlapOf(subtasks: readonly FlinkSubtask[]): number | null {
  const ranges: FlinkKeyGroups[] = subtasks
    .flatMap(({managedKeyed}) => (managedKeyed === null ? [] : [managedKeyed.keyGroups]))
    .filter(({start, end}) => end >= start)
    .sort((left, right) => left.start - right.start);
  for (const [index, {start}] of ranges.entries()) {
    if (index > 0 && ranges[index - 1]!.end >= start) return start;
  }
  return null;
}
