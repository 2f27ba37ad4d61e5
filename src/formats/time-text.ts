// Timestamps and dates as text, in both directions.
//
// Timestamps are milliseconds since the epoch, UTC. Text carries the years 0000 to 9999; what arithmetic
// makes beyond them is written with a sign and six digits, as ECMAScript does. Fraction digits beyond
// milliseconds are dropped. No leap seconds, no hour 24: each text is one moment or none.

import {civilFromDays, daysFromCivil, daysInMonth, MILLIS_PER_DAY} from '../base/calendar.ts';
import {EngineError} from '../base/errors.ts';

/** 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z. */
export const MIN_TEXT_MILLIS = -62_167_219_200_000;
export const MAX_TEXT_MILLIS = 253_402_300_799_999;

/** The longest text of `writeTimestamp` and `writeDate`, in bytes. */
export const MAX_TIME_TEXT = 40;

const MILLIS_PER_MINUTE = 60_000;

/** Milliseconds (or, of a date, days) of bytes[start, end); NaN when the text is no such time. */
export type TimeParser = (bytes: Uint8Array, start: number, end: number) => number;

/** The value of `count` digits at `at`, or NaN. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index += 1) {
    const digit = bytes[index]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** NaN when there is no such day. */
function daysOf(year: number, month: number, day: number): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return NaN;
  return daysFromCivil(year, month, day);
}

/** NaN when there is no such time of day. */
function millisOfDay(hour: number, minute: number, second: number, millis: number): number {
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return NaN;
  return ((hour * 60 + minute) * 60 + second) * 1000 + millis;
}

/** `2001-01-01` → days since the epoch. */
export function parseDate(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 10 || bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return NaN;
  return daysOf(digits(bytes, start, 4), digits(bytes, start + 5, 2), digits(bytes, start + 8, 2));
}

/** RFC 3339, as `2001-01-01T00:47:00Z`, `2001-01-01 00:47:00.5+02:00` → milliseconds. */
export function parseRfc3339(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 20) return NaN;
  const separator = bytes[start + 10]! | 0x20;
  if (separator !== 0x74 && separator !== 0x20) return NaN;
  if (bytes[start + 10]! < 0x20) return NaN;
  if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return NaN;
  let at = start + 19;
  let millis = 0;
  if (bytes[at] === 0x2e) {
    const fraction = at + 1;
    at = fraction;
    for (let unit = 100; at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at += 1) {
      millis += unit * (bytes[at]! - 0x30);
      unit = unit === 100 ? 10 : unit === 10 ? 1 : 0;
    }
    if (at === fraction) return NaN;
  }
  const days = parseDate(bytes, start, start + 10);
  const time = millisOfDay(
    digits(bytes, start + 11, 2),
    digits(bytes, start + 14, 2),
    digits(bytes, start + 17, 2),
    millis,
  );
  const offset = offsetMinutes(bytes, at, end) * MILLIS_PER_MINUTE;
  return withinYears(days * MILLIS_PER_DAY + time - offset);
}

/** NaN when an offset leads out of the years that text can carry. */
function withinYears(millis: number): number {
  return millis >= MIN_TEXT_MILLIS && millis <= MAX_TEXT_MILLIS ? millis : NaN;
}

/** `Z`, `+05:30`. NaN when bytes[at, end) is neither. */
function offsetMinutes(bytes: Uint8Array, at: number, end: number): number {
  if (end - at === 1) return (bytes[at]! | 0x20) === 0x7a ? 0 : NaN;
  if (end - at !== 6 || bytes[at + 3] !== 0x3a) return NaN;
  const sign = bytes[at] === 0x2b ? 1 : bytes[at] === 0x2d ? -1 : NaN;
  const hours = digits(bytes, at + 1, 2);
  const minutes = digits(bytes, at + 4, 2);
  return hours <= 23 && minutes <= 59 ? sign * (hours * 60 + minutes) : NaN;
}

const PATTERN_FIELDS = ['yyyy', 'MM', 'dd', 'HH', 'mm', 'ss', 'SSS'] as const;
type PatternField = (typeof PATTERN_FIELDS)[number];
type PatternPart = {readonly field: PatternField} | {readonly literal: Uint8Array};

/** A parser of `yyyy/MM/dd HH:mm` and the like, of local times `zoneMinutes` east of UTC → milliseconds. */
export function patternParser(pattern: string, zoneMinutes: number): TimeParser {
  const parts = splitPattern(pattern);
  const length = parts.reduce(
    (sum, part) => sum + ('field' in part ? part.field.length : part.literal.length),
    0,
  );
  return (bytes, start, end) => {
    if (end - start !== length) return NaN;
    const found = readParts(parts, bytes, start);
    if (found === null) return NaN;
    const days = daysOf(found.yyyy, found.MM, found.dd);
    const time = millisOfDay(found.HH, found.mm, found.ss, found.SSS);
    return withinYears(days * MILLIS_PER_DAY + time - zoneMinutes * MILLIS_PER_MINUTE);
  };
}

