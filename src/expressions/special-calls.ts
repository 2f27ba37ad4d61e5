// Functions whose arguments are not a plain list.

import {ExpressionError} from './expression-error.ts';
import {suggest} from './suggest.ts';
import {isText, type Token} from './tokens.ts';
import type {Tree} from './tree.ts';
import {
  BIGINT,
  BOOLEAN,
  BYTES,
  DATE,
  decimal,
  DOUBLE,
  INT,
  MAX_DECIMAL_PRECISION,
  STRING,
  TIMESTAMP,
  type DataType,
} from '../records/data-type.ts';

/** What these functions need of the parser. */
export interface SpecialCallParser {
  readonly token: Token;
  readonly next: Token;
  advance(): Token;
  at(text: string): boolean;
  accept(text: string): boolean;
  expect(text: string): Token;
  fail(expected: string): never;
  node<T extends Tree>(tree: T): T;
  call(name: string, operands: readonly Tree[], offset: number): Tree;
  expression(minimum?: number): Tree;
}

type ParseCall = (parser: SpecialCallParser, name: string, offset: number) => Tree;

/** Called with the token at `(`; ends after `)`. */
export function parseSpecialCall(parser: SpecialCallParser, name: string, offset: number): Tree {
  return SPECIAL_CALLS.get(name)!(parser, name, offset);
}

export const SPECIAL_CALLS: ReadonlyMap<string, ParseCall> = new Map<string, ParseCall>([
  ['CAST', cast],
  ['TRY_CAST', cast],
  ['TRIM', trim],
  ['SUBSTRING', substring],
  ['POSITION', position],
  ['EXTRACT', extract],
  ['FLOOR', rounding],
  ['CEIL', rounding],
  ['CEILING', rounding],
  ['TIMESTAMPADD', unitFirst],
  ['TIMESTAMPDIFF', unitFirst],
]);

function cast(parser: SpecialCallParser, name: string, offset: number): Tree {
  parser.expect('(');
  const operand = parser.expression();
  parser.expect('AS');
  const target = dataType(parser);
  parser.expect(')');
  return parser.node({kind: 'cast', operand, target, lenient: name === 'TRY_CAST', offset});
}

/** TRIM(s), TRIM([BOTH | LEADING | TRAILING] [characters] FROM s). */
function trim(parser: SpecialCallParser, _name: string, offset: number): Tree {
  parser.expect('(');
  const side = ['BOTH', 'LEADING', 'TRAILING'].find(
    (word) => parser.at(word) && !isText(parser.next, ')'),
  );
  if (side !== undefined) parser.advance();
  const space: Tree = {kind: 'string', value: ' ', offset};
  let characters: Tree = space;
  let text: Tree;
  if (side !== undefined && parser.accept('FROM')) {
    text = parser.expression();
  } else {
    text = parser.expression();
    if (side !== undefined && !parser.at('FROM')) parser.fail('expected FROM');
    if (parser.accept('FROM')) {
      characters = text;
      text = parser.expression();
    }
  }
  parser.expect(')');
  return parser.call(`TRIM ${side ?? 'BOTH'}`, [text, characters], offset);
}

/** SUBSTRING(s, 2, 3), SUBSTRING(s FROM 2 FOR 3). */
function substring(parser: SpecialCallParser, name: string, offset: number): Tree {
  parser.expect('(');
  const operands = [parser.expression()];
  if (parser.accept('FROM')) {
    operands.push(parser.expression());
    if (parser.accept('FOR')) operands.push(parser.expression());
  } else {
    while (parser.accept(',')) operands.push(parser.expression());
  }
  parser.expect(')');
  return parser.call(name, operands, offset);
}

/** POSITION(x IN s). */
function position(parser: SpecialCallParser, name: string, offset: number): Tree {
  parser.expect('(');
  // The binding power of IN keeps it out of the first operand.
  const wanted = parser.expression(32);
  parser.expect('IN');
  const text = parser.expression();
  parser.expect(')');
  return parser.call(name, [wanted, text], offset);
}

