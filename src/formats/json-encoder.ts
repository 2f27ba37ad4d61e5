// Rows to JSON lines: one object per row, in the order of the schema's fields. NULL is null; exact
// digits for bigint and decimal (as numbers); timestamps and dates as strings; bytes as Base64; the
// doubles that JSON has no number for as "NaN", "Infinity", "-Infinity".

import {code, name, type Code} from '../codegen/code.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';
import {compileEncoder, type EncodeDialect, type EncodeRows} from './encode-code.ts';
import type {ByteBuffer} from './byte-buffer.ts';
import type {RowEncoder} from './row-encoder.ts';
import {MAX_JSON_ESCAPE, writeJsonText} from './write-json-text.ts';

const UTF8 = new TextEncoder();
const HIGH_BITS = 0x80808080 | 0;

export function jsonEncoder(schema: Schema): RowEncoder {
  return new JsonEncoder(schema);
}

/**
 * Lines of another shape than one flat object: `before(i)` is what stands before the value of field i, `rowEnd` what stands
 * behind the last. Integers beyond 2^53 are strings. The schema has at least one field.
 */
export function framedJsonEncoder(
  schema: Schema,
  frame: {readonly before: (index: number) => string; readonly rowEnd: string},
): RowEncoder {
  return new JsonEncoder(schema, {
    ...jsonDialect(schema),
    before: (index) => UTF8.encode(frame.before(index)),
    rowEnd: UTF8.encode(`${frame.rowEnd}\n`),
    quotesWide: true,
  });
}

class JsonEncoder implements RowEncoder {
  readonly #encodeRows: EncodeRows;

  constructor(schema: Schema, dialect = jsonDialect(schema)) {
    this.#encodeRows = compileEncoder(schema, dialect);
  }

  writeHeader(): void {
    // JSON lines have no header.
  }

  encode(batch: RecordBatch, target: ByteBuffer): void {
    this.#encodeRows(batch.columns, batch.selection, batch.selectedCount, target);
  }
}

function jsonDialect(schema: Schema): EncodeDialect {
  const noFields = schema.fields.length === 0;
  return {
    before: (index) =>
      UTF8.encode(`${index === 0 ? '{' : ','}${JSON.stringify(schema.fields[index]?.name)}:`),
    rowEnd: UTF8.encode(noFields ? '{}\n' : '}\n'),
    nullText: UTF8.encode('null'),
    quote: UTF8.encode('"'),
    text: textCode,
    textFactor: MAX_JSON_ESCAPE,
    textExtra: 2,
    afterValue: code``,
    constants: {writeJsonText},
  };
}

/** Copies four bytes at a time while none of them needs an escape (see read-code.ts for the test). */
function textCode(index: number): Code {
  const source = name('source', index);
  return code`bytes[out] = 34;
out += 1;
for (; s + 4 <= e; s += 4, out += 4) {
  const w = ${name('sourceView', index)}.getInt32(s, true);
  const x = w ^ 0x22222222, y = w ^ 0x5c5c5c5c;
  if (((((x - 0x01010101) & ~x) | ((y - 0x01010101) & ~y) | ((w - 0x20202020) & ~w)) & ${HIGH_BITS}) !== 0) break;
  view.setInt32(out, w, true);
}
for (; s < e; s += 1, out += 1) {
  const c = ${source}[s];
  if (c < 32 || c === 34 || c === 92) break;
  bytes[out] = c;
}
if (s < e) out = writeJsonText(bytes, out, ${source}, s, e);
bytes[out] = 34;
out += 1;`;
}
