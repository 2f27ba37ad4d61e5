// `checkpoint inspect` of what Apache Flink wrote, for a person.

import {escapeText} from './text.ts';
import {countOf, formatBytes, formatCount} from './units.ts';
import type {FlinkCheckpointDetails} from '../../src/index.ts';
import type {Style} from './style.ts';

type Operator = FlinkCheckpointDetails['operators'][number];

const FINDINGS_SHOWN = 20;

export interface FlinkInspectChoice {
  /** Only this operator, with its subtasks: its uid, name or id; null: all, without. */
  readonly operator: string | null;
  readonly files: boolean;
}

export function flinkInspectLines(
  details: FlinkCheckpointDetails,
  choice: FlinkInspectChoice,
  style: Style,
): string[] {
  const operators = chosenFlinkOperators(details, choice.operator);
  const lines = choice.operator === null ? headLines(details, style) : [];
  if (choice.operator === null) lines.push('', operatorTable(operators, style));
  lines.push('', stateTable(operators, style));
  if (choice.operator !== null) lines.push('', subtaskTable(operators, style));
  if (choice.files) lines.push('', fileTable(details, operators, style));
  return lines;
}

/** All, or those that are called so. */
export function chosenFlinkOperators(
  {operators}: FlinkCheckpointDetails,
  called: string | null,
): readonly Operator[] {
  if (called === null) return operators;
  return operators.filter(({uid, name, operator_id}) => [uid, name, operator_id].includes(called));
}

function headLines(details: FlinkCheckpointDetails, style: Style): string[] {
  const state = details.state === 'complete' ? style.good('complete') : style.bad(details.state);
  const marks = [
    ...(details.savepoint_format === null ? [] : [details.savepoint_format]),
    ...(details.unaligned ? ['unaligned'] : []),
    ...(details.incremental ? ['incremental'] : []),
  ];
  const kind = details.checkpoint_kind ?? 'checkpoint or savepoint';
  const job = details.job_id === null ? '' : ` of job ${details.job_id}`;
  const shared = details.shared_bytes;
  const freed = details.freed_if_dropped_bytes;
  const lines = [
    `${style.bold(`${kind} ${details.id}`)}${job}: ${state}`,
    `  path       ${escapeText(details.path)}`,
    `  format     flink ${details.format_version}, written by ${details.engine}`,
    ...(marks.length === 0 ? [] : [`  what       ${marks.join(', ')}`]),
    `  size       ${formatBytes(details.bytes)}: ${formatBytes(details.own_bytes)} own, ${formatBytes(shared)} shared`,
    `  if dropped ${freed === null ? 'unknown: a checkpoint beside it cannot be read' : `frees ${formatBytes(freed)}`}`,
    `  needs      ${details.self_contained ? 'nothing outside its directory' : 'files by their absolute paths: `checkpoint copy` makes a copy that does not'}`,
  ];
  for (const {severity, message} of details.findings.slice(0, FINDINGS_SHOWN)) {
    const mark = severity === 'error' ? style.bad('damage') : style.warn('note  ');
    lines.push(`  ${mark}     ${escapeText(message)}`);
  }
  const more = details.findings.length - FINDINGS_SHOWN;
  if (more > 0) lines.push(`  and ${formatCount(more)} more: tidemark checkpoint verify shows all`);
  return lines;
}

/** What it is called best. */
function nameOf({uid, name, operator_id}: Operator): string {
  return uid ?? name ?? operator_id;
}

function operatorTable(operators: readonly Operator[], style: Style): string {
  return style.table(
    [
      {name: 'OPERATOR', cut: true},
      {name: 'ID', drop: 2},
      {name: 'PARALLELISM', align: 'right'},
      {name: 'STATE', align: 'right'},
      {name: 'SKEW', align: 'right', drop: 1},
    ],
    operators.map((operator) => [
      operator.uid ?? operator.name ?? '?',
      operator.operator_id,
      `${operator.parallelism} of ${operator.max_parallelism}`,
      operator.finished ? 'finished' : formatBytes(operator.state_bytes),
      operator.skew === null || operator.parallelism === 1 ? '-' : `${operator.skew.toFixed(2)}x`,
    ]),
  );
}

function stateTable(operators: readonly Operator[], style: Style): string {
  return style.table(
    [
      {name: 'OPERATOR', cut: true},
      {name: 'STATE', cut: true},
      {name: 'KIND'},
      {name: 'ELEMENTS', align: 'right'},
      {name: 'SIZE', align: 'right'},
    ],
    operators.flatMap((operator) =>
      operator.states.map((state) => [
        nameOf(operator),
        state.name ?? '-',
        `${state.raw ? 'raw ' : ''}${state.kind}, ${state.form}`,
        state.elements === null ? '-' : formatCount(state.elements),
        state.bytes === null ? '?' : formatBytes(state.bytes),
      ]),
    ),
  );
}

function subtaskTable(operators: readonly Operator[], style: Style): string {
  return style.table(
    [
      {name: 'SUBTASK', align: 'right'},
      {name: 'SIZE', align: 'right'},
      {name: 'FILES', align: 'right'},
      {name: 'KEY GROUPS'},
    ],
    operators.flatMap(({subtasks}) =>
      subtasks.map(({index, bytes, files, key_groups, finished}) => [
        String(index),
        finished ? 'finished' : formatBytes(bytes),
        formatCount(files),
        key_groups === null ? '-' : `${key_groups.start} to ${key_groups.end}`,
      ]),
    ),
  );
}

function fileTable(
  {files}: FlinkCheckpointDetails,
  operators: readonly Operator[],
  style: Style,
): string {
  const ids = new Set(operators.map(({operator_id}) => operator_id));
  const shown = files.filter((file) => file.operators.some((id) => ids.has(id)));
  if (shown.length === 0) return countOf(0, 'file');
  return style.table(
    [{name: 'SIZE', align: 'right'}, {name: 'WHOSE'}, {name: 'PATH'}],
    shown.map(({path, bytes, shared}) => [formatBytes(bytes), shared ? 'shared' : 'own', path]),
  );
}
