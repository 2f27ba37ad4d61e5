// `state scan` and `state get`: rows that pass a filter, as JSON lines.

import {assert} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type {Column} from '../../records/column.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import {openCheckpoint} from './open-checkpoint.ts';
import {readTable, type ReadTableOptions, type StateRows} from './read-states.ts';
import {RowFilter, type RowConditions} from './row-filter.ts';
import {RowJson} from './row-json.ts';
import {stateTables, type StateTable} from './state-tables.ts';

export interface ScanOptions extends Omit<ReadTableOptions, 'range'> {
  readonly operator?: string | undefined;
  readonly state?: string | undefined;
  /** Several states of that description are refused. */
  readonly single?: boolean | undefined;
  readonly conditions: RowConditions;
  /** Rows at most; null: all. */
  readonly limit: number | null;
  /** How long rows live, as their job says; null: nobody says, and nothing is shown to expire. */
  readonly ttlMillis: number | null;
}

export interface ScannedRows {
  readonly rowCount: number;
  /** A JSON object for each row, each with its line break. The receiver's. */
  readonly lines: Uint8Array;
}

/** Errors of `readStates`; NOT_FOUND when the checkpoint has no such operator or state, USAGE when a condition does not fit it. */
export async function* scanState(options: ScanOptions): AsyncGenerator<ScannedRows> {
  const {files, directory, limit} = options;
  const metadata = await openCheckpoint(files, directory);
  const tables = chosenTables(stateTables(metadata, directory), options);
  // All of them before the first row: what does not fit one of the states is no result of another.
  const filters = new Map(
    tables.map((table) => [table, new RowFilter(table.shape, options.conditions, nameOf(table))]),
  );
  let left = limit ?? Infinity;
  for (const [table, filter] of filters) {
    if (left === 0) return;
    const json = new RowJson(table);
    let selected = new Int32Array(0);
    for await (const rows of readTable(table, {...options, range: filter.range})) {
      if (selected.length < rows.rowCount) selected = new Int32Array(rows.rowCount);
      const batch = batchOf(rows, filter);
      const count = Math.min(left, filter.select(batch, selected));
      if (count > 0) {
        const passing = {...batch, selection: selected, selectedCount: count};
        yield {rowCount: count, lines: json.lines(passing, expiry(rows, options.ttlMillis))};
      }
      left -= count;
      if (left === 0) break;
    }
  }
}

function batchOf(rows: StateRows, {schema}: RowFilter): RecordBatch {
  const {rowCount, key, values} = rows;
  return {
    ...{schema, rowCount, columns: [...key, ...values]},
    ...{selection: null, selectedCount: rowCount, watermarks: null, origin: null},
  };
}

/** When each row expires, milliseconds since the epoch; NULL: never, or nobody says. */
export function expiry({rowCount, values, table}: StateRows, ttlMillis: number | null): Column {
  const {updated} = table.shape;
  const expires = new Float64Array(rowCount);
  if (updated < 0 || ttlMillis === null) {
    return {layout: 'float64', values: expires, nulls: new Uint8Array(rowCount).fill(1)};
  }
  const written = values[updated]!;
  assert(written.layout === 'float64', 'the time of the last write');
  for (let row = 0; row < rowCount; row += 1) expires[row] = written.values[row]! + ttlMillis;
  return {layout: 'float64', values: expires, nulls: null};
}

/** The tables of the operators and states that are named, in the order of the checkpoint. */
export function chosenTables(
  tables: readonly StateTable[],
  {
    operator,
    state,
    single = false,
    directory,
  }: Pick<ScanOptions, 'operator' | 'state' | 'single' | 'directory'>,
): readonly StateTable[] {
  const all = [...new Set(tables.map(nameOf))];
  const chosen = tables.filter(
    (table) =>
      (operator === undefined || table.operator === operator) &&
      (state === undefined || table.state === state),
  );
  const names = [...new Set(chosen.map(nameOf))];
  const listed = `its states: ${all.length === 0 ? 'none' : all.join(', ')}`;
  if (names.length > 1 && single) {
    throw new EngineError('USAGE', `${directory} has several states: ${names.join(', ')}`, {
      hint: 'name one of them with --operator and --state',
    });
  }
  if (chosen.length > 0 || (operator === undefined && state === undefined && !single))
    return chosen;
  const wanted = [operator ?? '*', state ?? '*'].join('.');
  throw new EngineError('NOT_FOUND', `${directory} has no keyed state ${wanted}`, {hint: listed});
}

function nameOf({operator, state}: StateTable): string {
  return `${operator}.${state}`;
}
