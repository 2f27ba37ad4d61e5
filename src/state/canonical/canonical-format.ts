// The canonical state file, version 1: the rows of one keyed table of one subtask, in a form that belongs to no state
// backend. Numbers are little-endian, but inside of keys; an example in bytes: ../FORMAT.md.
//
//   header   0   8  magic "TDMKCANO"
//            8   4  version, 1
//           12   4  length of the schema, a multiple of 8
//           16   …  the schema: canonical JSON, filled up with spaces (SnapshotSchema in ../snapshot-format.ts)
//   group*   0   4  magic "GRUP"
//            4   4  key group; ascending in the file, none twice, none without rows
//            8   8  N, number of its rows
//           16   8  B, bytes of its rows
//           24   B  N rows by ascending key, none twice:
//                      4  length of the key
//                      4  length of the values
//                      …  the key (key-codec.ts)
//                      …  the values (value-codec.ts)
//   end      0   4  magic "CEND"
//            4   4  zero
//            8   8  number of rows of the file
//
// The file as a whole is covered by its SHA-256 and the CRC-32 of each 1 MiB, which stand in `_metadata`.

import {parseDataType} from '../../records/parse-data-type.ts';
import type {FileState} from '../../checkpoint/checkpoint-metadata.ts';
import {EngineError} from '../../base/errors.ts';
import {MAX_PARALLELISM_LIMIT} from '../../base/key-groups.ts';
import {isCount} from '../../storage/json-fields.ts';
import {MAX_KEY_COLUMNS} from '../hashmap/row-layout.ts';
import {
  damaged,
  paddedTo8,
  schemaJson,
  SCHEMA_BYTES_MAX,
  type SnapshotSchema,
} from '../snapshot-format.ts';
import type {TableSpec, ValueSlot} from '../state-backend.ts';

export const CANONICAL_VERSION = 1;
export const CANONICAL_MAGIC = 'TDMKCANO';
export const GROUP_MAGIC = 0x50555247;
export const CANONICAL_END_MAGIC = 0x444e4543;
export const CANONICAL_HEADER_BYTES = 16;
export const GROUP_HEADER_BYTES = 24;
export const ROW_HEADER_BYTES = 8;
export const CANONICAL_END_BYTES = 16;
/** Of one row: its key, and its values. */
export const ROW_PART_BYTES_MAX = 2 ** 30;

/** In the handle's `description`, under `encoding`; a handle without it is of a backend's own form. */
export const CANONICAL_ENCODING = 'canonical';

export function isCanonical({description}: Pick<FileState, 'description'>): boolean {
  if (typeof description !== 'object' || description === null) return false;
  return (description as {encoding?: unknown}).encoding === CANONICAL_ENCODING;
}

export function encodeCanonicalHeader(schema: SnapshotSchema): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(schemaJson(schema)));
  const length = paddedTo8(text.length);
  const header = new Uint8Array(CANONICAL_HEADER_BYTES + length);
  header.fill(0x20, CANONICAL_HEADER_BYTES);
  header.set(new TextEncoder().encode(CANONICAL_MAGIC));
  const view = new DataView(header.buffer);
  view.setUint32(8, CANONICAL_VERSION, true);
  view.setUint32(12, length, true);
  header.set(text, CANONICAL_HEADER_BYTES);
  return header;
}

/** The length of the schema, from the first CANONICAL_HEADER_BYTES of a file. */
export function parseCanonicalStart(bytes: Uint8Array, path: string): number {
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, 8));
  if (magic !== CANONICAL_MAGIC) throw damaged(path, 0, 'it is not a canonical state file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== CANONICAL_VERSION) {
    throw new EngineError(
      'INCOMPATIBLE',
      `${path} has version ${version} of the canonical state file; this tidemark reads version ${CANONICAL_VERSION}`,
      {
        file: path,
        hint: 'Use the tidemark that wrote the savepoint (`checkpoint list` names it).',
      },
    );
  }
  const length = view.getUint32(12, true);
  if (length > SCHEMA_BYTES_MAX || length % 8 !== 0) {
    throw damaged(path, 12, `the schema cannot have ${length} bytes`);
  }
  return length;
}

/** The table that a state file's schema describes. CHECKPOINT_DAMAGED when no table can be like that. */
export function specOfSchema(schema: SnapshotSchema, path: string): TableSpec {
  const {key, keyGroupColumns, maxParallelism} = schema;
  const isPossible =
    key.length <= MAX_KEY_COLUMNS &&
    isCount(keyGroupColumns, 0, key.length) &&
    isCount(maxParallelism, 1, MAX_PARALLELISM_LIMIT);
  if (!isPossible) {
    const found = `${keyGroupColumns} of ${key.length} key columns at max parallelism ${maxParallelism}`;
    throw damaged(path, 0, `no table has ${found}`);
  }
  return {
    name: schema.table,
    keyGroupColumns: schema.keyGroupColumns,
    key: schema.key.map(([name, text]) => {
      const type = parseDataType(text);
      if (type === null) throw damaged(path, 0, `a key column of the unknown type '${text}'`);
      return {name, type};
    }),
    values: valueSlots(schema, path),
  };
}

function valueSlots(schema: SnapshotSchema, path: string): ValueSlot[] {
  return schema.values.map(([name, kind]) => {
    if (kind === 'float64' || kind === 'int64' || kind === 'bytes' || kind === 'flag') {
      return {name, kind};
    }
    throw damaged(path, 0, `a slot of the unknown kind '${kind}'`);
  });
}
