// The text encoding of Java's DataOutputStream.writeUTF: NUL in two bytes, a character beyond U+FFFF as its two surrogates
// of three bytes each, nothing in four.

/** The text of `bytes` from `start` to `end`; or where the first byte is that begins no character. */
export function modifiedUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
): string | {readonly offset: number} {
  if (isAscii(bytes, start, end)) {
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  }
  const units: string[] = [];
  let highAt = -1;
  let at = start;
  while (at < end) {
    const unit = unitAt(bytes, at, end);
    if (unit === null) return {offset: at};
    const isLow = unit.code >= 0xdc00 && unit.code <= 0xdfff;
    // Half a character cannot be printed, and is no part of any name that Flink makes.
    if (isLow !== highAt >= 0) return {offset: isLow ? at : highAt};
    highAt = unit.code >= 0xd800 && unit.code <= 0xdbff ? at : -1;
    units.push(String.fromCharCode(unit.code));
    at += unit.length;
  }
  return highAt >= 0 ? {offset: highAt} : units.join('');
}

/** Without NUL, as names and paths nearly always are. */
function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === 0 || bytes[at]! > 0x7f) return false;
  }
  return true;
}

/** The UTF-16 unit that begins at `at`. */
function unitAt(
  bytes: Uint8Array,
  at: number,
  end: number,
): {readonly code: number; readonly length: 1 | 2 | 3} | null {
  const first = bytes[at]!;
  if (first < 0x80) return first === 0 ? null : {code: first, length: 1};
  const second = at + 1 < end ? continuation(bytes[at + 1]!) : null;
  if (second === null) return null;
  if (first >> 5 === 0b110) {
    const code = ((first & 0x1f) << 6) | second;
    return code >= 0x80 || code === 0 ? {code, length: 2} : null;
  }
  const third = at + 2 < end ? continuation(bytes[at + 2]!) : null;
  if (third === null || first >> 4 !== 0b1110) return null;
  const code = ((first & 0x0f) << 12) | (second << 6) | third;
  return code >= 0x800 ? {code, length: 3} : null;
}

function continuation(byte: number): number | null {
  return byte >> 6 === 0b10 ? byte & 0x3f : null;
}