/** What each field read last; kept between calls so that a row makes no object. */
function readParts(
  parts: readonly PatternPart[],
  bytes: Uint8Array,
  start: number,
): Record<PatternField, number> | null {
  const found = FOUND;
  found.yyyy = 1970;
  found.MM = found.dd = 1;
  found.HH = found.mm = found.ss = found.SSS = 0;
  let at = start;
  for (const part of parts) {
    if ('field' in part) {
      found[part.field] = digits(bytes, at, part.field.length);
      at += part.field.length;
    } else {
      for (const byte of part.literal) {
        if (bytes[at] !== byte) return null;
        at += 1;
      }
    }
  }
  return found;
}

const FOUND: Record<PatternField, number> = {yyyy: 0, MM: 0, dd: 0, HH: 0, mm: 0, ss: 0, SSS: 0};

/** Fields and literal text; letters are fields unless they stand in single quotes (`'T'`; `''` is a quote). */
function splitPattern(pattern: string): PatternPart[] {
  const parts: PatternPart[] = [];
  let at = 0;
  while (at < pattern.length) {
    const field = PATTERN_FIELDS.find((name) => pattern.startsWith(name, at));
    const quoted = /^'(?:''|[^'])*'/.exec(pattern.slice(at));
    if (field !== undefined) {
      parts.push({field});
      at += field.length;
    } else if (quoted !== null) {
      const inner = quoted[0].slice(1, -1).replaceAll("''", "'");
      parts.push({literal: new TextEncoder().encode(inner === '' ? "'" : inner)});
      at += quoted[0].length;
    } else {
      const letter = String.fromCodePoint(pattern.codePointAt(at)!);
      if (/[A-Za-z']/.test(letter)) throw badPattern(pattern, at);
      parts.push({literal: new TextEncoder().encode(letter)});
      at += letter.length;
    }
  }
  return parts;
}

function badPattern(pattern: string, at: number): EngineError {
  return new EngineError(
    'JOB_INVALID',
    `time pattern "${pattern}": "${pattern.slice(at)}" begins with no known field`,
    {hint: `Use ${PATTERN_FIELDS.join(' ')}, and put other letters into single quotes: 'T'.`},
  );
}

/** Two digits at `at`. */
function writePair(bytes: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  bytes[at] = 0x30 + tens;
  bytes[at + 1] = 0x30 + value - tens * 10;
}

/** `2001-01-01`; returns the end. */
export function writeDate(bytes: Uint8Array, start: number, days: number): number {
  const {year, month, day} = civilFromDays(days);
  let at = start;
  if (year >= 0 && year <= 9999) {
    writePair(bytes, at, (year / 100) | 0);
    writePair(bytes, at + 2, year % 100);
    at += 4;
  } else {
    const text = `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`;
    for (let index = 0; index < text.length; index += 1) bytes[at + index] = text.charCodeAt(index);
    at += text.length;
  }
  bytes[at] = 0x2d;
  writePair(bytes, at + 1, month);
  bytes[at + 3] = 0x2d;
  writePair(bytes, at + 4, day);
  return at + 6;
}

/** `2001-01-01T00:47:00Z`, with a fraction only when there is one; returns the end. */
export function writeTimestamp(bytes: Uint8Array, start: number, millis: number): number {
  const days = Math.floor(millis / MILLIS_PER_DAY);
  const rest = millis - days * MILLIS_PER_DAY;
  const fraction = rest % 1000;
  const second = (rest / 1000) | 0;
  let at = writeDate(bytes, start, days);
  bytes[at] = 0x54;
  writePair(bytes, at + 1, (second / 3600) | 0);
  bytes[at + 3] = 0x3a;
  writePair(bytes, at + 4, ((second / 60) | 0) % 60);
  bytes[at + 6] = 0x3a;
  writePair(bytes, at + 7, second % 60);
  at += 9;
  if (fraction !== 0) {
    bytes[at] = 0x2e;
    bytes[at + 1] = 0x30 + ((fraction / 100) | 0);
    writePair(bytes, at + 2, fraction % 100);
    at += 4;
  }
  bytes[at] = 0x5a;
  return at + 1;
}

/** `2001-01-01T00:47:00Z` as a string. */
export function timestampText(millis: number): string {
  const bytes = new Uint8Array(MAX_TIME_TEXT);
  return String.fromCharCode(...bytes.subarray(0, writeTimestamp(bytes, 0, millis)));
}

/** `2001-01-01` as a string. */
export function dateText(days: number): string {
  const bytes = new Uint8Array(MAX_TIME_TEXT);
  return String.fromCharCode(...bytes.subarray(0, writeDate(bytes, 0, days)));
}
