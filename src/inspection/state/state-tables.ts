// The keyed states of a checkpoint, as its `_metadata` names them: nothing is read.

import {must} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {
  CheckpointMetadata,
  FileState,
  SubtaskMetadata,
} from '../../checkpoint/checkpoint-metadata.ts';
import {
  isRocksdbFile,
  storedDatabaseOf,
  type StoredDatabase,
} from '../../state/rocksdb/stored-database.ts';
import {stateShape, type StateShape} from '../../state/rows/state-shape.ts';
import {parseSchema} from '../../state/snapshot-format.ts';
import {stateFileAt} from '../../storage/paths.ts';
import {damageHint} from '../../storage/state-file-reader.ts';
import {chainsOf, isKeyedFile, requireWhole} from '../../storage/state-chain.ts';

/** One state of one subtask, and the files that hold it. */
export interface StateTable {
  readonly operator: string;
  /** As in a job file: `aggregate`. */
  readonly operatorType: string;
  readonly subtask: number;
  /** Name of the state: `groups`. */
  readonly state: string;
  readonly shape: StateShape;
  /** That its rows may be in. */
  readonly keyGroups: KeyGroupRange;
  readonly source:
    | {readonly kind: 'files'; readonly chain: readonly FileState[]}
    | {readonly kind: 'database'; readonly stored: StoredDatabase};
}

/** By operator, subtask and state, in the order of `_metadata`. CHECKPOINT_DAMAGED when a chain is broken. */
export function stateTables(
  metadata: CheckpointMetadata,
  directory: string,
): readonly StateTable[] {
  return metadata.operators.flatMap(({uid, type, maxParallelism, subtasks}) =>
    subtasks.flatMap((subtask) => {
      const whole = {start: 0, end: maxParallelism - 1};
      const own = {operator: uid, operatorType: type, subtask: subtask.index};
      return [...fileTables(subtask, directory, whole), ...databaseTables(subtask, directory)].map(
        (table): StateTable => ({...own, ...table}),
      );
    }),
  );
}

/** The files of a table. */
export function filesOf({source}: StateTable): readonly FileState[] {
  return source.kind === 'files' ? source.chain : source.stored.files.map(({state}) => state);
}

type OfSubtask = Omit<StateTable, 'operator' | 'operatorType' | 'subtask'>;

function fileTables(
  {states}: SubtaskMetadata,
  directory: string,
  whole: KeyGroupRange,
): OfSubtask[] {
  const files = states.filter(isKeyedFile).filter((state) => !isRocksdbFile(state));
  return chainsOf(files).map((found) => {
    const {name, files: chain} = requireWhole(found, directory);
    const base = must(chain[0], 'a state file');
    const path = stateFileAt(directory, base.path);
    const shape = shapeOf(base, path);
    if (shape.spec.name !== name) throw misnamed(path, name, shape.spec.name);
    return {state: name, shape, keyGroups: base.keyGroups ?? whole, source: {kind: 'files', chain}};
  });
}

function databaseTables(subtask: SubtaskMetadata, directory: string): OfSubtask[] {
  const stored = storedDatabaseOf(subtask);
  if (stored === null) return [];
  return stored.schemas.map((schema) => ({
    state: schema.table,
    shape: stateShape(schema, stateFileAt(directory, stored.path)),
    keyGroups: stored.keyGroups,
    source: {kind: 'database', stored},
  }));
}

function shapeOf({description}: FileState, path: string): StateShape {
  const text = new TextEncoder().encode(JSON.stringify(description));
  return stateShape(parseSchema(text, path), path);
}

function misnamed(path: string, name: string, table: string): EngineError {
  return new EngineError(
    'CHECKPOINT_DAMAGED',
    `${path} is of the state ${name}, and holds ${table}`,
    {
      file: path,
      hint: damageHint(path),
    },
  );
}
