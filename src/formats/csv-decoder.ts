// CSV text to rows (RFC 4180). The first record names the fields, unless the job names them. A field
// that equals the NULL text and is not quoted is NULL. A record with another number of fields is bad.
// Lines without any byte are passed over, unless the file has a single field.
//
// Numbers may have a plus sign, leading zeros and blanks around them; true and false any case.

import {isDeepStrictEqual} from 'node:util';

import {EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import type {SourceColumn} from '../job/schema-column.ts';
import {quote, type ColumnWriter} from './column-writer.ts';
import {delimiterByte} from './csv-delimiter.ts';
import {compileCsvFastPath, MAX_FAST_FIELDS} from './csv-fast-path.ts';
import {CsvRecordScanner, DOUBLED, UNQUOTED} from './csv-record-scanner.ts';
import {countLineBreaks, DecodeFrame, tooLong} from './decode-frame.ts';
import {
  DEFAULT_MAX_RECORD_SIZE,
  RECORD_OVERHEAD,
  type DecodedRows,
  type RecordDecoder,
} from './decoder.ts';
import type {FastPath} from './json-fast-path.ts';
import {isLooseNumber} from './number-text.ts';

export interface CsvDecoderOptions {
  /** The columns that somebody reads, in the order of the batch; `path` has one part, the field's name. */
  readonly wanted: readonly SourceColumn[];
  /** The fields' names when the file has no header line. */
  readonly columns?: readonly string[] | undefined;
  /** One ASCII character; a comma by default. */
  readonly delimiter?: string | undefined;
  /** What an unquoted NULL looks like; nothing by default. */
  readonly nullText?: string | undefined;
  /** Bytes. */
  readonly maxRecordSize?: number | undefined;
}

type Phase =
  /** Before the first byte: perhaps a byte order mark. */
  | 'begin'
  | 'header'
  | 'records'
  /** In a record that is too long: up to the next line break. */
  | 'record-rest'
  /** The input has failed; nothing more comes of it. */
  | 'failed';

/** Those in which a checkpoint can find it. */
const PHASES: readonly string[] = ['begin', 'header', 'records', 'record-rest'] satisfies Phase[];

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const utf8 = new TextDecoder();

export function csvDecoder(options: CsvDecoderOptions): RecordDecoder {
  return new CsvDecoder(options);
}

class CsvDecoder implements RecordDecoder {
  readonly #frame: DecodeFrame;
  readonly #scanner: CsvRecordScanner;
  readonly #delimiter: number;
  readonly #nullText: Uint8Array;
  readonly #maxRecordSize: number;
  readonly #namedColumns: readonly string[] | null;
  #phase: Phase = 'begin';
  /** The fields' names in the order of the file, once known. */
  #header: readonly string[] | null;
  /** Per field, the columns that it goes to. */
  #fields: readonly (readonly number[])[] = [];
  #fastPath: FastPath | null = null;
  /** Of a record that is being passed over. */
  #inQuotes = false;
  readonly #result = new Int32Array(1);

  constructor(options: CsvDecoderOptions) {
    this.#frame = new DecodeFrame(options.wanted);
    this.#delimiter = delimiterByte(options.delimiter ?? ',');
    this.#scanner = new CsvRecordScanner(this.#delimiter);
    this.#nullText = new TextEncoder().encode(options.nullText ?? '');
    this.#maxRecordSize = options.maxRecordSize ?? DEFAULT_MAX_RECORD_SIZE;
    this.#namedColumns = options.columns ?? null;
    this.#header = this.#namedColumns;
  }

  get schema(): RecordDecoder['schema'] {
    return this.#frame.schema;
  }

  decode(
    buffer: Uint8Array,
    start: number,
    end: number,
    atEnd: boolean,
    maxRows: number,
  ): DecodedRows {
    const frame = this.#frame;
    frame.begin(buffer, start, end, atEnd, maxRows);
    let stopped = false;
    try {
      while (!stopped && !frame.full) stopped = !this.#step();
    } finally {
      frame.release();
    }
    return frame.finish(stopped && !atEnd && this.#phase !== 'failed');
  }

  lineAt(offset: number): number {
    return this.#frame.lineAt(offset);
  }

  snapshot(): JsonValue {
    return {
      format: 'csv',
      phase: this.#phase,
      line: this.#frame.line,
      header: this.#header,
      inQuotes: this.#inQuotes,
    };
  }

  restart(snapshot?: JsonValue): void {
    this.#phase = 'begin';
    this.#frame.restart(1);
    this.#header = this.#namedColumns;
    this.#inQuotes = false;
    if (snapshot === undefined) return;
    const {format, phase, line, header, inQuotes} = (snapshot ?? {}) as Record<string, JsonValue>;
    if (format !== 'csv' || !PHASES.includes(phase as string) || !Number.isSafeInteger(line)) {
      throw new EngineError('INCOMPATIBLE', 'the checkpoint holds no position of a CSV source', {
        hint: 'The source was read with another format when the checkpoint was made: use that format, or start with --fresh.',
      });
    }
    this.#phase = phase as Phase;
    this.#frame.restart(line as number);
    this.#inQuotes = inQuotes === true;
    if (this.#phase !== 'records' && this.#phase !== 'record-rest') return;
    if (this.#namedColumns === null && Array.isArray(header)) this.#header = header.map(String);
    this.#useHeader();
    const problem = this.#frame.badRecords[0];
    if (problem !== undefined) {
      throw new EngineError(
        'INCOMPATIBLE',
        `the CSV file does not fit the schema: ${problem.reason}`,
        {
          hint: 'Correct the schema of the source, or start with --fresh.',
        },
      );
    }
  }

  /** One step forward; false when the bytes do not suffice or are used up. */
  #step(): boolean {
    const frame = this.#frame;
    switch (this.#phase) {
      case 'begin':
        return this.#begin();
      case 'header':
        return this.#readHeader();
      case 'records':
        return this.#decodeRecords();
      case 'record-rest':
        return this.#passRecord();
      case 'failed':
        frame.position = frame.end;
        return false;
    }
  }

  #begin(): boolean {
    const frame = this.#frame;
    const {bytes, position, end, atEnd} = frame;
    if (position >= end) return false;
    if (bytes[position] === 0xef) {
      if (end - position < 3 && !atEnd) return false;
      if (bytes[position + 1] === 0xbb && bytes[position + 2] === 0xbf) frame.position += 3;
    }
    this.#phase = 'header';
    if (this.#namedColumns !== null) {
      this.#phase = 'records';
      return this.#useHeader();
    }
    return true;
  }

  #readHeader(): boolean {
    const frame = this.#frame;
    const start = frame.position;
    if (start >= frame.end) return false;
    const result = this.#scanner.scan(frame.bytes, start, frame.end, frame.atEnd);
    const seen = result === 'incomplete' ? frame.end : this.#scanner.recordEnd;
    if (seen - start > this.#maxRecordSize + RECORD_OVERHEAD) {
      return this.#fail(`the header line is ${tooLong(this.#maxRecordSize)}`);
    }
    if (result === 'incomplete') return false;
    if (result === 'bad') return this.#fail(`the header line is bad: ${this.#scanner.problem}`);
    const names = [];
    for (let field = 0; field < this.#scanner.fieldCount; field += 1) names.push(this.#name(field));
    this.#header = names;
    this.#moveTo(this.#scanner.nextRecord);
    this.#phase = 'records';
    return this.#useHeader();
  }

  #name(field: number): string {
    const {starts, ends, quoting} = this.#scanner;
    const text = utf8.decode(this.#frame.bytes.subarray(starts[field], ends[field]));
    return quoting[field] === DOUBLED ? text.replaceAll('""', '"') : text;
  }

  #useHeader(): boolean {
    const header = this.#header ?? [];
    const fields: number[][] = header.map(() => []);
    for (const [index, {column}] of this.#frame.writers.entries()) {
      const name = column.path[0] ?? column.name;
      const field = header.indexOf(name);
      if (field < 0) {
        return this.#fail(`the header has no field "${name}"; it has ${header.join(', ')}`);
      }
      if (header.indexOf(name, field + 1) >= 0) {
        return this.#fail(`the header names the field "${name}" twice`);
      }
      fields[field]!.push(index);
    }
    const known = isDeepStrictEqual(fields, this.#fields);
    this.#fields = fields;
    if (known && this.#fastPath !== null) return true;
    this.#fastPath = fields.length <= MAX_FAST_FIELDS ? this.#compileFastPath() : null;
    return true;
  }

  #compileFastPath(): FastPath {
    const frame = this.#frame;
    const {writers} = frame;
    return compileCsvFastPath({
      writers,
      fields: this.#fields,
      delimiter: this.#delimiter,
      nullText: this.#nullText,
      maxRecordSize: this.#maxRecordSize,
      writeField: (column, start, end, quoted, row) =>
        this.#writeField(writers[column]!, frame.bytes, start, end, quoted, row) === null,
      number: (column, at, row) => {
        const {bytes} = frame;
        let end = at;
        while (bytes[end]! > 0x20 && bytes[end] !== this.#delimiter) end += 1;
        if (!isLooseNumber(bytes, at, end)) return -1;
        return writers[column]!.writeNumber(bytes, at, end, row) === null ? end : -1;
      },
    });
  }

  #decodeRecords(): boolean {
    const frame = this.#frame;
    if (this.#fastPath !== null) {
      const {bytes, view, position, row, rowLimit, rowStarts} = frame;
      frame.row = this.#fastPath(bytes, view, position, row, rowLimit, rowStarts, this.#result);
      frame.position = this.#result[0]!;
      frame.line += frame.row - row;
      if (frame.full) return true;
    }
    this.#skipEmptyLines();
    const start = frame.position;
    if (start >= frame.end) return false;
    const result = this.#scanner.scan(frame.bytes, start, frame.end, frame.atEnd);
    if (result === 'incomplete') return this.#waitForRecord(start);
    const {recordEnd, nextRecord} = this.#scanner;
    if (recordEnd - start > this.#maxRecordSize + RECORD_OVERHEAD)
      return this.#waitForRecord(start);
    const reason =
      recordEnd - start > this.#maxRecordSize
        ? tooLong(this.#maxRecordSize)
        : result === 'bad'
          ? this.#scanner.problem
          : this.#writeRecord();
    if (reason === null) frame.acceptRow(start);
    else frame.reject(start, recordEnd, reason);
    this.#moveTo(nextRecord);
    return true;
  }

  #skipEmptyLines(): void {
    if (this.#fields.length === 1) return;
    const frame = this.#frame;
    for (;;) {
      const byte = frame.bytes[frame.position];
      if (byte === 0x0d && frame.bytes[frame.position + 1] === 0x0a) frame.position += 1;
      else if (byte !== 0x0a) return;
      frame.position += 1;
      frame.line += 1;
    }
  }

  #moveTo(next: number): void {
    const frame = this.#frame;
    frame.line += countLineBreaks(frame.bytes, frame.position, next);
    frame.position = next;
  }

  /** Writes the fields that were scanned; returns why they do not fit, or null. */
  #writeRecord(): string | null {
    const {fieldCount, starts, ends, quoting} = this.#scanner;
    const {bytes, row, writers} = this.#frame;
    if (fieldCount !== this.#fields.length) {
      return `${fieldCount} fields where ${this.#fields.length} are named`;
    }
    for (let field = 0; field < fieldCount; field += 1) {
      for (const column of this.#fields[field]!) {
        const writer = writers[column]!;
        const start = starts[field]!;
        const end = ends[field]!;
        const why =
          quoting[field] === DOUBLED
            ? this.#writeDoubled(writer, start, end, row)
            : this.#writeField(writer, bytes, start, end, quoting[field] !== UNQUOTED, row);
        if (why !== null) return `${writer.expectation}, ${why}`;
      }
    }
    return null;
  }

  /** Halves the quotes, in the side space. */
  #writeDoubled(writer: ColumnWriter, start: number, end: number, row: number): string | null {
    const {bytes, side} = this.#frame;
    side.reserve(end - start);
    const first = side.used;
    let out = first;
    for (let at = start; at < end; at += 1) {
      side.bytes[out] = bytes[at]!;
      out += 1;
      if (bytes[at] === 0x22) at += 1;
    }
    side.used = out;
    return this.#writeField(writer, side.bytes, first, out, true, row);
  }

  #writeField(
    writer: ColumnWriter,
    bytes: Uint8Array,
    start: number,
    end: number,
    quoted: boolean,
    row: number,
  ): string | null {
    writer.store.nulls[row] = 0;
    if (!quoted && equalBytes(bytes, start, end, this.#nullText)) {
      writer.store.nulls[row] = 1;
      return null;
    }
    if (writer.form === 'text') return writer.writeText(bytes, start, end, row);
    let from = start;
    let to = end;
    while (from < to && isBlank(bytes[from]!)) from += 1;
    while (to > from && isBlank(bytes[to - 1]!)) to -= 1;
    if (writer.form === 'boolean') {
      const value = booleanValue(bytes, from, to);
      if (value === null) return `found ${quote(bytes, start, end)}`;
      writer.store.values[row] = value ? 1 : 0;
      return null;
    }
    if (isLooseNumber(bytes, from, to)) return writer.writeNumber(bytes, from, to, row);
    if (writer.column.type.kind === 'double') return writer.writeText(bytes, from, to, row);
    return `found ${quote(bytes, start, end)}`;
  }

  /**
   * False: more bytes are needed. A record that is far too long is left at its limit and passed over to
   * the next line break outside quotes, alike whether it came in one piece or in many.
   */
  #waitForRecord(start: number): boolean {
    const frame = this.#frame;
    const limit = start + this.#maxRecordSize + RECORD_OVERHEAD;
    if (frame.end <= limit) return false;
    frame.reject(start, limit, tooLong(this.#maxRecordSize));
    this.#inQuotes = false;
    for (let at = start; at < limit; at += 1) {
      if (frame.bytes[at] === QUOTE) this.#inQuotes = !this.#inQuotes;
    }
    this.#moveTo(limit);
    this.#phase = 'record-rest';
    return true;
  }

  #passRecord(): boolean {
    const frame = this.#frame;
    const {bytes, end} = frame;
    let at = frame.position;
    for (; at < end; at += 1) {
      if (bytes[at] === QUOTE) this.#inQuotes = !this.#inQuotes;
      else if (bytes[at] === LINE_FEED && !this.#inQuotes) break;
    }
    const found = at < end;
    this.#moveTo(found ? at + 1 : end);
    if (found) this.#phase = 'records';
    return found;
  }

  #fail(reason: string): true {
    const frame = this.#frame;
    frame.reject(frame.position, Math.min(frame.end, frame.position + 64), reason, true);
    this.#phase = 'failed';
    return true;
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

function equalBytes(bytes: Uint8Array, start: number, end: number, other: Uint8Array): boolean {
  if (end - start !== other.length) return false;
  return other.every((byte, index) => bytes[start + index] === byte);
}

function booleanValue(bytes: Uint8Array, start: number, end: number): boolean | null {
  if (end - start > 5) return null;
  const text = String.fromCharCode(...bytes.subarray(start, end)).toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : null;
}
