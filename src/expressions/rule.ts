// How a call is checked: a rule takes the checked operands and gives the typed node, or throws an
// ExpressionError at the operand that is wrong.

import {ExpressionError} from './expression-error.ts';
import {coerce, isNumeric, isUntypedNull, widens} from './type-rules.ts';
import type {CallNode, TypedNode} from './typed-node.ts';
import {dataTypeText, type DataType} from '../records/data-type.ts';

export interface Call {
  /** As in FUNCTIONS.md. */
  readonly name: string;
  readonly operands: readonly TypedNode[];
  readonly offset: number;
  /** A fresh number for a LetNode. */
  nextSlot(): number;
}

export type Rule = (call: Call) => TypedNode;
export type Rules = ReadonlyMap<string, Rule>;

/** An ordinary function: each operand widens to the type at its place; the last `optional` may be absent. */
export function fixed(
  parameters: readonly DataType[],
  result: DataType,
  options: {readonly operation?: string; readonly optional?: number} = {},
): Rule {
  return (call) => {
    const {optional = 0, operation = call.name} = options;
    arity(call, parameters.length - optional, parameters.length);
    const operands = call.operands.map((operand, index) =>
      expectType(call, operand, parameters[index]!),
    );
    return operationNode(call, operation, operands, result);
  };
}

export function operationNode(
  call: Call,
  operation: string,
  operands: readonly TypedNode[],
  type: DataType,
): CallNode {
  return {kind: 'call', operation, operands, type, offset: call.offset};
}

export function arity(call: Call, minimum: number, maximum = minimum): void {
  const count = call.operands.length;
  if (count >= minimum && count <= maximum) return;
  const expected =
    minimum === maximum
      ? String(minimum)
      : maximum === Infinity
        ? `at least ${minimum}`
        : `${minimum} to ${maximum}`;
  const noun = expected === '1' ? 'argument' : 'arguments';
  throw new ExpressionError(`${call.name} takes ${expected} ${noun}, found ${count}`, call.offset);
}

/** `operand` as a value of `type`, or an error that says what was expected. */
export function expectType(call: Call, operand: TypedNode, type: DataType): TypedNode {
  if (isUntypedNull(operand) || widens(operand.type, type)) return coerce(operand, type);
  throw mismatch(call, operand, dataTypeText(type));
}

/** Any number; NULL as written becomes a `fallback`. */
export function expectNumber(call: Call, operand: TypedNode, fallback: DataType): TypedNode {
  if (isUntypedNull(operand)) return coerce(operand, fallback);
  if (isNumeric(operand.type)) return operand;
  throw mismatch(call, operand, 'a number');
}

export function mismatch(call: Call, operand: TypedNode, expected: string): ExpressionError {
  const found = dataTypeText(operand.type);
  const message = `${call.name} expects ${expected}, found ${found}`;
  const target = expected.includes(' ') ? null : expected.toUpperCase();
  return new ExpressionError(
    message,
    operand.offset,
    target === null ? undefined : `CAST(… AS ${target})`,
  );
}
