// Program text that writes the rows of a batch: one loop, with the literal bytes between the values and
// one block per column. JSON and CSV differ in the literals and in how text is written.
//
// Names in scope: `bytes`, `view` and `out` are the target's array, a DataView of it, and the position;
// `row` the row. Room: `FIXED` bytes, enough for all of a row but its strings, are reserved at each row
// and behind each string; a string reserves its own worst case before it is written.

import {code, name, type Code} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import {columnLayout, type Column} from '../records/column.ts';
import type {DataType} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';
import {base64Length, encodeBase64} from './base64.ts';
import type {ByteBuffer} from './byte-buffer.ts';
import {MAX_TIME_TEXT, writeDate, writeTimestamp} from './time-text.ts';
import {
  MAX_NUMBER_TEXT,
  writeDecimal,
  writeDouble,
  writeHalves,
  writeHundredths,
  writeUpToEight,
  writeWide,
} from './write-number.ts';

export type EncodeRows = (
  columns: readonly Column[],
  selection: Int32Array | null,
  count: number,
  target: ByteBuffer,
) => void;

/** What makes a text format. */
export interface EncodeDialect {
  /** Before the value of field `index`. */
  readonly before: (index: number) => Uint8Array;
  readonly rowEnd: Uint8Array;
  readonly nullText: Uint8Array;
  /** Around timestamps, dates, bytes, and doubles that are no number. */
  readonly quote: Uint8Array;
  /** Writes source[s, e); ends with `out` behind it. At most `textFactor` × length + `textExtra` bytes. */
  readonly text: (index: number) => Code;
  readonly textFactor: number;
  readonly textExtra: number;
  /** Behind each value but strings, which began at `valueStart`. */
  readonly afterValue: Code;
  readonly constants: Readonly<Record<string, unknown>>;
  /** Integers that a double cannot hold are written within double quotes. */
  readonly quotesWide?: boolean | undefined;
}

const ASCII = new TextEncoder();
const TRUE = ASCII.encode('true');
const FALSE = ASCII.encode('false');
const NAN = ASCII.encode('NaN');
const INFINITY = ASCII.encode('Infinity');
const MINUS_INFINITY = ASCII.encode('-Infinity');

export function compileEncoder(schema: Schema, dialect: EncodeDialect): EncodeRows {
  const fixed = schema.fields.reduce(
    (sum, _field, index) =>
      sum +
      dialect.before(index).length +
      Math.max(MAX_NUMBER_TEXT, MAX_TIME_TEXT, dialect.nullText.length) +
      dialect.quote.length * 2 +
      4,
    dialect.rowEnd.length,
  );
  const body = code`${schema.fields.map((field, index) => arraysCode(field.type, index))}
let bytes = target.bytes, view = target.view, out = target.length;
for (let position = 0; position < count; position += 1) {
  const row = selection === null ? position : selection[position];
  ${reserveCode(code`${fixed}`)}
  ${schema.fields.map((field, index) => fieldCode(field.type, index, dialect, fixed))}
  ${writeCode(dialect.rowEnd)}
}
target.length = out;`;
  return compile<EncodeRows>(
    'encodeRows',
    ['columns', 'selection', 'count', 'target'].map((parameter) => name(parameter)),
    body,
    {
      ...dialect.constants,
      base64Length,
      encodeBase64,
      writeDate,
      writeTimestamp,
      writeDecimal,
      writeDouble,
      writeHalves,
      writeHundredths,
      writeUpToEight,
      writeWide,
    },
  );
}

function reserveCode(count: Code): Code {
  return code`if (out + ${count} > bytes.length) {
  target.length = out;
  target.reserve(${count});
  bytes = target.bytes;
  view = target.view;
}`;
}

function arraysCode(type: DataType, index: number): Code {
  const column = code`columns[${index}]`;
  const nulls = code`const ${name('nulls', index)} = ${column}.nulls;`;
  switch (columnLayout(type)) {
    case 'bytes':
      return code`${nulls}
const ${name('source', index)} = ${column}.bytes;
const ${name('sourceView', index)} = new DataView(${name('source', index)}.buffer, ${name('source', index)}.byteOffset, ${name('source', index)}.byteLength);
const ${name('starts', index)} = ${column}.starts, ${name('ends', index)} = ${column}.ends;`;
    case 'int64':
      return code`${nulls}
const ${name('values', index)} = ${column}.values, ${name('wide', index)} = ${column}.wide;`;
    default:
      return code`${nulls}
const ${name('values', index)} = ${column}.values;`;
  }
}

function fieldCode(type: DataType, index: number, dialect: EncodeDialect, fixed: number): Code {
  const nulls = name('nulls', index);
  return code`${writeCode(dialect.before(index))}
if (${nulls} !== null && ${nulls}[row] === 1) {
  ${writeCode(dialect.nullText)}
} else {
  ${valueCode(type, index, dialect, fixed)}
}`;
}

