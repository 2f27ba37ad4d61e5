// The operators of a checkpoint against the operators of the job that is to go on from it: per operator
// restore, new, drop or refuse. Pure, and whole: every reason is collected, none hides another.

import type {JsonValue} from '../base/json.ts';
import type {
  CheckpointMetadata,
  OperatorMetadata,
  StateHandle,
} from '../checkpoint/checkpoint-metadata.ts';
import {inFlightEdges} from '../state/in-flight.ts';
import {isRocksdbFile, stateNameOf} from '../state/rocksdb/stored-database.ts';
import {isKeyedFile} from '../storage/state-chain.ts';
import {compareFacets, storedFacets} from './compatibility.ts';

/** One operator of the job as it is now. */
export interface JobOperator {
  readonly uid: string;
  /** As in the checkpoint: `source:file`, `aggregate`, `sink:file`, … */
  readonly type: string;
  /** Does it keep state between records? Sources (positions) and two-phase sinks do. */
  readonly stateful: boolean;
  /** How its state describes itself (compatibility.ts); null: it does not. */
  readonly compatibility: JsonValue;
}

export interface RestoreRequest {
  readonly metadata: CheckpointMetadata;
  readonly operators: readonly JobOperator[];
  readonly maxParallelism: number;
  /** `-n`: state that no operator takes over is dropped. */
  readonly allowNonRestoredState: boolean;
  /** The edges of the job between tasks, with the schema of what they carry (state/in-flight.ts). */
  readonly edges: ReadonlyMap<string, JsonValue>;
}

export type OperatorPlan = {readonly uid: string; readonly type: string} &
  /** `dropped`: parts of its state that are left behind. */
  (
    | {
        readonly action: 'restore';
        readonly notes: readonly string[];
        readonly dropped: readonly string[];
      }
    /** It starts empty. */
    | {readonly action: 'new'}
    /** Its state is left behind. */
    | {readonly action: 'drop'; readonly what: readonly string[]}
    /** It had no state, or only what is settled: nothing is lost. */
    | {readonly action: 'gone'}
    | {readonly action: 'refuse'; readonly reasons: readonly string[]}
  );

export type RestorePlan =
  | {readonly kind: 'restore'; readonly operators: readonly OperatorPlan[]}
  | {
      readonly kind: 'refuse';
      readonly code: 'INCOMPATIBLE';
      readonly operators: readonly OperatorPlan[];
      /** Every reason, as sentences. */
      readonly reasons: readonly string[];
      /** Those of them that are no one operator's, and that no plan of `operators` names. */
      readonly general: readonly string[];
      readonly message: string;
      readonly hint: string;
    };

export function planRestore(request: RestoreRequest): RestorePlan {
  const {metadata, operators} = request;
  const byUid = new Map(operators.map((operator) => [operator.uid, operator]));
  const stored = new Set(metadata.operators.map(({uid}) => uid));
  const plans: OperatorPlan[] = [
    ...metadata.operators.map((operator) =>
      planStored(request, operator, byUid.get(operator.uid) ?? null),
    ),
    ...operators
      .filter(({uid}) => !stored.has(uid))
      .map(({uid, type}): OperatorPlan => ({uid, type, action: 'new'})),
  ];
  const general = [...disagreement(metadata), ...inFlightReasons(request)];
  const reasons = [
    ...general,
    ...plans.flatMap((plan) =>
      plan.action === 'refuse' ? plan.reasons.map((reason) => `${plan.uid}: ${reason}`) : [],
    ),
  ];
  if (reasons.length === 0) return {kind: 'restore', operators: plans};
  const count = reasons.length === 1 ? '1 reason' : `${reasons.length} reasons`;
  return {
    kind: 'refuse',
    code: 'INCOMPATIBLE',
    operators: plans,
    reasons,
    general,
    message: `checkpoint ${metadata.checkpointId} cannot be restored into this job (${count}): ${reasons.join('; ')}`,
    hint: 'change the job back, or drop what is named with --allow-non-restored-state, after giving a changed step another id',
  };
}

