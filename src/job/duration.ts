// Durations and sizes as Flink writes them: `10s`, `5 min`, `PT10S`; `64mb`, `20 kb`, `1gib`.

export type Parsed =
  | {readonly kind: 'ok'; readonly value: number}
  | {readonly kind: 'invalid'; readonly message: string; readonly suggestion: string | null};

/** 10,000 days. */
export const MAX_DURATION_MILLIS = 864_000_000_000;

const MILLIS_BY_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  milli: 1,
  millis: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1000,
  sec: 1000,
  secs: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  mins: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
};

/** Powers of 1024, whatever the spelling, as in Flink. */
const BYTES_BY_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  byte: 1,
  bytes: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
  gib: 2 ** 30,
  t: 2 ** 40,
  tb: 2 ** 40,
  tib: 2 ** 40,
};

const ISO_DURATION =
  /^P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?$/i;

/** Text → milliseconds. */
export function parseDuration(text: string): Parsed {
  if (/^p/i.test(text)) return parseIsoDuration(text);
  if (text === '0') return {kind: 'ok', value: 0};
  const match = /^(\d{1,15}) {0,4}([a-z]{0,16})$/i.exec(text);
  if (match === null) {
    return invalid('is not a duration', 'write it like 500ms, 10s, 5 min, 1 h or PT10S');
  }
  const [, digits, unit] = match;
  if (unit === '') return invalid('is a duration without a unit', `did you mean "${digits}s"?`);
  const factor = Object.hasOwn(MILLIS_BY_UNIT, unit!.toLowerCase())
    ? MILLIS_BY_UNIT[unit!.toLowerCase()]
    : undefined;
  if (factor === undefined) {
    return invalid('is a duration with an unknown unit', 'units: ms, s, min, h, d');
  }
  return bounded(Number(digits) * factor);
}

function parseIsoDuration(text: string): Parsed {
  const match = ISO_DURATION.exec(text);
  if (match === null || !/\d/.test(text) || /t$/i.test(text)) {
    return invalid(
      'is not an ISO 8601 duration of days, hours, minutes, seconds',
      'write PT10S or 10s',
    );
  }
  const [, days, hours, minutes, seconds, fraction] = match;
  if (fraction !== undefined && /[^0]/.test(fraction.slice(3))) {
    return invalid('is finer than a millisecond', 'milliseconds are the finest unit here');
  }
  const millis =
    Number(days ?? 0) * 86_400_000 +
    Number(hours ?? 0) * 3_600_000 +
    Number(minutes ?? 0) * 60_000 +
    Number(seconds ?? 0) * 1000 +
    Number((fraction ?? '').padEnd(3, '0').slice(0, 3));
  return bounded(millis);
}

function bounded(millis: number): Parsed {
  if (millis <= MAX_DURATION_MILLIS) return {kind: 'ok', value: millis};
  return invalid('is longer than 10000 d', null);
}

/** Text → bytes. */
export function parseSize(text: string): Parsed {
  const match = /^(\d{1,15}) {0,4}([a-z]{0,8})$/i.exec(text);
  const unit = match?.[2]?.toLowerCase();
  if (match === null || unit === undefined) {
    return invalid('is not a size', 'write it like 64mb, 20 kb or 1gib');
  }
  const factor =
    unit === '' ? 1 : Object.hasOwn(BYTES_BY_UNIT, unit) ? BYTES_BY_UNIT[unit] : undefined;
  if (factor === undefined)
    return invalid('is a size with an unknown unit', 'units: b, kb, mb, gb, tb');
  const bytes = Number(match[1]) * factor;
  if (!Number.isSafeInteger(bytes)) return invalid('is too large a size', null);
  return {kind: 'ok', value: bytes};
}

function invalid(message: string, suggestion: string | null): Parsed {
  return {kind: 'invalid', message, suggestion};
}

/** As it would stand in a job file. */
export function durationText(millis: number): string {
  if (millis >= 60_000 && millis % 60_000 === 0) return `${millis / 60_000} min`;
  if (millis >= 1000 && millis % 1000 === 0) return `${millis / 1000}s`;
  return `${Math.round(millis)}ms`;
}
