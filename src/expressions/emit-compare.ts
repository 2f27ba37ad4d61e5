// Comparison. Exact numbers (int, bigint, decimal) are compared at their own scales: the one with fewer
// digits after the point is multiplied up.

import {compareBytes, equalBytes} from './byte-text.ts';
import type {EmitCall, Emitter, Operand} from './emitter.ts';
import {isExact, scaleOf} from './type-rules.ts';
import type {CallNode} from './typed-node.ts';
import {assert} from '../base/assert.ts';
import {code, join, literal, type Code} from '../codegen/code.ts';
import {columnLayout} from '../records/column.ts';
import {BOOLEAN, type DataType} from '../records/data-type.ts';

/** A literal up to here is compared byte by byte in the loop itself. */
const INLINE_BYTES = 12;
/** From so many literals on, IN looks them up. */
const LOOKUP_FROM = 9;
const utf8 = new TextEncoder();

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
const OPERATORS: Readonly<Record<Comparison, Code>> = {
  '=': code`===`,
  '<>': code`!==`,
  '<': code`<`,
  '<=': code`<=`,
  '>': code`>`,
  '>=': code`>=`,
};

function comparing(comparison: Comparison): EmitCall {
  return (emitter, node) => {
    const [left, right] = node.operands.map((operand) => emitter.emit(operand));
    return emitComparison(emitter, comparison, left!, right!);
  };
}

export const compareCalls: Readonly<Record<string, EmitCall>> = {
  '=': comparing('='),
  '<>': comparing('<>'),
  '<': comparing('<'),
  '<=': comparing('<='),
  '>': comparing('>'),
  '>=': comparing('>='),
  'IS DISTINCT FROM': (emitter, node) => emitDistinct(emitter, node, true),
  'IS NOT DISTINCT FROM': (emitter, node) => emitDistinct(emitter, node, false),
  BETWEEN: emitBetween,
  IN: emitIn,
  GREATEST: (emitter, node) => emitExtreme(emitter, node, '>'),
  LEAST: (emitter, node) => emitExtreme(emitter, node, '<'),
};

/** A boolean operand: NULL when one side is. */
export function emitComparison(
  emitter: Emitter,
  comparison: Comparison,
  left: Operand,
  right: Operand,
): Operand {
  const align = needsAlignment(emitter, left, right);
  if (columnLayout(left.type) !== 'bytes' && !align) {
    return emitter.pure(BOOLEAN, [left, right], comparisonCode(emitter, comparison, left, right));
  }
  return emitter.strict(BOOLEAN, [left, right], (target) => {
    const [a, b] = align ? alignScales(emitter, left, right) : [left, right];
    emitter.line(code`${target.value} = ${comparisonCode(emitter, comparison, a, b)};`);
  });
}

function comparisonCode(
  emitter: Emitter,
  comparison: Comparison,
  left: Operand,
  right: Operand,
): Code {
  const operator = OPERATORS[comparison];
  if (columnLayout(left.type) !== 'bytes') return code`${left.value} ${operator} ${right.value}`;
  if (comparison === '=' || comparison === '<>') {
    const equal =
      inlineEqual(emitter, left, right) ??
      inlineEqual(emitter, right, left) ??
      code`${emitter.use(equalBytes)}(${bytesCode(left)}, ${bytesCode(right)})`;
    return comparison === '=' ? equal : code`!${equal}`;
  }
  return code`${emitter.use(compareBytes)}(${bytesCode(left)}, ${bytesCode(right)}) ${operator} 0`;
}

/** The three arguments of a string. */
export function bytesCode(operand: Operand): Code {
  return code`${operand.value}, ${operand.start}, ${operand.end}`;
}

/** `text = 'ATL'`: the length, then byte by byte. */
function inlineEqual(emitter: Emitter, text: Operand, constant: Operand): Code | null {
  const {constant: value} = constant;
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) return null;
  const bytes = typeof value === 'string' ? utf8.encode(value) : value;
  const sameLength = code`${text.end} - ${text.start} === ${bytes.length}`;
  if (bytes.length > INLINE_BYTES) {
    return code`(${sameLength} && ${emitter.use(equalBytes)}(${bytesCode(text)}, ${bytesCode(constant)}))`;
  }
  const tests = [...bytes].map((byte, i) => code`${text.value}[${text.start} + ${i}] === ${byte}`);
  return code`(${join([sameLength, ...tests], ' && ')})`;
}

/** Exact numbers that differ in scale, or in the wide variant in JavaScript type. */
function needsAlignment(emitter: Emitter, left: Operand, right: Operand): boolean {
  if (!isExact(left.type) || !isExact(right.type)) return false;
  if (scaleOf(left.type) !== scaleOf(right.type)) return true;
  return emitter.variant.wide && columnLayout(left.type) !== columnLayout(right.type);
}

/** Both at the larger scale. Emit it where neither is NULL. */
export function alignScales(emitter: Emitter, left: Operand, right: Operand): [Operand, Operand] {
  const scale = Math.max(scaleOf(left.type), scaleOf(right.type));
  const int64 = [left, right].some((operand) => columnLayout(operand.type) === 'int64');
  return [scaleUp(emitter, left, scale, int64), scaleUp(emitter, right, scale, int64)];
}

