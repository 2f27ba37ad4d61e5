// + - * / % and signs, with a check after each: an int outside 32 bits, a bigint outside 64, a decimal
// outside its precision, a double that is not finite and a division by zero are failures.
//
// In the fast variant a bigint or decimal is a double. Sums and products of safe integers are rounded
// only when they are outside ±(2^53 - 1), and rounding never brings them back inside, so that one
// comparison after the operation decides whether it was exact. `+ 0` turns -0 into 0.

import {
  divideDecimals,
  divideDecimalsWide,
  divideRounded,
  divideRoundedWide,
} from './decimal-math.ts';
import {alignScales, bailIfUnsafe, scaleUp} from './emit-compare.ts';
import type {EmitCall, Emitter, Operand} from './emitter.ts';
import {scaleOf} from './type-rules.ts';
import type {CallNode} from './typed-node.ts';
import {code, literal, type Code} from '../codegen/code.ts';
import {dataTypeText, type DataType} from '../records/data-type.ts';

type Operation = '+' | '-' | '*' | '/' | '%';
const OPERATORS: Readonly<Record<Operation, Code>> = {
  '+': code`+`,
  '-': code`-`,
  '*': code`*`,
  '/': code`/`,
  '%': code`%`,
};
const DIVISION_BY_ZERO = 'division by zero';
/** A double's integers are exact up to so many digits. */
const SAFE_DIGITS = 15;

export const arithmeticCalls: Readonly<Record<string, EmitCall>> = {
  '+': (emitter, node) => emitArithmetic(emitter, node, '+'),
  '-': (emitter, node) => emitArithmetic(emitter, node, '-'),
  '*': (emitter, node) => emitArithmetic(emitter, node, '*'),
  '/': (emitter, node) => emitArithmetic(emitter, node, '/'),
  '%': (emitter, node) => emitArithmetic(emitter, node, '%'),
  'UNARY -': emitNegation,
};

interface Step {
  readonly emitter: Emitter;
  readonly operation: Operation;
  readonly target: Operand;
  readonly left: Operand;
  readonly right: Operand;
  readonly offset: number;
}

function emitArithmetic(emitter: Emitter, node: CallNode, operation: Operation): Operand {
  const [left, right] = node.operands.map((operand) => emitter.emit(operand)) as [Operand, Operand];
  return emitter.strict(node.type, [left, right], (target) => {
    const step = {emitter, operation, target, left, right, offset: node.offset};
    if (operation === '/' || operation === '%') {
      const zero = emitter.isWide(right.type) ? 0n : 0;
      emitter.failIf(code`${right.value} === ${zero}`, DIVISION_BY_ZERO, node.offset);
    }
    emitOperation(step, node.type);
  });
}

function emitOperation(step: Step, type: DataType): void {
  if (type.kind === 'int') emitInt(step);
  else if (type.kind === 'double') emitDouble(step);
  else if (type.kind === 'decimal') emitDecimal(step, type);
  else if (step.emitter.variant.wide) emitWideBigint(step);
  else emitFastBigint(step);
}

function rawCode({operation, left, right}: Step): Code {
  return code`${left.value} ${OPERATORS[operation]} ${right.value}`;
}

function emitInt(step: Step): void {
  const {emitter, target, operation, offset} = step;
  const value = target.value;
  if (operation === '%') {
    emitter.line(code`${value} = (${rawCode(step)}) | 0;`);
    return;
  }
  const raw = operation === '/' ? code`Math.trunc(${rawCode(step)})` : rawCode(step);
  emitter.line(code`${value} = ${raw};`);
  emitter.failIf(code`${value} !== (${value} | 0)`, 'int overflow', offset);
  emitter.line(code`${value} |= 0;`);
}

function emitFastBigint(step: Step): void {
  const {emitter, target, operation} = step;
  const raw = operation === '/' ? code`Math.trunc(${rawCode(step)})` : code`(${rawCode(step)})`;
  emitter.line(code`${target.value} = ${raw} + 0;`);
  if (operation !== '/' && operation !== '%') bailIfUnsafe(emitter, target.value);
}

function emitWideBigint(step: Step): void {
  const {emitter, target, offset} = step;
  emitter.line(code`${target.value} = ${rawCode(step)};`);
  failIfNotInt64(emitter, target.value, offset);
}

