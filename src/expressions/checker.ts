// Tree → typed tree: resolves columns and functions, finds types, writes conversions out.

import {ExpressionError} from './expression-error.ts';
import {expectType, type Call, type Rules} from './rule.ts';
import {suggest} from './suggest.ts';
import {parseDateText, parseTimestampText} from './time-text.ts';
import {
  coerce,
  commonTypeOf,
  isUntypedNull,
  MAX_BIGINT,
  MAX_INT,
  MIN_BIGINT,
  MIN_INT,
} from './type-rules.ts';
import type {CallTree, CaseTree, Tree} from './tree.ts';
import {literalNode, type TypedNode} from './typed-node.ts';
import {
  BIGINT,
  BOOLEAN,
  DATE,
  decimal,
  DOUBLE,
  INT,
  MAX_DECIMAL_PRECISION,
  STRING,
  TIMESTAMP,
} from '../records/data-type.ts';
import {fieldIndex, type Schema} from '../records/schema.ts';

/** What conversions CAST knows is the cast rules' business; see cast-rules.ts. */
export interface CheckerRules {
  readonly calls: Rules;
  /** Names that belong to `parseAggregate`. */
  readonly aggregates: ReadonlySet<string>;
  /** Throws when there is no such conversion. */
  cast(operand: TypedNode, target: TypedNode['type'], lenient: boolean, offset: number): TypedNode;
  /** `timestamp ± INTERVAL`; the sign is -1 for minus. */
  addInterval(
    time: TypedNode,
    interval: Tree & {kind: 'interval'},
    sign: 1 | -1,
    offset: number,
  ): TypedNode;
}

export class Checker {
  readonly #schema: Schema;
  readonly #rules: CheckerRules;
  #slots = 0;

  constructor(schema: Schema, rules: CheckerRules) {
    this.#schema = schema;
    this.#rules = rules;
  }

  /** The root of an expression: also NULL needs a type there. */
  checkRoot(tree: Tree): TypedNode {
    const node = this.check(tree);
    commonTypeOf([node], 'expression');
    return node;
  }

  check(tree: Tree): TypedNode {
    const {offset} = tree;
    switch (tree.kind) {
      case 'number':
        return numberLiteral(tree.text, tree.negative, offset);
      case 'string':
        return literalNode(STRING, tree.value, offset);
      case 'boolean':
        return literalNode(BOOLEAN, tree.value, offset);
      case 'null':
        return {kind: 'literal', value: null, type: STRING, untyped: true, offset};
      case 'time':
        return timeLiteral(tree.type, tree.text, offset);
      case 'interval':
        throw new ExpressionError('an INTERVAL can only be added to or taken from a time', offset);
      case 'unit':
        return literalNode(STRING, tree.unit, offset);
      case 'column':
        return this.#column(tree.name, offset);
      case 'cast':
        return this.#rules.cast(this.check(tree.operand), tree.target, tree.lenient, offset);
      case 'case':
        return this.#case(tree);
      case 'call':
        return this.#call(tree);
    }
  }

  #column(name: string, offset: number): TypedNode {
    const index = fieldIndex(this.#schema, name);
    const field = this.#schema.fields[index];
    if (field !== undefined) return {kind: 'column', index, type: field.type, offset};
    const names = this.#schema.fields.map((each) => each.name);
    const near = suggest(name, names);
    const hint = near === undefined ? `; columns: ${names.join(', ')}` : '';
    throw new ExpressionError(`unknown column ${name}${hint}`, offset, near);
  }

