// Numeric functions.

import {
  emitScaleDown,
  failIfNotFinite,
  failIfNotInt64,
  failIfTooPrecise,
} from './emit-arithmetic.ts';
import {bailIfUnsafe} from './emit-compare.ts';
import {emitHelper} from './emit-helper.ts';
import type {EmitCall, Emitter, Operand} from './emitter.ts';
import {
  ceilDivide,
  floorDivide,
  roundDouble,
  roundInteger,
  roundIntegerWide,
} from './number-functions.ts';
import {scaleOf} from './type-rules.ts';
import {constantOf, type CallNode} from './typed-node.ts';
import {must} from '../base/assert.ts';
import {code, literal, type Code} from '../codegen/code.ts';

export const numberCalls: Readonly<Record<string, EmitCall>> = {
  ABS: emitAbs,
  SIGN: emitSign,
  FLOOR: (emitter, node) => emitWhole(emitter, node, code`Math.floor`, floorDivide),
  CEIL: (emitter, node) => emitWhole(emitter, node, code`Math.ceil`, ceilDivide),
  ROUND: emitRound,
  POWER: (emitter, node) => emitFinite(emitter, node, code`Math.pow`),
  SQRT: (emitter, node) => emitFinite(emitter, node, code`Math.sqrt`),
  LN: (emitter, node) => emitFinite(emitter, node, code`Math.log`),
};

function emitAbs(emitter: Emitter, node: CallNode): Operand {
  const operand = emitter.emit(node.operands[0]!);
  return emitter.strict(node.type, [operand], (target) => {
    const {value} = target;
    if (node.type.kind === 'double') {
      emitter.line(code`${value} = Math.abs(${operand.value});`);
      return;
    }
    const zero = emitter.isWide(node.type) ? 0n : 0;
    const from = operand.value;
    emitter.line(code`${value} = ${from} < ${zero} ? ${zero} - ${from} : ${from};`);
    if (node.type.kind === 'int')
      emitter.failIf(code`${value} > 2147483647`, 'int overflow', node.offset);
    if (node.type.kind === 'bigint' && emitter.variant.wide)
      failIfNotInt64(emitter, value, node.offset);
  });
}

function emitSign(emitter: Emitter, node: CallNode): Operand {
  const operand = emitter.emit(node.operands[0]!);
  const {value} = operand;
  const sign = emitter.isWide(node.type)
    ? code`${value} > 0n ? 1n : ${value} < 0n ? ${-1n} : 0n`
    : code`${value} > 0 ? 1 : ${value} < 0 ? ${-1} : 0`;
  return emitter.pure(node.type, [operand], sign);
}

/** FLOOR, CEIL of a double or a decimal with digits after the point. */
function emitWhole(
  emitter: Emitter,
  node: CallNode,
  whole: Code,
  divideWide: (value: bigint, divisor: bigint) => bigint,
): Operand {
  const operand = emitter.emit(node.operands[0]!);
  const scale = scaleOf(operand.type);
  return emitter.strict(node.type, [operand], (target) => {
    const result = emitter.isWide(node.type)
      ? code`${emitter.use(divideWide)}(${operand.value}, ${10n ** BigInt(scale)})`
      : code`${whole}(${operand.value} / ${10 ** scale}) + 0`;
    emitter.line(code`${target.value} = ${result};`);
  });
}

function emitFinite(emitter: Emitter, node: CallNode, helper: Code): Operand {
  const operands = node.operands.map((operand) => emitter.emit(operand));
  const [first, second] = operands;
  const given = second === undefined ? first!.value : code`${first!.value}, ${second.value}`;
  return emitter.strict(node.type, operands, (target) => {
    emitter.line(code`${target.value} = ${helper}(${given});`);
    failIfNotFinite(emitter, target.value, node.offset);
  });
}

function emitRound(emitter: Emitter, node: CallNode): Operand {
  if (node.type.kind === 'double') return emitHelper(emitter, node, roundDouble, {});
  if (node.type.kind === 'decimal') return emitRoundDecimal(emitter, node);
  const operands = node.operands.map((operand) => emitter.emit(operand));
  const [value, places] = operands;
  const {wide} = emitter.variant;
  const isWide = emitter.isWide(node.type);
  return emitter.strict(node.type, operands, (target) => {
    const helper = emitter.use(isWide ? roundIntegerWide : roundInteger);
    emitter.line(code`${target.value} = ${helper}(${value!.value}, ${places!.value});`);
    if (node.type.kind === 'int') {
      emitter.failIf(code`${target.value} !== (${target.value} | 0)`, 'int overflow', node.offset);
      emitter.line(code`${target.value} |= 0;`);
    } else if (wide) failIfNotInt64(emitter, target.value, node.offset);
    else bailIfUnsafe(emitter, target.value);
  });
}

function emitRoundDecimal(emitter: Emitter, node: CallNode): Operand {
  const operand = emitter.emit(node.operands[0]!);
  const places = Number(must(constantOf(node.operands[1]!), 'places of a decimal'));
  const {type} = node;
  return emitter.strict(type, [operand], (target) => {
    const {value} = target;
    const {wide} = emitter.variant;
    const scale = scaleOf(operand.type);
    if (places < -18) {
      emitter.line(code`${value} = ${wide ? 0n : 0};`);
      return;
    }
    emitter.line(code`${value} = ${operand.value};`);
    emitScaleDown(emitter, value, scale - places);
    if (places < 0) {
      const unit = wide ? literal(10n ** BigInt(-places)) : literal(10 ** -places);
      emitter.line(code`${value} = ${value} * ${unit};`);
      if (!wide) bailIfUnsafe(emitter, value);
    }
    if (type.kind === 'decimal') failIfTooPrecise(emitter, value, type, node.offset);
  });
}
