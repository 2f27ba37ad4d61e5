import type {SideSpace} from './column-store.ts';
import {hexValue} from './json-scanner.ts';
import {isWellFormed, writeCodePoint} from './utf8.ts';

const BACKSLASH = 0x5c;

/** The byte that `\b` and the like stand for, by the letter. */
const SIMPLE = new Uint8Array(128);
for (const [letter, byte] of [
  ['"', 0x22],
  ['\\', 0x5c],
  ['/', 0x2f],
  ['b', 0x08],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
] as const) {
  SIMPLE[letter.charCodeAt(0)] = byte;
}

/**
 * Writes the text of a JSON string (between its quotes, escapes checked by the scanner) behind
 * `side.used`, which it moves. Returns the start of the text, or -1 when an escape is a surrogate
 * without its other half or the bytes are not well-formed UTF-8.
 */
export function unescapeString(
  bytes: Uint8Array,
  start: number,
  end: number,
  side: SideSpace,
): number {
  side.reserve(end - start);
  const target = side.bytes;
  const first = side.used;
  let out = first;
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte !== BACKSLASH) {
      target[out] = byte;
      out += 1;
      at += 1;
    } else if (bytes[at + 1] !== 0x75) {
      target[out] = SIMPLE[bytes[at + 1]!]!;
      out += 1;
      at += 2;
    } else {
      let codePoint = codeUnit(bytes, at + 2);
      at += 6;
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) {
        codePoint = at < end ? pairWith(codePoint, bytes, at) : -1;
        if (codePoint < 0) return -1;
        at += 6;
      }
      out = writeCodePoint(target, out, codePoint);
    }
  }
  if (!isWellFormed(target, first, out)) return -1;
  side.used = out;
  return first;
}

/** The code point of `high` and the escape at `at`, or -1 when they are no pair. */
function pairWith(high: number, bytes: Uint8Array, at: number): number {
  if (high >= 0xdc00 || bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1;
  const low = codeUnit(bytes, at + 2);
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : -1;
}

function codeUnit(bytes: Uint8Array, at: number): number {
  return (
    (hexValue(bytes[at]!) << 12) |
    (hexValue(bytes[at + 1]!) << 8) |
    (hexValue(bytes[at + 2]!) << 4) |
    hexValue(bytes[at + 3]!)
  );
}
