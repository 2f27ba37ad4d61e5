// User text (keys, names, paths, messages that quote records) on its way to a terminal or a log.

import {shellWord as quote} from '../../src/index.ts';

/** Control characters of ASCII and Latin-1, line separators, and the marks that reorder text. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // eslint-disable-line no-control-regex -- finding control characters is what it is for

const SHORT: Readonly<Record<string, string>> = {'\n': '\\n', '\r': '\\r', '\t': '\\t'};

/** The same text without anything that a terminal acts on, on one line. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (found) => SHORT[found] ?? unicodeEscape(found));
}

/** As `escapeText`, line by line. */
export function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n');
}

/** A path as it can be pasted into a shell. */
export function shellWord(text: string): string {
  return quote(escapeText(text));
}

/** JSON on one line; what `JSON.stringify` leaves unescaped but a terminal acts on is escaped too. */
export function toJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, writeBigint, indent);
  return indent === undefined
    ? text.replace(UNSAFE, unicodeEscape)
    : text
        .split('\n')
        .map((line) => line.replace(UNSAFE, unicodeEscape))
        .join('\n');
}

/** Lines of JSON on their way to a terminal, as `toJson` writes them. */
export function escapeBytes(lines: Uint8Array): Uint8Array {
  const text = Buffer.from(lines).toString('utf8');
  const safe = text.replace(UNSAFE, (found) => (found === '\n' ? found : unicodeEscape(found)));
  return Buffer.from(safe);
}

/** Exact 64-bit integers: a number while a reader's double can hold it, a string beyond. */
function writeBigint(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const XML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for XML: characters that XML 1.0 has no place for are shown escaped. */
export function toXml(text: string): string {
  return text
    .replace(UNSAFE, (found) => (found === '\n' ? found : unicodeEscape(found)))
    .replace(/[\ud800-\udfff\ufffe\uffff]/gu, unicodeEscape)
    .replace(/[&<>"']/g, (found) => XML_ESCAPES[found] ?? found);
}
