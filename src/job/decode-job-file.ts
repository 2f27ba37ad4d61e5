// Bytes → text, before anything else looks at it. A finding here has to show a position in bytes that
// are not a text, so the bytes before it are what is counted.

import {isUtf8} from 'node:buffer';

import type {FindingList} from './finding.ts';
import {SourceText} from './source-text.ts';

/** Larger files are refused; read no more than one byte beyond it. */
export const MAX_JOB_FILE_BYTES = 1024 * 1024;

const BYTE_ORDER_MARK = '\uFEFF';
/** What YAML calls not printable, a carriage return alone, and byte order marks inside the text. */
const UNPRINTABLE = /(?![\t\n\r\u0085])[\p{Cc}\u{FEFF}\u{FFFE}\u{FFFF}]|\r(?!\n)/u;

/**
 * The text with LF as its only line end, which leaves lines and columns as they are. Null: not a text
 * that can be read (reported).
 */
export function decodeJobFile(bytes: Uint8Array, findings: FindingList): string | null {
  if (bytes.length > MAX_JOB_FILE_BYTES) {
    findings.error(
      'file-too-large',
      {origin: new SourceText('', null), start: 0},
      `a job file has at most ${MAX_JOB_FILE_BYTES} bytes`,
      'is this the right file?',
    );
    return null;
  }
  if (!isUtf8(bytes)) {
    refuseIllFormed(bytes, findings);
    return null;
  }
  const text = new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes);
  const trimmed = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  const unprintable = UNPRINTABLE.exec(trimmed);
  if (unprintable === null) return trimmed.replaceAll('\r\n', '\n');
  const code = trimmed.codePointAt(unprintable.index)!.toString(16).toUpperCase().padStart(4, '0');
  findings.error(
    code === '0000' ? 'file-nul' : 'file-control-character',
    {origin: new SourceText(trimmed, null), start: unprintable.index},
    `the character U+${code} cannot stand in a job file`,
    code === '000D' ? 'end lines with LF or CR LF' : 'in a double-quoted text, write an escape',
  );
  return null;
}

function refuseIllFormed(bytes: Uint8Array, findings: FindingList): void {
  const offset = firstIllFormed(bytes);
  const isUtf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const before = new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes.subarray(0, offset));
  const byte = bytes[offset]!.toString(16).padStart(2, '0');
  findings.error(
    'file-encoding',
    {origin: new SourceText(before, null), start: before.length},
    `the byte 0x${byte} at offset ${offset} is not UTF-8`,
    isUtf16 ? 'the file is UTF-16: save it as UTF-8' : 'save the file as UTF-8',
  );
}

/** The offset of the first byte that begins no well-formed character. */
function firstIllFormed(bytes: Uint8Array): number {
  // Halving: what comes before the first mistake is well-formed, but for a character cut at its end.
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isPrefixWellFormed(bytes, middle)) good = middle;
    else bad = middle;
  }
  for (let start = Math.max(0, good - 3); start <= good; start += 1) {
    if (isUtf8(bytes.subarray(0, start)) && !beginsCharacter(bytes, start)) return start;
  }
  return good;
}

function isPrefixWellFormed(bytes: Uint8Array, end: number): boolean {
  for (let cut = 0; cut <= 3 && cut <= end; cut += 1) {
    if (isUtf8(bytes.subarray(0, end - cut))) return true;
  }
  return false;
}

function beginsCharacter(bytes: Uint8Array, start: number): boolean {
  for (let length = 1; length <= 4; length += 1) {
    const character = bytes.subarray(start, start + length);
    if (character.length === length && isUtf8(character)) return true;
  }
  return false;
}
