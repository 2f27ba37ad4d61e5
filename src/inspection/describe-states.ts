// What an operator keeps, from what `_metadata` says of it: its states with their types, rows and bytes, and how they are
// spread over its subtasks. Pure; no state file is opened.

import type {JsonValue} from '../base/json.ts';
import type {
  FileState,
  InlineState,
  OperatorMetadata,
  StateHandle,
  SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import {COMPATIBILITY_STATE} from '../recovery/compatibility.ts';
import {isRocksdbFile} from '../state/rocksdb/stored-database.ts';

export interface StateDetails {
  readonly name: string;
  readonly kind: StateHandle['kind'];
  /** `carrier string, day date`; null: it has no keys, or does not say. */
  readonly key_type: string | null;
  /** `count int64, sum float64`; null: it does not say. */
  readonly value_type: string | null;
  /** Null: known only once the files are read, as with deltas and RocksDB. */
  readonly keys: number | null;
  /** That its files hold, also those that a later delta replaces; null: they do not say. */
  readonly rows: number | null;
  /** Null: in the files of a database that holds several tables. */
  readonly bytes: number | null;
}

export interface SubtaskDetails {
  readonly index: number;
  readonly bytes: number;
  readonly files: number;
  readonly rows: number | null;
  /** RFC 3339, UTC; "end": its input was at its end; null: none yet. */
  readonly watermark: string | null;
}

export interface OperatorDetails {
  readonly uid: string;
  readonly type: string;
  readonly parallelism: number;
  readonly max_parallelism: number;
  readonly state_bytes: number;
  /** Bytes of the largest subtask over the mean of all; null: there is no state. */
  readonly skew: number | null;
  readonly states: readonly StateDetails[];
  readonly subtasks: readonly SubtaskDetails[];
}

export function describeOperator(operator: OperatorMetadata): OperatorDetails {
  const subtasks = operator.subtasks.map(describeSubtask);
  const bytes = subtasks.reduce((sum, subtask) => sum + subtask.bytes, 0);
  const largest = subtasks.reduce((most, subtask) => Math.max(most, subtask.bytes), 0);
  return {
    uid: operator.uid,
    type: operator.type,
    parallelism: operator.parallelism,
    max_parallelism: operator.maxParallelism,
    state_bytes: bytes,
    skew: bytes === 0 ? null : Math.round((largest / (bytes / subtasks.length)) * 100) / 100,
    states: statesOf(operator),
    subtasks,
  };
}

/** The lowest of all that have one: what no record is older than. `null`: one of them has none yet, or none has any. */
export function watermarkOf(operators: readonly OperatorMetadata[]): string | null {
  const known = operators.filter(({subtasks}) =>
    subtasks.some(({watermark}) => watermark !== null),
  );
  const all = known.flatMap(({subtasks}) => subtasks.map(({watermark}) => watermark));
  if (all.length === 0 || all.includes(null)) return null;
  const times = all.filter((watermark) => typeof watermark === 'number');
  if (times.length === 0) return 'end';
  return instantOf(times.reduce((least, time) => Math.min(least, time)));
}

export function sourcePositions(
  operators: readonly OperatorMetadata[],
): readonly {readonly operator: string; readonly position: JsonValue}[] {
  return operators.flatMap(({uid, subtasks}) =>
    subtasks
      .flatMap(({states}) => states)
      .flatMap((state) =>
        state.kind === 'position' ? [{operator: uid, position: state.value}] : [],
      ),
  );
}

function describeSubtask({index, states, watermark}: SubtaskMetadata): SubtaskDetails {
  const files = distinct(states.filter(isFile));
  const rows = files.map(rowsOf).filter((count) => count !== null);
  return {
    index,
    bytes: sum(files.map(({length}) => length)) + sum(states.filter(isInline).map(inlineBytes)),
    files: files.length,
    rows: rows.length === 0 ? null : sum(rows),
    watermark: typeof watermark === 'number' ? instantOf(watermark) : watermark,
  };
}

/** All subtasks together, by name. */
function statesOf({subtasks}: OperatorMetadata): readonly StateDetails[] {
  const states = subtasks.flatMap((subtask) => subtask.states);
  const inDatabase = states.filter(isFile).filter(isRocksdbFile);
  const named = new Map<string, StateHandle[]>();
  for (const state of states) {
    const isOurs = state.location === 'inline' && state.name === COMPATIBILITY_STATE;
    if (isOurs || (isFile(state) && isRocksdbFile(state))) continue;
    const name = tableOf(state) ?? state.name;
    const others = named.get(name);
    if (others === undefined) named.set(name, [state]);
    else others.push(state);
  }
  return [...[...named].map(describeState), ...tablesOf(inDatabase)];
}

function describeState([name, states]: [string, readonly StateHandle[]]): StateDetails {
  const files = states.filter(isFile);
  const inline = states.filter(isInline);
  const rows = files.map(rowsOf);
  const known = rows.filter((count) => count !== null);
  const total = files.length > 0 && known.length === files.length ? sum(known) : null;
  const described = files.map(({description}) => description).find((one) => one !== null) ?? null;
  return {
    name,
    kind: states[0]?.kind ?? 'operator',
    key_type: pairsText(fieldOf(described, 'key')),
    value_type: pairsText(fieldOf(described, 'values')),
    keys: files.some(({description}) => fieldOf(description, 'delta') !== undefined) ? null : total,
    rows: total,
    bytes: sum(distinct(files).map(({length}) => length)) + sum(inline.map(inlineBytes)),
  };
}

/** Of databases: that of each subtask has the same tables. */
function tablesOf(inDatabase: readonly FileState[]): readonly StateDetails[] {
  if (inDatabase.length === 0) return [];
  const bytes = sum(distinct(inDatabase).map(({length}) => length));
  const tables = new Map<string, JsonValue>();
  for (const {description} of inDatabase) {
    const found = fieldOf(description, 'tables');
    for (const table of Array.isArray(found) ? (found as readonly JsonValue[]) : []) {
      const name = fieldOf(table, 'table');
      if (typeof name === 'string') tables.set(name, table);
    }
  }
  return [...tables].map(([name, table]) => ({
    name,
    kind: 'keyed',
    key_type: pairsText(fieldOf(table, 'key')),
    value_type: pairsText(fieldOf(table, 'values')),
    keys: null,
    rows: null,
    bytes: tables.size === 1 ? bytes : null,
  }));
}

function isFile(state: StateHandle): state is FileState {
  return state.location === 'file';
}

function isInline(state: StateHandle): state is InlineState {
  return state.location === 'inline';
}

/** Several handles may name one file, each for its key groups. */
function distinct(files: readonly FileState[]): readonly FileState[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

function inlineBytes({value}: InlineState): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function rowsOf({description}: FileState): number | null {
  const rows = fieldOf(description, 'rows');
  return typeof rows === 'number' ? rows : null;
}

function tableOf(state: StateHandle): string | null {
  const table = isFile(state) ? fieldOf(state.description, 'table') : undefined;
  return typeof table === 'string' ? table : null;
}

function fieldOf(value: JsonValue, name: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const record = value as {readonly [key: string]: JsonValue};
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function pairsText(value: JsonValue | undefined): string | null {
  if (!Array.isArray(value)) return null;
  return (value as readonly JsonValue[])
    .map((pair) => (Array.isArray(pair) ? pair.join(' ') : JSON.stringify(pair)))
    .join(', ');
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function instantOf(millis: number): string {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? `${millis} ms` : date.toISOString();
}
