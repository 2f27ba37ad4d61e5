// Base64 of RFC 4648 section 4, strict: the standard alphabet, padded, no white space, and no bits set
// behind the last byte, so that each value has exactly one text.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const ENCODE = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const DECODE = new Uint8Array(256).fill(255);
ENCODE.forEach((byte, value) => (DECODE[byte] = value));

/** The length of `byteCount` bytes as text. */
export function base64Length(byteCount: number): number {
  return Math.ceil(byteCount / 3) * 4;
}

/** Decodes source[start, end) to target[at …), which has room; returns the end, or -1 when it is not Base64. */
export function decodeBase64(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  if ((end - start) % 4 !== 0) return -1;
  if (start === end) return at;
  const pads = source[end - 1] !== PAD ? 0 : source[end - 2] !== PAD ? 1 : 2;
  let out = at;
  const whole = pads === 0 ? end : end - 4;
  for (let index = start; index < whole; index += 4) {
    const a = DECODE[source[index]!]!;
    const b = DECODE[source[index + 1]!]!;
    const c = DECODE[source[index + 2]!]!;
    const d = DECODE[source[index + 3]!]!;
    if ((a | b | c | d) === 255) return -1;
    target[out] = (a << 2) | (b >> 4);
    target[out + 1] = (b << 4) | (c >> 2);
    target[out + 2] = (c << 6) | d;
    out += 3;
  }
  if (pads === 0) return out;
  const a = DECODE[source[whole]!]!;
  const b = DECODE[source[whole + 1]!]!;
  const c = pads === 2 ? 0 : DECODE[source[whole + 2]!]!;
  if ((a | b | c) === 255 || (pads === 2 ? b & 15 : c & 3) !== 0) return -1;
  target[out] = (a << 2) | (b >> 4);
  if (pads === 2) return out + 1;
  target[out + 1] = (b << 4) | (c >> 2);
  return out + 2;
}

/** Writes source[start, end) as text to target[at …), which has room; returns the end. */
export function encodeBase64(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  let out = at;
  for (let index = start; index < end; index += 3) {
    const left = end - index;
    const bits =
      (source[index]! << 16) |
      (left > 1 ? source[index + 1]! << 8 : 0) |
      (left > 2 ? source[index + 2]! : 0);
    target[out] = ENCODE[bits >> 18]!;
    target[out + 1] = ENCODE[(bits >> 12) & 63]!;
    target[out + 2] = left > 1 ? ENCODE[(bits >> 6) & 63]! : PAD;
    target[out + 3] = left > 2 ? ENCODE[bits & 63]! : PAD;
    out += 4;
  }
  return out;
}