/** Chained operators have their key groups from one hash: with two numbers of them the keys of one are elsewhere. */
function disagreement({operators}: CheckpointMetadata): readonly string[] {
  const first = operators[0];
  const other = operators.find(({maxParallelism}) => maxParallelism !== first?.maxParallelism);
  if (first === undefined || other === undefined) return [];
  return [
    `its operators disagree on max-parallelism: ${first.uid} has ${first.maxParallelism}, ${other.uid} has ${other.maxParallelism}`,
  ];
}

/** In-flight data needs the edge that it was on, and the same columns. */
function inFlightReasons({metadata, edges, allowNonRestoredState}: RestoreRequest): string[] {
  const reasons: string[] = [];
  for (const [edge, stored] of inFlightEdges(metadata)) {
    const wanted = edges.get(edge);
    if (wanted === undefined) {
      if (allowNonRestoredState) continue;
      reasons.push(`it holds records in flight on ${edge}, which the job does not have any more`);
    } else if (JSON.stringify(wanted) !== JSON.stringify(stored)) {
      reasons.push(`it holds records in flight on ${edge} with other columns than the job's`);
    }
  }
  return reasons;
}

function planStored(
  request: RestoreRequest,
  stored: OperatorMetadata,
  wanted: JobOperator | null,
): OperatorPlan {
  const {uid, type} = stored;
  const {allowNonRestoredState, maxParallelism} = request;
  const kept = stored.subtasks.flatMap(({states}) => states).filter(isToBeRestored);
  if (kept.length === 0) {
    if (wanted === null) return {uid, type, action: 'gone'};
    return {uid, type, action: 'restore', notes: [], dropped: []};
  }
  if (wanted === null || (wanted.type === type && !wanted.stateful)) {
    if (allowNonRestoredState) return {uid, type, action: 'drop', what: ['all of its state']};
    const why = wanted === null ? 'the job has no such operator' : 'it keeps no state any more';
    return refuse(stored, [`${why}, and its state would be lost: -n drops it`]);
  }
  const reasons: string[] = [];
  if (wanted.type !== type) reasons.push(`it was of type ${type} and is of type ${wanted.type}`);
  if (stored.maxParallelism !== maxParallelism) {
    reasons.push(`max-parallelism was ${stored.maxParallelism} and is ${maxParallelism}`);
  }
  const missing = missingKeyGroups(stored);
  if (missing !== null) reasons.push(missing);
  // What another type kept says nothing of what this one keeps.
  const wantedFacets = wanted.type === type ? wanted.compatibility : storedFacets(stored);
  const {refused, dropped, notes} = compareFacets(storedFacets(stored), wantedFacets);
  const lost = allowNonRestoredState ? [] : dropped;
  reasons.push(
    ...refused,
    ...lost.map((what) => `${what} is gone, and its state would be lost: -n drops it`),
  );
  return reasons.length > 0
    ? refuse(stored, reasons)
    : {uid, type, action: 'restore', notes, dropped};
}

/** Keyed state of which some key groups are in no file: their keys would start empty without a word. Null: none. */
function missingKeyGroups({maxParallelism, subtasks}: OperatorMetadata): string | null {
  const states = subtasks.flatMap((subtask) => subtask.states);
  // Each subtask has a CURRENT of RocksDB, the other files of a database have names by chance.
  const keyed = states
    .filter(isKeyedFile)
    .filter((state) => !isRocksdbFile(state) || state.name === stateNameOf('CURRENT'));
  for (const name of new Set(keyed.map((state) => state.name))) {
    const ranges = keyed
      .filter((state) => state.name === name)
      .map(({keyGroups}) => keyGroups ?? {start: 0, end: maxParallelism - 1})
      .toSorted((left, right) => left.start - right.start);
    let next = 0;
    for (const {start, end} of ranges) {
      if (start > next) break;
      next = Math.max(next, end + 1);
    }
    if (next < maxParallelism) {
      return `its state ${name} lacks key group ${next} of ${maxParallelism}`;
    }
  }
  return null;
}

/**
 * Committables are settled before a restore, from the checkpoint alone; in-flight data belongs to an edge, and is
 * planned with it.
 */
function isToBeRestored(state: StateHandle): boolean {
  return state.kind !== 'committables' && state.kind !== 'channel';
}

function refuse({uid, type}: OperatorMetadata, reasons: readonly string[]): OperatorPlan {
  return {uid, type, action: 'refuse', reasons};
}
