// Decimal arithmetic on unscaled integers, as doubles within ±(2^53 - 1) and as BigInts. Rounding is
// half up: away from zero at the middle, as in Flink.

/** `value` / `divisor` rounded; divisor > 0. Exact for integers up to 2^53 and powers of ten. */
export function divideRounded(value: number, divisor: number): number {
  const quotient = Math.trunc(value / divisor);
  const rest = Math.abs(value - quotient * divisor);
  if (rest < divisor - rest) return quotient + 0;
  return value < 0 ? quotient - 1 : quotient + 1;
}

export function divideRoundedWide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  const rest = value - quotient * divisor;
  const [restSize, divisorSize] = [rest < 0n ? -rest : rest, divisor < 0n ? -divisor : divisor];
  if (restSize * 2n < divisorSize) return quotient;
  return value < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

/** `left` × 10^places / `right`, rounded; NaN when the result needs a BigInt. `places` may be negative. */
export function divideDecimals(left: number, right: number, places: number): number {
  const raised = left * 10 ** places;
  if (places >= 0 && Math.abs(raised) <= Number.MAX_SAFE_INTEGER) {
    return right < 0 ? divideRounded(-raised, -right) : divideRounded(raised, right);
  }
  return toSafe(divideDecimalsWide(BigInt(left), BigInt(right), places));
}

export function divideDecimalsWide(left: bigint, right: bigint, places: number): bigint {
  return places >= 0
    ? divideRoundedWide(left * 10n ** BigInt(places), right)
    : divideRoundedWide(left, right * 10n ** BigInt(-places));
}

/** The integer as a number, or NaN when it is outside ±(2^53 - 1). */
export function toSafe(value: bigint): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : NaN;
}

/** An unscaled decimal as the nearest double. */
export function decimalToDouble(unscaled: bigint, scale: number): number {
  return Number(`${unscaled}e-${scale}`);
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/;

/** The unscaled value at `scale`, rounded; null when the text is no number or has too many digits. */
export function parseDecimal(text: string, precision: number, scale: number): bigint | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return null;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0n;
  const places = Number(exponent) - fraction.length + scale;
  if (digits.length + places > precision) return null;
  if (digits.length + places < 0) return 0n;
  const unsigned =
    places >= 0
      ? BigInt(digits) * 10n ** BigInt(places)
      : divideRoundedWide(BigInt(digits), 10n ** BigInt(-places));
  if (unsigned >= 10n ** BigInt(precision)) return null;
  return sign === '-' ? -unsigned : unsigned;
}
