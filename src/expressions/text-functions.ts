// String functions over UTF-8 bytes. A helper takes the arena, then for each string its bytes, start and
// end; it leaves its result in the arena, as a copy or as a part of its input. Positions and lengths
// count code points. A helper that returns false has no result: NULL.

import type {ByteArena} from './byte-arena.ts';
import {countCharacters, indexOfBytes, skipCharacters} from './byte-text.ts';

export function upper(x: ByteArena, bytes: Uint8Array, start: number, end: number): void {
  mapCase(x, bytes, start, end, 0x61, true);
}

export function lower(x: ByteArena, bytes: Uint8Array, start: number, end: number): void {
  mapCase(x, bytes, start, end, 0x41, false);
}

/** `first` is the first of 26 letters that change. */
function mapCase(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  first: number,
  up: boolean,
): void {
  const from = x.used;
  x.reserve(end - start);
  const target = x.bytes;
  let at = from;
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i]!;
    if (byte >= 0x80) {
      const text = x.text(bytes, start, end);
      x.write(up ? text.toUpperCase() : text.toLowerCase());
      return;
    }
    target[at] = byte >= first && byte < first + 26 ? byte ^ 0x20 : byte;
    at += 1;
  }
  x.used = at;
  x.finish(from);
}

export function charLength(_x: ByteArena, bytes: Uint8Array, start: number, end: number): number {
  return countCharacters(bytes, start, end);
}

/** From 1; 0 when it is not there. */
export function position(
  _x: ByteArena,
  wanted: Uint8Array,
  wantedStart: number,
  wantedEnd: number,
  text: Uint8Array,
  start: number,
  end: number,
): number {
  const at = indexOfBytes(text, start, end, wanted, wantedStart, wantedEnd);
  return at === -1 ? 0 : countCharacters(text, start, at) + 1;
}

/** Position 0 is like 1; a negative one counts from the end; before the first character nothing is left. */
export function substring(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
  length: number,
): boolean {
  if (length < 0) return false;
  const skipped = at > 0 ? at - 1 : at === 0 ? 0 : countCharacters(bytes, start, end) + at;
  const from = skipped < 0 ? end : skipCharacters(bytes, start, end, skipped);
  x.share(bytes, from, skipCharacters(bytes, from, end, length));
  return true;
}

export function substringFrom(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
): boolean {
  return substring(x, bytes, start, end, at, Infinity);
}

type Trim = (
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  characters: Uint8Array,
  charactersStart: number,
  charactersEnd: number,
) => void;

/** Takes away every leading and trailing character that is one of `characters`. */
export const trimBoth: Trim = (x, bytes, start, end, characters, from, to) => {
  const first = trimmedStart(bytes, start, end, characters, from, to);
  x.share(bytes, first, trimmedEnd(bytes, first, end, characters, from, to));
};

export const trimLeading: Trim = (x, bytes, start, end, characters, from, to) =>
  x.share(bytes, trimmedStart(bytes, start, end, characters, from, to), end);

export const trimTrailing: Trim = (x, bytes, start, end, characters, from, to) =>
  x.share(bytes, start, trimmedEnd(bytes, start, end, characters, from, to));

function trimmedStart(
  bytes: Uint8Array,
  start: number,
  end: number,
  characters: Uint8Array,
  from: number,
  to: number,
): number {
  let at = start;
  while (at < end) {
    const next = skipCharacters(bytes, at, end, 1);
    // UTF-8: a whole character is only ever found where a character begins.
    if (indexOfBytes(characters, from, to, bytes, at, next) === -1) break;
    at = next;
  }
  return at;
}

function trimmedEnd(
  bytes: Uint8Array,
  start: number,
  end: number,
  characters: Uint8Array,
  from: number,
  to: number,
): number {
  let at = end;
  while (at > start) {
    let before = at - 1;
    while (before > start && (bytes[before]! & 0xc0) === 0x80) before -= 1;
    if (indexOfBytes(characters, from, to, bytes, before, at) === -1) break;
    at = before;
  }
  return at;
}

/** An empty `wanted` is nowhere. */
export function replace(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  wanted: Uint8Array,
  wantedStart: number,
  wantedEnd: number,
  by: Uint8Array,
  byStart: number,
  byEnd: number,
): void {
  const length = wantedEnd - wantedStart;
  let found = length === 0 ? -1 : indexOfBytes(bytes, start, end, wanted, wantedStart, wantedEnd);
  if (found === -1) {
    x.share(bytes, start, end);
    return;
  }
  const from = x.used;
  let at = start;
  for (; found !== -1; found = indexOfBytes(bytes, at, end, wanted, wantedStart, wantedEnd)) {
    x.reserve(found - at + byEnd - byStart, from);
    x.put(bytes, at, found);
    x.put(by, byStart, byEnd);
    at = found + length;
  }
  x.append(bytes, at, end, from);
  x.finish(from);
}

/** The piece number `index`, from 0, between delimiters. An empty text or delimiter has no pieces. */
export function splitIndex(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  delimiter: Uint8Array,
  delimiterStart: number,
  delimiterEnd: number,
  index: number,
): boolean {
  const length = delimiterEnd - delimiterStart;
  if (index < 0 || start === end || length === 0) return false;
  let at = start;
  for (let left = index; left > 0; left -= 1) {
    const found = indexOfBytes(bytes, at, end, delimiter, delimiterStart, delimiterEnd);
    if (found === -1) return false;
    at = found + length;
  }
  const stop = indexOfBytes(bytes, at, end, delimiter, delimiterStart, delimiterEnd);
  x.share(bytes, at, stop === -1 ? end : stop);
  return true;
}

type Pad = (
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  length: number,
  pad: Uint8Array,
  padStart: number,
  padEnd: number,
) => boolean;

/** Cuts to `length` characters, or fills up to it; no result for a negative length or nothing to pad with. */
export const padLeft: Pad = (x, bytes, start, end, length, pad, padStart, padEnd) => {
  if (length < 0 || padStart === padEnd) return false;
  const missing = length - countCharacters(bytes, start, end);
  if (missing <= 0) {
    x.share(bytes, start, skipCharacters(bytes, start, end, length));
    return true;
  }
  const from = x.used;
  putRepeated(x, from, pad, padStart, padEnd, missing);
  x.append(bytes, start, end, from);
  x.finish(from);
  return true;
};

export const padRight: Pad = (x, bytes, start, end, length, pad, padStart, padEnd) => {
  if (length < 0 || padStart === padEnd) return false;
  const missing = length - countCharacters(bytes, start, end);
  if (missing <= 0) {
    x.share(bytes, start, skipCharacters(bytes, start, end, length));
    return true;
  }
  const from = x.used;
  x.append(bytes, start, end);
  putRepeated(x, from, pad, padStart, padEnd, missing);
  x.finish(from);
  return true;
};

/** So many characters of `pad`, again and again. */
function putRepeated(
  x: ByteArena,
  from: number,
  pad: Uint8Array,
  start: number,
  end: number,
  characters: number,
): void {
  const each = countCharacters(pad, start, end);
  const times = Math.floor(characters / each);
  const rest = skipCharacters(pad, start, end, characters - times * each);
  x.reserve(times * (end - start) + rest - start, from);
  for (let i = 0; i < times; i += 1) x.put(pad, start, end);
  x.put(pad, start, rest);
}
