// Numbers as text, written as bytes. `at` is where to write; each function returns the end. There must
// be room for MAX_NUMBER_TEXT bytes: up to three bytes behind the end are overwritten.

export const MAX_NUMBER_TEXT = 32;

const MINUS = 0x2d;
const POINT = 0x2e;
const ZEROS = 0x30303030;
const TEN_THOUSAND = 10_000;
const EIGHT_DIGITS = 100_000_000;
/** Below this, 15 digits say which double it is: no two texts of 15 digits mean the same double. */
const EXACT_LIMIT = 1e15;

/**
 * The four digits of `value` < 10,000 as four little-endian bytes of 0 to 9: the halves by 100 first
 * (5243 / 2^19 is 1/100 for these), then both halves by 10 at once (103 / 2^10 is 1/10 below 100).
 */
function fourDigits(value: number): number {
  const hundreds = Math.imul(value, 5243) >>> 19;
  const halves = hundreds | ((value - Math.imul(hundreds, 100)) << 16);
  const tens = (Math.imul(halves, 103) >>> 10) & 0x000f000f;
  return tens | ((halves - Math.imul(tens, 10)) << 8);
}

/** `value` < 10,000 without zeros in front. */
function writeUpToFour(view: DataView, at: number, value: number): number {
  const digits = fourDigits(value);
  // The lowest byte that is not 0 is the first digit; the last digit always counts.
  const marked = digits | 0x0f000000;
  const zeros = (31 - Math.clz32(marked & -marked)) >> 3;
  view.setInt32(at, (digits + ZEROS) >>> (zeros << 3), true);
  return at + 4 - zeros;
}

function writeFour(view: DataView, at: number, value: number): number {
  view.setInt32(at, fourDigits(value) + ZEROS, true);
  return at + 4;
}

/** `value` < 10^8 without zeros in front. */
export function writeUpToEight(view: DataView, at: number, value: number): number {
  if (value < TEN_THOUSAND) return writeUpToFour(view, at, value);
  const high = (value / TEN_THOUSAND) | 0;
  return writeFour(view, writeUpToFour(view, at, high), value - high * TEN_THOUSAND);
}

/** high × 10^8 + low, both below 10^8, high not 0: halves, because V8 boxes what exceeds 31 bits. */
export function writeHalves(view: DataView, at: number, high: number, low: number): number {
  return writeEight(view, writeUpToEight(view, at, high), low);
}

function writeEight(view: DataView, at: number, value: number): number {
  const high = (value / TEN_THOUSAND) | 0;
  return writeFour(view, writeFour(view, at, high), value - high * TEN_THOUSAND);
}

/** A whole number from 0 to 2^53. */
function writeWhole(view: DataView, at: number, value: number): number {
  if (value < EIGHT_DIGITS) return writeUpToEight(view, at, value | 0);
  const high = Math.floor(value / EIGHT_DIGITS);
  return writeHalves(view, at, high | 0, (value - high * EIGHT_DIGITS) | 0);
}

/** `value` in exactly `count` digits. */
function writePadded(bytes: Uint8Array, at: number, value: number, count: number): number {
  let rest = value;
  for (let index = at + count - 1; index >= at; index -= 1) {
    const tenth = Math.floor(rest / 10);
    bytes[index] = 0x30 + (rest - tenth * 10);
    rest = tenth;
  }
  return at + count;
}

/** An integer of at most 2^53 - 1, either sign. */
function writeInteger(view: DataView, start: number, value: number): number {
  if (value >= 0) return writeWhole(view, start, value);
  view.setUint8(start, MINUS);
  return writeWhole(view, start + 1, -value);
}

/** An unscaled decimal of at most 2^53 - 1 with `scale` digits behind the point; `unit` is 10^scale. */
export function writeDecimal(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  value: number,
  scale: number,
  unit: number,
): number {
  if (scale === 0) return writeInteger(view, start, value);
  let at = start;
  if (value < 0) {
    bytes[at] = MINUS;
    at += 1;
  }
  const magnitude = Math.abs(value);
  const whole = Math.floor(magnitude / unit);
  at = writeWhole(view, at, whole);
  bytes[at] = POINT;
  return writePadded(bytes, at + 1, magnitude - whole * unit, scale);
}

/** Exact digits of any 64-bit value, with `scale` of them behind the point. */
export function writeWide(bytes: Uint8Array, start: number, value: bigint, scale: number): number {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const cut = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
  return writeAscii(bytes, start, value < 0n ? `-${text}` : text);
}

/**
 * The shortest text that is read back as `value`: JavaScript's own, with `-0` for the negative zero.
 * Not for NaN and infinities. Most doubles take a short way:
 * when a whole number of 15 digits over a power of ten gives the same double, its digits are the text
 * (`writeHundredths` is the shortest, for generated code).
 */
export function writeDouble(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  value: number,
): number {
  let at = start;
  let magnitude = value;
  if (value < 0 || Object.is(value, -0)) {
    bytes[at] = MINUS;
    at += 1;
    magnitude = -value;
  }
  if (magnitude < EXACT_LIMIT) {
    if (Math.floor(magnitude) === magnitude) return writeWhole(view, at, magnitude);
    const millionths = Math.floor(magnitude * 1e6 + 0.5);
    if (millionths / 1e6 === magnitude && millionths < EXACT_LIMIT) {
      return writeMillionths(bytes, view, at, millionths);
    }
  }
  return writeAscii(bytes, at, String(magnitude));
}

/** scaled / 100 for scaled < 2^31, without zeros behind the point. */
export function writeHundredths(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  scaled: number,
): number {
  const whole = (scaled / 100) | 0;
  const rest = scaled - whole * 100;
  const at = writeUpToEight(view, start, whole);
  if (rest === 0) return at;
  const tens = Math.imul(rest, 103) >>> 10;
  bytes[at] = POINT;
  bytes[at + 1] = 0x30 + tens;
  if (rest === tens * 10) return at + 2;
  bytes[at + 2] = 0x30 + rest - tens * 10;
  return at + 3;
}

/** scaled / 1,000,000, which is no whole number, without zeros at its end. */
function writeMillionths(bytes: Uint8Array, view: DataView, start: number, scaled: number): number {
  const whole = Math.floor(scaled / 1e6);
  let at = writeWhole(view, start, whole);
  bytes[at] = POINT;
  at = writePadded(bytes, at + 1, scaled - whole * 1e6, 6);
  while (bytes[at - 1] === 0x30) at -= 1;
  return at;
}

function writeAscii(bytes: Uint8Array, start: number, text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    bytes[start + index] = text.charCodeAt(index);
  }
  return start + text.length;
}
