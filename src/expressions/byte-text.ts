// Strings as UTF-8 bytes: comparison and search. Byte order is code point order.

export function equalBytes(
  left: Uint8Array,
  leftStart: number,
  leftEnd: number,
  right: Uint8Array,
  rightStart: number,
  rightEnd: number,
): boolean {
  if (leftEnd - leftStart !== rightEnd - rightStart) return false;
  return startsWithBytes(left, leftStart, leftEnd, right, rightStart, rightEnd);
}

export function startsWithBytes(
  text: Uint8Array,
  textStart: number,
  textEnd: number,
  prefix: Uint8Array,
  prefixStart: number,
  prefixEnd: number,
): boolean {
  if (textEnd - textStart < prefixEnd - prefixStart) return false;
  const shift = textStart - prefixStart;
  for (let i = prefixStart; i < prefixEnd; i += 1) if (prefix[i] !== text[i + shift]) return false;
  return true;
}

/** Negative, 0 or positive. */
export function compareBytes(
  left: Uint8Array,
  leftStart: number,
  leftEnd: number,
  right: Uint8Array,
  rightStart: number,
  rightEnd: number,
): number {
  const [leftLength, rightLength] = [leftEnd - leftStart, rightEnd - rightStart];
  const shared = leftLength < rightLength ? leftLength : rightLength;
  for (let i = 0; i < shared; i += 1) {
    const difference = left[leftStart + i]! - right[rightStart + i]!;
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}

/** Where `wanted` first begins at or after `from`, or -1. */
export function indexOfBytes(
  text: Uint8Array,
  from: number,
  textEnd: number,
  wanted: Uint8Array,
  wantedStart: number,
  wantedEnd: number,
): number {
  const last = textEnd - (wantedEnd - wantedStart);
  if (wantedStart === wantedEnd) return from <= textEnd ? from : -1;
  const first = wanted[wantedStart]!;
  let at = from;
  while (at <= last) {
    if (text[at] !== first) at += 1;
    else if (startsWithBytes(text, at, textEnd, wanted, wantedStart, wantedEnd)) return at;
    else at += 1;
  }
  return -1;
}

/** Code points in a string. */
export function countCharacters(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i += 1) if ((bytes[i]! & 0xc0) !== 0x80) count += 1;
  return count;
}

/** Where the character begins that stands `count` characters after `start`; `end` when there are fewer. */
export function skipCharacters(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
): number {
  let at = start;
  for (let left = count; left > 0 && at < end; left -= 1) {
    at += 1;
    while (at < end && (bytes[at]! & 0xc0) === 0x80) at += 1;
  }
  return at;
}