export function failIfNotInt64(emitter: Emitter, value: Code, offset: number): void {
  emitter.failIf(code`BigInt.asIntN(64, ${value}) !== ${value}`, 'bigint overflow', offset);
}

function emitDouble(step: Step): void {
  const {emitter, target, offset} = step;
  emitter.line(code`${target.value} = ${rawCode(step)};`);
  failIfNotFinite(emitter, target.value, offset);
}

export function failIfNotFinite(emitter: Emitter, value: Code, offset: number): void {
  emitter.failIf(code`${value} - ${value} !== 0`, 'the double is not finite', offset);
}

type Decimal = DataType & {readonly kind: 'decimal'};

function emitDecimal(step: Step, type: Decimal): void {
  const {emitter, operation, target, offset} = step;
  if (operation === '/') {
    emitDecimalDivision(step, type);
  } else {
    const aligned =
      operation === '*' ? [step.left, step.right] : alignScales(emitter, step.left, step.right);
    // The product of an int needs its BigInt too.
    const [left, right] = aligned.map((each) =>
      scaleUp(emitter, each, scaleOf(each.type), operation === '*'),
    );
    const raw = rawCode({...step, left: left!, right: right!});
    const [leftScale, rightScale] = [scaleOf(step.left.type), scaleOf(step.right.type)];
    const scale = operation === '*' ? leftScale + rightScale : Math.max(leftScale, rightScale);
    emitter.line(code`${target.value} = ${raw}${emitter.variant.wide ? code`` : code` + 0`};`);
    if (!emitter.variant.wide) bailIfUnsafe(emitter, target.value);
    emitScaleDown(emitter, target.value, scale - type.scale);
  }
  failIfTooPrecise(emitter, target.value, type, offset);
}

function emitDecimalDivision(step: Step, type: Decimal): void {
  const {emitter, target} = step;
  const {wide} = emitter.variant;
  const [left, right] = [step.left, step.right].map((operand) =>
    scaleUp(emitter, operand, scaleOf(operand.type), true),
  );
  const places = type.scale - scaleOf(step.left.type) + scaleOf(step.right.type);
  const divide = emitter.use(wide ? divideDecimalsWide : divideDecimals);
  emitter.line(code`${target.value} = ${divide}(${left!.value}, ${right!.value}, ${places});`);
  if (!wide) emitter.bailIf(code`${target.value} !== ${target.value}`);
}

/** Rounds `places` digits away. */
export function emitScaleDown(emitter: Emitter, value: Code, places: number): void {
  if (places <= 0) return;
  const {wide} = emitter.variant;
  const divide = emitter.use(wide ? divideRoundedWide : divideRounded);
  const divisor = wide ? literal(10n ** BigInt(places)) : literal(10 ** places);
  emitter.line(code`${value} = ${divide}(${value}, ${divisor});`);
}

/** The condition that an unscaled value has more digits than `type`; null when it cannot. */
export function tooPrecise(emitter: Emitter, value: Code, type: Decimal): Code | null {
  if (!emitter.variant.wide && type.precision > SAFE_DIGITS) return null;
  const exact = 10n ** BigInt(type.precision);
  const limit = emitter.variant.wide ? exact : Number(exact);
  return code`${value} >= ${limit} || ${value} <= ${-limit}`;
}

export function failIfTooPrecise(
  emitter: Emitter,
  value: Code,
  type: Decimal,
  offset: number,
): void {
  const condition = tooPrecise(emitter, value, type);
  if (condition !== null) emitter.failIf(condition, `${dataTypeText(type)} overflow`, offset);
}

function emitNegation(emitter: Emitter, node: CallNode): Operand {
  const operand = emitter.emit(node.operands[0]!);
  const {type} = operand;
  return emitter.strict(type, [operand], (target) => {
    const value = target.value;
    if (type.kind === 'double') {
      emitter.line(code`${value} = -${operand.value};`);
      return;
    }
    emitter.line(code`${value} = ${emitter.isWide(type) ? 0n : 0} - ${operand.value};`);
    if (type.kind === 'int')
      emitter.failIf(code`${value} > 2147483647`, 'int overflow', node.offset);
    if (type.kind === 'bigint' && emitter.variant.wide) failIfNotInt64(emitter, value, node.offset);
  });
}
