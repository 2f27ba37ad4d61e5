import {CONVERSIONS} from './conversions.ts';
import {ExpressionError} from './expression-error.ts';
import {isUntypedNull} from './type-rules.ts';
import {literalNode, type TypedNode} from './typed-node.ts';
import {dataTypeText, sameDataType, type DataType} from '../records/data-type.ts';

/** CAST and TRY_CAST as written. */
export function checkCast(
  operand: TypedNode,
  target: DataType,
  lenient: boolean,
  offset: number,
): TypedNode {
  if (isUntypedNull(operand)) return literalNode(target, null, offset);
  if (sameDataType(operand.type, target)) return operand;
  if (CONVERSIONS[operand.type.kind].includes(target.kind)) {
    return {kind: 'cast', operand, type: target, lenient, offset};
  }
  const message = `there is no CAST from ${dataTypeText(operand.type)} to ${dataTypeText(target)}`;
  const isTime = operand.type.kind === 'timestamp' || operand.type.kind === 'date';
  throw new ExpressionError(message, offset, isTime ? 'EXTRACT(EPOCH FROM …)' : undefined);
}
