// Lets schemas flow from sources to sinks. A step is planned when all its inputs are known, so the
// steps come out in an order in which inputs precede their users; what is left over at the end stands
// in a cycle, behind one, or behind a step that failed.

import {PARTITIONING_FIELD} from './job-fields.ts';
import type {StateTtl, StepSpec} from './job-spec.ts';
import type {ExpressionChecker, InputDescription, StepPlan} from './operator-spec.ts';
import {checkColumns, reportProblem} from './option-problem.ts';
import {checkUid} from './read-step.ts';
import type {ReadStep} from './read-step.ts';
import type {ReadContext} from './read-scalar.ts';
import type {Place} from './source-text.ts';
import type {NameTable, StreamTable} from './stream-table.ts';
import {OPERATOR_UID_PATTERN} from '../base/ids.ts';

export interface Planning {
  readonly expressions: ExpressionChecker;
  readonly stateTtl: StateTtl | null;
  readonly streams: StreamTable;
  readonly names: NameTable;
  readonly context: ReadContext;
}

/** Those that could be planned; everything else is reported. */
export function planSteps(steps: readonly ReadStep[], planning: Planning): readonly StepSpec[] {
  const specs: StepSpec[] = [];
  let waiting = [...steps];
  for (let progress = true; progress;) {
    progress = false;
    const still: ReadStep[] = [];
    for (const step of waiting) {
      const inputs = inputsOf(step, planning.streams);
      if (inputs === 'waiting') {
        still.push(step);
        continue;
      }
      progress = true;
      const spec = inputs === 'failed' ? undefined : planStep(step, inputs, planning);
      if (spec === undefined) markFailed(step, planning.streams);
      else specs.push(spec);
    }
    waiting = still;
  }
  reportWaiting(waiting, planning);
  return specs;
}

function inputsOf(
  step: ReadStep,
  streams: StreamTable,
): readonly InputDescription[] | 'waiting' | 'failed' {
  if (step.inputs === undefined || step.operator === undefined) return 'failed';
  const known: InputDescription[] = [];
  for (const {name} of step.inputs) {
    if (streams.isFailed(name)) return 'failed';
    const stream = streams.get(name);
    if (stream === undefined) return 'waiting';
    known.push(stream);
  }
  return known;
}

function planStep(
  step: ReadStep,
  inputs: readonly InputDescription[],
  planning: Planning,
): StepSpec | undefined {
  const {operator, options, inputs: taken} = step;
  const {context, names, streams} = planning;
  if (operator === undefined || taken === undefined) return undefined;
  for (const {name, node} of taken) streams.take(name, node, step.name);
  const firstSchema = inputs[0]!.schema;
  checkColumns(step.map, operator.fields, firstSchema, step.name, context);
  if (options === undefined) return undefined;
  const uid = step.id ?? generatedUid(step, names);
  const errorsBefore = context.findings.errorCount;
  const plan = operator.plan({
    uid,
    options,
    inputs,
    stateTtl: planning.stateTtl,
    expressions: planning.expressions,
    report: (problem) => {
      reportProblem(problem, step.map, step.name, context);
    },
  });
  if (plan === null || context.findings.errorCount > errorsBefore) return undefined;
  if (plan.stateful && step.id === null) refuseWithoutId(step, planning);
  addStreams(step, plan, inputs, planning);
  return {
    uid,
    type: operator.type,
    inputs: taken.map(({name}) => name),
    options: plan.options,
    schema: plan.schema,
    sideOutputs: plan.sideOutputs,
    keyColumns: plan.keyColumns,
    partitioning: step.partitioning,
    stateful: plan.stateful,
    usedColumns: plan.usedColumns ?? inputs.map(() => null),
    passesColumns: plan.passesColumns ?? false,
    stateFacets: plan.stateFacets ?? null,
  };
}

function addStreams(
  step: ReadStep,
  plan: StepPlan,
  inputs: readonly InputDescription[],
  {streams, names, context}: Planning,
): void {
  const bounded = inputs.every((input) => input.bounded);
  const {eventTime, eventTimeColumn = null} = plan;
  if (step.id !== null) {
    streams.add({name: step.id, schema: plan.schema, eventTime, eventTimeColumn, bounded});
  }
  for (const {name, schema} of plan.sideOutputs) {
    const place = placeOfName(step, name);
    if (!checkUid(name, `the side output of ${step.name}`, place, context)) continue;
    if (names.add(name, `side output of ${step.name}`, place)) {
      // A side output has the input's columns (`late-to`).
      const column = inputs[0]?.eventTimeColumn ?? null;
      streams.add({name, schema, eventTime, eventTimeColumn: column, bounded});
    }
  }
}

