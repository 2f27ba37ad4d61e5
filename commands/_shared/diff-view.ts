// `checkpoint diff`, for a person and as JSON.

import {countOf, formatBytes, formatCount} from './units.ts';
import {exactValue, membersOf} from './exact-json.ts';
import {escapeText} from './text.ts';
import type {DiffReport} from '../../src/index.ts';
import type {Style} from './style.ts';

type StateDifference = DiffReport['operators']['changed'][number]['states'][number];
type RowDiff = StateDifference['rows'][number];

/** Lines of one source, on each side. */
const POSITIONS_SHOWN = 10;

/** Parts of a row of `state scan`, as JSON. */
interface StateRow {
  readonly key: string;
  readonly namespace: string;
  readonly value: string;
}

function partsOf(line: string | null): StateRow | null {
  if (line === null) return null;
  const row = new Map(membersOf(line));
  const part = (name: string): string => row.get(name) ?? 'null';
  return {key: part('key'), namespace: part('namespace'), value: part('value')};
}

/** The object of a part; integers beyond 2^53 and longer decimals are strings. */
function objectOf(part: string): Readonly<Record<string, unknown>> | null {
  if (part === 'null') return null;
  return Object.fromEntries(membersOf(part).map(([name, text]) => [name, exactValue(text)]));
}

const NOTHING: StateRow = {key: 'null', namespace: 'null', value: 'null'};

export function diffFields(diff: DiffReport): Readonly<Record<string, unknown>> {
  const {from, to, equal, operators, sources, bytes} = diff;
  const changed = operators.changed.map(({uid, type, states}) => ({
    uid,
    type,
    states: states.map((state) => ({...state, rows: state.rows.map(rowFields)})),
  }));
  return {equal, from, to, operators: {...operators, changed}, sources, bytes};
}

function rowFields({change, from, to}: RowDiff): object {
  const [before, after] = [partsOf(from), partsOf(to)];
  const {key, namespace} = after ?? before ?? NOTHING;
  return {
    ...{change, key: objectOf(key), namespace: objectOf(namespace)},
    ...{from: objectOf(before?.value ?? 'null'), to: objectOf(after?.value ?? 'null')},
  };
}

export function diffLines(diff: DiffReport, style: Style): string[] {
  const {operators, positions, bytes} = diff;
  const {added, removed, changed} = operators;
  const lines = [
    `from  ${escapeText(diff.from)}, ${formatBytes(bytes.from)} of state`,
    `to    ${escapeText(diff.to)}, ${formatBytes(bytes.to)} of state`,
    diff.equal ? style.good('same state') : style.warn('different'),
  ];
  for (const uid of added) lines.push(`  + operator ${escapeText(uid)}`);
  for (const uid of removed) lines.push(`  - operator ${escapeText(uid)}`);
  const retyped = changed.filter(({type}) => type.from !== type.to);
  for (const {uid, type} of retyped) {
    lines.push(
      `  operator ${escapeText(uid)} was ${escapeText(type.from)}, is ${escapeText(type.to)}`,
    );
  }
  for (const {operator, from, to} of positions) {
    lines.push(`  source ${escapeText(operator)} goes on elsewhere`);
    lines.push(...positionLines('-', from), ...positionLines('+', to));
  }
  const states = changed.flatMap(({uid, states: own}) => own.map((state) => ({uid, ...state})));
  if (states.length > 0) lines.push('', stateTable(states, style));
  const rows = states.flatMap(({uid, name, rows: own}) =>
    own.map((row) => rowCells(`${uid}.${name}`, row)),
  );
  if (rows.length > 0) lines.push('', rowTable(rows, style));
  const all = states.reduce((sum, state) => sum + keysOf(state), 0);
  if (rows.length > 0 && rows.length < all) {
    lines.push(`${formatCount(rows.length)} of ${countOf(all, 'row')}; more: --limit N`);
  }
  return lines;
}

function positionLines(mark: string, at: readonly string[]): string[] {
  const more = at.length - POSITIONS_SHOWN;
  return [
    ...at.slice(0, POSITIONS_SHOWN).map((line) => `    ${mark} ${escapeText(line)}`),
    ...(more > 0 ? [`    ${mark} and ${more} more (all of them with --json)`] : []),
  ];
}

function keysOf({keys_added, keys_removed, keys_changed}: StateDifference): number {
  return keys_added + keys_removed + keys_changed;
}

function stateTable(
  states: readonly (StateDifference & {readonly uid: string})[],
  style: Style,
): string {
  return style.table(
    [
      {name: 'OPERATOR'},
      {name: 'STATE'},
      {name: 'KEYS ADDED', align: 'right'},
      {name: 'REMOVED', align: 'right'},
      {name: 'CHANGED', align: 'right'},
      {name: 'NOTE'},
    ],
    states.map((state) => {
      const counts = [state.keys_added, state.keys_removed, state.keys_changed];
      const shown = counts.map((count) => (state.kind === 'keyed' ? formatCount(count) : '-'));
      const note = state.kind === 'keyed' ? '' : 'another value';
      return [state.uid, state.name, ...shown, state.schema_changed ? 'other columns' : note];
    }),
  );
}

function rowCells(whose: string, row: RowDiff): string[] {
  const mark = {added: '+', removed: '-', changed: '~'}[row.change];
  const [before, after] = [partsOf(row.from), partsOf(row.to)];
  const {key, namespace} = after ?? before ?? NOTHING;
  const name = namespace === 'null' ? '' : ` ${namespace}`;
  return [mark, whose, `${key}${name}`, before?.value ?? '', after?.value ?? ''];
}

function rowTable(rows: readonly string[][], style: Style): string {
  return style.table(
    [{name: ''}, {name: 'STATE'}, {name: 'KEY'}, {name: 'FROM'}, {name: 'TO'}],
    rows,
  );
}
