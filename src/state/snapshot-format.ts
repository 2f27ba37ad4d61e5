// The state file of a keyed table. Little-endian; an example in bytes: FORMAT.md.
//
//   header   0   8  magic "TDMKROWS"
//            8   4  version: 1, or 2 where the schema has `compression` or `delta`
//           12   4  length of the schema, a multiple of 8
//           16   …  the schema: canonical JSON, filled up with spaces (see SnapshotSchema); version 2: and how the
//                   chunks are compressed, and of which chain of files this is a delta
//   chunk*   0   4  magic "CHNK"
//            4   4  G, number of key groups in it
//            8   4  N, number of rows in it
//           12   4  S, bytes of its strings, a multiple of 8
//           16  12G per key group, ascending: group, number of its rows, bytes of its strings
//            …   …  zeros up to a multiple of 8
//            …   …  N rows as row-layout.ts says, by group; the address of a long string is zero.
//                   A compressed chunk has its rows and strings in parts: compressed-chunk.ts
//            …   S  bytes of the long strings, in the order of their rows and, in a row, of columns and
//                   slots; zeros up to a multiple of 8
//   end      0   4  magic "TEND"
//            4   4  number of tombstones of the file
//            8   8  number of rows of the file (a double)
//
// A delta has what changed since the file before it in its chain. Tombstones, the keys of rows that were deleted, come
// first, in chunks of their own (magic "TOMB") whose rows are those of a table with the same key and no slots. A key
// that was deleted and came again is both a tombstone and a row: the row counts.
//
// A long string is a key of more than 12 bytes, or any `bytes` slot that is set. The file as a whole is
// covered by its SHA-256 and the CRC-32 of each 1 MiB, which stand in `_metadata`.

import {HAS_ZSTD, type Codec} from '../base/compression.ts';
import {EngineError} from '../base/errors.ts';
import type {FileState} from '../checkpoint/checkpoint-metadata.ts';
import type {JsonValue} from '../base/json.ts';
import type {TableSpec} from './state-backend.ts';
import {dataTypeText} from '../records/data-type.ts';

/** Of a file that is neither compressed nor a delta. */
export const PLAIN_VERSION = 1;
export const SNAPSHOT_VERSION = 2;
export const HEADER_MAGIC = 'TDMKROWS';
export const CHUNK_MAGIC = 0x4b4e4843;
/** Its rows are keys that are gone. */
export const TOMBSTONE_MAGIC = 0x424d4f54;
export const COMPRESSED_CHUNK_MAGIC = 0x5a4e4843;
export const COMPRESSED_TOMBSTONE_MAGIC = 0x5a4d4f54;
export const END_MAGIC = 0x444e4554;
export const HEADER_BYTES = 16;
export const CHUNK_HEADER_BYTES = 16;
export const GROUP_ENTRY_BYTES = 12;
export const END_BYTES = 16;
/** Of the schema. */
export const SCHEMA_BYTES_MAX = 1024 * 1024;
/** A chunk takes no further page behind so many bytes of rows, or of strings. */
export const CHUNK_TARGET_BYTES = 4 * 1024 * 1024;

/** What the header says: enough to read the rows without the job. */
export interface SnapshotSchema {
  readonly table: string;
  readonly maxParallelism: number;
  readonly keyGroupColumns: number;
  /** Name and type, as in a job file. */
  readonly key: readonly (readonly [string, string])[];
  /** Name and kind. */
  readonly values: readonly (readonly [string, string])[];
}

export type Compression = 'none' | Codec;

/** Where a delta stands in its chain of files. */
export interface DeltaPlace {
  /** The base is 0, its first delta 1. */
  readonly sequence: number;
  /** SHA-256 of the file before it. */
  readonly previous: string;
}

export interface SnapshotHeader {
  readonly schema: SnapshotSchema;
  readonly compression: Compression;
  /** Null: the file has all rows. */
  readonly delta: DeltaPlace | null;
}

export function snapshotSchema(spec: TableSpec, maxParallelism: number): SnapshotSchema {
  return {
    table: spec.name,
    maxParallelism,
    keyGroupColumns: spec.keyGroupColumns,
    key: spec.key.map((field) => [field.name, dataTypeText(field.type)]),
    values: spec.values.map((slot) => [slot.name, slot.kind]),
  };
}

/** Also what the state handle carries as its description. */
export function schemaJson(schema: SnapshotSchema): Readonly<Record<string, JsonValue>> {
  return {
    key: schema.key,
    key_group_columns: schema.keyGroupColumns,
    max_parallelism: schema.maxParallelism,
    table: schema.table,
    values: schema.values,
  };
}

export function headerVersion({compression, delta}: Omit<SnapshotHeader, 'schema'>): number {
  return compression === 'none' && delta === null ? PLAIN_VERSION : SNAPSHOT_VERSION;
}

