// Flink's `_metadata`, versions 2 to 6, as DataOutputStream writes it: big-endian, a text is its length in two bytes and
// modified UTF-8. No padding, no checksum, no length of the whole, no end marker: a flipped bit in a number or a name is
// not found by reading. FORMAT.md has an example in bytes.
//
//   i32 magic 4960672D, i32 version, i64 checkpoint id
//   i32 n x master state:   i32 magic C96B1696, i32 length, in that many bytes: i32 version, text name, i32 m, m bytes
//   i32 n x operator:
//       version 5 on: text name, text uid (empty: none)
//       16 bytes id, i32 parallelism, i32 max parallelism
//       version 2: i32 not used, 3 on: stream handle of the coordinator's state, none or inline
//       i32 number of subtasks, from version 3 on -1: all had ended, nothing follows
//       subtasks (decode-subtask.ts)
//   version 4 on: properties (decode-properties.ts), to the end of the file

import {FLINK_MAGIC} from '../../storage/metadata-decoder.ts';
import {FlinkFormatError, type ByteCursor} from './byte-cursor.ts';
import {readProperties} from './decode-properties.ts';
import {readStream} from './decode-streams.ts';
import {readSubtask, SUBTASK_BYTES_MIN} from './decode-subtask.ts';
import type {FlinkMetadata, FlinkOperator, FlinkStream} from './flink-metadata.ts';

export const FLINK_VERSIONS = {min: 2, max: 6};
/** Who writes which version. */
const WRITERS: Readonly<Record<number, string>> = {
  1: '1.1 or 1.2',
  2: '1.3 to 1.10',
  3: '1.11 to 1.15',
  4: '1.16 to 1.20',
  5: '2.0',
  6: '2.1 or later',
};

const MASTER_STATE_MAGIC = 0xc96b1696;
const MASTER_STATE_BYTES_MIN = 9;
const OPERATOR_BYTES_MIN = 29;
const PARALLELISM_MAX = 32_768;

export type DecodedFlinkMetadata =
  | {readonly kind: 'decoded'; readonly metadata: FlinkMetadata}
  | {
      readonly kind: 'damaged';
      /** Bytes from the file's start. */
      readonly offset: number;
      readonly expected: string;
      readonly found: string;
      readonly message: string;
    }
  /** Of a version that is not read here; the message says by whom. */
  | {readonly kind: 'incompatible'; readonly message: string};

/** `cursor`: at the beginning of the file. Reads it to its last byte, or says where it is not what it should be. */
export function decodeFlinkMetadata(cursor: ByteCursor): DecodedFlinkMetadata {
  try {
    return decode(cursor);
  } catch (error) {
    if (!(error instanceof FlinkFormatError)) throw error;
    const {offset, expected, found, place} = error;
    const where = place.length === 0 ? '' : ` in ${place.join(', ')}`;
    return {kind: 'damaged', offset, expected, found, message: `not what it should be${where}`};
  }
}

/** `Flink 1.16 to 1.20`. */
export function flinkWriter(version: number): string {
  return `Apache Flink ${WRITERS[version] ?? 'of another version'}`;
}

function decode(cursor: ByteCursor): DecodedFlinkMetadata {
  const magic = cursor.unsignedInt();
  if (magic !== FLINK_MAGIC) {
    throw cursor.wrong(0, FLINK_MAGIC.toString(16), magic.toString(16).padStart(8, '0'));
  }
  const version = cursor.int();
  const {min, max} = FLINK_VERSIONS;
  if (version < min || version > max) {
    const writer = WRITERS[version] === undefined ? '' : `, which ${flinkWriter(version)} wrote`;
    return {
      kind: 'incompatible',
      message: `Flink's _metadata of version ${version}${writer}: versions ${min} to ${max} are read here`,
    };
  }
  const checkpointId = cursor.size('a checkpoint id');
  const masterStates = readMasterStates(cursor);
  const count = cursor.count('operators', OPERATOR_BYTES_MIN);
  const operators = Array.from({length: count}, (_, index) =>
    cursor.in(`operator ${index}`, () => readOperator(cursor, version)),
  );
  const properties = version < 4 ? null : cursor.in('properties', () => readProperties(cursor));
  cursor.finish();
  return {
    kind: 'decoded',
    metadata: {version, checkpointId, masterStates, operators, properties},
  };
}

function readMasterStates(cursor: ByteCursor): FlinkMetadata['masterStates'] {
  const count = cursor.count('master states', MASTER_STATE_BYTES_MIN);
  return Array.from({length: count}, (_, index) =>
    cursor.in(`master state ${index}`, () => {
      const offset = cursor.offset;
      const magic = cursor.unsignedInt();
      if (magic !== MASTER_STATE_MAGIC) {
        throw cursor.wrong(offset, MASTER_STATE_MAGIC.toString(16), magic.toString(16));
      }
      return cursor.inBlock('a master state', () => {
        cursor.int();
        const name = cursor.text();
        return {name, size: cursor.block('the state of a hook').length};
      });
    }),
  );
}

function readOperator(cursor: ByteCursor, version: number): FlinkOperator {
  const name = version >= 5 ? cursor.text() : '';
  const uid = version >= 5 ? cursor.text() : '';
  const id = Buffer.from(cursor.take(16)).toString('hex');
  return cursor.in(id, () => {
    const parallelism = cursor.intBetween('a parallelism', 1, PARALLELISM_MAX);
    const maxParallelism = cursor.intBetween('a max parallelism', 1, PARALLELISM_MAX);
    if (version === 2) cursor.int();
    const coordinator = version === 2 ? null : readCoordinator(cursor);
    return {
      name: name === '' ? null : name,
      uid: uid === '' ? null : uid,
      id,
      parallelism,
      maxParallelism,
      coordinator,
      ...readSubtasks(cursor, version, parallelism, coordinator),
    };
  });
}

function readCoordinator(cursor: ByteCursor): FlinkStream | null {
  const offset = cursor.offset;
  const stream = cursor.in('coordinator', () => readStream(cursor));
  if (stream === null || stream.kind === 'inline') return stream;
  throw cursor.wrong(offset, 'the state of a coordinator, none or inline', stream.kind);
}

function readSubtasks(
  cursor: ByteCursor,
  version: number,
  parallelism: number,
  coordinator: FlinkStream | null,
): Pick<FlinkOperator, 'finished' | 'subtasks'> {
  const offset = cursor.offset;
  if (version >= 3 && isMinusOne(cursor)) {
    cursor.int();
    if (coordinator === null) return {finished: true, subtasks: []};
    throw cursor.wrong(offset, 'no state of a coordinator whose operator has ended', 'some');
  }
  const count = cursor.count('subtasks', SUBTASK_BYTES_MIN);
  const subtasks = Array.from({length: count}, () => readSubtask(cursor, version, parallelism));
  const indexes = new Set(subtasks.map(({index}) => index));
  if (indexes.size === count) return {finished: false, subtasks};
  throw cursor.wrong(offset, `${count} different subtasks`, `${indexes.size}`);
}

function isMinusOne({bytes, offset, remaining}: ByteCursor): boolean {
  return remaining >= 4 && bytes.subarray(offset, offset + 4).every((byte) => byte === 0xff);
}
