// `checkpoint inspect` for a person.

import {escapeText} from './text.ts';
import {countOf, formatBytes, formatCount, formatDuration, formatInstant} from './units.ts';
import type {CheckpointDetails, InspectReport} from '../../src/index.ts';
import type {Style} from './style.ts';

const POSITIONS_SHOWN = 10;
const FINDINGS_SHOWN = 20;

export interface InspectChoice {
  /** Only this operator, with its subtasks; null: all, without. */
  readonly operator: string | null;
  readonly files: boolean;
  readonly now: number;
}

export function inspectLines(
  {details, positions}: InspectReport,
  choice: InspectChoice,
  style: Style,
): string[] {
  const operators = chosen(details, choice.operator);
  const lines = choice.operator === null ? headLines(details, choice.now, style) : [];
  if (choice.operator === null) {
    for (const {operator, at} of positions) lines.push(...positionLines(operator, at));
    lines.push('', operatorTable(operators, style));
  }
  for (const line of stateTable(operators, style)) lines.push(line);
  if (choice.operator !== null) lines.push('', subtaskTable(operators, style));
  if (choice.files) lines.push('', fileTable(details, choice.operator, style));
  return lines;
}

/** All, or the one that is asked for. */
export function chosen(
  {operators}: CheckpointDetails,
  uid: string | null,
): CheckpointDetails['operators'] {
  return uid === null ? operators : operators.filter((operator) => operator.uid === uid);
}

function headLines(details: CheckpointDetails, now: number, style: Style): string[] {
  const state = details.state === 'complete' ? style.good('complete') : style.bad('damaged');
  const created = Date.parse(details.created);
  const age = formatDuration(Math.max(0, now - created));
  const marks = [
    details.purpose,
    ...(details.unaligned ? ['unaligned'] : []),
    ...(details.incremental ? ['incremental'] : []),
    ...(details.drained ? ['drained'] : []),
    ...(details.held ? ['held'] : []),
  ];
  const lines = [
    `${style.bold(`${details.checkpoint_kind} ${details.id}`)} of ${escapeText(details.job_name)}: ${state}`,
    `  path       ${escapeText(details.path)}`,
    `  created    ${formatInstant(created)} (${age} ago), took ${formatDuration(details.duration_ms)}`,
    `  what       ${marks.join(', ')}; generation ${details.generation}, lineage ${details.lineage}`,
    `  format     tidemark ${details.format_version}, written by ${escapeText(details.engine)}`,
    `  size       ${formatBytes(details.bytes)}: ${formatBytes(details.own_bytes)} own, ${formatBytes(details.shared_bytes)} shared`,
    `  if dropped ${freedText(details)}`,
    `  needs      ${needsText(details)}`,
    `  watermark  ${details.watermark ?? 'none'}`,
  ];
  for (const {message} of details.findings.slice(0, FINDINGS_SHOWN)) {
    lines.push(`  ${style.bad('damage')}     ${escapeText(message)}`);
  }
  const more = details.findings.length - FINDINGS_SHOWN;
  if (more > 0) lines.push(`  and ${formatCount(more)} more: tidemark checkpoint verify shows all`);
  return lines;
}

function freedText({freed_if_dropped_bytes: freed, held}: CheckpointDetails): string {
  if (freed === null) return 'unknown: a checkpoint beside it cannot be read';
  return `frees ${formatBytes(freed)}${held ? ', but it is held' : ''}`;
}

function needsText({self_contained: alone, files, path}: CheckpointDetails): string {
  if (alone) return 'nothing outside its directory';
  const shared = files.filter((file) => file.shared);
  const directory = `${path.slice(0, path.lastIndexOf('/'))}/shared`;
  return `${countOf(shared.length, 'file')} in ${escapeText(directory)}`;
}

function positionLines(operator: string, at: readonly string[]): string[] {
  const shown = at.slice(0, POSITIONS_SHOWN).map(escapeText);
  const more = at.length - POSITIONS_SHOWN;
  return [
    `  source     ${escapeText(operator)}: ${shown[0] ?? ''}`,
    ...shown.slice(1).map((line) => `             ${line}`),
    ...(more > 0 ? [`             and ${more} more (all of them with --json)`] : []),
  ];
}

function operatorTable(operators: CheckpointDetails['operators'], style: Style): string {
  return style.table(
    [
      {name: 'OPERATOR'},
      {name: 'TYPE'},
      {name: 'PARALLELISM', align: 'right'},
      {name: 'STATE', align: 'right'},
      {name: 'SKEW', align: 'right'},
    ],
    operators.map((operator) => [
      operator.uid,
      operator.type,
      `${operator.parallelism} of ${operator.max_parallelism}`,
      formatBytes(operator.state_bytes),
      operator.skew === null || operator.parallelism === 1 ? '-' : `${operator.skew.toFixed(2)}x`,
    ]),
  );
}

function stateTable(operators: CheckpointDetails['operators'], style: Style): string[] {
  const rows = operators.flatMap(({uid, states}) =>
    states.map((state) => [
      uid,
      state.name,
      state.kind,
      state.key_type ?? '-',
      state.value_type ?? '-',
      state.rows === null ? '-' : formatCount(state.rows),
      state.bytes === null ? '-' : formatBytes(state.bytes),
    ]),
  );
  if (rows.length === 0) return ['', 'no state'];
  return [
    '',
    style.table(
      [
        {name: 'OPERATOR'},
        {name: 'STATE'},
        {name: 'KIND'},
        {name: 'KEY', cut: true},
        {name: 'VALUE', cut: true},
        {name: 'ROWS', align: 'right'},
        {name: 'BYTES', align: 'right'},
      ],
      rows,
    ),
  ];
}

function subtaskTable(operators: CheckpointDetails['operators'], style: Style): string {
  return style.table(
    [
      {name: 'SUBTASK', align: 'right'},
      {name: 'BYTES', align: 'right'},
      {name: 'FILES', align: 'right'},
      {name: 'ROWS', align: 'right'},
      {name: 'WATERMARK'},
    ],
    operators.flatMap(({subtasks}) =>
      subtasks.map((subtask) => [
        String(subtask.index),
        formatBytes(subtask.bytes),
        formatCount(subtask.files),
        subtask.rows === null ? '-' : formatCount(subtask.rows),
        subtask.watermark ?? '-',
      ]),
    ),
  );
}

function fileTable(details: CheckpointDetails, operator: string | null, style: Style): string {
  const files = details.files.filter(
    ({operators}) => operator === null || operators.includes(operator),
  );
  return style.table(
    [{name: 'FILE'}, {name: 'BYTES', align: 'right'}, {name: 'SHARED'}, {name: 'SHA-256'}],
    files.map((file) => [
      file.path,
      formatBytes(file.bytes),
      file.shared ? 'yes' : 'no',
      file.sha256,
    ]),
  );
}
