// Bytes, durations, counts and instants as people read them.

const BYTE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `512 B`, `1.5 KiB`, `34 MiB`: three digits at most, then the unit. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let amount = bytes / 1024;
  let unit = 0;
  // 1023.5 and more would be printed as 1024 of this unit.
  while (amount >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount < 9.95 ? amount.toFixed(1) : amount.toFixed(0)} ${BYTE_UNITS[unit] ?? ''}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `350 ms`, `4.2 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(millis: number): string {
  if (Math.round(millis) < SECOND) return `${Math.round(millis)} ms`;
  if (millis < MINUTE - 50) return `${(millis / SECOND).toFixed(1)} s`;
  if (millis < HOUR - SECOND / 2) return twoUnits(millis, MINUTE, 'min', SECOND, 's');
  if (millis < DAY - MINUTE / 2) return twoUnits(millis, HOUR, 'h', MINUTE, 'min');
  return twoUnits(millis, DAY, 'd', HOUR, 'h');
}

function twoUnits(
  millis: number,
  big: number,
  bigName: string,
  small: number,
  smallName: string,
): string {
  const count = Math.round(millis / small);
  const perBig = big / small;
  const rest = count % perBig;
  const head = `${Math.floor(count / perBig)} ${bigName}`;
  return rest === 0 ? head : `${head} ${rest} ${smallName}`;
}

/** `12,345`: whole, with a comma every three digits. */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 record`, `2 records`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** RFC 3339, UTC; a time beyond what a date can hold is given in milliseconds. */
export function formatInstant(millis: number): string {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? `${millis} ms` : date.toISOString();
}
