// Rows to CSV (RFC 4180, lines end with LF). NULL is the NULL text, unquoted; a string is quoted when it
// has a delimiter, quote or line break, and when it equals the NULL text. Other values are written as in
// JSON, without quotes.

import {code, name, type Code} from '../codegen/code.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';
import type {ByteBuffer} from './byte-buffer.ts';
import {delimiterByte} from './csv-delimiter.ts';
import {compileEncoder, type EncodeRows} from './encode-code.ts';
import type {RowEncoder} from './row-encoder.ts';

export interface CsvEncoderOptions {
  /** Whether each file begins with a line of names; true by default. */
  readonly header?: boolean | undefined;
  /** One ASCII character; a comma by default. */
  readonly delimiter?: string | undefined;
  /** How NULL is written; as nothing by default. */
  readonly nullText?: string | undefined;
}

const UTF8 = new TextEncoder();
const QUOTE = 0x22;

export function csvEncoder(schema: Schema, options: CsvEncoderOptions = {}): RowEncoder {
  return new CsvEncoder(schema, options);
}

class CsvEncoder implements RowEncoder {
  readonly #encodeRows: EncodeRows;
  readonly #header: Uint8Array;

  constructor(schema: Schema, options: CsvEncoderOptions) {
    const delimiter = delimiterByte(options.delimiter ?? ',');
    const nullText = UTF8.encode(options.nullText ?? '');
    const separator = Uint8Array.of(delimiter);
    const writer = new CsvTextWriter(delimiter, nullText);
    this.#header =
      options.header === false ? new Uint8Array(0) : headerLine(schema, delimiter, writer);
    this.#encodeRows = compileEncoder(schema, {
      before: (index) => (index === 0 ? new Uint8Array(0) : separator),
      rowEnd: UTF8.encode('\n'),
      nullText,
      quote: new Uint8Array(0),
      text: textCode,
      textFactor: 2,
      textExtra: 2,
      // A number, or no bytes at all, may read like the NULL text.
      afterValue: code`out = quoteNull(bytes, valueStart, out);`,
      constants: {
        writeText: writer.write.bind(writer),
        quoteNull: writer.quoteNull.bind(writer),
      },
    });
  }

  writeHeader(target: ByteBuffer): void {
    target.append(this.#header);
  }

  encode(batch: RecordBatch, target: ByteBuffer): void {
    this.#encodeRows(batch.columns, batch.selection, batch.selectedCount, target);
  }
}

function textCode(index: number): Code {
  return code`out = writeText(bytes, out, ${name('source', index)}, s, e);`;
}

function headerLine(schema: Schema, delimiter: number, writer: CsvTextWriter): Uint8Array {
  const names = schema.fields.map((field) => UTF8.encode(field.name));
  const line = new Uint8Array(names.reduce((sum, text) => sum + text.length * 2 + 3, 1));
  let at = 0;
  names.forEach((text, index) => {
    if (index > 0) {
      line[at] = delimiter;
      at += 1;
    }
    at = writer.write(line, at, text, 0, text.length);
  });
  line[at] = 0x0a;
  return line.subarray(0, at + 1);
}

class CsvTextWriter {
  /** 1 for bytes that are only allowed inside quotes. */
  readonly #special = new Uint8Array(256);
  readonly #nullText: Uint8Array;

  constructor(delimiter: number, nullText: Uint8Array) {
    for (const byte of [delimiter, QUOTE, 0x0a, 0x0d]) this.#special[byte] = 1;
    this.#nullText = nullText;
  }

  /** Writes source[start, end) as a field at bytes[at]; returns the end. */
  write(bytes: Uint8Array, at: number, source: Uint8Array, start: number, end: number): number {
    let out = at;
    for (let index = start; index < end; index += 1) {
      const byte = source[index]!;
      if (this.#special[byte] === 1) return this.#writeQuoted(bytes, at, source, start, end);
      bytes[out] = byte;
      out += 1;
    }
    return this.quoteNull(bytes, at, out);
  }

  /** Puts the field at bytes[start, end) into quotes when it reads like NULL; returns the end. */
  quoteNull(bytes: Uint8Array, start: number, end: number): number {
    const nullText = this.#nullText;
    if (end - start !== nullText.length) return end;
    for (let index = 0; index < nullText.length; index += 1) {
      if (bytes[start + index] !== nullText[index]) return end;
    }
    return this.#writeQuoted(bytes, start, nullText, 0, nullText.length);
  }

  #writeQuoted(
    bytes: Uint8Array,
    at: number,
    source: Uint8Array,
    start: number,
    end: number,
  ): number {
    let out = at;
    bytes[out] = QUOTE;
    out += 1;
    for (let index = start; index < end; index += 1) {
      const byte = source[index]!;
      if (byte === QUOTE) {
        bytes[out] = QUOTE;
        out += 1;
      }
      bytes[out] = byte;
      out += 1;
    }
    bytes[out] = QUOTE;
    return out + 1;
  }
}