export function encodeHeader(header: SnapshotHeader): Uint8Array {
  const {schema, compression, delta} = header;
  const json = {
    ...(compression === 'none' ? {} : {compression}),
    ...(delta === null ? {} : {delta: {previous: delta.previous, sequence: delta.sequence}}),
    ...schemaJson(schema),
  };
  const text = new TextEncoder().encode(JSON.stringify(json));
  const length = paddedTo8(text.length);
  const bytes = new Uint8Array(HEADER_BYTES + length).fill(0x20, HEADER_BYTES);
  bytes.set(new TextEncoder().encode(HEADER_MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, headerVersion(header), true);
  view.setUint32(12, length, true);
  bytes.set(text, HEADER_BYTES);
  return bytes;
}

/** Version, and the length of the schema, from the first HEADER_BYTES of a file. */
export function parseHeaderStart(
  bytes: Uint8Array,
  path: string,
): {readonly version: number; readonly length: number} {
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, 8));
  if (magic !== HEADER_MAGIC) throw damaged(path, 0, 'it is not a state file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== PLAIN_VERSION && version !== SNAPSHOT_VERSION) {
    throw new EngineError(
      'INCOMPATIBLE',
      `${path} has version ${version} of the state file; this tidemark reads version ${PLAIN_VERSION} and ${SNAPSHOT_VERSION}`,
      {
        file: path,
        hint: 'Use the tidemark that wrote the checkpoint (`checkpoint list` names it).',
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
export function parseHeader(bytes: Uint8Array, version: number, path: string): SnapshotHeader {
  const schema = parseSchema(bytes, path);
  if (version === PLAIN_VERSION) return {schema, compression: 'none', delta: null};
  const {delta} = parseObject(bytes, path);
  return {schema, compression: parseCompression(bytes, path), delta: parseDelta(delta, path)};
}

/** What the schema of a file of version 2 says. */
export function parseCompression(bytes: Uint8Array, path: string): Compression {
  const {compression = 'none'} = parseObject(bytes, path);
  if (compression !== 'none' && compression !== 'gzip' && compression !== 'brotli') {
    if (compression !== 'zstd') throw damaged(path, HEADER_BYTES, 'an unknown compression');
    if (!HAS_ZSTD) throw needsZstd(path);
  }
  return compression;
}

function parseDelta(delta: unknown, path: string): DeltaPlace | null {
  if (delta === undefined) return null;
  const {sequence, previous} = (delta ?? {}) as Record<string, unknown>;
  if (
    typeof sequence !== 'number' ||
    typeof previous !== 'string' ||
    !Number.isSafeInteger(sequence) ||
    sequence < 1
  ) {
    throw damaged(path, HEADER_BYTES, 'the place in its chain is wrong');
  }
  return {sequence, previous};
}

function needsZstd(path: string): EngineError {
  return new EngineError(
    'INCOMPATIBLE',
    `${path} is compressed with zstd, which this Node does not have`,
    {file: path, hint: 'Use Node 22.15 or newer.'},
  );
}

export function parseSchema(bytes: Uint8Array, path: string): SnapshotSchema {
  const {key, values, table, ...counts} = parseObject(bytes, path);
  const maxParallelism = counts['max_parallelism'];
  const keyGroupColumns = counts['key_group_columns'];
  if (
    typeof table !== 'string' ||
    typeof maxParallelism !== 'number' ||
    typeof keyGroupColumns !== 'number' ||
    !isPairs(key) ||
    !isPairs(values)
  ) {
    throw damaged(path, HEADER_BYTES, 'the schema lacks a part');
  }
  return {table, maxParallelism, keyGroupColumns, key, values};
}

function parseObject(bytes: Uint8Array, path: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
  } catch (error) {
    throw damaged(path, HEADER_BYTES, 'the schema is not JSON', error);
  }
  if (typeof json !== 'object' || json === null) {
    throw damaged(path, HEADER_BYTES, 'the schema is not an object');
  }
  return json as Record<string, unknown>;
}

/** What the file would be without compression. */
export function plainLengthOf({description, length}: FileState): number {
  const {uncompressed_length: stated} = (description ?? {}) as {uncompressed_length?: unknown};
  return typeof stated === 'number' ? Math.max(length, stated) : length;
}

export function paddedTo8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** Damage that checksums did not show: the writer was wrong, or someone forged the file. */
export function damaged(path: string, offset: number, what: string, cause?: unknown): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `${path} is damaged at byte ${offset}: ${what}`, {
    file: path,
    facts: {offset},
    hint: 'Run `tidemark checkpoint verify`; restore an older checkpoint.',
    cause,
  });
}

function isPairs(value: unknown): value is [string, string][] {
  return (
    Array.isArray(value) &&
    value.every(
      (pair: unknown) =>
        Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string'),
    )
  );
}
