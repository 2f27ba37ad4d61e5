// Text → tokens. A word is a keyword, a function or a column by its place; only back-quoted words are
// always columns.

import {ExpressionError} from './expression-error.ts';

export type Token =
  | {
      readonly kind: 'word';
      /** As written, without back quotes. */
      readonly text: string;
      /** For keywords and functions, whose case does not count; empty when back-quoted. */
      readonly upper: string;
      readonly offset: number;
    }
  | {readonly kind: 'number'; readonly text: string; readonly offset: number}
  /** `text` is the value: quotes gone, doubled ones single. */
  | {readonly kind: 'string'; readonly text: string; readonly offset: number}
  | {readonly kind: 'symbol'; readonly text: string; readonly offset: number}
  | {readonly kind: 'end'; readonly text: ''; readonly offset: number};

const SPACE = /(?:\s+|--[^\n]*|\/\*[^]*?\*\/)+/y;
const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const SYMBOL = /<>|<=|>=|!=|==|\|\||[=<>+\-*/%(),]/y;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = skip(text, 0);
  while (offset < text.length) {
    const [token, end] = readToken(text, offset);
    tokens.push(token);
    offset = skip(text, end);
  }
  tokens.push({kind: 'end', text: '', offset: text.length});
  return tokens;
}

/** Whether the token is this symbol or (not back-quoted) word. */
export function isText(token: Token, text: string): boolean {
  if (token.kind === 'symbol') return token.text === text;
  return token.kind === 'word' && token.upper === text;
}

function readToken(text: string, offset: number): [Token, number] {
  const first = text[offset]!;
  if (first === "'" || first === '`') {
    const [value, end] = readQuoted(text, offset, first);
    if (first === "'") return [{kind: 'string', text: value, offset}, end];
    if (value === '')
      throw new ExpressionError('a column name between back quotes is empty', offset);
    return [{kind: 'word', text: value, upper: '', offset}, end];
  }
  const word = match(WORD, text, offset);
  if (word !== null) {
    return [{kind: 'word', text: word, upper: word.toUpperCase(), offset}, offset + word.length];
  }
  const number = match(NUMBER, text, offset);
  if (number !== null) {
    const end = offset + number.length;
    if (match(WORD, text, end) !== null || text[end] === '.') {
      throw new ExpressionError(`unexpected ${JSON.stringify(text[end])} after a number`, end);
    }
    return [{kind: 'number', text: number, offset}, end];
  }
  const symbol = match(SYMBOL, text, offset);
  if (symbol === '!=') throw new ExpressionError('unknown operator !=', offset, '<>');
  if (symbol === '==') throw new ExpressionError('unknown operator ==', offset, '=');
  if (symbol !== null) return [{kind: 'symbol', text: symbol, offset}, offset + symbol.length];
  if (first === '"') {
    throw new ExpressionError(
      "double quotes have no meaning here: write 'text' for a string, `name` for a column",
      offset,
    );
  }
  const character = String.fromCodePoint(text.codePointAt(offset)!);
  throw new ExpressionError(`unexpected ${JSON.stringify(character)}`, offset);
}

/** The value of a text in single or back quotes, where a doubled quote stands for one; and its end. */
function readQuoted(text: string, offset: number, quote: string): [string, number] {
  let value = '';
  let from = offset + 1;
  for (;;) {
    const end = text.indexOf(quote, from);
    if (end === -1) throw new ExpressionError(`a ${quote} without its end`, offset);
    value += text.slice(from, end);
    if (text[end + 1] !== quote) {
      if (!value.isWellFormed()) throw new ExpressionError('half a surrogate pair', offset);
      return [value, end + 1];
    }
    value += quote;
    from = end + 2;
  }
}

function skip(text: string, offset: number): number {
  const end = offset + (match(SPACE, text, offset)?.length ?? 0);
  if (text.startsWith('/*', end)) throw new ExpressionError('a comment without its end', end);
  return end;
}

function match(pattern: RegExp, text: string, offset: number): string | null {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0] ?? null;
}
