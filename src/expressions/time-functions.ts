// Arithmetic on timestamps (milliseconds since the epoch, UTC). Dates are handled as their midnights.

import type {ByteArena} from './byte-arena.ts';
import {
  addMonths,
  civilFromDays,
  daysFromCivil,
  MAX_DATE,
  MAX_TIMESTAMP,
  MILLIS_PER_DAY,
  MIN_DATE,
  MIN_TIMESTAMP,
} from './civil-time.ts';
import {RecordFailure} from './record-failure.ts';

/** Units of a fixed length, in milliseconds. */
export const UNIT_MILLIS: ReadonlyMap<string, number> = new Map([
  ['SECOND', 1_000],
  ['MINUTE', 60_000],
  ['HOUR', 3_600_000],
  ['DAY', MILLIS_PER_DAY],
  ['WEEK', 7 * MILLIS_PER_DAY],
]);

/** Units of whole months. */
export const UNIT_MONTHS: ReadonlyMap<string, number> = new Map([
  ['MONTH', 1],
  ['QUARTER', 3],
  ['YEAR', 12],
]);

type FromDays = (days: number) => number;
type FromMillis = (millis: number) => number;

function dayPart(part: FromDays): FromMillis {
  return (millis) => part(Math.floor(millis / MILLIS_PER_DAY));
}

function clockPart(unit: number, count: number): FromMillis {
  return (millis) => {
    const units = Math.floor(millis / unit);
    return units - Math.floor(units / count) * count;
  };
}

/** Monday is 1. */
function isoWeekday(days: number): number {
  // 1970-01-01 was a Thursday.
  return ((((days + 3) % 7) + 7) % 7) + 1;
}

/** An ISO week belongs to the year that has its Thursday. */
function isoYear(days: number): number {
  return civilFromDays(days - isoWeekday(days) + 4).year;
}

function isoWeek(days: number): number {
  const thursday = days - isoWeekday(days) + 4;
  return Math.floor((thursday - daysFromCivil(isoYear(days), 1, 1)) / 7) + 1;
}

/** What EXTRACT knows. */
export const TIME_PARTS: ReadonlyMap<string, FromMillis> = new Map([
  ['YEAR', dayPart((days) => civilFromDays(days).year)],
  ['QUARTER', dayPart((days) => Math.ceil(civilFromDays(days).month / 3))],
  ['MONTH', dayPart((days) => civilFromDays(days).month)],
  ['WEEK', dayPart(isoWeek)],
  ['DAY', dayPart((days) => civilFromDays(days).day)],
  ['DOY', dayPart((days) => days - daysFromCivil(civilFromDays(days).year, 1, 1) + 1)],
  // Sunday is 1.
  ['DOW', dayPart((days) => (isoWeekday(days) % 7) + 1)],
  ['ISODOW', dayPart(isoWeekday)],
  ['ISOYEAR', dayPart(isoYear)],
  ['HOUR', clockPart(3_600_000, 24)],
  ['MINUTE', clockPart(60_000, 60)],
  ['SECOND', clockPart(1_000, 60)],
  ['EPOCH', (millis: number) => Math.floor(millis / 1_000)],
]);

/** The beginning of the unit that `millis` lies in. A week begins on Sunday, as in Flink. */
function floorTime(millis: number, unit: string): number {
  const days = Math.floor(millis / MILLIS_PER_DAY);
  if (unit === 'WEEK') return (days - (isoWeekday(days) % 7)) * MILLIS_PER_DAY;
  const length = UNIT_MILLIS.get(unit);
  if (length !== undefined) return Math.floor(millis / length) * length;
  const {year, month} = civilFromDays(days);
  const months = UNIT_MONTHS.get(unit)!;
  const first = Math.floor((month - 1) / months) * months + 1;
  return daysFromCivil(year, first, 1) * MILLIS_PER_DAY;
}

/** The beginning of a unit at or after `millis`. */
export function ceilTime(_x: ByteArena, unit: string, millis: number): number {
  const floor = floorTime(millis, unit);
  if (floor === millis) return floor;
  const length = UNIT_MILLIS.get(unit);
  if (length !== undefined) return inRange(floor + length);
  return inRange(addMonths(floor / MILLIS_PER_DAY, UNIT_MONTHS.get(unit)!) * MILLIS_PER_DAY);
}

export function floorTimeIn(_x: ByteArena, unit: string, millis: number): number {
  return floorTime(millis, unit);
}

export function addMillis(_x: ByteArena, unit: number, time: number, count: number): number {
  return inRange(time + count * unit);
}

/** The day of the month is kept, or becomes the month's last. */
export function addMonthsTo(_x: ByteArena, unit: number, time: number, count: number): number {
  const days = Math.floor(time / MILLIS_PER_DAY);
  // 12 × 2^31 months are still exact, and far outside of the range.
  const moved = addMonths(days, count * unit);
  return inRange(moved * MILLIS_PER_DAY + (time - days * MILLIS_PER_DAY));
}

export function addDays(_x: ByteArena, unit: number, date: number, count: number): number {
  return dateInRange(date + count * unit);
}

export function addMonthsToDate(_x: ByteArena, unit: number, date: number, count: number): number {
  return dateInRange(addMonths(date, count * unit));
}

/** Whole units from `from` to `to`; negative when `to` is earlier. */
export function millisBetween(_x: ByteArena, unit: number, from: number, to: number): number {
  // Less than one unit back is no -0.
  return intInRange(Math.trunc((to - from) / unit) + 0);
}

/** Whole months: the largest number that, added to the earlier time, does not pass the later one. */
export function monthsBetween(_x: ByteArena, unit: number, from: number, to: number): number {
  if (to < from) return -monthsBetween(_x, unit, to, from) + 0;
  const [first, last] = [Math.floor(from / MILLIS_PER_DAY), Math.floor(to / MILLIS_PER_DAY)];
  const [start, end] = [civilFromDays(first), civilFromDays(last)];
  let months = (end.year - start.year) * 12 + end.month - start.month;
  const arrived = addMonths(first, months) * MILLIS_PER_DAY + (from - first * MILLIS_PER_DAY);
  if (arrived > to) months -= 1;
  return intInRange(Math.trunc(months / unit));
}

function inRange(millis: number): number {
  if (millis >= MIN_TIMESTAMP && millis <= MAX_TIMESTAMP) return millis;
  throw new RecordFailure('the timestamp is outside the years 1 to 9999');
}

function dateInRange(days: number): number {
  if (days >= MIN_DATE && days <= MAX_DATE) return days;
  throw new RecordFailure('the date is outside the years 1 to 9999');
}

function intInRange(value: number): number {
  if (value === (value | 0)) return value;
  throw new RecordFailure('int overflow');
}
