// Which rows of a state are wanted: what is asked of the first key column (prefix, range), of the whole key, and by an SQL
// condition over all columns, as compiled predicates.

import {EngineError} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import {bytesColumn, bytesCondition, bytesOfBase64, type BytesTest} from './bytes-condition.ts';
import {compilePredicate, parseExpression, type Predicate} from '../../expressions/expression.ts';
import {RecordFailure} from '../../expressions/record-failure.ts';
import {compileExpression} from '../../expressions/expression.ts';
import {compileKeyGroups} from '../../keys/key-groups-kernel.ts';
import type {Column} from '../../records/column.ts';
import {dataTypeText} from '../../records/data-type.ts';
import type {RecordBatch} from '../../records/record-batch.ts';
import type {Field, Schema} from '../../records/schema.ts';
import type {StateShape} from '../../state/rows/state-shape.ts';

export interface RowConditions {
  /** The whole key: one text for each of its columns, or null for NULL. */
  readonly key?: readonly (string | null)[] | undefined;
  /** The first key column, a string, begins with it. */
  readonly prefix?: string | undefined;
  /** The first key column is at least `from` and less than `to`, which are read as of its type. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** An SQL condition over key, namespace and values; only rows for which it is TRUE. */
  readonly where?: string | undefined;
}

export class RowFilter {
  /** Key, namespace, values. */
  readonly schema: Schema;
  /** Rows that pass are in one of them; undefined: in any. */
  readonly range: KeyGroupRange | undefined;
  readonly #predicates: readonly {readonly text: string; readonly predicate: Predicate}[];

  /** USAGE when a condition does not fit the state; `name` is the state's. */
  constructor(shape: StateShape, conditions: RowConditions, name: string) {
    this.schema = {fields: [...shape.spec.key, ...shape.values]};
    const {where} = conditions;
    const all = [
      ...keyConditions(shape, conditions, name),
      ...(where === undefined ? [] : [['--where', where] as const]),
    ];
    this.#predicates = all.map(([flag, asked]) => ({
      text: flag,
      predicate: typeof asked === 'string' ? predicateOf(flag, asked, this.schema, name) : asked,
    }));
    this.range = rangeOf(shape, conditions.key, name);
  }

  /** `selected` has room for all rows; the number of those that pass. */
  select(batch: RecordBatch, selected: Int32Array): number {
    let passing = batch;
    for (const {text, predicate} of this.#predicates) {
      try {
        const selectedCount = predicate.select(passing, selected);
        passing = {...passing, selection: selected, selectedCount};
      } catch (error) {
        if (!(error instanceof RecordFailure)) throw error;
        throw new EngineError('RECORD_FAILED', `${text}: ${error.reason}`, {
          hint: 'TRY_CAST and CASE keep a condition from failing; the same command with --limit 1 and without --where shows a row.',
        });
      }
    }
    if (passing !== batch) return passing.selectedCount;
    for (let row = 0; row < batch.rowCount; row += 1) selected[row] = row;
    return batch.rowCount;
  }
}

/** A flag, and what it asks: SQL text, or what no SQL text can say. */
type Condition = readonly [string, string | Predicate];

function keyConditions(
  {key}: StateShape,
  {key: wanted, prefix, from, to}: RowConditions,
  name: string,
): Condition[] {
  const texts: Condition[] = [];
  const [first] = key;
  if (wanted !== undefined) {
    if (wanted.length !== key.length) {
      throw usage(`--key has ${wanted.length} of the ${key.length} key columns of ${name}`, key);
    }
    for (const [index, field] of key.entries()) {
      const value = wanted[index] ?? null;
      if (value === null) texts.push(['--key', `${quoted(field.name)} IS NULL`]);
      else texts.push(['--key', compared(field, index, 'equal', value)]);
    }
  }
  const asked = prefix ?? from ?? to;
  if (asked === undefined) return texts;
  if (first === undefined) throw usage(`${name} has no key to begin with anything`, key);
  if (prefix !== undefined) {
    if (first.type.kind !== 'string') {
      throw usage(`--prefix is of strings, and ${first.name} is ${dataTypeText(first.type)}`, key);
    }
    const pattern = prefix.replaceAll(/[\\%_]/gu, (found) => `\\${found}`);
    texts.push(['--prefix', `${quoted(first.name)} LIKE ${sqlText(`${pattern}%`)} ESCAPE '\\'`]);
  }
  if (from !== undefined) texts.push(['--from', compared(first, 0, 'atLeast', from)]);
  if (to !== undefined) texts.push(['--to', compared(first, 0, 'below', to)]);
  // Said before any row is read.
  if (from !== undefined) valueOf('--from', key, 0, from, name);
  if (to !== undefined) valueOf('--to', key, 0, to, name);
  return texts;
}