function valueCode(type: DataType, index: number, dialect: EncodeDialect, fixed: number): Code {
  if (type.kind === 'string') {
    return code`${sourceCode(index)}
${reserveCode(code`(e - s) * ${dialect.textFactor} + ${dialect.textExtra + fixed}`)}
${dialect.text(index)}`;
  }
  const quote = writeCode(dialect.quote);
  const value = code`${name('values', index)}[row]`;
  switch (type.kind) {
    case 'boolean':
      return behind(dialect, code`if (${value} === 1) ${block(TRUE)} else ${block(FALSE)}`);
    case 'int':
      return behind(dialect, integerCode(value));
    case 'bigint':
    case 'decimal':
      return behind(dialect, int64Code(type, index, value, dialect.quotesWide === true));
    case 'double':
      return behind(dialect, doubleCode(value, quote));
    case 'timestamp':
      return behind(
        dialect,
        code`${quote}
out = writeTimestamp(bytes, out, ${value});
${quote}`,
      );
    case 'date':
      return behind(
        dialect,
        code`${quote}
out = writeDate(bytes, out, ${value});
${quote}`,
      );
    case 'bytes':
      return code`${sourceCode(index)}
${reserveCode(code`base64Length(e - s) + ${fixed}`)}
${behind(
  dialect,
  code`${quote}
out = encodeBase64(${name('source', index)}, s, e, bytes, out);
${quote}`,
)}`;
  }
}

function behind(dialect: EncodeDialect, value: Code): Code {
  return code`const valueStart = out;
${value}
${dialect.afterValue}`;
}

function sourceCode(index: number): Code {
  return code`let s = ${name('starts', index)}[row];
const e = ${name('ends', index)}[row];`;
}

function int64Code(
  type: Extract<DataType, {kind: 'bigint' | 'decimal'}>,
  index: number,
  value: Code,
  quotesWide: boolean,
): Code {
  const scale = type.kind === 'decimal' ? type.scale : 0;
  const wide = name('wide', index);
  const narrow =
    scale === 0
      ? integerCode(value)
      : code`out = writeDecimal(bytes, view, out, ${value}, ${scale}, ${10 ** scale});`;
  const write = code`out = writeWide(bytes, out, ${wide}[row], ${scale});`;
  return code`if (${wide} !== null) {
  ${quotesWide ? quotedWide(wide, write) : write}
} else {
  ${narrow}
}`;
}

function quotedWide(wide: Code, write: Code): Code {
  return code`const w = Number(${wide}[row]);
  const q = w > ${Number.MAX_SAFE_INTEGER} || w < -${Number.MAX_SAFE_INTEGER};
  if (q) bytes[out++] = 34;
  ${write}
  if (q) bytes[out++] = 34;`;
}

/** Hands over 31 bits at most: a larger number would be boxed for the call. */
function integerCode(value: Code): Code {
  return code`let n = ${value};
if (n < 0) {
  bytes[out] = 45;
  out += 1;
  n = -n;
}
if (n < 100000000) out = writeUpToEight(view, out, n | 0);
else {
  const high = Math.floor(n / 100000000);
  out = writeHalves(view, out, high | 0, (n - high * 100000000) | 0);
}`;
}

function doubleCode(value: Code, quote: Code): Code {
  return code`const d = ${value};
const n = d < 0 ? -d : d;
const h = Math.floor(n * 100 + 0.5);
if (h < 2147483648 && h > 0 && h / 100 === n) {
  if (d < 0) {
    bytes[out] = 45;
    out += 1;
  }
  out = writeHundredths(bytes, view, out, h | 0);
} else if (d - d === 0) out = writeDouble(bytes, view, out, d);
else {
  ${quote}
  if (d !== d) ${block(NAN)} else if (d > 0) ${block(INFINITY)} else ${block(MINUS_INFINITY)}
  ${quote}
}`;
}

function block(text: Uint8Array): Code {
  return code`{
  ${writeCode(text)}
}`;
}

/** Writes literal bytes, four at a time; the last four may overlap with those before. */
function writeCode(text: Uint8Array): Code {
  if (text.length === 0) return code``;
  const source = new DataView(text.buffer, text.byteOffset, text.length);
  const pieces: Code[] = [];
  if (text.length < 4) {
    text.forEach((byte, offset) => pieces.push(code`bytes[out + ${offset}] = ${byte};`));
  } else {
    for (let offset = 0; offset < text.length; offset += 4) {
      const from = Math.min(offset, text.length - 4);
      pieces.push(code`view.setInt32(out + ${from}, ${source.getInt32(from, true)}, true);`);
    }
  }
  return code`${pieces}
out += ${text.length};`;
}