/** `operand` × 10^(scale - its own): a BigInt without bounds in the wide variant, else checked. */
export function scaleUp(
  emitter: Emitter,
  operand: Operand,
  scale: number,
  int64: boolean,
): Operand {
  const places = scale - scaleOf(operand.type);
  assert(places >= 0, 'a scale can only grow');
  const {wide} = emitter.variant;
  const isInt = columnLayout(operand.type) === 'int32';
  if (wide && int64 && isInt) {
    const exact = code`BigInt(${operand.value})`;
    return {...operand, value: places === 0 ? exact : code`${exact} * ${10n ** BigInt(places)}`};
  }
  if (places === 0) return operand;
  const value = emitter.local('v');
  const factor = wide ? literal(10n ** BigInt(places)) : literal(10 ** places);
  emitter.line(code`const ${value} = ${operand.value} * ${factor};`);
  // 2^31 × 10^6 is still exact.
  if (!wide && !(isInt && places <= 6)) bailIfUnsafe(emitter, value);
  return {...operand, value};
}

export function bailIfUnsafe(emitter: Emitter, value: Code): void {
  emitter.bailIf(
    code`${value} > ${Number.MAX_SAFE_INTEGER} || ${value} < ${Number.MIN_SAFE_INTEGER}`,
  );
}

function emitDistinct(emitter: Emitter, node: CallNode, distinct: boolean): Operand {
  const [left, right] = node.operands.map((operand) => emitter.emit(operand));
  const equal = emitComparison(emitter, '=', left!, right!);
  if (equal.isNull === null) {
    return emitter.pure(BOOLEAN, [], code`${equal.value} !== ${distinct}`);
  }
  const [leftNull, rightNull] = [left!.isNull ?? literal(false), right!.isNull ?? literal(false)];
  const same = code`(${equal.isNull} ? ${leftNull} === ${rightNull} : ${equal.value})`;
  return emitter.pure(BOOLEAN, [], code`${same} !== ${distinct}`);
}

/** x ≥ low AND x ≤ high: FALSE when one of them is, also when the other is NULL. */
function emitBetween(emitter: Emitter, node: CallNode): Operand {
  const [value, low, high] = node.operands.map((operand) => emitter.emit(operand));
  const above = emitComparison(emitter, '>=', value!, low!);
  const below = emitComparison(emitter, '<=', value!, high!);
  const isNull = [above, below].some((side) => side.isNull !== null);
  const isFalse = [above, below].map((side) =>
    side.isNull === null ? code`!${side.value}` : code`(!${side.isNull} && !${side.value})`,
  );
  if (!isNull) return emitter.pure(BOOLEAN, [], code`!(${join(isFalse, ' || ')})`);
  const [aboveNull, belowNull] = [above.isNull ?? literal(false), below.isNull ?? literal(false)];
  const decided = emitter.pure(BOOLEAN, [], join(isFalse, ' || '));
  const unknown = emitter.pure(
    BOOLEAN,
    [],
    code`!${decided.value} && (${aboveNull} || ${belowNull})`,
  );
  return emitter.scalar(
    BOOLEAN,
    emitter.pure(BOOLEAN, [], code`!${decided.value}`).value,
    unknown.value,
  );
}

/** TRUE when one is equal; else NULL when the value or one of the list is; else FALSE. */
function emitIn(emitter: Emitter, node: CallNode): Operand {
  const [first, ...items] = node.operands;
  const value = emitter.emit(first!);
  const target = emitter.declare(BOOLEAN, true);
  const search = (): void => {
    const lookup = lookupTable(value.type, node);
    if (lookup !== null) {
      emitter.line(code`${target.value} = ${emitter.use(lookup)}.has(${value.value});`);
      return;
    }
    for (const item of items) {
      emitter.block(code`if (!${target.value})`, () => {
        const equal = emitComparison(emitter, '=', value, emitter.emit(item));
        const {isNull} = equal;
        if (isNull === null) emitter.line(code`${target.value} = ${equal.value};`);
        else {
          emitter.line(
            code`if (${isNull}) ${target.isNull} = true; else ${target.value} = ${equal.value};`,
          );
        }
      });
    }
    emitter.line(code`if (${target.value}) ${target.isNull} = false;`);
  };
  if (value.isNull === null) search();
  else {
    emitter.line(code`${target.isNull} = ${value.isNull};`);
    emitter.block(code`if (!${target.isNull})`, search);
  }
  return target;
}

/** A set of the literals, when all are of the value's own type and it is kept as a number. */
function lookupTable(type: DataType, node: CallNode): ReadonlySet<unknown> | null {
  const items = node.operands.slice(1);
  if (items.length < LOOKUP_FROM || !['int', 'date', 'timestamp', 'double'].includes(type.kind)) {
    return null;
  }
  const values = items.map((item) =>
    item.kind === 'literal' && item.type.kind === type.kind ? item.value : null,
  );
  return values.includes(null) ? null : new Set(values);
}

/** GREATEST, LEAST: NULL when one is. */
function emitExtreme(emitter: Emitter, node: CallNode, comparison: '<' | '>'): Operand {
  const operands = node.operands.map((operand) => emitter.emit(operand));
  return emitter.strict(node.type, operands, (target) => {
    const present = operands.map((operand) => ({...operand, isNull: null}));
    const place = {...target, isNull: null};
    emitter.assign(place, present[0]!);
    for (const operand of present.slice(1)) {
      const better = emitComparison(emitter, comparison, operand, place);
      emitter.block(code`if (${better.value})`, () => emitter.assign(place, operand));
    }
  });
}
