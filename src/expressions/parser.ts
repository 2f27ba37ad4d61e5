// A Pratt parser: each infix operator has a binding power, as in Flink's parser (Calcite), from which
// two surprises come: `||` binds like `*`, and IS binds weaker than comparison.

import {ExpressionError} from './expression-error.ts';
import {MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LENGTH, MAX_EXPRESSION_NODES} from './limits.ts';
import {parseSpecialCall, SPECIAL_CALLS, type SpecialCallParser} from './special-calls.ts';
import {isText, tokenize, type Token} from './tokens.ts';
import type {Tree} from './tree.ts';

const POWER = {
  or: 22,
  and: 24,
  not: 26,
  is: 28,
  comparison: 30,
  range: 32,
  sum: 40,
  product: 60,
  sign: 80,
};

/** Words that are never a column unless they are back-quoted. */
const RESERVED = new Set(
  ['AND OR NOT IS NULL TRUE FALSE BETWEEN IN LIKE SIMILAR ESCAPE DISTINCT FROM FOR TO FILTER WHERE']
    .concat('CASE WHEN THEN ELSE END AS')
    .flatMap((words) => words.split(' ')),
);

const BINARY = new Map<string, number>([
  ['OR', POWER.or],
  ['AND', POWER.and],
  ...['=', '<>', '<', '<=', '>', '>='].map((text): [string, number] => [text, POWER.comparison]),
  ...['+', '-'].map((text): [string, number] => [text, POWER.sum]),
  ...['*', '/', '%', '||'].map((text): [string, number] => [text, POWER.product]),
]);

const IS_TESTS = ['NULL', 'TRUE', 'FALSE', 'UNKNOWN'];

