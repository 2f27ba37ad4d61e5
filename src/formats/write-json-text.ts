const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** The letter behind a backslash, by the byte that it stands for; 0: none. */
const ESCAPE_LETTERS = new Uint8Array(256);
for (const [byte, letter] of [
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [QUOTE, '"'],
  [BACKSLASH, '\\'],
] as const) {
  ESCAPE_LETTERS[byte] = letter.charCodeAt(0);
}

/** Bytes that one byte of text becomes at most. */
export const MAX_JSON_ESCAPE = 6;

/** Writes UTF-8 text as the inside of a JSON string, as JSON.stringify would; returns the end. */
export function writeJsonText(
  bytes: Uint8Array,
  start: number,
  source: Uint8Array,
  from: number,
  to: number,
): number {
  let at = start;
  for (let index = from; index < to; index += 1) {
    const byte = source[index]!;
    const letter = ESCAPE_LETTERS[byte]!;
    if (letter !== 0) {
      bytes[at] = BACKSLASH;
      bytes[at + 1] = letter;
      at += 2;
    } else if (byte < 0x20) {
      bytes[at] = BACKSLASH;
      bytes[at + 1] = 0x75;
      bytes[at + 2] = bytes[at + 3] = 0x30;
      bytes[at + 4] = HEX[byte >> 4]!;
      bytes[at + 5] = HEX[byte & 15]!;
      at += 6;
    } else {
      bytes[at] = byte;
      at += 1;
    }
  }
  return at;
}
