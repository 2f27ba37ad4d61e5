// The one module that styles. chalk does not know NO_COLOR and cli-table3 colours its header and border
// even in a pipe: both are told here what the stream can show.

import {Chalk} from 'chalk';
import Table from 'cli-table3';
import {escapeText} from './text.ts';

export type ColorLevel = 0 | 1 | 2 | 3;

export interface StreamFacts {
  readonly isTTY: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--color`, `--no-color`; null: neither. */
  readonly color: boolean | null;
  /** Of a terminal: how many characters a line has. */
  readonly columns?: number | undefined;
}

/** The flag, then NO_COLOR, then FORCE_COLOR, then what the terminal says of itself. */
export function colorLevel({isTTY, environment, color}: StreamFacts): ColorLevel {
  if (color === false) return 0;
  if (color === true) return terminalLevel(environment) || 1;
  if ((environment['NO_COLOR'] ?? '') !== '') return 0;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forcedLevel(forced);
  return isTTY ? terminalLevel(environment) : 0;
}

function forcedLevel(value: string): ColorLevel {
  if (value === '0' || value === 'false') return 0;
  if (value === '2') return 2;
  if (value === '3') return 3;
  return 1;
}

function terminalLevel(environment: StreamFacts['environment']): ColorLevel {
  const term = environment['TERM'] ?? '';
  if (term === 'dumb') return 0;
  if (/^(truecolor|24bit)$/.test(environment['COLORTERM'] ?? '')) return 3;
  return term.includes('256color') ? 2 : 1;
}

export interface Column {
  readonly name: string;
  /** Numbers; default left. */
  readonly align?: 'right' | undefined;
  /** On a terminal that is too narrow for all: which column goes first; absent: it stays. */
  readonly drop?: number | undefined;
  /** There, when that is not enough: its cells are cut. */
  readonly cut?: true | undefined;
}

/** How one stream is written to. */
export interface Style {
  readonly level: ColorLevel;
  /** A terminal that understands cursor movement. */
  readonly live: boolean;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  /** Lines without a trailing blank or line end. Cells are user text: they are escaped here. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): string;
}

export function makeStyle(facts: StreamFacts): Style {
  const level = colorLevel(facts);
  const chalk = new Chalk({level});
  return {
    level,
    live: facts.isTTY && facts.environment['TERM'] !== 'dumb',
    bold: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    good: (text) => chalk.green(text),
    warn: (text) => chalk.yellow(text),
    bad: (text) => chalk.red(text),
    table: (columns, rows) =>
      renderTable(facts, columns, rows, {
        head: (text) => chalk.bold(text),
        note: (text) => chalk.dim(text),
      }),
  };
}

const NO_BORDERS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
    ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((part) => [part, '']),
);

function renderTable(
  facts: StreamFacts,
  allColumns: readonly Column[],
  allRows: readonly (readonly string[])[],
  {head, note}: {readonly head: Styled; readonly note: Styled},
): string {
  const escaped = allRows.map((row) => row.map(escapeText));
  const width = facts.isTTY ? (facts.columns ?? 0) : 0;
  const {columns, rows, left} = fitted(allColumns, escaped, width === 0 ? Infinity : width);
  const table = render(columns, rows, head);
  if (left.length === 0) return table;
  return `${table}\n${note(`(too narrow for ${left.join(', ')}; --json tells all)`)}`;
}

type Styled = (text: string) => string;

/** What a pipe gets is never cut; a terminal of `width` characters would break lines. */
function fitted(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  readonly left: readonly string[];
} {
  const widths = columns.map(({name}, at) =>
    rows.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), name.length),
  );
  const kept = new Set(columns.keys());
  const total = (): number => [...kept].reduce((sum, at) => sum + (widths[at] ?? 0) + GAP, 0) - GAP;
  const order = [...columns.keys()]
    .filter((at) => columns[at]?.drop !== undefined)
    .sort((left, right) => (columns[left]?.drop ?? 0) - (columns[right]?.drop ?? 0));
  const left: number[] = [];
  for (const at of order) {
    if (total() <= width) break;
    kept.delete(at);
    left.push(at);
  }
  const limits = [...widths];
  const cuttable = [...kept].filter((at) => columns[at]?.cut === true);
  for (const at of cuttable.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))) {
    const over = total() - width;
    if (over <= 0) break;
    const limit = Math.max(CUT_MIN, (widths[at] ?? 0) - over);
    limits[at] = limit;
    widths[at] = Math.min(widths[at] ?? 0, limit);
  }
  const shown = [...columns.keys()].filter((at) => kept.has(at));
  return {
    columns: shown.flatMap((at) => columns[at] ?? []),
    rows: rows.map((row) => shown.map((at) => cutTo(row[at] ?? '', limits[at] ?? Infinity))),
    left: left.sort((a, b) => a - b).map((at) => columns[at]?.name ?? ''),
  };
}

function cutTo(cell: string, limit: number): string {
  return cell.length <= limit ? cell : `${cell.slice(0, limit - 3)}...`;
}

/** Between two columns. */
const GAP = 2;

/** A cell that is cut keeps so many characters. */
const CUT_MIN = 12;

function render(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  head: (text: string) => string,
): string {
  const names = columns.map(({name}) => escapeText(name));
  const isPlain = (row: readonly string[]): boolean => row.every((cell) => PLAIN.test(cell));
  return isPlain(names) && cells.every(isPlain)
    ? renderPlain(columns, [names, ...cells], head)
    : renderWide(columns, names, cells, head);
}

/** Each character is one column wide. */
const PLAIN = /^[ -~]*$/;

/** What cli-table3 would write, of a thousand rows in a hundredth of its time. */
function renderPlain(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  head: (text: string) => string,
): string {
  const widths = columns.map((_column, at) =>
    rows.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), 0),
  );
  const lines = rows.map((row, index) => {
    const padded = columns.map(({align}, at) => {
      const cell = row[at] ?? '';
      const blanks = ' '.repeat((widths[at] ?? 0) - cell.length);
      const shown = index === 0 ? head(cell) : cell;
      return align === 'right' ? blanks + shown : shown + blanks;
    });
    return padded.join('  ').trimEnd();
  });
  return lines.join('\n');
}

/** cli-table3 knows how wide a character is. */
function renderWide(
  columns: readonly Column[],
  names: readonly string[],
  rows: readonly (readonly string[])[],
  head: (text: string) => string,
): string {
  const table = new Table({
    head: names.map(head),
    colAligns: columns.map((column) => column.align ?? 'left'),
    chars: {...NO_BORDERS, middle: '  '},
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
