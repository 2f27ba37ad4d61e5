// Writes one value's text into a column: everything that generated code does not do inline. Shared by
// JSON and CSV; what differs between them (which texts are numbers, how strings are quoted) is theirs.

import {dataTypeText, type DataType} from '../records/data-type.ts';
import type {SourceColumn, TimeFormat} from '../job/schema-column.ts';
import {decodeBase64} from './base64.ts';
import {ColumnStore, type SideSpace} from './column-store.ts';
import {asciiText, scaledInteger} from './number-text.ts';
import {
  MAX_TEXT_MILLIS,
  MIN_TEXT_MILLIS,
  parseDate,
  parseRfc3339,
  patternParser,
  type TimeParser,
} from './time-text.ts';
import {MILLIS_PER_DAY} from '../base/calendar.ts';
import {isWellFormed} from './utf8.ts';

/** How the values of a column stand in a text format. */
type TextForm = 'boolean' | 'number' | 'text';

export class ColumnWriter {
  readonly column: SourceColumn;
  readonly store: ColumnStore;
  readonly form: TextForm;
  /** Of a timestamp or date that is text; null for all others. */
  readonly parseTime: TimeParser | null;
  readonly #side: SideSpace;

  constructor(column: SourceColumn, side: SideSpace) {
    this.column = column;
    this.store = new ColumnStore(column.type);
    this.form = textForm(column.type, column.timeFormat);
    this.parseTime = timeParser(column.type, column.timeFormat);
    this.#side = side;
  }

  /** `column delay: expected int`. */
  get expectation(): string {
    const {type, timeFormat} = this.column;
    const format =
      timeFormat === null
        ? ''
        : ` (${timeFormat.kind === 'pattern' ? `"${timeFormat.pattern}"` : timeFormat.kind})`;
    return `column ${this.column.name}: expected ${dataTypeText(type)}${format}`;
  }

  /** A number whose syntax was checked. Returns why it does not fit, or null. */
  writeNumber(bytes: Uint8Array, start: number, end: number, row: number): string | null {
    const {type, timeFormat} = this.column;
    switch (type.kind) {
      case 'double':
        this.store.values[row] = Number(asciiText(bytes, start, end));
        return null;
      case 'int':
        return this.#writeInteger(bytes, start, end, row, -2_147_483_648n, 2_147_483_647n);
      case 'bigint':
        return this.#writeScaled(bytes, start, end, row, 0, null);
      case 'decimal':
        return this.#writeScaled(bytes, start, end, row, type.scale, 10n ** BigInt(type.precision));
      case 'timestamp':
        return this.#writeEpoch(
          bytes,
          start,
          end,
          row,
          timeFormat?.kind === 'epoch-seconds' ? 3 : 0,
        );
      default:
        return 'found a number';
    }
  }

  /**
   * Text between quotes (or unquoted, in CSV), escapes resolved, at `start` of the buffer or of the side
   * space: they share their offsets. Returns why it does not fit, or null.
   */
  writeText(bytes: Uint8Array, start: number, end: number, row: number): string | null {
    switch (this.column.type.kind) {
      case 'string':
        if (!isWellFormed(bytes, start, end)) return 'found ill-formed UTF-8';
        this.store.starts[row] = start;
        this.store.ends[row] = end;
        return null;
      case 'bytes':
        return this.#writeBase64(bytes, start, end, row);
      case 'double': {
        const value = specialDouble(bytes, start, end);
        if (value === null) return `found ${quote(bytes, start, end)}`;
        this.store.values[row] = value;
        return null;
      }
      default: {
        const time = this.parseTime === null ? NaN : this.parseTime(bytes, start, end);
        if (Number.isNaN(time)) return `found ${quote(bytes, start, end)}`;
        this.store.values[row] = time;
        return null;
      }
    }
  }

  #writeInteger(
    bytes: Uint8Array,
    start: number,
    end: number,
    row: number,
    lowest: bigint,
    highest: bigint,
  ): string | null {
    const value = scaledInteger(bytes, start, end, 0);
    if (typeof value === 'string') return `${value}: ${shorten(asciiText(bytes, start, end))}`;
    if (value < lowest || value > highest) {
      return `out of range: ${shorten(asciiText(bytes, start, end))}`;
    }
    this.store.values[row] = Number(value);
    return null;
  }

  #writeScaled(
    bytes: Uint8Array,
    start: number,
    end: number,
    row: number,
    scale: number,
    limit: bigint | null,
  ): string | null {
    const value = scaledInteger(bytes, start, end, scale);
    if (typeof value === 'string') return `${value}: ${shorten(asciiText(bytes, start, end))}`;
    if (limit !== null && (value >= limit || value <= -limit)) {
      return `out of range: ${shorten(asciiText(bytes, start, end))}`;
    }
    this.store.setBigint(row, value);
    return null;
  }

  #writeEpoch(
    bytes: Uint8Array,
    start: number,
    end: number,
    row: number,
    scale: number,
  ): string | null {
    if (this.form !== 'number') return 'found a number';
    const value = scaledInteger(bytes, start, end, scale, true);
    const millis = typeof value === 'bigint' ? Number(value) : Infinity;
    if (!(millis >= MIN_TEXT_MILLIS && millis <= MAX_TEXT_MILLIS)) {
      return `not within the years 0000 to 9999: ${shorten(asciiText(bytes, start, end))}`;
    }
    this.store.values[row] = millis;
    return null;
  }

  #writeBase64(bytes: Uint8Array, start: number, end: number, row: number): string | null {
    const side = this.#side;
    side.reserve(end - start);
    const decodedEnd = decodeBase64(bytes, start, end, side.bytes, side.used);
    if (decodedEnd < 0) return `found text that is not Base64: ${quote(bytes, start, end)}`;
    this.store.starts[row] = side.used;
    this.store.ends[row] = decodedEnd;
    side.used = decodedEnd;
    return null;
  }
}