/** Where the option stands that gives a side output its name. */
function placeOfName(step: ReadStep, name: string): Place {
  const entry = step.map.entries.find(
    ({key, value}) => key !== 'input' && value.kind === 'scalar' && value.value === name,
  );
  return entry?.value ?? step.place;
}

/** For a step that nothing refers to: unique, and of no meaning to state, which it has none of. */
function generatedUid(step: ReadStep, names: NameTable): string {
  const base = `${step.operator?.type ?? 'step'}-${step.index + 1}`;
  let uid = base;
  for (let suffix = 2; names.has(uid); suffix += 1) uid = `${base}-${suffix}`;
  names.add(uid, 'step', step.place);
  return uid;
}

function refuseWithoutId(step: ReadStep, {names, context}: Planning): void {
  const input = step.inputs?.[0]?.name ?? 'step';
  const base = `${input}-${step.operator?.type ?? 'step'}`;
  let id = OPERATOR_UID_PATTERN.test(base) ? base : 'step';
  for (let suffix = 2; names.has(id); suffix += 1) id = `${base}-${suffix}`;
  context.findings.error(
    'step-id-missing',
    step.map,
    `${step.name} keeps state and has no id: state follows the id across edits of the job`,
    `id: ${id}`,
  );
}

/** Nothing that such a step might have made is reported as missing. */
function markFailed(step: ReadStep, streams: StreamTable): void {
  if (step.id !== null) streams.addFailed(step.id);
  for (const {name, node} of step.inputs ?? []) {
    // Reports an input that does not exist, once.
    if (streams.get(name) !== undefined || streams.isFailed(name)) {
      streams.take(name, node, step.name);
    }
  }
  for (const name of mentionedNames(step)) streams.addFailed(name);
}

const NO_NAMES: ReadonlySet<string> = new Set(['input', 'type', PARTITIONING_FIELD.name]);

/** Texts among its options: one of them may name a side output. */
function mentionedNames(step: ReadStep): readonly string[] {
  return step.map.entries.flatMap(({key, value}) =>
    !NO_NAMES.has(key) && value.kind === 'scalar' && typeof value.value === 'string'
      ? [value.value]
      : [],
  );
}

function reportWaiting(waiting: readonly ReadStep[], {streams, context}: Planning): void {
  const byName = new Map<string, ReadStep>();
  for (const step of waiting) {
    for (const name of mentionedNames(step)) byName.set(name, step);
  }
  for (const step of waiting) if (step.id !== null) byName.set(step.id, step);
  reportCycles(waiting, byName, context);
  for (const step of waiting) markFailed(step, streams);
  for (const step of waiting) {
    for (const {name, node} of step.inputs ?? []) streams.take(name, node, step.name);
  }
}

/** Each cycle once, as a path. */
function reportCycles(
  waiting: readonly ReadStep[],
  byName: ReadonlyMap<string, ReadStep>,
  context: ReadContext,
): void {
  const done = new Set<ReadStep>();
  for (const start of waiting) {
    const path: ReadStep[] = [];
    let step: ReadStep | undefined = start;
    // Every waiting step has an input that waits or dangles: follow the first that waits.
    while (step !== undefined && !done.has(step) && !path.includes(step)) {
      path.push(step);
      step = (step.inputs ?? [])
        .map(({name}) => byName.get(name))
        .find((producer) => producer !== undefined);
    }
    if (step !== undefined && path.includes(step)) {
      const cycle = path.slice(path.indexOf(step)).reverse();
      const names = [cycle.at(-1)!, ...cycle].map((each) => each.id ?? each.name);
      context.findings.error(
        'graph-cycle',
        step.place,
        `the steps are a cycle: ${names.join(' → ')}`,
        'take one of the inputs from elsewhere',
      );
    }
    for (const each of path) done.add(each);
  }
}
