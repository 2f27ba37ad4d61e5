// Comparison, logic and arithmetic.

import {ExpressionError} from './expression-error.ts';
import {
  arity,
  expectNumber,
  expectType,
  fixed,
  operationNode,
  type Call,
  type Rule,
} from './rule.ts';
import {
  cast,
  coerce,
  commonType,
  commonTypeOf,
  decimalResult,
  isExact,
  isUntypedNull,
  scaleOf,
  type DecimalOperation,
} from './type-rules.ts';
import {literalNode, type TypedNode} from './typed-node.ts';
import {
  BOOLEAN,
  dataTypeText,
  DOUBLE,
  INT,
  sameDataType,
  type DataType,
} from '../records/data-type.ts';

const test = fixed([BOOLEAN], BOOLEAN);

export const operatorRules: Readonly<Record<string, Rule>> = {
  '=': compare,
  '<>': compare,
  '<': compare,
  '<=': compare,
  '>': compare,
  '>=': compare,
  'IS DISTINCT FROM': compare,
  'IS NOT DISTINCT FROM': compare,
  BETWEEN: compare,
  IN: compare,
  AND: logic,
  OR: logic,
  NOT: test,
  'IS TRUE': test,
  'IS FALSE': test,
  'IS NOT TRUE': test,
  'IS NOT FALSE': test,
  'IS UNKNOWN': fixed([BOOLEAN], BOOLEAN, {operation: 'IS NULL'}),
  'IS NOT UNKNOWN': fixed([BOOLEAN], BOOLEAN, {operation: 'IS NOT NULL'}),
  'IS NULL': nullTest,
  'IS NOT NULL': nullTest,
  '+': arithmetic,
  '-': arithmetic,
  '*': arithmetic,
  '/': arithmetic,
  '%': arithmetic,
  MOD: arithmetic,
  'UNARY +': (call) => expectNumber(call, call.operands[0]!, INT),
  'UNARY -': negate,
  COALESCE: coalesce,
  NULLIF: nullIf,
  IF: conditional,
  GREATEST: extreme,
  LEAST: extreme,
};

/** Exact numbers are compared as they are, whatever their scales; other operands get one type. */
export function compare(call: Call): TypedNode {
  const {operands} = call;
  const known = operands.filter((operand) => !isUntypedNull(operand));
  for (const operand of known) checkComparable(call, known[0]!, operand);
  const exact = known.every((operand) => isExact(operand.type));
  const type = known.length === 0 ? BOOLEAN : commonTypeOf(known, call.name);
  const typed = operands.map((operand) =>
    exact && !isUntypedNull(operand) ? operand : coerce(operand, type),
  );
  return operationNode(call, call.name, typed, BOOLEAN);
}

function checkComparable(call: Call, left: TypedNode, right: TypedNode): void {
  if (commonType(left.type, right.type) !== null) return;
  const message = `${call.name} cannot compare ${dataTypeText(left.type)} with ${dataTypeText(right.type)}`;
  const time = [left.type, right.type].find(
    (type) => type.kind === 'timestamp' || type.kind === 'date',
  );
  const text = [left, right].find((node) => node.type.kind === 'string');
  if (time !== undefined && text !== undefined) {
    throw new ExpressionError(message, right.offset, `${time.kind.toUpperCase()} '…'`);
  }
  throw new ExpressionError(message, right.offset, 'CAST');
}

function logic(call: Call): TypedNode {
  const operands = call.operands.map((operand) => expectType(call, operand, BOOLEAN));
  return operationNode(call, call.name, operands, BOOLEAN);
}

function nullTest(call: Call): TypedNode {
  const operand = call.operands[0]!;
  return operationNode(
    call,
    call.name,
    [isUntypedNull(operand) ? coerce(operand, BOOLEAN) : operand],
    BOOLEAN,
  );
}

function arithmetic(call: Call): TypedNode {
  arity(call, 2);
  const operation = call.name === 'MOD' ? '%' : call.name;
  const known = call.operands.find((operand) => !isUntypedNull(operand));
  const [left, right] = call.operands.map((operand) =>
    expectNumber(call, operand, known?.type ?? INT),
  );
  const type = arithmeticType(operation as DecimalOperation, left!.type, right!.type);
  // Decimal operands keep their own scales: the operation aligns them.
  const operands =
    type.kind === 'decimal'
      ? [left!, right!]
      : [left!, right!].map((operand) => coerce(operand, commonType(left!.type, right!.type)!));
  const node = operationNode(call, operation, operands, type);
  // The remainder of whole numbers has the divisor's type, as in Flink; it always fits.
  const whole = scaleOf(left!.type) === 0 && scaleOf(right!.type) === 0 && type.kind !== 'double';
  return operation === '%' && whole ? coerceDown(node, right!.type) : node;
}

function coerceDown(node: TypedNode, type: DataType): TypedNode {
  return sameDataType(node.type, type) ? node : cast(node, type);
}

function arithmeticType(operation: DecimalOperation, left: DataType, right: DataType): DataType {
  if (left.kind === 'double' || right.kind === 'double') return DOUBLE;
  if (left.kind === 'decimal' || right.kind === 'decimal')
    return decimalResult(operation, left, right);
  return commonType(left, right)!;
}

function negate(call: Call): TypedNode {
  const operand = expectNumber(call, call.operands[0]!, INT);
  return operationNode(call, call.name, [operand], operand.type);
}

function coalesce(call: Call): TypedNode {
  arity(call, 1, Infinity);
  const type = commonTypeOf(call.operands, call.name);
  return operationNode(
    call,
    call.name,
    call.operands.map((operand) => coerce(operand, type)),
    type,
  );
}

function nullIf(call: Call): TypedNode {
  arity(call, 2);
  const [value, other] = call.operands;
  const type = commonTypeOf([value!], call.name);
  const slot: TypedNode = {kind: 'slot', slot: call.nextSlot(), type, offset: value!.offset};
  const same = compare({...call, name: '=', operands: [slot, other!]});
  const none = literalNode(type, null, call.offset);
  return {
    kind: 'let',
    slot: slot.slot,
    value: value!,
    body: choose(same, none, slot, type),
    type,
    offset: call.offset,
  };
}

function conditional(call: Call): TypedNode {
  arity(call, 3);
  const [condition, result, otherwise] = call.operands;
  const type = commonTypeOf([result!, otherwise!], call.name);
  const tested = expectType(call, condition!, BOOLEAN);
  return choose(tested, coerce(result!, type), coerce(otherwise!, type), type);
}

function choose(
  condition: TypedNode,
  result: TypedNode,
  otherwise: TypedNode,
  type: DataType,
): TypedNode {
  return {kind: 'case', branches: [{condition, result}], otherwise, type, offset: condition.offset};
}

function extreme(call: Call): TypedNode {
  arity(call, 1, Infinity);
  const type = commonTypeOf(call.operands, call.name);
  const operands = call.operands.map((operand) => coerce(operand, type));
  return operationNode(call, call.name, operands, type);
}