function textForm(type: DataType, timeFormat: TimeFormat | null): TextForm {
  switch (type.kind) {
    case 'boolean':
      return 'boolean';
    case 'int':
    case 'bigint':
    case 'double':
    case 'decimal':
      return 'number';
    case 'timestamp':
      return timeFormat?.kind === 'epoch-millis' || timeFormat?.kind === 'epoch-seconds'
        ? 'number'
        : 'text';
    case 'string':
    case 'date':
    case 'bytes':
      return 'text';
  }
}

function timeParser(type: DataType, format: TimeFormat | null): TimeParser | null {
  if (type.kind === 'date') {
    if (format?.kind !== 'pattern') return parseDate;
    // A date has no zone: its day is the one that is written.
    const parse = patternParser(format.pattern, 0);
    return (bytes, start, end) => Math.floor(parse(bytes, start, end) / MILLIS_PER_DAY);
  }
  if (type.kind !== 'timestamp') return null;
  return format?.kind === 'pattern'
    ? patternParser(format.pattern, format.offsetMinutes)
    : parseRfc3339;
}

/** The doubles that have no number text: written as strings. */
function specialDouble(bytes: Uint8Array, start: number, end: number): number | null {
  if (end - start > 9) return null;
  switch (asciiText(bytes, start, end)) {
    case 'NaN':
      return NaN;
    case 'Infinity':
      return Infinity;
    case '-Infinity':
      return -Infinity;
    default:
      return null;
  }
}

const SHOWN_CHARACTERS = 40;

/** Text of a record for a message. */
export function quote(bytes: Uint8Array, start: number, end: number): string {
  const cut = bytes.subarray(start, Math.min(end, start + SHOWN_CHARACTERS * 4));
  return JSON.stringify(shorten(new TextDecoder().decode(cut)));
}

export function shorten(text: string): string {
  const characters = Array.from(text.slice(0, SHOWN_CHARACTERS * 2 + 2));
  if (characters.length <= SHOWN_CHARACTERS) return text;
  return `${characters.slice(0, SHOWN_CHARACTERS).join('')}…`;
}

/** Powers of ten that a double holds exactly and that keep 15 digits below 2^53 apart. */
export const POWERS_OF_TEN = Float64Array.from({length: 23}, (_, exponent) =>
  Number(`1e${exponent}`),
);

/** Digits that a double always keeps. */
export const EXACT_DIGITS = 15;