  #call(tree: CallTree): TypedNode {
    const {name, offset} = tree;
    const rule = this.#rules.calls.get(name);
    if (rule === undefined) throw this.#unknownFunction(name, offset);
    const [left, right] = tree.operands;
    if ((name === '+' || name === '-') && right?.kind === 'interval') {
      return this.#rules.addInterval(this.check(left!), right, name === '+' ? 1 : -1, offset);
    }
    if (name === '+' && left?.kind === 'interval') {
      return this.#rules.addInterval(this.check(right!), left, 1, offset);
    }
    return rule(
      this.#callOf(
        name,
        tree.operands.map((operand) => this.check(operand)),
        offset,
      ),
    );
  }

  #unknownFunction(name: string, offset: number): ExpressionError {
    if (this.#rules.aggregates.has(name)) {
      return new ExpressionError(
        `${name} is an aggregate: it belongs into an aggregate step`,
        offset,
      );
    }
    const names = [...this.#rules.calls.keys()].filter((known) => /^\w+$/.test(known));
    return new ExpressionError(`unknown function ${name}`, offset, suggest(name, names));
  }

  #callOf(name: string, operands: readonly TypedNode[], offset: number): Call {
    return {name, operands, offset, nextSlot: () => this.#nextSlot()};
  }

  #nextSlot(): number {
    this.#slots += 1;
    return this.#slots;
  }

  #case(tree: CaseTree): TypedNode {
    const value = tree.operand === null ? null : this.check(tree.operand);
    const slot: TypedNode | null =
      value === null || isUntypedNull(value)
        ? value
        : {kind: 'slot', slot: this.#nextSlot(), type: value.type, offset: value.offset};
    const conditions = tree.branches.map(({condition}) => this.#condition(slot, condition));
    const results = tree.branches.map(({result}) => this.check(result));
    const otherwise: TypedNode =
      tree.otherwise === null
        ? {kind: 'literal', value: null, type: STRING, untyped: true, offset: tree.offset}
        : this.check(tree.otherwise);
    const type = commonTypeOf([...results, otherwise], 'CASE');
    const branches = conditions.map((condition, index) => ({
      condition,
      result: coerce(results[index]!, type),
    }));
    const {offset} = tree;
    const body: TypedNode = {
      kind: 'case',
      branches,
      otherwise: coerce(otherwise, type),
      type,
      offset,
    };
    if (slot?.kind !== 'slot') return body;
    return {kind: 'let', slot: slot.slot, value: value!, body, type, offset};
  }

  #condition(operand: TypedNode | null, tree: Tree): TypedNode {
    const condition = this.check(tree);
    if (operand === null) {
      return expectType(this.#callOf('WHEN', [], tree.offset), condition, BOOLEAN);
    }
    return this.#rules.calls.get('=')!(this.#callOf('=', [operand, condition], tree.offset));
  }
}

/** 1 is INT, 9999999999 BIGINT, 1.5 DECIMAL(2,1), 1e3 DOUBLE, as in Flink. */
function numberLiteral(text: string, negative: boolean, offset: number): TypedNode {
  const sign = negative ? '-' : '';
  if (/e/i.test(text)) {
    const value = Number(sign + text);
    if (Number.isFinite(value)) return literalNode(DOUBLE, value, offset);
    throw new ExpressionError(`${text} is too large for a double`, offset);
  }
  const [whole = '', fraction = ''] = text.split('.');
  if (fraction === '') {
    const value = BigInt(sign + whole);
    if (value >= MIN_INT && value <= MAX_INT) return literalNode(INT, Number(value), offset);
    if (value >= MIN_BIGINT && value <= MAX_BIGINT) return literalNode(BIGINT, value, offset);
    throw new ExpressionError(`${sign}${text} does not fit 64 bits`, offset, `${sign}${text}e0`);
  }
  const precision = whole.length + fraction.length;
  if (precision > MAX_DECIMAL_PRECISION) {
    const message = `a decimal has at most ${MAX_DECIMAL_PRECISION} digits, ${text} has ${precision}`;
    throw new ExpressionError(message, offset, `${sign}${text}e0`);
  }
  return literalNode(decimal(precision, fraction.length), BigInt(sign + whole + fraction), offset);
}

function timeLiteral(type: 'timestamp' | 'date', text: string, offset: number): TypedNode {
  const value = type === 'date' ? parseDateText(text) : parseTimestampText(text);
  if (!Number.isNaN(value)) return literalNode(type === 'date' ? DATE : TIMESTAMP, value, offset);
  const form = type === 'date' ? "DATE '2001-01-31'" : "TIMESTAMP '2001-01-31 23:59:59.999'";
  throw new ExpressionError(`'${text}' is not a ${type}: write ${form}`, offset);
}
