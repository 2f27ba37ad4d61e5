// JSON text to rows: one record per line, or one array of records; the first byte that is no white
// space tells which. A byte order mark is passed over.
//
// Each record takes the fast path while records look like the one it was made from, and the record
// reader otherwise; both give the same rows. What JSON.parse would refuse is a bad record, except in
// text that is only passed over, where ill-formed UTF-8 is not looked for.
//
// Lines: the record ends at the line break; empty lines are passed over.
// Array: a bad element is passed over by its brackets, quotes and commas (`ElementSkipper`), so that the
// elements behind it are decoded; when the array itself is broken the input has failed.

import {EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import type {SourceColumn} from '../job/schema-column.ts';
import {
  DEFAULT_MAX_RECORD_SIZE,
  RECORD_OVERHEAD,
  type DecodedRows,
  type RecordDecoder,
} from './decoder.ts';
import {DecodeFrame, findLineBreak, tooLong} from './decode-frame.ts';
import {ElementSkipper} from './json-element-skipper.ts';
import {JsonPredictor} from './json-predictor.ts';
import {JsonRecordReader} from './json-record-reader.ts';
import {jsonKind, JsonScanner, MAX_JSON_DEPTH} from './json-scanner.ts';

export interface JsonDecoderOptions {
  /** The columns that somebody reads, in the order of the batch. Others are passed over. */
  readonly wanted: readonly SourceColumn[];
  /** Bytes. */
  readonly maxRecordSize?: number | undefined;
}

/** Where the decoder stands between two records. */
type Phase =
  /** Before the first byte: no layout yet, perhaps a byte order mark. */
  | 'begin'
  | 'lines'
  /** In a line that is too long. */
  | 'line-rest'
  /** Behind `[`: an element or `]`. */
  | 'first-element'
  /** Behind a comma. */
  | 'element'
  /** In an element that is bad. */
  | 'element-rest'
  /** Behind an element: a comma or `]`. */
  | 'separator'
  /** Behind `]`. */
  | 'behind'
  /** The input has failed; nothing more comes of it. */
  | 'failed';

/** What reads records, by what stands between them. */
interface Layout {
  readonly reader: JsonRecordReader;
  readonly predictor: JsonPredictor;
}

/** Those in which a checkpoint can find it. */
const PHASES: readonly string[] = [
  'begin',
  'lines',
  'line-rest',
  'first-element',
  'element',
  'element-rest',
  'separator',
  'behind',
] satisfies Phase[];

export function jsonDecoder(options: JsonDecoderOptions): RecordDecoder {
  return new JsonDecoder(options);
}

class JsonDecoder implements RecordDecoder {
  readonly #frame: DecodeFrame;
  readonly #maxRecordSize: number;
  readonly #skipper = new ElementSkipper();
  #phase: Phase = 'begin';
  readonly #lines: Layout;
  /** Null before the first array. */
  #array: Layout | null = null;
  #layout: Layout;
  readonly #result = new Int32Array(1);

  constructor(options: JsonDecoderOptions) {
    this.#frame = new DecodeFrame(options.wanted);
    this.#maxRecordSize = options.maxRecordSize ?? DEFAULT_MAX_RECORD_SIZE;
    this.#lines = this.#newLayout('line-break');
    this.#layout = this.#lines;
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
    if (!atEnd && this.#phase === 'lines') frame.leaveCutLine();
    this.#layout.reader.scanner.begin(frame.bytes, frame.view);
    let stopped = false;
    try {
      while (!stopped && !frame.full) stopped = !this.#step();
      if (this.#isArray()) this.#countLines();
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
      format: 'json',
      phase: this.#phase,
      line: this.#frame.line,
      element: this.#skipper.snapshot(),
    };
  }

  restart(snapshot?: JsonValue): void {
    this.#phase = 'begin';
    this.#frame.restart(1);
    this.#layout = this.#lines;
    if (snapshot === undefined) return;
    const {format, phase, line, element} = (snapshot ?? {}) as Record<string, JsonValue>;
    if (format !== 'json' || !PHASES.includes(phase as string) || !Number.isSafeInteger(line)) {
      throw new EngineError('INCOMPATIBLE', 'the checkpoint holds no position of a JSON source', {
        hint: 'The source was read with another format when the checkpoint was made: use that format, or start with --fresh.',
      });
    }
    this.#phase = phase as Phase;
    this.#frame.restart(line as number);
    this.#skipper.restore(element ?? null);
    if (this.#isArray()) this.#useArrayLayout();
  }

  #isArray(): boolean {
    return !['begin', 'lines', 'line-rest'].includes(this.#phase);
  }

  #newLayout(separator: 'line-break' | 'comma'): Layout {
    const {writers, side} = this.#frame;
    const scanner = new JsonScanner(separator === 'comma');
    const reader = new JsonRecordReader(scanner, writers, side);
    const predictor = new JsonPredictor(reader, writers, separator, this.#maxRecordSize);
    return {reader, predictor};
  }

  #useArrayLayout(): void {
    this.#array ??= this.#newLayout('comma');
    this.#layout = this.#array;
    this.#layout.reader.scanner.begin(this.#frame.bytes, this.#frame.view);
  }

  /** One step forward; false when the bytes do not suffice or are used up. */
  #step(): boolean {
    switch (this.#phase) {
      case 'begin':
        return this.#begin();
      case 'lines':
        return this.#decodeLines();
      case 'line-rest':
        return this.#passLine();
      case 'first-element':
      case 'element':
        return this.#decodeElements();
      case 'element-rest':
        return this.#passElement();
      case 'separator':
        return this.#readSeparator();
      case 'behind':
        return this.#readBehind();
      case 'failed':
        this.#frame.position = this.#frame.end;
        return false;
    }
  }

  #begin(): boolean {
    const frame = this.#frame;
    const {bytes, end, atEnd} = frame;
    if (bytes[frame.position] === 0xef) {
      if (end - frame.position < 3 && !atEnd) return false;
      if (bytes[frame.position + 1] === 0xbb && bytes[frame.position + 2] === 0xbf) {
        frame.position += 3;
      }
    }
    this.#skipBlankLines();
    if (frame.position >= end) return false;
    if (bytes[frame.position] === 0x5b) {
      this.#phase = 'first-element';
      frame.position += 1;
      this.#useArrayLayout();
    } else this.#phase = 'lines';
    return true;
  }

  #skipBlankLines(): void {
    const frame = this.#frame;
    const {bytes} = frame;
    for (;;) {
      const byte = bytes[frame.position];
      if (byte === 0x0a) frame.line += 1;
      else if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return;
      frame.position += 1;
    }
  }

  /** Decodes while one of the fast paths fits; returns the number of rows. */
  #decodeFast(): number {
    const frame = this.#frame;
    const predictor = this.#layout.predictor;
    const {bytes, view, rowLimit, rowStarts} = frame;
    const first = frame.row;
    for (let misses = 0; misses < predictor.fastPaths.length && frame.row < rowLimit;) {
      const fastPath = predictor.fastPaths[predictor.current]!;
      const {row, position} = frame;
      frame.row = fastPath(bytes, view, position, row, rowLimit, rowStarts, this.#result);
      frame.position = this.#result[0]!;
      misses = frame.row > row ? 1 : misses + 1;
      predictor.next();
    }
    predictor.hit(frame.row - first);
    return frame.row - first;
  }

  #decodeLines(): boolean {
    const frame = this.#frame;
    if (!frame.isCut) frame.line += this.#decodeFast();
    if (frame.full) return true;
    this.#skipBlankLines();
    const start = frame.position;
    if (start >= frame.end) return false;
    const isObject = frame.bytes[start] === 0x7b;
    const valueEnd = isObject
      ? this.#layout.reader.readObject(start, frame.row)
      : this.#layout.reader.scanner.skipValue(start);
    const stop = valueEnd < 0 ? -1 : this.#layout.reader.scanner.skipSpace(valueEnd);
    if (stop >= 0 && frame.bytes[stop] === 0x0a) {
      this.#endLine(start, stop, valueEnd);
      return true;
    }
    // Bad, or the last line, or not all here.
    const lineBreak = findLineBreak(frame.bytes, start, frame.end);
    if (lineBreak < 0 && !frame.atEnd) return this.#waitForLine(start);
    const whole = stop === frame.end;
    if (stop >= 0 && !whole) this.#layout.reader.scanner.fail(stop);
    this.#endLine(start, lineBreak < 0 ? frame.end : lineBreak, whole ? valueEnd : -1);
    return true;
  }

  /** The line at `start` ends at `stop`; its value ended at `valueEnd`, or it is not JSON (-1). */
  #endLine(start: number, stop: number, valueEnd: number): void {
    const frame = this.#frame;
    const contentEnd = frame.bytes[stop - 1] === 0x0d ? stop - 1 : stop;
    const reason =
      contentEnd - start > this.#maxRecordSize
        ? tooLong(this.#maxRecordSize)
        : this.#reasonOf(start, valueEnd, contentEnd);
    if (reason === null) {
      frame.acceptRow(start);
      this.#layout.predictor.miss(start);
    } else frame.reject(start, contentEnd, reason);
    frame.position = Math.min(stop + 1, frame.end);
    if (stop < frame.end) frame.line += 1;
  }

  /** Why the record in [start, end) is bad; null when it is a row. */
  #reasonOf(start: number, valueEnd: number, end: number): string | null {
    const {bytes} = this.#frame;
    if (valueEnd < 0) {
      return this.#layout.reader.scanner.tooDeep
        ? `nested deeper than ${MAX_JSON_DEPTH} levels`
        : notJson(bytes.subarray(start, end));
    }
    const kind = jsonKind(bytes[start]!);
    return kind === 'object' ? this.#layout.reader.fault() : `expected an object, found ${kind}`;
  }

  #waitForLine(start: number): false {
    const frame = this.#frame;
    if (frame.end - start > this.#maxRecordSize + RECORD_OVERHEAD) {
      frame.reject(start, frame.end, tooLong(this.#maxRecordSize));
      frame.position = frame.end;
      this.#phase = 'line-rest';
    }
    return false;
  }

  #passLine(): boolean {
    const frame = this.#frame;
    const lineBreak = findLineBreak(frame.bytes, frame.position, frame.end);
    if (lineBreak < 0) {
      frame.position = frame.end;
      return false;
    }
    frame.position = lineBreak + 1;
    frame.line += 1;
    this.#phase = 'lines';
    return true;
  }

  #decodeElements(): boolean {
    const frame = this.#frame;
    frame.position = this.#layout.reader.scanner.skipSpace(frame.position);
    const made = this.#decodeFast();
    if (made > 0) this.#phase = 'element';
    if (frame.full) return true;
    const start = frame.position;
    if (start >= frame.end) return this.#waitInArray();
    if (frame.bytes[start] === 0x5d && this.#phase === 'first-element') {
      frame.position += 1;
      this.#phase = 'behind';
      return true;
    }
    const {scanner} = this.#layout.reader;
    const isObject = frame.bytes[start] === 0x7b;
    const end = isObject
      ? this.#layout.reader.readObject(start, frame.row)
      : scanner.skipValue(start);
    const reached = end < 0 ? scanner.failedAt + RECORD_OVERHEAD : isObject ? 0 : end;
    if (reached >= frame.end && !frame.atEnd) return this.#waitForElement(start);
    this.#endElement(start, end);
    return true;
  }

  #endElement(start: number, end: number): void {
    const frame = this.#frame;
    if (end < 0) {
      this.#passBadElement(start);
      return;
    }
    const reason =
      end - start > this.#maxRecordSize
        ? tooLong(this.#maxRecordSize)
        : this.#reasonOf(start, end, end);
    if (reason === null) {
      frame.acceptRow(start);
      this.#layout.predictor.miss(start);
    } else {
      this.#countLines(start);
      frame.reject(start, end, reason);
    }
    frame.position = end;
    this.#phase = 'separator';
  }

  /** Reports the element, of which bytes may still come. */
  #passBadElement(start: number): void {
    const frame = this.#frame;
    this.#countLines(start);
    const end = this.#skipper.begin().skip(frame.bytes, start, frame.end);
    const reason =
      end - start > this.#maxRecordSize
        ? tooLong(this.#maxRecordSize)
        : withoutContext(this.#reasonOf(start, -1, end) ?? 'not JSON');
    frame.reject(start, end, reason);
    frame.position = end;
    this.#phase = 'element-rest';
  }

  #passElement(): boolean {
    const frame = this.#frame;
    frame.position = this.#skipper.skip(frame.bytes, frame.position, frame.end);
    if (frame.position >= frame.end) return frame.atEnd && this.#waitInArray();
    this.#phase = 'separator';
    return true;
  }

  #waitForElement(start: number): boolean {
    if (this.#frame.end - start <= this.#maxRecordSize + RECORD_OVERHEAD) return false;
    this.#passBadElement(start);
    return true;
  }

  #readSeparator(): boolean {
    const frame = this.#frame;
    const at = this.#layout.reader.scanner.skipSpace(frame.position);
    frame.position = at;
    if (at >= frame.end) return this.#waitInArray();
    const byte = frame.bytes[at];
    if (byte !== 0x2c && byte !== 0x5d) return this.#fail('expected "," or "]" behind a record');
    frame.position = at + 1;
    this.#phase = byte === 0x2c ? 'element' : 'behind';
    return true;
  }

  #readBehind(): boolean {
    const frame = this.#frame;
    frame.position = this.#layout.reader.scanner.skipSpace(frame.position);
    return frame.position < frame.end && this.#fail('there is text behind the JSON array');
  }

  /** The input is used up inside the array. */
  #waitInArray(): boolean {
    return this.#frame.atEnd && this.#fail('the input ends inside the JSON array');
  }

  #fail(reason: string): true {
    const frame = this.#frame;
    this.#countLines(frame.position);
    frame.reject(frame.position, Math.min(frame.end, frame.position + 64), reason, true);
    this.#phase = 'failed';
    return true;
  }

  #countLines(offset = this.#frame.position): void {
    const frame = this.#frame;
    frame.line = frame.lineAt(offset);
  }
}

function notJson(record: Uint8Array): string {
  try {
    JSON.parse(new TextDecoder('utf-8', {ignoreBOM: true}).decode(record));
  } catch (error) {
    return `not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  // An element of an array that is cut elsewhere than its brackets say.
  return 'not JSON';
}

/**
 * Without the text around the fault that V8 quotes, and without a character that the input may be cut in: of a bad
 * element more or less may be here when it is reported, and the reason must not tell which.
 */
function withoutContext(reason: string): string {
  return reason
    .replace(/, (?:\.\.\.)?"[^]*"(?:\.\.\.)? is not valid JSON$/u, '')
    .replace(/ '[^\x20-\x7e]+'$/u, '');
}