/** EXTRACT(HOUR FROM t). */
function extract(parser: SpecialCallParser, name: string, offset: number): Tree {
  parser.expect('(');
  const unit = unitName(parser);
  parser.expect('FROM');
  const time = parser.expression();
  parser.expect(')');
  return parser.call(name, [unit, time], offset);
}

/** FLOOR(x), FLOOR(t TO HOUR). */
function rounding(parser: SpecialCallParser, name: string, offset: number): Tree {
  const verb = name === 'CEILING' ? 'CEIL' : name;
  parser.expect('(');
  const operand = parser.expression();
  if (!parser.accept('TO')) {
    parser.expect(')');
    return parser.call(verb, [operand], offset);
  }
  const unit = unitName(parser);
  parser.expect(')');
  return parser.call(`${verb} TO`, [operand, unit], offset);
}

/** TIMESTAMPADD(HOUR, 2, t). */
function unitFirst(parser: SpecialCallParser, name: string, offset: number): Tree {
  parser.expect('(');
  const operands = [unitName(parser)];
  while (parser.accept(',')) operands.push(parser.expression());
  parser.expect(')');
  return parser.call(name, operands, offset);
}

function unitName(parser: SpecialCallParser): Tree {
  const token = parser.token;
  if (token.kind !== 'word') parser.fail('expected a unit such as HOUR');
  parser.advance();
  return parser.node({kind: 'unit', unit: token.upper, offset: token.offset});
}

const TYPES = new Map<string, DataType>([
  ['BOOLEAN', BOOLEAN],
  ['INT', INT],
  ['INTEGER', INT],
  ['BIGINT', BIGINT],
  ['DOUBLE', DOUBLE],
  ['STRING', STRING],
  ['TIMESTAMP', TIMESTAMP],
  ['DATE', DATE],
  ['BYTES', BYTES],
  ['DECIMAL', decimal(10, 0)],
  ['NUMERIC', decimal(10, 0)],
  ['DEC', decimal(10, 0)],
]);

/** Flink's types that tidemark has no column for, and what to write. */
const OTHER_TYPES = new Map([
  ['VARCHAR', 'STRING'],
  ['CHAR', 'STRING'],
  ['TINYINT', 'INT'],
  ['SMALLINT', 'INT'],
  ['FLOAT', 'DOUBLE'],
  ['REAL', 'DOUBLE'],
  ['TIMESTAMP_LTZ', 'TIMESTAMP'],
  ['BINARY', 'BYTES'],
  ['VARBINARY', 'BYTES'],
]);

function dataType(parser: SpecialCallParser): DataType {
  const token = parser.token;
  if (token.kind !== 'word') parser.fail('expected a type');
  const type = TYPES.get(token.upper);
  if (type === undefined) {
    const near = OTHER_TYPES.get(token.upper) ?? suggest(token.upper, TYPES.keys());
    throw new ExpressionError(`unknown type ${token.text}`, token.offset, near);
  }
  parser.advance();
  if (type.kind === 'double') parser.accept('PRECISION');
  if (!parser.at('(')) return type;
  const offset = parser.advance().offset;
  const sizes = [size(parser)];
  if (parser.accept(',')) sizes.push(size(parser));
  parser.expect(')');
  if (type.kind === 'decimal') return decimalOf(sizes[0]!, sizes[1] ?? 0, offset);
  if (type.kind === 'timestamp' && sizes.length === 1 && sizes[0] === 3) return type;
  throw new ExpressionError(`${token.upper} takes no size here`, offset, token.upper);
}

function decimalOf(precision: number, scale: number, offset: number): DataType {
  if (precision < 1 || precision > MAX_DECIMAL_PRECISION || scale > precision) {
    throw new ExpressionError(
      `DECIMAL(p, s) needs 1 ≤ p ≤ ${MAX_DECIMAL_PRECISION} and 0 ≤ s ≤ p`,
      offset,
    );
  }
  return decimal(precision, scale);
}

function size(parser: SpecialCallParser): number {
  const token = parser.token;
  if (token.kind !== 'number' || !/^\d{1,4}$/.test(token.text)) parser.fail('expected a size');
  parser.advance();
  return Number(token.text);
}