const OPERATORS = {equal: '=', atLeast: '>=', below: '<'} as const;

/** Column `index`, which is `field`, with what was typed. */
function compared(field: Field, index: number, test: BytesTest, text: string): Condition[1] {
  if (field.type.kind !== 'bytes') {
    return `${quoted(field.name)} ${OPERATORS[test]} ${literal(field, text)}`;
  }
  return bytesCondition(index, test, bytesOfBase64(text, field.name));
}

function predicateOf(flag: string, text: string, schema: Schema, name: string): Predicate {
  const parsed = parseExpression(text, schema);
  if (parsed.kind === 'invalid') {
    const at = flag === '--where' ? ` at character ${parsed.offset + 1}` : '';
    throw new EngineError('USAGE', `${flag}${at}: ${parsed.message} (state ${name})`, {
      hint: `${parsed.suggestion === undefined ? '' : `${parsed.suggestion}; `}its columns: ${columnsText(schema.fields)}`,
    });
  }
  const {expression} = parsed;
  if (expression.type.kind !== 'boolean') {
    throw new EngineError(
      'USAGE',
      `${flag}: a condition is boolean, this is ${dataTypeText(expression.type)}`,
      {
        hint: "write it like --where '`n.count` > 10'",
      },
    );
  }
  return compilePredicate(expression);
}

/** The key group of a whole key, as one to read alone. */
function rangeOf(
  {key, maxParallelism}: StateShape,
  wanted: RowConditions['key'],
  name: string,
): KeyGroupRange | undefined {
  if (wanted === undefined) return undefined;
  const columns = key.map((_, index) => valueOf('--key', key, index, wanted[index] ?? null, name));
  const groups = new Uint16Array(1);
  compileKeyGroups(key, maxParallelism)(columns, null, 1, groups);
  return {start: groups[0]!, end: groups[0]!};
}

/** One row, and no column. */
const NOTHING: RecordBatch = {
  ...{schema: {fields: []}, rowCount: 1, columns: [], selection: null},
  ...{selectedCount: 1, watermarks: null, origin: null},
};

/** What was typed for column `index` of the key, as a column of one row; null: NULL. USAGE when it is none of the type. */
function valueOf(
  flag: string,
  key: readonly Field[],
  index: number,
  value: string | null,
  name: string,
): Column {
  const field = key[index]!;
  const type = dataTypeText(field.type);
  if (field.type.kind === 'bytes' && value !== null) {
    return bytesColumn(bytesOfBase64(value, field.name));
  }
  const text = value === null ? `CAST(NULL AS ${type})` : literal(field, value);
  const parsed = parseExpression(text, NOTHING.schema);
  if (parsed.kind === 'invalid') throw usage(`${flag}: ${parsed.message}`, key);
  try {
    return compileExpression(parsed.expression).evaluate(NOTHING);
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    throw usage(`${flag}: ${error.reason} (${field.name} of ${name} is ${type})`, key);
  }
}

function literal({type}: Field, text: string): string {
  if (type.kind === 'string') return sqlText(text);
  const read = type.kind === 'timestamp' ? text.replace(/Z$/u, '') : text;
  return `CAST(${sqlText(read)} AS ${dataTypeText(type)})`;
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function usage(message: string, key: readonly Field[]): EngineError {
  return new EngineError('USAGE', message, {hint: `the key is: ${columnsText(key)}`});
}

function columnsText(fields: readonly Field[]): string {
  const shown = fields.map(({name, type}) => `${quoted(name)} ${dataTypeText(type)}`);
  return shown.length === 0 ? 'nothing' : shown.join(', ');
}
