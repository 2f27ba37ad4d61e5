// The canonical state file: the rows of one keyed table of one subtask, in a form that belongs to no state backend.
// Numbers are little-endian, but inside of keys; an example in bytes of either version: ../FORMAT.md.
//
//   header   0   8  magic "TDMKCANO"
//            8   4  version: 1, or 2 where it is compressed
//           12   4  length of the schema, a multiple of 8
//           16   …  the schema: canonical JSON, filled up with spaces (SnapshotSchema in ../snapshot-format.ts); version 2:
//                   and `compression`
//   group*   0   4  magic "GRUP"
//            4   4  key group; ascending in the file, none twice, none without rows
//            8   8  N, number of its rows
//           16   8  B, bytes of its rows
//           24   B  N rows by ascending key, none twice:
//                      4  length of the key
//                      4  length of the values
//                      …  the key (key-codec.ts)
//                      …  the values (value-codec.ts)
//   part*            in the place of the groups, in version 2: whole rows of neighbouring key groups, compressed together
//            0   4  magic "GRPZ"
//            4   4  G, number of key groups in it
//            8   4  L, bytes of its rows: at most 64 MiB, or it has one row, which is stored as it is
//           12   4  S, their length in the file; as L: they are stored as they are (../compressed-part.ts)
//           16 12G  per key group: key group; number of its rows, not zero; bytes of its rows. Ascending in the file, none
//                   twice in a part; the first may be the last one of the part before, of which it goes on
//            …   S  the rows, by key group, as in version 1
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
  parseCompression,
  parseSchema,
  schemaJson,
  SCHEMA_BYTES_MAX,
  type Compression,
  type SnapshotSchema,
} from '../snapshot-format.ts';
import type {TableSpec, ValueSlot} from '../state-backend.ts';

const PLAIN_VERSION = 1;
const COMPRESSED_VERSION = 2;
export const CANONICAL_MAGIC = 'TDMKCANO';
export const GROUP_MAGIC = 0x50555247;
export const PART_MAGIC = 0x5a505247;
export const CANONICAL_END_MAGIC = 0x444e4543;
export const CANONICAL_HEADER_BYTES = 16;
export const GROUP_HEADER_BYTES = 24;
export const PART_HEADER_BYTES = 16;
export const PART_ENTRY_BYTES = 12;
export const ROW_HEADER_BYTES = 8;
export const CANONICAL_END_BYTES = 16;
/** Of one row: its key, and its values. */
export const ROW_PART_BYTES_MAX = 2 ** 30;

/** In the handle's `description`, under `encoding`; a handle without it is of a backend's own form. */
const CANONICAL_ENCODING = 'canonical';

export function isCanonical({description}: Pick<FileState, 'description'>): boolean {
  if (typeof description !== 'object' || description === null) return false;
  return (description as {encoding?: unknown}).encoding === CANONICAL_ENCODING;
}

export interface CanonicalHeader {
  readonly schema: SnapshotSchema;
  readonly compression: Compression;
}

/** What was written of a table. */
export interface WrittenRows {
  readonly rowCount: number;
  /** The length that the file would have without compression. */
  readonly plainBytes: number;
}

function canonicalVersion(compression: Compression): number {
  return compression === 'none' ? PLAIN_VERSION : COMPRESSED_VERSION;
}

/** What the handle of such a file says of it. */
export function describeCanonical(
  {schema, compression}: CanonicalHeader,
  {rowCount, plainBytes}: WrittenRows,
): Pick<FileState, 'codecVersion' | 'description'> {
  return {
    codecVersion: canonicalVersion(compression),
    description: {
      ...schemaJson(schema),
      rows: rowCount,
      encoding: CANONICAL_ENCODING,
      ...(compression === 'none' ? {} : {compression, uncompressed_length: plainBytes}),
    },
  };
}

export function encodeCanonicalHeader({schema, compression}: CanonicalHeader): Uint8Array {
  const json = {...(compression === 'none' ? {} : {compression}), ...schemaJson(schema)};
  const text = new TextEncoder().encode(JSON.stringify(json));
  const length = paddedTo8(text.length);
  const header = new Uint8Array(CANONICAL_HEADER_BYTES + length);
  header.fill(0x20, CANONICAL_HEADER_BYTES);
  header.set(new TextEncoder().encode(CANONICAL_MAGIC));
  const view = new DataView(header.buffer);
  view.setUint32(8, canonicalVersion(compression), true);
  view.setUint32(12, length, true);
  header.set(text, CANONICAL_HEADER_BYTES);
  return header;
}

/** Version, and the length of the schema, from the first CANONICAL_HEADER_BYTES of a file. */
export function parseCanonicalStart(
  bytes: Uint8Array,
  path: string,
): {readonly version: number; readonly length: number} {
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, 8));
  if (magic !== CANONICAL_MAGIC) throw damaged(path, 0, 'it is not a canonical state file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== PLAIN_VERSION && version !== COMPRESSED_VERSION) {
    throw new EngineError(
      'INCOMPATIBLE',
      `${path} has version ${version} of the canonical state file; this tidemark reads version ${PLAIN_VERSION} and ${COMPRESSED_VERSION}`,
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
  return {version, length};
}

/** `bytes`: the schema of a file of that version. */
export function parseCanonicalHeader(
  bytes: Uint8Array,
  version: number,
  path: string,
): CanonicalHeader {
  const schema = parseSchema(bytes, path);
  if (version === PLAIN_VERSION) return {schema, compression: 'none'};
  const compression = parseCompression(bytes, path);
  if (compression !== 'none') return {schema, compression};
  throw damaged(path, CANONICAL_HEADER_BYTES, 'it does not say how it is compressed');
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
