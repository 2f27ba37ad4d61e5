// Patterns: LIKE on bytes, SIMILAR TO and regular expressions through re2js, which matches in time linear
// in the text whatever the pattern. Pattern texts that are not constants are compiled through a cache.

import {RE2JS} from 're2js';
import {MAX_CACHED_PATTERNS} from './limits.ts';
import {RecordFailure} from './record-failure.ts';

/** Why a pattern is none, as a sentence. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** A regular expression in Java's syntax, without look-around and back references. */
export function compileRegex(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PatternError(`${JSON.stringify(pattern)} is not a pattern: ${reason}`);
  }
}

/** A SIMILAR TO pattern; it has to match the whole text. */
export function compileSimilar(pattern: string, escape: string | null): RE2JS {
  return compileRegex(similarToRegex(pattern, escape));
}

/** What means the same in SIMILAR TO and in a regular expression. */
const SHARED_SPECIALS = '|*+?{}()[]';
const REGEX_SPECIALS = new Set('\\^$.|?*+()[]{}-/&~#');

function similarToRegex(pattern: string, escape: string | null): string {
  let regex = '(?s)';
  let inBrackets = false;
  const characters = Array.from(pattern);
  for (let i = 0; i < characters.length; i += 1) {
    const character = characters[i]!;
    if (character === escape) {
      i += 1;
      regex += quoted(escaped(characters[i], pattern));
    } else if (inBrackets) {
      if (character === '[' && characters[i + 1] === ':') {
        const end = characters.indexOf(']', i);
        regex += characters
          .slice(i, end + 1)
          .join('')
          .toLowerCase();
        if (end !== -1) i = end;
        continue;
      }
      inBrackets = character !== ']';
      regex += character === '\\' || character === '[' ? quoted(character) : character;
    } else {
      inBrackets = character === '[';
      regex += similarCharacter(character);
    }
  }
  return regex;
}

function similarCharacter(character: string): string {
  if (character === '%') return '.*';
  if (character === '_') return '.';
  return SHARED_SPECIALS.includes(character) ? character : quoted(character);
}

function quoted(character: string): string {
  return REGEX_SPECIALS.has(character) ? `\\${character}` : character;
}

function escaped(character: string | undefined, pattern: string): string {
  if (character !== undefined) return character;
  throw new PatternError(`${JSON.stringify(pattern)} ends with its escape character`);
}

/** One code point, or null when there is no ESCAPE. */
export function escapeCharacter(text: string | null): string | null {
  if (text === null || Array.from(text).length === 1) return text;
  throw new PatternError(`ESCAPE expects one character, found ${JSON.stringify(text)}`);
}

/** A LIKE pattern: pieces of bytes between `%`; -1 in a piece stands for `_`, one character. */
interface LikePattern {
  readonly pieces: readonly Int16Array[];
}

const ANY_CHARACTER = -1;
const utf8 = new TextEncoder();

export function compileLike(pattern: string, escape: string | null): LikePattern {
  const pieces: number[][] = [[]];
  const characters = Array.from(pattern);
  for (let i = 0; i < characters.length; i += 1) {
    const character = characters[i]!;
    if (character === escape) {
      i += 1;
      const following = escaped(characters[i], pattern);
      if (!['%', '_', escape].includes(following)) {
        const message = `${JSON.stringify(pattern)} escapes ${following}, which has no meaning of its own`;
        throw new PatternError(message);
      }
      pieces.at(-1)!.push(...utf8.encode(following));
    } else if (character === '%') pieces.push([]);
    else if (character === '_') pieces.at(-1)!.push(ANY_CHARACTER);
    else pieces.at(-1)!.push(...utf8.encode(character));
  }
  return {pieces: pieces.map((piece) => Int16Array.from(piece))};
}

/** The bytes of a pattern's pieces when it has no `_`, else null. */
export function plainPieces({pieces}: LikePattern): Uint8Array[] | null {
  if (pieces.some((piece) => piece.includes(ANY_CHARACTER))) return null;
  return pieces.map((piece) => Uint8Array.from(piece));
}

/** Each piece between `%` is taken where it first fits; the last one at the end. */
export function matchesLike(
  {pieces}: LikePattern,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const last = pieces.length - 1;
  let at = matchPiece(pieces[0]!, bytes, start, end);
  if (at === -1) return false;
  if (last === 0) return at === end;
  for (let i = 1; i < last; i += 1) {
    at = findPiece(pieces[i]!, bytes, at, end);
    if (at === -1) return false;
  }
  return endsWithPiece(pieces[last]!, bytes, at, end);
}

/** Where the piece that begins at `start` ends, or -1. */
function matchPiece(piece: Int16Array, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let i = 0; i < piece.length; i += 1) {
    if (at >= end) return -1;
    if (piece[i] === ANY_CHARACTER) {
      at += 1;
      while (at < end && (bytes[at]! & 0xc0) === 0x80) at += 1;
    } else if (bytes[at] === piece[i]) at += 1;
    else return -1;
  }
  return at;
}

function findPiece(piece: Int16Array, bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at <= end; at += 1) {
    // Only where a character begins: `_` must not take the rest of one.
    if (at < end && (bytes[at]! & 0xc0) === 0x80) continue;
    const after = matchPiece(piece, bytes, at, end);
    if (after !== -1) return after;
  }
  return -1;
}

function endsWithPiece(piece: Int16Array, bytes: Uint8Array, start: number, end: number): boolean {
  let at = end;
  for (let i = piece.length - 1; i >= 0; i -= 1) {
    if (at <= start) return false;
    at -= 1;
    if (piece[i] === ANY_CHARACTER) while (at > start && (bytes[at]! & 0xc0) === 0x80) at -= 1;
    else if (bytes[at] !== piece[i]) return false;
  }
  return true;
}

/** Compiled patterns of one call whose pattern is not a constant. */
export class PatternCache<P> {
  readonly #compile: (text: string, escape: string | null) => P;
  readonly #patterns = new Map<string, P>();

  constructor(compile: (text: string, escape: string | null) => P) {
    this.#compile = compile;
  }

  /** Fails the record when the text is no pattern. */
  get(text: string, escape: string | null = null): P {
    const key = escape === null ? text : `${escape}${text}`;
    let pattern = this.#patterns.get(key);
    if (pattern === undefined) {
      if (this.#patterns.size >= MAX_CACHED_PATTERNS) this.#patterns.clear();
      try {
        pattern = this.#compile(text, escape);
      } catch (error) {
        if (error instanceof PatternError) throw new RecordFailure(error.message);
        throw error;
      }
      this.#patterns.set(key, pattern);
    }
    return pattern;
  }
}
