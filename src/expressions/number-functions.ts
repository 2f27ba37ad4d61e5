// What numeric functions need besides one operation. Rounding is half up, away from zero.

import type {ByteArena} from './byte-arena.ts';
import {divideRounded, divideRoundedWide, parseDecimal} from './decimal-math.ts';

/** The digits of a 64-bit integer. */
const MAX_PLACES = 19;

/** To a power of ten when `places` is negative. */
export function roundInteger(value: number, places: number): number {
  if (places >= 0) return value;
  if (places < -MAX_PLACES) return 0;
  const unit = 10 ** -places;
  return divideRounded(value, unit) * unit;
}

export function roundIntegerWide(value: bigint, places: number): bigint {
  if (places >= 0) return value;
  if (places < -MAX_PLACES) return 0n;
  const unit = 10n ** BigInt(-places);
  return divideRoundedWide(value, unit) * unit;
}

/** Digits before and after the point that a double can have. */
const MAX_DOUBLE_DIGITS = 400;

/** Rounds the shortest text of the double, as Flink does: 1.005 to two places is 1.01. */
export function roundDouble(_x: ByteArena, value: number, places: number): number {
  if (places === 0) {
    const whole = Math.trunc(value);
    return Math.abs(value - whole) < 0.5 ? whole + 0 : whole + Math.sign(value);
  }
  if (places > MAX_DOUBLE_DIGITS || !Number.isFinite(value)) return value;
  if (places < -MAX_DOUBLE_DIGITS) return 0;
  const unscaled = parseDecimal(String(value), 2 * MAX_DOUBLE_DIGITS, places);
  return unscaled === null ? value : Number(`${unscaled}e${-places}`);
}

export function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

export function ceilDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor > 0n ? quotient + 1n : quotient;
}
