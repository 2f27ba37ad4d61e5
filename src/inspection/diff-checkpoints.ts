// What is different in two checkpoints or savepoints: operators, their states key by key, where sources go on. What a restore
// makes of both is the same when nothing is. Never writes.

import type {JsonValue} from '../base/json.ts';
import type {CheckpointMetadata, OperatorMetadata} from '../checkpoint/checkpoint-metadata.ts';
import {INPUT_ENDED_STATE, TTL_CLOCK_STATE} from '../checkpoint/inline-states.ts';
import {COMPATIBILITY_STATE} from '../recovery/compatibility.ts';
import {canonicalJson} from '../storage/canonical-json.ts';
import type {FileSystem} from '../storage/file-system.ts';
import {distinctFilesOf, lengthOf} from '../storage/metadata-encoder.ts';
import {isKeyedFile} from '../storage/state-chain.ts';
import {sourcePositions} from './describe-states.ts';
import {openCheckpoint} from './state/open-checkpoint.ts';
import {diffStates, type RowDiff} from './state/diff-states.ts';
import {stateTables, type StateTable} from './state/state-tables.ts';

/** As `checkpoint diff --json` prints it, but for the rows. */
export interface CheckpointDiff {
  readonly equal: boolean;
  /** Absolute. */
  readonly from: string;
  readonly to: string;
  readonly operators: {
    /** Uids. */
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly OperatorDiff[];
  };
  /** Only those that go on elsewhere; a position for each subtask. */
  readonly sources: readonly SourceDiff[];
  /** Of state files: no difference of state. */
  readonly bytes: {readonly from: number; readonly to: number};
}

export interface OperatorDiff {
  readonly uid: string;
  readonly type: {readonly from: string; readonly to: string};
  readonly states: readonly StateDifference[];
}

export interface StateDifference {
  readonly name: string;
  /** `other`: what is not kept by key; it is compared as a whole, and its counts are zero. */
  readonly kind: 'keyed' | 'other';
  readonly keys_added: number;
  readonly keys_removed: number;
  readonly keys_changed: number;
  readonly schema_changed: boolean;
  readonly rows: readonly RowDiff[];
}

interface SourceDiff {
  readonly operator: string;
  readonly from: readonly JsonValue[];
  readonly to: readonly JsonValue[];
}

export interface DiffOptions {
  readonly files: FileSystem;
  /** Directories, absolute. */
  readonly from: string;
  readonly to: string;
  /** Of rows that differ, how many are told. */
  readonly rowsMax: number;
}

interface Side {
  readonly directory: string;
  readonly metadata: CheckpointMetadata;
  readonly tables: readonly StateTable[];
}

/** Errors of `openCheckpoint` and `readTable`; INCOMPATIBLE when a state is spread over other key groups. */
export async function diffCheckpoints(options: DiffOptions): Promise<CheckpointDiff> {
  const from = await sideOf(options.files, options.from);
  const to = await sideOf(options.files, options.to);
  const uids = (side: Side): readonly string[] => side.metadata.operators.map(({uid}) => uid);
  const added = uids(to).filter((uid) => !uids(from).includes(uid));
  const removed = uids(from).filter((uid) => !uids(to).includes(uid));
  const changed: OperatorDiff[] = [];
  let rowsLeft = options.rowsMax;
  for (const before of from.metadata.operators) {
    const after = to.metadata.operators.find(({uid}) => uid === before.uid);
    if (after === undefined) continue;
    const keyed = await keyedDifferences(options, {from, to, uid: before.uid, rowsMax: rowsLeft});
    rowsLeft -= keyed.reduce((sum, {rows}) => sum + rows.length, 0);
    const states = [...keyed, ...otherDifferences(before, after)];
    if (states.length === 0 && before.type === after.type) continue;
    changed.push({uid: before.uid, type: {from: before.type, to: after.type}, states});
  }
  const sources = sourceDifferences(from.metadata, to.metadata);
  const differences = added.length + removed.length + changed.length + sources.length;
  return {
    equal: differences === 0,
    from: options.from,
    to: options.to,
    operators: {added, removed, changed},
    sources,
    bytes: {from: bytesOf(from.metadata), to: bytesOf(to.metadata)},
  };
}

async function sideOf(files: FileSystem, directory: string): Promise<Side> {
  const metadata = await openCheckpoint(files, directory);
  return {directory, metadata, tables: stateTables(metadata, directory)};
}

