// Numbers and booleans as text: what CAST reads and writes.

import {MAX_BIGINT, MIN_BIGINT} from './type-rules.ts';
import type {ByteArena} from './byte-arena.ts';

const INTEGER = /^([+-]?)(?:(\d+)(?:\.\d*)?|\.\d+)$/;
const DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const ZERO = 0x30;
/** Digits whose value is a safe integer whatever they are. */
const SAFE_DIGITS = 15;

/** As Flink reads it: digits after a point are dropped. NaN: no integer. Infinity: needs a BigInt. */
export function parseInteger(x: ByteArena, bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > 0 && length <= SAFE_DIGITS) {
    let value = 0;
    let at = start;
    for (; at < end; at += 1) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === end) return value;
  }
  const exact = parseBigint(x, bytes, start, end);
  if (exact === null) return NaN;
  const value = Number(exact);
  return Number.isSafeInteger(value) ? value : Infinity;
}

/** Null: no integer, or outside 64 bits. */
export function parseBigint(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
): bigint | null {
  const match = INTEGER.exec(x.text(bytes, start, end).trim());
  if (match === null) return null;
  const digits = (match[2] ?? '0').replace(/^0+(?=\d)/, '');
  // Longer texts are not 64-bit integers, and must not become huge BigInts.
  if (digits.length > 19) return null;
  const value = BigInt(`${match[1] === '-' ? '-' : ''}${digits}`);
  return value >= MIN_BIGINT && value <= MAX_BIGINT ? value : null;
}

/** NaN: no number, or not finite. */
export function parseDouble(x: ByteArena, bytes: Uint8Array, start: number, end: number): number {
  const text = x.text(bytes, start, end).trim();
  const value = DOUBLE.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : NaN;
}

const TRUE_TEXTS = new Set(['t', 'true', 'y', 'yes', '1']);
const FALSE_TEXTS = new Set(['f', 'false', 'n', 'no', '0']);

/** 1, 0, or NaN when it is neither. */
export function parseBoolean(x: ByteArena, bytes: Uint8Array, start: number, end: number): number {
  const text = x.text(bytes, start, end).trim().toLowerCase();
  if (TRUE_TEXTS.has(text)) return 1;
  return FALSE_TEXTS.has(text) ? 0 : NaN;
}

/** As Java prints a double: `1.0`, `0.001`, `1.0E7`, with the fewest digits that give it back. */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponentText = ''] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= -3 && exponent < 7) {
    const plain = String(value);
    return plain.includes('.') ? plain : `${plain}.0`;
  }
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${exponent}`;
}
