// Rows of states: JSON Lines as they come, or a table of them.

import {stdoutHasRoom, stdoutIsFull, writeLines, writeResult} from './streams.ts';
import {membersOf} from './exact-json.ts';
import {escapeBytes} from './text.ts';
import type {Style} from './style.ts';
import type {ScannedRows} from '../../src/index.ts';

const COLUMNS = [
  {name: 'OPERATOR'},
  {name: 'STATE'},
  {name: 'KEY', cut: true},
  {name: 'NAMESPACE'},
  {name: 'VALUE', cut: true},
  {name: 'EXPIRES', drop: 1},
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
      const row = new Map(membersOf(line));
      const part = (name: string): string => row.get(name) ?? 'null';
      return [
        ...[part('operator'), part('state')].map(valueText),
        ...[part('key'), part('namespace')].map(cellText),
        namedText(part('value')),
        part('expires') === 'null' ? '' : valueText(part('expires')),
      ];
    }),
  );
}

function cellText(cells: string): string {
  return membersOf(cells)
    .map(([, text]) => valueText(text))
    .join(', ');
}

function namedText(cells: string): string {
  return membersOf(cells)
    .map(([name, text]) => `${name}=${valueText(text)}`)
    .join(' ');
}

/** Of JSON: a number as it stands there. */
function valueText(text: string): string {
  if (text === 'null') return 'NULL';
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}
