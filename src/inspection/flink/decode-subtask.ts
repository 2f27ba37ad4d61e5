// The state of one subtask of an operator.
//
//   i32 index; from version 3 on negative s: subtask -s - 1 had ended, and nothing follows
//   version 2: i64 not used, i32 0
//   i32 flag, operator handle     managed operator state
//   i32 flag, operator handle     raw operator state
//   keyed handle                  managed keyed state
//   keyed handle                  raw keyed state
//   version 3 on: i32 n, n channel handles of inputs; i32 n, n of outputs
//
// operator handle:
//   u8 tag   0 none, 4, 17 in merged files
//   i32 n x {text state name, u8 mode (0 split, 1 union, 2 broadcast), i32 m, m x i64 position of an element}
//   17 only: text task-owned directory, text shared directory, u8 empty
//   stream handle
//
// channel handle:
//   version 6: u8 type   1 input, 2 output, 3 merged inputs, 4 merged outputs
//   1, 2: i32 subtask, i32 gate or partition, i32 channel or subpartition, i32 n x i64 position, i64 size, stream handle
//   3, 4: i32 subtask, i64 size, stream handle, i32 length of what follows,
//         i32 n x {i32 gate or partition, i32 channel or subpartition, i64 size, i32 m x i64 position}

import type {ByteCursor} from './byte-cursor.ts';
import {readKeyedState} from './decode-keyed-state.ts';
import {needStream} from './decode-streams.ts';
import type {FlinkChannelState, FlinkOperatorState, FlinkSubtask} from './flink-metadata.ts';

const MODES = ['split', 'union', 'broadcast'] as const;
/** Of one that had ended. */
export const SUBTASK_BYTES_MIN = 4;

export function readSubtask(
  cursor: ByteCursor,
  version: number,
  parallelism: number,
): FlinkSubtask {
  const offset = cursor.offset;
  const written = cursor.int();
  const finished = version >= 3 && written < 0;
  const index = finished ? -written - 1 : written;
  if (index < 0 || index >= parallelism) {
    throw cursor.wrong(
      offset,
      `a subtask below the parallelism of ${parallelism}`,
      String(written),
    );
  }
  if (finished) return {...NO_STATE, index, finished};
  return cursor.in(`subtask ${index}`, () => ({
    index,
    finished,
    ...readState(cursor, version),
  }));
}

const NO_STATE = {
  managedOperator: null,
  rawOperator: null,
  managedKeyed: null,
  rawKeyed: null,
  channels: [],
} as const;

function readState(cursor: ByteCursor, version: number): Omit<FlinkSubtask, 'index' | 'finished'> {
  if (version === 2) {
    cursor.long();
    cursor.intBetween('a number of states of Flink 1.1', 0, 0);
  }
  const operator = (what: string): FlinkOperatorState | null =>
    cursor.in(what, () => {
      const flagAt = cursor.offset;
      return cursor.wideFlag('a flag') ? readOperatorState(cursor, flagAt) : null;
    });
  return {
    managedOperator: operator('operator state'),
    rawOperator: operator('raw operator state'),
    managedKeyed: cursor.in('keyed state', () => readKeyedState(cursor)),
    rawKeyed: cursor.in('raw keyed state', () => readKeyedState(cursor)),
    channels:
      version === 2
        ? []
        : [...readChannels(cursor, version, 'input'), ...readChannels(cursor, version, 'output')],
  };
}

function readOperatorState(cursor: ByteCursor, flagAt: number): FlinkOperatorState | null {
  const start = cursor.offset;
  const tag = cursor.unsignedByte();
  if (tag === 0) return null;
  if (tag !== 4 && tag !== 17) {
    throw cursor.wrong(start, 'an operator handle: tag 0, 4 or 17', String(tag));
  }
  const count = cursor.count('operator states', 7);
  const states = Array.from({length: count}, (_, index) =>
    cursor.in(`state ${index}`, () => readNamedState(cursor)),
  );
  const listsEnd = cursor.offset;
  if (tag === 17) {
    cursor.text();
    cursor.text();
    cursor.flag('whether it is empty');
  }
  const directoriesEnd = cursor.offset;
  const stream = needStream(cursor, 'operator state');
  if (tag === 4) return {states, stream, merged: null};
  if (stream.kind !== 'segment' && stream.kind !== 'empty-segment') {
    throw cursor.wrong(directoriesEnd, 'a segment, tag 15 or 16', stream.kind);
  }
  const merged = {
    whole: {start: flagAt, end: cursor.offset},
    tag: {start, end: start + 1},
    directories: {start: listsEnd, end: directoriesEnd},
  };
  return {states, stream, merged};
}

function readNamedState(cursor: ByteCursor): FlinkOperatorState['states'][number] {
  const name = cursor.text();
  const offset = cursor.offset;
  const mode = MODES[cursor.unsignedByte()];
  if (mode === undefined)
    throw cursor.wrong(offset, 'a mode from 0 to 2', String(cursor.bytes[offset]));
  const count = cursor.count('elements', 8);
  return {name, mode, offsets: cursor.longs('positions of elements', count)};
}

const CHANNEL_TYPES = {input: [1, 3], output: [2, 4]} as const;

function readChannels(
  cursor: ByteCursor,
  version: number,
  direction: 'input' | 'output',
): readonly FlinkChannelState[] {
  const what = `${direction} channels`;
  const count = cursor.in(what, () => cursor.count(what, 1));
  return Array.from({length: count}, (_, index) =>
    cursor.in(`${direction} channel ${index}`, () => {
      const offset = cursor.offset;
      const [plain, merged] = CHANNEL_TYPES[direction];
      const type = version >= 6 ? cursor.unsignedByte() : plain;
      if (type === plain) return readChannel(cursor, direction);
      if (type === merged) return readMergedChannels(cursor, direction);
      throw cursor.wrong(offset, `a channel handle of type ${plain} or ${merged}`, String(type));
    }),
  );
}

function readChannel(cursor: ByteCursor, direction: 'input' | 'output'): FlinkChannelState {
  cursor.int();
  cursor.int();
  cursor.int();
  cursor.longs('positions of buffers', cursor.count('buffers', 8));
  const size = cursor.size('a size');
  return {direction, size, stream: needStream(cursor, 'channel state')};
}

function readMergedChannels(cursor: ByteCursor, direction: 'input' | 'output'): FlinkChannelState {
  cursor.int();
  const size = cursor.size('a size');
  const stream = needStream(cursor, 'channel state');
  cursor.inBlock('merged channels', () => {
    const count = cursor.count('channels', 20);
    for (let index = 0; index < count; index += 1) {
      cursor.int();
      cursor.int();
      cursor.size('a size');
      cursor.longs('positions of buffers', cursor.count('buffers', 8));
    }
  });
  return {direction, size, stream};
}
