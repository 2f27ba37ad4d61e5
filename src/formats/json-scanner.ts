// Steps over JSON text, strictly: what it passes, JSON.parse would pass, and the other way round, except
// that nesting is limited and that the UTF-8 of text that it only passes over is not looked at.
//
// All methods take a position and return the one behind what they passed, or -1 after a syntax error.
// They need no end: the byte behind the content must be NUL, which stands nowhere in JSON.

import {jsonNumberEnd} from './number-text.ts';

/** Arrays and objects inside each other, in a value that is passed over. JSON.parse has no limit. */
export const MAX_JSON_DEPTH = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;

/** 'true', 'alse', 'null' read as four little-endian bytes. */
export const TRUE_WORD = 0x65757274;
export const ALSE_WORD = 0x65736c61;
export const NULL_WORD = 0x6c6c756e;

/** Bytes that may follow a backslash, except `u`. */
const SIMPLE_ESCAPES = new Set(Array.from('"\\/bfnrt', (letter) => letter.charCodeAt(0)));

const NUMBER_BYTES = new Set(Array.from('+-.0123456789Ee', (letter) => letter.charCodeAt(0)));

export class JsonScanner {
  /** With one record per line, a line break is the end of the record and not white space. */
  readonly #breaksAreSpace: boolean;
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the last syntax error was met, or a few bytes before. */
  failedAt = 0;
  /** The last failure was the limit of nesting. */
  tooDeep = false;
  /** The string that `closingQuote` passed last has a backslash in it. */
  escaped = false;
  readonly #closers = new Uint8Array(MAX_JSON_DEPTH);

  constructor(breaksAreSpace: boolean) {
    this.#breaksAreSpace = breaksAreSpace;
  }

  begin(bytes: Uint8Array, view: DataView): void {
    this.bytes = bytes;
    this.view = view;
  }

  fail(at: number): number {
    this.failedAt = at;
    this.tooDeep = false;
    return -1;
  }

  skipSpace(start: number): number {
    const bytes = this.bytes;
    let at = start;
    for (;;) {
      const byte = bytes[at]!;
      if (byte > 0x20) return at;
      if (byte === 0x20 || byte === 0x09 || byte === 0x0d) at += 1;
      else if (byte === 0x0a && this.#breaksAreSpace) at += 1;
      else return at;
    }
  }

  /** `start` is behind an opening quote; returns the position OF the closing one. */
  closingQuote(start: number): number {
    const bytes = this.bytes;
    let at = start;
    this.escaped = false;
    for (;;) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) {
        this.escaped = true;
        at = this.#escapeEnd(at);
        if (at < 0) return -1;
      } else if (byte < 0x20) return this.fail(at);
      else at += 1;
    }
  }

  #escapeEnd(start: number): number {
    const letter = this.bytes[start + 1]!;
    if (SIMPLE_ESCAPES.has(letter)) return start + 2;
    if (letter !== 0x75) return this.fail(start);
    for (let at = start + 2; at < start + 6; at += 1) {
      if (hexValue(this.bytes[at]!) < 0) return this.fail(start);
    }
    return start + 6;
  }

  /** `"key" :` up to the value. */
  skipKey(start: number): number {
    if (this.bytes[start] !== QUOTE) return this.fail(start);
    const quote = this.closingQuote(start + 1);
    return quote < 0 ? -1 : this.skipColon(quote + 1);
  }

  skipColon(start: number): number {
    const at = this.skipSpace(start);
    return this.bytes[at] === COLON ? this.skipSpace(at + 1) : this.fail(at);
  }

  /** Any value. Iterative: depth costs no stack. */
  skipValue(start: number): number {
    const closers = this.#closers;
    let at = start;
    let depth = 0;
    for (;;) {
      const byte = this.bytes[at];
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        const inner = this.skipSpace(at + 1);
        if (this.bytes[inner] === byte + 2) at = inner + 1;
        else {
          if (depth === MAX_JSON_DEPTH) return this.#failTooDeep(at);
          closers[depth] = byte + 2;
          depth += 1;
          at = byte === OPEN_BRACE ? this.skipKey(inner) : inner;
          if (at < 0) return -1;
          continue;
        }
      } else at = this.skipScalar(at);
      if (at < 0) return -1;
      // Behind a value: close what ends here, or go on to the next value.
      for (;;) {
        if (depth === 0) return at;
        at = this.skipSpace(at);
        const closer = closers[depth - 1];
        if (this.bytes[at] === COMMA) {
          at = this.skipSpace(at + 1);
          if (closer === CLOSE_BRACE) at = this.skipKey(at);
          if (at < 0) return -1;
          break;
        }
        if (this.bytes[at] !== closer) return this.fail(at);
        at += 1;
        depth -= 1;
      }
    }
  }

  /** A string, number, true, false or null. */
  skipScalar(start: number): number {
    switch (this.bytes[start]) {
      case QUOTE: {
        const quote = this.closingQuote(start + 1);
        return quote < 0 ? -1 : quote + 1;
      }
      case 0x74:
        return this.view.getInt32(start, true) === TRUE_WORD ? start + 4 : this.fail(start);
      case 0x6e:
        return this.view.getInt32(start, true) === NULL_WORD ? start + 4 : this.fail(start);
      case 0x66:
        return this.view.getInt32(start + 1, true) === ALSE_WORD ? start + 5 : this.fail(start);
      default: {
        const end = jsonNumberEnd(this.bytes, start);
        return end < 0 ? this.fail(this.#numberBytesEnd(start)) : end;
      }
    }
  }

  /** A number that is cut off fails where its bytes end, so that the rest is waited for. */
  #numberBytesEnd(start: number): number {
    let at = start;
    while (NUMBER_BYTES.has(this.bytes[at]!)) at += 1;
    return at;
  }

  #failTooDeep(at: number): number {
    this.fail(at);
    this.tooDeep = true;
    return -1;
  }
}

/** 0 to 15, or -1. */
export function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** What a value is, by its first byte, for messages. */
export function jsonKind(
  byte: number,
): 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array' {
  switch (byte) {
    case QUOTE:
      return 'string';
    case 0x74:
    case 0x66:
      return 'boolean';
    case 0x6e:
      return 'null';
    case OPEN_BRACE:
      return 'object';
    case OPEN_BRACKET:
      return 'array';
    default:
      return 'number';
  }
}
