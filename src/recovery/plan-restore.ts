// The operators of a checkpoint against the operators of the job that is to go on from it: per operator
// restore, new, drop or refuse. Pure, and whole: every reason is collected, none hides another.

import type {JsonValue} from '../base/json.ts';
import {shellWord} from '../base/shell-word.ts';
import type {
  CheckpointMetadata,
  OperatorMetadata,
  StateHandle,
} from '../checkpoint/checkpoint-metadata.ts';
import {edgeTarget} from '../graph/channel-key.ts';
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
    | {
        readonly action: 'refuse';
        readonly reasons: readonly string[];
        /** What to do about them, each once. */
        readonly remedies: readonly string[];
      }
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
      withRecordsLost(
        planStored(request, operator, byUid.get(operator.uid) ?? null),
        recordsLost(request, operator.uid),
      ),
    ),
    ...operators
      .filter(({uid}) => !stored.has(uid))
      .map(({uid, type}): OperatorPlan => ({uid, type, action: 'new'})),
  ];
  const findings = [...disagreement(metadata), ...inFlightFindings(request)];
  const general = findings.map(({reason}) => reason);
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
    hint: [
      ...new Set([
        ...findings.map(({remedy}) => remedy),
        ...plans.flatMap((plan) => (plan.action === 'refuse' ? plan.remedies : [])),
      ]),
    ].join('; '),
  };
}

/** What the plan leaves behind, by operator: it is allowed, so it is told. */
export function leftBehind({operators}: RestorePlan): readonly string[] {
  return operators.flatMap((plan) => {
    const what = plan.action === 'restore' ? plan.dropped : plan.action === 'drop' ? plan.what : [];
    return what.length === 0 ? [] : [`${plan.uid}: ${what.join(', ')}`];
  });
}

/** A sentence that says why not, and what to do. */
interface Finding {
  readonly reason: string;
  readonly remedy: string;
}

const DROP_IT = 'leave behind the state that nothing takes over: --allow-non-restored-state';
const CHANGE_BACK =
  'undo the change; or give the changed step another id, with which it starts empty, and leave its old state behind: --allow-non-restored-state';
const INCOMPLETE = 'see what is missing: tidemark checkpoint verify REF; then restore another one';

/** Chained operators have their key groups from one hash: with two numbers of them the keys of one are elsewhere. */
function disagreement({operators}: CheckpointMetadata): readonly Finding[] {
  const first = operators[0];
  const other = operators.find(({maxParallelism}) => maxParallelism !== first?.maxParallelism);
  if (first === undefined || other === undefined) return [];
  const reason = `its operators disagree on max-parallelism: ${first.uid} has ${first.maxParallelism}, ${other.uid} has ${other.maxParallelism}`;
  return [{reason, remedy: 'restore another one: no job fits this'}];
}

/** In-flight data needs the edge that it was on, and the same columns. */
function inFlightFindings(request: RestoreRequest): readonly Finding[] {
  const {metadata, edges, allowNonRestoredState} = request;
  const findings: Finding[] = [];
  // A savepoint is aligned: nothing is in flight in it, and the steps around may change.
  const remedy = `run the job as it was, take a savepoint (tidemark savepoint ${shellWord(metadata.jobName)}), which is aligned and holds no records in flight, and restore from that`;
  for (const [edge, stored] of inFlightEdges(metadata)) {
    const wanted = edges.get(edge);
    if (wanted === undefined) {
      if (allowNonRestoredState) continue;
      findings.push({
        reason: `it holds records in flight on ${edge}, which the job does not have any more`,
        remedy: `${remedy}; or leave those records out: --allow-non-restored-state`,
      });
    } else if (JSON.stringify(wanted) !== JSON.stringify(stored)) {
      const reason = `it holds records in flight on ${edge} with other columns than the job's`;
      findings.push({reason, remedy});
    }
  }
  return findings;
}

/** Records in flight to `uid` that the job has no edge for: only with -n, without it they are findings. */
function recordsLost(
  {metadata, edges, allowNonRestoredState}: RestoreRequest,
  uid: string,
): readonly string[] {
  if (!allowNonRestoredState) return [];
  return [...inFlightEdges(metadata).keys()]
    .filter((edge) => edgeTarget(edge) === uid && !edges.has(edge))
    .map((edge) => `records in flight on ${edge}`);
}

function withRecordsLost(plan: OperatorPlan, lost: readonly string[]): OperatorPlan {
  if (lost.length === 0) return plan;
  const {uid, type} = plan;
  switch (plan.action) {
    case 'restore':
      return {...plan, dropped: [...plan.dropped, ...lost]};
    case 'drop':
      return {...plan, what: [...plan.what, ...lost]};
    case 'gone':
      return {uid, type, action: 'drop', what: lost};
    case 'new':
    case 'refuse':
      return plan;
  }
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
    return refuse(stored, [lost(why)]);
  }
  const findings: Finding[] = [];
  if (wanted.type !== type) {
    const reason = `it was of type ${type} and is of type ${wanted.type}`;
    findings.push({reason, remedy: CHANGE_BACK});
  }
  if (stored.maxParallelism !== maxParallelism) {
    const reason = `max-parallelism was ${stored.maxParallelism} and is ${maxParallelism}`;
    const remedy = `set max-parallelism: ${stored.maxParallelism}, which is fixed for the life of the state (parallelism may change)`;
    findings.push({reason, remedy});
  }
  const missing = missingKeyGroups(stored);
  if (missing !== null) findings.push({reason: missing, remedy: INCOMPLETE});
  // What another type kept says nothing of what this one keeps.
  const wantedFacets = wanted.type === type ? wanted.compatibility : storedFacets(stored);
  const {refused, dropped, notes} = compareFacets(storedFacets(stored), wantedFacets);
  findings.push(
    ...refused.map((reason) => ({reason, remedy: CHANGE_BACK})),
    ...(allowNonRestoredState ? [] : dropped).map((what) => lost(`${what} is gone`)),
  );
  return findings.length > 0
    ? refuse(stored, findings)
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

function lost(what: string): Finding {
  return {reason: `${what}, and its state would be lost: -n drops it`, remedy: DROP_IT};
}

function refuse({uid, type}: OperatorMetadata, findings: readonly Finding[]): OperatorPlan {
  const reasons = findings.map(({reason}) => reason);
  const remedies = [...new Set(findings.map(({remedy}) => remedy))];
  return {uid, type, action: 'refuse', reasons, remedies};
}
