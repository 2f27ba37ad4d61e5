// Program text for CSV records of a known header: reads each wanted field in place and passes over the
// others. Leaves a record to the scanner when it has a line break or a doubled quote inside quotes, a
// quote inside an unquoted field, another number of fields, or a value in a rare form.

import {code, name, type Code} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import type {ColumnWriter} from './column-writer.ts';
import type {FastPath} from './json-fast-path.ts';
import {arraysCode, numberCode, readerConstants} from './read-code.ts';
import {isWellFormed} from './utf8.ts';

interface CsvFastPathOptions {
  readonly writers: readonly ColumnWriter[];
  /** Per field of the file, the columns that it goes to. */
  readonly fields: readonly (readonly number[])[];
  readonly delimiter: number;
  readonly nullText: Uint8Array;
  readonly maxRecordSize: number;
  /** Writes the unquoted or plainly quoted field [start, end) to a column; false: not of this type. */
  readonly writeField: (
    column: number,
    start: number,
    end: number,
    quoted: boolean,
    row: number,
  ) => boolean;
  /** Reads a number in a rare form; returns its end or -1. */
  readonly number: (column: number, at: number, row: number) => number;
}

/** Beyond this, the program text would be too long for V8 to optimise. */
export const MAX_FAST_FIELDS = 200;

export function compileCsvFastPath(options: CsvFastPathOptions): FastPath {
  const {writers, fields} = options;
  const constants: Record<string, unknown> = {
    plainStop: byteTable([0x00, 0x0a, 0x0d, 0x22, options.delimiter]),
    quotedStop: byteTable([0x00, 0x0a, 0x22]),
    writeField: options.writeField,
    isWellFormed,
  };
  writers.forEach((writer, index) =>
    Object.assign(
      constants,
      readerConstants(index, writer, {
        number: (at, row) => options.number(index, at, row),
        string: () => -1,
      }),
    ),
  );
  const body = code`${writers.map((writer, index) => arraysCode(index, writer))}
let p = at;
while (row < rowLimit) {
  const start = p;
  record: {
    ${fields.map((columns, field) => fieldCode(columns, field, options))}
    if (p - start > ${options.maxRecordSize}) break record;
    if (b[p] === 10) p += 1;
    else if (b[p] === 13 && b[p + 1] === 10) p += 2;
    else break record;
    rowStarts[row] = start;
    row += 1;
    continue;
  }
  p = start;
  break;
}
result[0] = p;
return row;`;
  const parameters = ['b', 'v', 'at', 'row', 'rowLimit', 'rowStarts', 'result'];
  return compile<FastPath>(
    'decodeCsvFast',
    parameters.map((parameter) => name(parameter)),
    body,
    constants,
  );
}

function byteTable(bytes: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of bytes) table[byte] = 1;
  return table;
}

function fieldCode(columns: readonly number[], field: number, options: CsvFastPathOptions): Code {
  const last = field === options.fields.length - 1;
  const values = columns.map((column, position) => {
    const again = position === 0 ? code`` : code`p = fieldStart;`;
    return code`{
  ${again}
  ${valueCode(column, options)}
}`;
  });
  const delimiter = last
    ? code``
    : code`if (b[p] !== ${options.delimiter}) break record;
p += 1;`;
  return code`{
  const fieldStart = p;
  ${columns.length === 0 ? scanFieldCode() : values}
}
${delimiter}`;
}

function valueCode(column: number, options: CsvFastPathOptions): Code {
  const writer = options.writers[column]!;
  const nulls = name('nulls', column);
  if (writer.form === 'number') {
    return code`if (${nullAheadCode(options)}) {
  ${nulls}[row] = 1;
  p += ${options.nullText.length};
} else {
  ${numberCode(column, writer, code``)}
}`;
  }
  const isNull = [code`!quoted`, code`e - s === ${options.nullText.length}`];
  options.nullText.forEach((byte, index) => isNull.push(code`b[s + ${index}] === ${byte}`));
  const [first, ...rest] = isNull;
  const condition = rest.reduce((all, next) => code`${all} && ${next}`, first!);
  return code`${scanFieldCode()}
if (${condition}) ${nulls}[row] = 1;
else ${storeCode(column, writer)}`;
}

/** Whether the NULL text is at `p`, as the whole field. */
function nullAheadCode({nullText, delimiter}: CsvFastPathOptions): Code {
  const end = code`b[p + ${nullText.length}]`;
  const bytes = Array.from(nullText, (byte, index) => code`b[p + ${index}] === ${byte} && `);
  return code`${bytes}(${end} === ${delimiter} || ${end} === 10 || ${end} === 13)`;
}

function storeCode(column: number, writer: ColumnWriter): Code {
  if (writer.column.type.kind === 'string') {
    return code`{
  if (high > 127 && !isWellFormed(b, s, e)) break record;
  ${name('starts', column)}[row] = s;
  ${name('ends', column)}[row] = e;
}`;
  }
  if (writer.parseTime !== null) {
    return code`{
  const t = ${name('time', column)}(b, s, e);
  if (t !== t) break record;
  ${name('values', column)}[row] = t;
}`;
  }
  return code`if (!writeField(${column}, s, e, quoted, row)) break record;`;
}

/** Moves `p` behind a field; its text is [s, e), and `high` has the top bit of any of its bytes. */
function scanFieldCode(): Code {
  return code`const quoted = b[p] === 34;
if (quoted) p += 1;
const s = p;
let high = 0;
if (quoted) for (; quotedStop[b[p]] === 0; p += 1) high |= b[p];
else for (; plainStop[b[p]] === 0; p += 1) high |= b[p];
const e = p;
if (quoted) {
  if (b[p] !== 34 || b[p + 1] === 34) break record;
  p += 1;
}`;
}
