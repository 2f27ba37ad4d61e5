// Rows of states: JSON Lines as they come, or a table of them.

import {stdoutHasRoom, stdoutIsFull, writeLines, writeResult} from './streams.ts';
import {escapeBytes} from './text.ts';
import type {Style} from './style.ts';
import type {ScannedRows} from '../../src/index.ts';

interface StateRow {
  readonly operator: string;
  readonly state: string;
  readonly key: Cells;
  readonly namespace: Cells | null;
  readonly value: Cells;
  readonly expires: string | null;
}

type Cells = Readonly<Record<string, string | number | boolean | null>>;

const COLUMNS = [
  {name: 'OPERATOR'},
  {name: 'STATE'},
  {name: 'KEY'},
  {name: 'NAMESPACE'},
  {name: 'VALUE'},
  {name: 'EXPIRES'},
] as const;

/** Of a table: its widths are known only when all of it is there. */
const TABLE_ROWS = 1000;

/** The number of rows. */
export async function printRows(
  batches: AsyncIterable<ScannedRows>,
  {json, style}: {readonly json: boolean; readonly style: Style},
): Promise<number> {
  let count = 0;
  let pending: string[] = [];
  for await (const {rowCount, lines} of batches) {
    count += rowCount;
    if (json) writeLines(process.stdout.isTTY ? escapeBytes(lines) : lines);
    else {
      for (const line of linesOf(lines)) pending.push(line);
      for (; pending.length > TABLE_ROWS; pending = pending.slice(TABLE_ROWS)) {
        writeResult(tableOf(pending.slice(0, TABLE_ROWS), style));
      }
    }
    if (stdoutIsFull()) await stdoutHasRoom();
  }
  if (pending.length > 0) writeResult(tableOf(pending, style));
  return count;
}

function linesOf(lines: Uint8Array): string[] {
  return Buffer.from(lines).toString('utf8').trimEnd().split('\n');
}

function tableOf(lines: readonly string[], style: Style): string {
  return style.table(
    COLUMNS,
    lines.map((line) => {
      const {operator, state, key, namespace, value, expires} = JSON.parse(line) as StateRow;
      return [
        operator,
        state,
        cellText(key),
        namespace === null ? '' : cellText(namespace),
        namedText(value),
        expires ?? '',
      ];
    }),
  );
}

function cellText(cells: Cells): string {
  return Object.values(cells).map(valueText).join(', ');
}

function namedText(cells: Cells): string {
  return Object.entries(cells)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ');
}

function valueText(value: string | number | boolean | null): string {
  return value === null ? 'NULL' : String(value);
}
