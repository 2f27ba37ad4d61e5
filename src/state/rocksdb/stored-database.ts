// A database in a checkpoint: each of its files is a state file of its own, `<uid>/<subtask>.rocksdb-<name>`, with the name
// that it has in the database in its `description`. That of CURRENT also says which tables are in it.
//
//   description   {encoding: "rocksdb", file: "000012.sst"}
//   of CURRENT    {encoding, file, families: [name, …], tables: [schema, …]}   schemas as in ../snapshot-format.ts

import {EngineError} from '../../base/errors.ts';
import type {JsonValue} from '../../base/json.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {FileState, SubtaskMetadata} from '../../checkpoint/checkpoint-metadata.ts';
import {parseSchema, schemaJson, type SnapshotSchema} from '../snapshot-format.ts';

export const ROCKSDB_ENCODING = 'rocksdb';
export const ROCKSDB_CODEC_VERSION = 1;
const FILE_PATTERN = /^(CURRENT|(MANIFEST|OPTIONS)-\d{1,20}|\d{6,20}\.sst)$/;
const FAMILIES_MAX = 1000;

export interface StoredFile {
  readonly state: FileState;
  /** In the database. */
  readonly file: string;
}

export interface StoredDatabase {
  readonly keyGroups: KeyGroupRange;
  readonly files: readonly StoredFile[];
  /** In the order in which they were opened. */
  readonly families: readonly string[];
  readonly schemas: readonly SnapshotSchema[];
  /** Of CURRENT in the checkpoint, for errors. */
  readonly path: string;
}

/** The name of a state, from the name of a file. */
export function stateNameOf(file: string): string {
  return `rocksdb-${file.toLowerCase().replace('.', '-')}`;
}

export function describeFile(file: string): JsonValue {
  return {encoding: ROCKSDB_ENCODING, file};
}

export function describeDatabase(
  families: readonly string[],
  schemas: readonly SnapshotSchema[],
): JsonValue {
  return {
    encoding: ROCKSDB_ENCODING,
    file: 'CURRENT',
    families: [...families],
    tables: schemas.map(schemaJson),
  };
}

export function isRocksdbFile({description}: Pick<FileState, 'description'>): boolean {
  return encodingOf(description) === ROCKSDB_ENCODING;
}

/** The database of a subtask; null: it has none. CHECKPOINT_DAMAGED when its handles do not fit together. */
export function storedDatabaseOf(subtask: SubtaskMetadata): StoredDatabase | null {
  const states = subtask.states.filter(
    (state): state is FileState => state.location === 'file' && isRocksdbFile(state),
  );
  if (states.length === 0) return null;
  const files = states.map((state) => {
    const {file} = state.description as {file?: unknown};
    if (typeof file !== 'string' || !FILE_PATTERN.test(file)) {
      throw damagedHandle(state, 'it has no name of a file of RocksDB');
    }
    return {state, file};
  });
  const names = new Set<string>();
  for (const {state, file} of files) {
    if (names.has(file)) throw damagedHandle(state, `${file} is in the database a second time`);
    names.add(file);
  }
  const current = files.find(({file}) => file === 'CURRENT');
  if (current === undefined) throw damagedHandle(states[0]!, 'there is no CURRENT beside it');
  const {state} = current;
  const {families, tables} = state.description as {families?: unknown; tables?: unknown};
  if (state.codecVersion !== ROCKSDB_CODEC_VERSION) {
    throw new EngineError(
      'INCOMPATIBLE',
      `${state.path} has version ${state.codecVersion} of the RocksDB state; this tidemark reads version ${ROCKSDB_CODEC_VERSION}`,
      {hint: 'Use the tidemark that wrote the checkpoint (`checkpoint list` names it).'},
    );
  }
  if (!isNames(families) || !Array.isArray(tables) || tables.length > FAMILIES_MAX) {
    throw damagedHandle(state, 'it does not say which tables there are');
  }
  if (state.keyGroups === null) throw damagedHandle(state, 'it has no key groups');
  const schemas = tables.map((table) =>
    parseSchema(new TextEncoder().encode(JSON.stringify(table)), state.path),
  );
  return {keyGroups: state.keyGroups, files, families, schemas, path: state.path};
}

function encodingOf(description: JsonValue): unknown {
  if (typeof description !== 'object' || description === null) return null;
  return (description as {encoding?: unknown}).encoding;
}

function isNames(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= FAMILIES_MAX &&
    value.every((name) => typeof name === 'string' && name.length > 0 && name.length < 200)
  );
}

export function damagedHandle(state: FileState, what: string): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `the state ${state.path} is damaged: ${what}`, {
    file: state.path,
    hint: 'see what is wrong: tidemark checkpoint verify',
  });
}
