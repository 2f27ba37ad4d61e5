// Timestamps and dates as SQL writes them: `2001-01-31 23:59:59.999`, `2001-01-31`.

import {civilFromDays, daysFromCivil, daysInMonth, MILLIS_PER_DAY} from './civil-time.ts';

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const TIME = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?$/;

/** Days since the epoch; NaN when it is no date. */
export function parseDateText(text: string): number {
  const match = DATE.exec(text.trim());
  if (match === null) return NaN;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return NaN;
  return daysFromCivil(year, month, day);
}

/** Milliseconds since the epoch; a date alone is its midnight; NaN when it is no timestamp. */
export function parseTimestampText(text: string): number {
  const trimmed = text.trim();
  const space = /[ T]/.exec(trimmed)?.index ?? -1;
  if (space === -1) return parseDateText(trimmed) * MILLIS_PER_DAY;
  const match = TIME.exec(trimmed.slice(space + 1));
  if (match === null) return NaN;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return NaN;
  const millis = Number((match[4] ?? '').padEnd(3, '0').slice(0, 3));
  const time = hour * 3_600_000 + minute * 60_000 + second * 1_000 + millis;
  return parseDateText(trimmed.slice(0, space)) * MILLIS_PER_DAY + time;
}

export function dateText(days: number): string {
  const {year, month, day} = civilFromDays(days);
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
}

/** Always with milliseconds, as Flink prints a TIMESTAMP(3). */
export function timestampText(millis: number): string {
  const days = Math.floor(millis / MILLIS_PER_DAY);
  return `${dateText(days)} ${timeText(millis - days * MILLIS_PER_DAY)}`;
}

function timeText(millis: number): string {
  const seconds = Math.floor(millis / 1_000);
  const clock = [seconds / 3_600, (seconds / 60) % 60, seconds % 60];
  const text = clock.map((part) => digits(Math.floor(part), 2)).join(':');
  return `${text}.${digits(millis % 1_000, 3)}`;
}

/** Zero-padded; a year before 0 keeps its sign. */
export function digits(value: number, width: number): string {
  const text = String(Math.abs(value)).padStart(width, '0');
  return value < 0 ? `-${text}` : text;
}