export class Parser implements SpecialCallParser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;
  #nodes = 0;

  constructor(text: string) {
    if (text.length > MAX_EXPRESSION_LENGTH) {
      throw new ExpressionError(
        `an expression has at most ${MAX_EXPRESSION_LENGTH} characters, this one has ${text.length}`,
        MAX_EXPRESSION_LENGTH,
      );
    }
    this.#tokens = tokenize(text);
  }

  get token(): Token {
    return this.#tokens[this.#position]!;
  }

  get next(): Token {
    return this.#tokens[this.#position + 1] ?? this.token;
  }

  advance(): Token {
    const token = this.token;
    if (token.kind !== 'end') this.#position += 1;
    return token;
  }

  /** Whether the token is this symbol or (not back-quoted) word. */
  at(text: string): boolean {
    return isText(this.token, text);
  }

  accept(text: string): boolean {
    if (!this.at(text)) return false;
    this.advance();
    return true;
  }

  expect(text: string): Token {
    if (!this.at(text)) this.fail(`expected ${text}`);
    return this.advance();
  }

  fail(expected: string): never {
    const token = this.token;
    const found = token.kind === 'end' ? 'the end of the expression' : show(token);
    throw new ExpressionError(`${expected}, found ${found}`, token.offset);
  }

  end(): void {
    if (this.token.kind !== 'end') this.fail('expected an operator or the end');
  }

  /** Counts the node; every node of a tree goes through here. */
  node<T extends Tree>(tree: T): T {
    this.#nodes += 1;
    if (this.#nodes > MAX_EXPRESSION_NODES) {
      throw new ExpressionError(
        `an expression has at most ${MAX_EXPRESSION_NODES} operators, functions, columns and literals`,
        tree.offset,
      );
    }
    return tree;
  }

  call(name: string, operands: readonly Tree[], offset: number): Tree {
    return this.node({kind: 'call', name, operands, offset});
  }

  expression(minimum = 0): Tree {
    this.#depth += 1;
    if (this.#depth > MAX_EXPRESSION_DEPTH) {
      throw new ExpressionError(
        `an expression is nested at most ${MAX_EXPRESSION_DEPTH} deep`,
        this.token.offset,
      );
    }
    let left = this.#prefix();
    for (;;) {
      const following = this.#infix(left, minimum);
      if (following === null) break;
      left = following;
    }
    this.#depth -= 1;
    return left;
  }

  /** `(`, expressions, `)`. */
  list(): Tree[] {
    this.expect('(');
    const items: Tree[] = [];
    if (this.accept(')')) return items;
    do items.push(this.expression());
    while (this.accept(','));
    this.expect(')');
    return items;
  }

  /** One more operator after `left`, or null when what follows binds weaker than `minimum`. */
  #infix(left: Tree, minimum: number): Tree | null {
    const token = this.token;
    const operator =
      token.kind === 'symbol' ? token.text : token.kind === 'word' ? token.upper : '';
    const power = BINARY.get(operator);
    if (power !== undefined) {
      if (power <= minimum) return null;
      this.advance();
      const right = this.expression(power);
      const flat = operator === 'AND' || operator === 'OR';
      if (flat && left.kind === 'call' && left.name === operator) {
        return {...left, operands: [...left.operands, right]};
      }
      return this.call(operator, [left, right], token.offset);
    }
    if (operator === 'IS') return POWER.is <= minimum ? null : this.#is(left);
    return POWER.range <= minimum ? null : this.#range(left, operator);
  }

  #is(left: Tree): Tree {
    const offset = this.expect('IS').offset;
    const negated = this.accept('NOT');
    const prefix = negated ? 'IS NOT' : 'IS';
    if (this.accept('DISTINCT')) {
      this.expect('FROM');
      return this.call(
        `${prefix} DISTINCT FROM`,
        [left, this.expression(POWER.comparison)],
        offset,
      );
    }
    const test = IS_TESTS.find((word) => this.accept(word));
    if (test === undefined) this.fail(`expected one of ${IS_TESTS.join(', ')}, DISTINCT FROM`);
    return this.call(`${prefix} ${test}`, [left], offset);
  }

  /** [NOT] BETWEEN, IN, LIKE, SIMILAR TO. */
  #range(left: Tree, operator: string): Tree | null {
    const negated = operator === 'NOT';
    const following = negated && this.next.kind === 'word' ? this.next.upper : operator;
    if (!['BETWEEN', 'IN', 'LIKE', 'SIMILAR'].includes(following)) return null;
    if (negated) this.advance();
    const offset = this.advance().offset;
    const tree = this.call(
      following === 'SIMILAR' ? 'SIMILAR TO' : following,
      [left, ...this.#rangeOperands(following)],
      offset,
    );
    return negated ? this.call('NOT', [tree], offset) : tree;
  }

  #rangeOperands(operator: string): Tree[] {
    if (operator === 'IN') {
      const items = this.list();
      if (items.length === 0) this.fail('IN needs at least one value');
      return items;
    }
    if (operator === 'SIMILAR') this.expect('TO');
    const first = this.expression(POWER.range);
    if (operator === 'BETWEEN') {
      this.expect('AND');
      return [first, this.expression(POWER.range)];
    }
    return this.accept('ESCAPE') ? [first, this.expression(POWER.range)] : [first];
  }

  #prefix(): Tree {
    const token = this.token;
    switch (token.kind) {
      case 'number':
        this.advance();
        return this.node({kind: 'number', text: token.text, negative: false, offset: token.offset});
      case 'string':
        this.advance();
        return this.node({kind: 'string', value: token.text, offset: token.offset});
      case 'symbol':
        return this.#prefixSymbol(token.text, token.offset);
      case 'word':
        return this.#prefixWord(token.upper, token.text, token.offset);
      case 'end':
        return this.fail('expected a value');
    }
  }

  #prefixSymbol(text: string, offset: number): Tree {
    if (this.accept('(')) {
      const inner = this.expression();
      this.expect(')');
      return inner;
    }
    if (this.accept('+')) return this.call('UNARY +', [this.expression(POWER.sign)], offset);
    if (text !== '-') this.fail('expected a value');
    this.advance();
    const number = this.token;
    if (number.kind === 'number') {
      // The sign belongs to the literal, or the smallest 64-bit integer could not be written.
      this.advance();
      return this.node({kind: 'number', text: number.text, negative: true, offset});
    }
    return this.call('UNARY -', [this.expression(POWER.sign)], offset);
  }

  #prefixWord(upper: string, text: string, offset: number): Tree {
    switch (upper) {
      case 'TRUE':
      case 'FALSE':
        this.advance();
        return this.node({kind: 'boolean', value: upper === 'TRUE', offset});
      case 'NULL':
        this.advance();
        return this.node({kind: 'null', offset});
      case 'NOT':
        this.advance();
        return this.call('NOT', [this.expression(POWER.not)], offset);
      case 'CASE':
        return this.#case();
      default:
        return this.#name(upper, text, offset);
    }
  }

  #name(upper: string, text: string, offset: number): Tree {
    if (upper !== '' && this.next.kind === 'string') {
      if (upper === 'TIMESTAMP' || upper === 'DATE') return this.#time(upper, offset);
      if (upper === 'INTERVAL') return this.#interval(offset);
    }
    if (RESERVED.has(upper)) {
      const token = `${text} is a keyword`;
      throw new ExpressionError(`expected a value, found ${text}: ${token}`, offset, `\`${text}\``);
    }
    this.advance();
    if (upper === '' || !this.at('(')) return this.node({kind: 'column', name: text, offset});
    if (SPECIAL_CALLS.has(upper)) return parseSpecialCall(this, upper, offset);
    return this.call(upper, this.list(), offset);
  }

  #time(upper: string, offset: number): Tree {
    this.advance();
    const type = upper === 'DATE' ? 'date' : 'timestamp';
    return this.node({kind: 'time', type, text: this.advance().text, offset});
  }

  #interval(offset: number): Tree {
    this.advance();
    const text = this.advance().text;
    const unit = this.token;
    if (unit.kind !== 'word') this.fail("expected a unit, as in INTERVAL '1' HOUR");
    this.advance();
    return this.node({kind: 'interval', text, unit: unit.upper, offset});
  }

  #case(): Tree {
    const offset = this.expect('CASE').offset;
    const operand = this.at('WHEN') ? null : this.expression();
    const branches: {condition: Tree; result: Tree}[] = [];
    while (this.accept('WHEN')) {
      const condition = this.expression();
      this.expect('THEN');
      branches.push({condition, result: this.expression()});
    }
    if (branches.length === 0) this.fail('expected WHEN');
    const otherwise = this.accept('ELSE') ? this.expression() : null;
    this.expect('END');
    return this.node({kind: 'case', operand, branches, otherwise, offset});
  }
}

function show(token: Token): string {
  return token.kind === 'string' ? `'${token.text}'` : token.text;
}
