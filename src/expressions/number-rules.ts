import {
  arity,
  expectNumber,
  expectType,
  fixed,
  mismatch,
  operationNode,
  type Call,
  type Rule,
} from './rule.ts';
import {isExact, scaleOf} from './type-rules.ts';
import {constantOf, literalNode, type TypedNode} from './typed-node.ts';
import {decimal, DOUBLE, INT, MAX_DECIMAL_PRECISION, type DataType} from '../records/data-type.ts';

const toDouble = fixed([DOUBLE], DOUBLE);

export const numberRules: Readonly<Record<string, Rule>> = {
  ABS: (call) => unary(call, (type) => type),
  SIGN: (call) => unary(call, (type) => (type.kind === 'decimal' ? decimal(1, 0) : type)),
  FLOOR: wholeNumber,
  CEIL: wholeNumber,
  ROUND: round,
  POWER: fixed([DOUBLE, DOUBLE], DOUBLE),
  SQRT: toDouble,
  LN: toDouble,
};

function unary(call: Call, resultOf: (type: DataType) => DataType): TypedNode {
  arity(call, 1);
  const operand = expectNumber(call, call.operands[0]!, INT);
  return operationNode(call, call.name, [operand], resultOf(operand.type));
}

/** A whole number is its own floor. */
function wholeNumber(call: Call): TypedNode {
  const node = unary(call, (type) => (type.kind === 'decimal' ? decimal(type.precision, 0) : type));
  const operand = expectNumber(call, call.operands[0]!, INT);
  return isExact(operand.type) && scaleOf(operand.type) === 0 ? operand : node;
}

/** ROUND(x[, places]): of a decimal the places are part of the type, so they must be a literal. */
function round(call: Call): TypedNode {
  arity(call, 1, 2);
  const operand = expectNumber(call, call.operands[0]!, INT);
  const given = call.operands[1] ?? literalNode(INT, 0, call.offset);
  const places = expectType(call, given, INT);
  const {type} = operand;
  if (type.kind !== 'decimal') return operationNode(call, 'ROUND', [operand, places], type);
  const digits = constantOf(places);
  if (typeof digits !== 'number')
    throw mismatch(call, places, 'a literal number of places for a decimal');
  if (digits >= type.scale) return operand;
  const kept = Math.max(0, digits);
  const precision = Math.min(MAX_DECIMAL_PRECISION, 1 + type.precision - type.scale + kept);
  return operationNode(call, 'ROUND', [operand, places], decimal(precision, kept));
}
