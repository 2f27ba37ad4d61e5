// `COUNT(*)`, `SUM(x) FILTER (WHERE y)`: one aggregate of scalar expressions, nothing around it.

import {Checker} from './checker.ts';
import {ExpressionError} from './expression-error.ts';
import {
  findInvalid,
  typedExpression,
  type InvalidExpression,
  type TypedExpression,
} from './expression.ts';
import {AGGREGATE_FUNCTIONS, RULES, type AggregateFunction} from './function-rules.ts';
import {Parser} from './parser.ts';
import {suggest} from './suggest.ts';
import {isNumeric} from './type-rules.ts';
import {
  BIGINT,
  BOOLEAN,
  dataTypeText,
  decimal,
  DOUBLE,
  MAX_DECIMAL_PRECISION,
  sameDataType,
  type DataType,
} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';

export interface AggregateCall {
  readonly text: string;
  readonly function: AggregateFunction;
  /** Null for COUNT(*). NULL arguments are left out; with none left the result is NULL, of COUNT 0. */
  readonly argument: TypedExpression | null;
  /** Boolean: only records for which it is TRUE count. Null: all do. */
  readonly filter: TypedExpression | null;
  /**
   * COUNT: bigint. SUM: the argument's type, a decimal with all 18 digits; its overflow is a failure.
   * AVG: double. MIN, MAX, FIRST_VALUE, LAST_VALUE: the argument's type.
   */
  readonly resultType: DataType;
}

export type ParsedAggregate =
  {readonly kind: 'ok'; readonly call: AggregateCall} | InvalidExpression;

export function parseAggregate(text: string, schema: Schema): ParsedAggregate {
  return findInvalid(() => {
    const parser = new Parser(text);
    const name = functionName(parser);
    parser.expect('(');
    if (parser.at('DISTINCT')) parser.fail(`${name} takes every value; DISTINCT is not supported`);
    const argument = name === 'COUNT' && parser.accept('*') ? null : scalar(parser, text, schema);
    parser.expect(')');
    const filter = parser.accept('FILTER') ? filterOf(parser, text, schema) : null;
    if (parser.token.kind !== 'end') {
      parser.fail('an aggregate stands alone: compute with its result in a project step after it');
    }
    const resultType = argument === null ? BIGINT : resultTypeOf(name, argument);
    return {kind: 'ok', call: {text, function: name, argument, filter, resultType}};
  });
}

function functionName(parser: Parser): AggregateFunction {
  const token = parser.token;
  const upper = token.kind === 'word' ? token.upper : '';
  const name = AGGREGATE_FUNCTIONS.find((each) => each === upper);
  if (name === undefined) {
    const near = suggest(upper, AGGREGATE_FUNCTIONS);
    throw new ExpressionError(
      `expected an aggregate: ${AGGREGATE_FUNCTIONS.join(', ')}`,
      token.offset,
      near,
    );
  }
  parser.advance();
  return name;
}

function scalar(parser: Parser, text: string, schema: Schema): TypedExpression {
  const root = new Checker(schema, RULES).checkRoot(parser.expression());
  return typedExpression(text, root, schema);
}

function filterOf(parser: Parser, text: string, schema: Schema): TypedExpression {
  parser.expect('(');
  parser.expect('WHERE');
  const filter = scalar(parser, text, schema);
  parser.expect(')');
  if (sameDataType(filter.type, BOOLEAN)) return filter;
  throw new ExpressionError(
    `FILTER expects boolean, found ${dataTypeText(filter.type)}`,
    filter.root.offset,
  );
}

function resultTypeOf(name: AggregateFunction, argument: TypedExpression): DataType {
  const {type, root} = argument;
  switch (name) {
    case 'COUNT':
      return BIGINT;
    case 'SUM':
    case 'AVG':
      if (!isNumeric(type)) {
        throw new ExpressionError(
          `${name} expects a number, found ${dataTypeText(type)}`,
          root.offset,
        );
      }
      if (name === 'AVG') return DOUBLE;
      return type.kind === 'decimal' ? decimal(MAX_DECIMAL_PRECISION, type.scale) : type;
    case 'MIN':
    case 'MAX':
    case 'FIRST_VALUE':
    case 'LAST_VALUE':
      return type;
  }
}
