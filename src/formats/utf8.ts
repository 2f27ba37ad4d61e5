// UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.

/** The end of the character that begins at bytes[at] ≥ 0x80, or -1 when it is ill-formed or cut at `end`. */
function characterEnd(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > end) return -1;
  const second = bytes[at + 1]!;
  // The second byte decides overlong forms, surrogates and the upper end.
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return -1;
  for (let index = at + 2; index < at + length; index += 1) {
    if ((bytes[index]! & 0xc0) !== 0x80) return -1;
  }
  return at + length;
}

export function isWellFormed(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (bytes[at]! < 0x80) at += 1;
    else {
      at = characterEnd(bytes, at, end);
      if (at < 0) return false;
    }
  }
  return true;
}

/** Writes a code point that is no surrogate; returns the end. */
export function writeCodePoint(target: Uint8Array, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    target[at] = codePoint;
    return at + 1;
  }
  if (codePoint < 0x800) {
    target[at] = 0xc0 | (codePoint >> 6);
    target[at + 1] = 0x80 | (codePoint & 63);
    return at + 2;
  }
  if (codePoint < 0x10000) {
    target[at] = 0xe0 | (codePoint >> 12);
    target[at + 1] = 0x80 | ((codePoint >> 6) & 63);
    target[at + 2] = 0x80 | (codePoint & 63);
    return at + 3;
  }
  target[at] = 0xf0 | (codePoint >> 18);
  target[at + 1] = 0x80 | ((codePoint >> 12) & 63);
  target[at + 2] = 0x80 | ((codePoint >> 6) & 63);
  target[at + 3] = 0x80 | (codePoint & 63);
  return at + 4;
}
