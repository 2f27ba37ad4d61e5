// Which types go together. Numbers widen int → bigint → decimal → double and a date widens to a
// timestamp, by themselves; everything else needs a CAST. Decimal results follow Flink's rules with a
// largest precision of 18 in place of 38.

import {ExpressionError} from './expression-error.ts';
import {literalNode, type TypedNode} from './typed-node.ts';
import {
  dataTypeText,
  decimal,
  DOUBLE,
  MAX_DECIMAL_PRECISION,
  sameDataType,
  TIMESTAMP,
  type DataType,
} from '../records/data-type.ts';

export const MIN_INT = -(2 ** 31);
export const MAX_INT = 2 ** 31 - 1;
export const MIN_BIGINT = -(2n ** 63n);
export const MAX_BIGINT = 2n ** 63n - 1n;

/** Flink keeps at least so many digits after the point when it cuts a decimal result to size. */
const MIN_KEPT_SCALE = 6;
const RANK = {int: 1, bigint: 2, decimal: 3, double: 4} as const;
type Numeric = DataType & {readonly kind: keyof typeof RANK};

export function isNumeric(type: DataType): type is Numeric {
  return type.kind in RANK;
}

/** int, bigint, decimal: values without rounding. */
export function isExact(type: DataType): boolean {
  return isNumeric(type) && type.kind !== 'double';
}

export function scaleOf(type: DataType): number {
  return type.kind === 'decimal' ? type.scale : 0;
}

/** Digits that a value may have before and after the point. */
function digitsOf(type: Numeric): {readonly whole: number; readonly scale: number} {
  if (type.kind === 'decimal') return {whole: type.precision - type.scale, scale: type.scale};
  return {whole: type.kind === 'int' ? 10 : 19, scale: 0};
}

/** The type that values of both can become by themselves, or null. */
export function commonType(left: DataType, right: DataType): DataType | null {
  if (sameDataType(left, right)) return left;
  if (isNumeric(left) && isNumeric(right)) {
    if (left.kind === 'double' || right.kind === 'double') return DOUBLE;
    if (left.kind === 'decimal' || right.kind === 'decimal') {
      const [a, b] = [digitsOf(left), digitsOf(right)];
      const scale = Math.max(a.scale, b.scale);
      return decimal(Math.min(Math.max(a.whole, b.whole) + scale, MAX_DECIMAL_PRECISION), scale);
    }
    return RANK[left.kind] > RANK[right.kind] ? left : right;
  }
  const kinds = [left.kind, right.kind];
  return kinds.includes('date') && kinds.includes('timestamp') ? TIMESTAMP : null;
}

/** The common type of all operands; NULL as written has any type. */
export function commonTypeOf(operands: readonly TypedNode[], what: string): DataType {
  let type: DataType | null = null;
  for (const operand of operands) {
    if (isUntypedNull(operand)) continue;
    const common: DataType | null = type === null ? operand.type : commonType(type, operand.type);
    if (common === null) {
      const found = `${dataTypeText(type!)} and ${dataTypeText(operand.type)}`;
      throw new ExpressionError(`${what}: ${found} have no common type`, operand.offset, 'CAST');
    }
    type = common;
  }
  if (type !== null) return type;
  throw new ExpressionError(
    `${what}: NULL alone has no type`,
    operands[0]!.offset,
    'CAST(NULL AS …)',
  );
}

export function isUntypedNull(node: TypedNode): boolean {
  return node.kind === 'literal' && node.untyped;
}

/** Whether a value of `from` becomes one of `to` by itself. */
export function widens(from: DataType, to: DataType): boolean {
  if (isNumeric(from) && isNumeric(to)) return RANK[from.kind] <= RANK[to.kind];
  return from.kind === to.kind || (from.kind === 'date' && to.kind === 'timestamp');
}

/** `node` as a value of `type`, which its own type widens to. */
export function coerce(node: TypedNode, type: DataType): TypedNode {
  if (isUntypedNull(node)) return literalNode(type, null, node.offset);
  if (sameDataType(node.type, type)) return node;
  return widenLiteral(node, type) ?? cast(node, type);
}

export function cast(operand: TypedNode, type: DataType, lenient = false): TypedNode {
  return {kind: 'cast', operand, type, lenient, offset: operand.offset};
}

/** A number as written becomes a literal of the wider type, so that no row pays for it. */
function widenLiteral(node: TypedNode, type: DataType): TypedNode | null {
  if (node.kind !== 'literal' || !isExact(node.type)) return null;
  if (typeof node.value !== 'number' && typeof node.value !== 'bigint') return null;
  const unscaled = BigInt(node.value);
  const scale = scaleOf(node.type);
  if (type.kind === 'double') {
    return literalNode(type, Number(decimalText(unscaled, scale)), node.offset);
  }
  if (type.kind === 'bigint' && scale === 0) return literalNode(type, unscaled, node.offset);
  if (type.kind !== 'decimal' || type.scale < scale) return null;
  const value = unscaled * 10n ** BigInt(type.scale - scale);
  const limit = 10n ** BigInt(type.precision);
  return value > -limit && value < limit ? literalNode(type, value, node.offset) : null;
}

/** `-1.50` of -150 with scale 2. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}

export type DecimalOperation = '+' | '-' | '*' | '/' | '%';

/** The type of an operation on two exact numbers of which at least one is a decimal. */
export function decimalResult(
  operation: DecimalOperation,
  left: DataType,
  right: DataType,
): DataType {
  const [a, b] = [digitsOf(left as Numeric), digitsOf(right as Numeric)];
  const scale = Math.max(a.scale, b.scale);
  switch (operation) {
    case '+':
    case '-':
      return fitDecimal(Math.max(a.whole, b.whole) + 1, scale);
    case '*': {
      // Flink counts one digit more than the product can have.
      const digits = a.whole + a.scale + b.whole + b.scale + 1;
      return fitDecimal(digits - a.scale - b.scale, a.scale + b.scale);
    }
    case '/': {
      const quotientScale = Math.max(6, a.scale + b.whole + b.scale + 1);
      return fitDecimal(a.whole + b.scale, quotientScale);
    }
    case '%':
      return fitDecimal(Math.min(a.whole, b.whole), scale);
  }
}

/** Cuts digits after the point, down to six, when all do not fit. */
function fitDecimal(whole: number, scale: number): DataType {
  const precision = Math.max(1, whole + scale);
  if (precision <= MAX_DECIMAL_PRECISION) return decimal(precision, scale);
  const kept = Math.max(MAX_DECIMAL_PRECISION - whole, Math.min(scale, MIN_KEPT_SCALE));
  return decimal(MAX_DECIMAL_PRECISION, kept);
}
