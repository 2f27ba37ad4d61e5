// Time patterns as DATE_FORMAT, TO_TIMESTAMP and UNIX_TIMESTAMP take them: Java's letters, of which these
// are known: y M d H h m s S a E; text between single quotes and all signs stand for themselves.

import {civilFromDays, daysFromCivil, daysInMonth, MILLIS_PER_DAY} from './civil-time.ts';
import {PatternError} from './patterns.ts';
import {TIME_PARTS} from './time-functions.ts';
import {digits} from './time-text.ts';

interface FieldPart {
  readonly letter: string;
  readonly width: number;
}

export type TimePattern = readonly (FieldPart | string)[];

const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September'],
  ...['October', 'November', 'December'],
];
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** The most letters in a row that mean something. */
const WIDTHS: Readonly<Record<string, number>> = {
  y: 4,
  M: 4,
  d: 2,
  H: 2,
  h: 2,
  m: 2,
  s: 2,
  S: 9,
  a: 1,
  E: 4,
};
const READABLE = 'yMdHmsS';

export function compileTimePattern(text: string): TimePattern {
  const parts: (FieldPart | string)[] = [];
  const piece = /''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^'A-Za-z]+|'/gu;
  for (const match of text.matchAll(piece)) {
    const [whole, quoted, letter] = match;
    if (whole === "'")
      throw new PatternError(`${JSON.stringify(text)} has a quote without its end`);
    if (letter !== undefined) parts.push(field(letter, whole.length, text));
    else if (whole === "''") parts.push("'");
    else parts.push(quoted?.replaceAll("''", "'") ?? whole);
  }
  return parts;
}

function field(letter: string, width: number, text: string): FieldPart {
  const widest = Object.hasOwn(WIDTHS, letter) ? WIDTHS[letter]! : 0;
  if (width <= widest && !(letter === 'y' && width === 3)) return {letter, width};
  const known = Object.keys(WIDTHS).join(' ');
  throw new PatternError(
    `${JSON.stringify(text)}: ${letter.repeat(width)} is not known; letters are ${known}`,
  );
}

/** For reading: only fields of digits, and none that could mean two things. */
export function compileReadingPattern(text: string): TimePattern {
  const pattern = compileTimePattern(text);
  for (const part of pattern) {
    if (typeof part === 'string') continue;
    const readable = READABLE.includes(part.letter) && !(part.letter === 'M' && part.width > 2);
    if (!readable || (part.letter === 'y' && part.width < 4)) {
      const letters = part.letter.repeat(part.width);
      throw new PatternError(`${JSON.stringify(text)}: ${letters} cannot be read, only written`);
    }
  }
  return pattern;
}

export function formatTime(pattern: TimePattern, millis: number): string {
  const days = Math.floor(millis / MILLIS_PER_DAY);
  return pattern
    .map((part) => (typeof part === 'string' ? part : formatField(part, days, millis)))
    .join('');
}

function formatField({letter, width}: FieldPart, days: number, millis: number): string {
  const date = civilFromDays(days);
  const time = millis - days * MILLIS_PER_DAY;
  const hour = Math.floor(time / 3_600_000);
  switch (letter) {
    case 'y':
      return width === 2 ? digits(((date.year % 100) + 100) % 100, 2) : digits(date.year, width);
    case 'M':
      return width <= 2 ? digits(date.month, width) : named(MONTHS[date.month - 1]!, width);
    case 'd':
      return digits(date.day, width);
    case 'H':
      return digits(hour, width);
    case 'h':
      return digits(((hour + 11) % 12) + 1, width);
    case 'm':
      return digits(Math.floor(time / 60_000) % 60, width);
    case 's':
      return digits(Math.floor(time / 1_000) % 60, width);
    case 'S':
      return digits(time % 1_000, 3)
        .padEnd(9, '0')
        .slice(0, width);
    case 'a':
      return hour < 12 ? 'AM' : 'PM';
    default:
      return named(WEEKDAYS[TIME_PARTS.get('ISODOW')!(millis) - 1]!, width);
  }
}

/** The whole name with four letters, else its first three. */
function named(text: string, width: number): string {
  return width === 4 ? text : text.slice(0, 3);
}

/** Milliseconds since the epoch; NaN when the text does not follow the pattern. */
export function parseTime(pattern: TimePattern, text: string): number {
  const found: Record<string, number> = {y: 1970, M: 1, d: 1, H: 0, m: 0, s: 0, S: 0};
  let at = 0;
  for (const part of pattern) {
    if (typeof part === 'string') {
      if (!text.startsWith(part, at)) return NaN;
      at += part.length;
      continue;
    }
    const most = part.width === 1 && part.letter !== 'S' ? 2 : part.width;
    const length = digitCount(text, at, most);
    if (length < part.width) return NaN;
    const read = text.slice(at, at + length);
    found[part.letter] = Number(part.letter === 'S' ? read.padEnd(3, '0').slice(0, 3) : read);
    at += length;
  }
  return at === text.length ? timeOf(found) : NaN;
}

function digitCount(text: string, at: number, most: number): number {
  let count = 0;
  while (count < most && /[0-9]/.test(text[at + count] ?? '')) count += 1;
  return count;
}

function timeOf(found: Readonly<Record<string, number>>): number {
  const [year, month, day] = [found['y']!, found['M']!, found['d']!];
  const [hour, minute, second] = [found['H']!, found['m']!, found['s']!];
  const isDate =
    year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
  if (!isDate || hour > 23 || minute > 59 || second > 59) return NaN;
  const clock = hour * 3_600_000 + minute * 60_000 + second * 1_000 + found['S']!;
  return daysFromCivil(year, month, day) * MILLIS_PER_DAY + clock;
}