async function keyedDifferences(
  {files}: DiffOptions,
  sides: {
    readonly from: Side;
    readonly to: Side;
    readonly uid: string;
    readonly rowsMax: number;
  },
): Promise<StateDifference[]> {
  const own = (side: Side): readonly StateTable[] =>
    side.tables.filter(({operator}) => operator === sides.uid);
  const from = own(sides.from);
  const to = own(sides.to);
  const found: StateDifference[] = [];
  let rowsLeft = sides.rowsMax;
  for (const name of new Set([...from, ...to].map(({state}) => state))) {
    const side = (tables: readonly StateTable[], {directory}: Side) => ({
      tables: tables.filter(({state}) => state === name),
      place: {files, directory},
    });
    const diff = await diffStates({
      from: side(from, sides.from),
      to: side(to, sides.to),
      rowsMax: rowsLeft,
    });
    const {keysAdded, keysRemoved, keysChanged, schemaChanged, rows} = diff;
    rowsLeft -= rows.length;
    if (keysAdded + keysRemoved + keysChanged === 0 && !schemaChanged) continue;
    found.push({
      name,
      kind: 'keyed',
      keys_added: keysAdded,
      keys_removed: keysRemoved,
      keys_changed: keysChanged,
      schema_changed: schemaChanged,
      rows,
    });
  }
  return found;
}

/** What is not kept by key, and is no position: by name, whatever subtask has it. */
function otherDifferences(before: OperatorMetadata, after: OperatorMetadata): StateDifference[] {
  const from = otherStates(before);
  const to = otherStates(after);
  return [...new Set([...from.keys(), ...to.keys()])]
    .filter((name) => from.get(name)?.sort().join('\n') !== to.get(name)?.sort().join('\n'))
    .map((name) => ({
      ...{name, kind: 'other', keys_added: 0, keys_removed: 0, keys_changed: 0},
      ...{schema_changed: false, rows: []},
    }));
}

/** Of how the job is written, and of when the checkpoint was taken. */
const NO_DIFFERENCE: ReadonlySet<string> = new Set([COMPATIBILITY_STATE, TTL_CLOCK_STATE]);

function otherStates({subtasks}: OperatorMetadata): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const state of subtasks.flatMap(({states}) => states)) {
    if (state.kind === 'position' || state.name === INPUT_ENDED_STATE) continue;
    if (state.location === 'inline' ? NO_DIFFERENCE.has(state.name) : isKeyedFile(state)) continue;
    const text = state.location === 'inline' ? canonicalJson(state.value) : state.sha256;
    found.set(state.name, [...(found.get(state.name) ?? []), text]);
  }
  // However many subtasks there are.
  const ended = subtasks.filter(({states}) => states.some(({name}) => name === INPUT_ENDED_STATE));
  if (ended.length > 0) {
    found.set(INPUT_ENDED_STATE, [ended.length === subtasks.length ? 'all' : 'some']);
  }
  return found;
}

function sourceDifferences(before: CheckpointMetadata, after: CheckpointMetadata): SourceDiff[] {
  const from = positionsIn(before);
  const to = positionsIn(after);
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((operator) => {
    const own = {operator, from: from.get(operator) ?? [], to: to.get(operator) ?? []};
    return together(own.from) === together(own.to) ? [] : [own];
  });
}

function positionsIn({operators}: CheckpointMetadata): Map<string, JsonValue[]> {
  const found = new Map<string, JsonValue[]>();
  for (const {operator, position} of sourcePositions(operators)) {
    found.set(operator, [...(found.get(operator) ?? []), position]);
  }
  return found;
}

/** Where all subtasks together go on, whichever of them has which split: each field, and each entry of one, once. */
function together(positions: readonly JsonValue[]): string {
  const entries = new Set<string>();
  for (const position of positions) {
    const isObject = typeof position === 'object' && position !== null && !Array.isArray(position);
    for (const [field, value] of isObject ? Object.entries(position) : [['', position] as const]) {
      for (const entry of Array.isArray(value) ? value : [value]) {
        entries.add(`${field} ${canonicalJson(entry as JsonValue)}`);
      }
    }
  }
  return [...entries].sort().join('\n');
}

function bytesOf(metadata: CheckpointMetadata): number {
  const {own, shared} = distinctFilesOf(metadata);
  return lengthOf(own) + lengthOf(shared);
}
