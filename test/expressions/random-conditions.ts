// Random conditions: logic, comparison, BETWEEN, IN, LIKE.

import fc from 'fast-check';
import {
  call,
  callModel,
  decimalString,
  fill,
  lazy,
  order,
  quoted,
  scaleOf,
  type Model,
  type Of,
  type Row,
} from './random-model.js';
import {BOOLEAN, type DataType} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';

export function logic(of: Of): fc.Arbitrary<Model>[] {
  const both = [of('boolean'), of('boolean')];
  return [
    lazy(BOOLEAN, '$0 AND $1', both, (a, b) => {
      const left = a();
      if (left === false) return false;
      const right = b();
      return right === false ? false : left === null || right === null ? null : true;
    }),
    lazy(BOOLEAN, '$0 OR $1', both, (a, b) => {
      const left = a();
      if (left === true) return true;
      const right = b();
      return right === true ? true : left === null || right === null ? null : false;
    }),
    call(BOOLEAN, 'NOT $0', [of('boolean')], (a: boolean) => !a),
    lazy(BOOLEAN, '$0 IS TRUE', [of('boolean')], (a) => a() === true),
    lazy(BOOLEAN, '$0 IS NOT FALSE', [of('boolean')], (a) => a() !== false),
    lazy(
      BOOLEAN,
      '$0 IS NULL',
      [fc.oneof(of('int'), of('string'), of('boolean'), of('decimal'))],
      (a) => a() === null,
    ),
    lazy(BOOLEAN, '$0 IS NOT NULL', [fc.oneof(of('bigint'), of('double'))], (a) => a() !== null),
  ];
}

const TESTS: Record<string, (sign: number) => boolean> = {
  '=': (sign) => sign === 0,
  '<>': (sign) => sign !== 0,
  '<': (sign) => sign < 0,
  '<=': (sign) => sign <= 0,
  '>': (sign) => sign > 0,
  '>=': (sign) => sign >= 0,
};

/** Exact between exact numbers, by doubles when one is a double. */
function numberOrder(left: Value, leftType: DataType, right: Value, rightType: DataType): number {
  if (leftType.kind === 'double' || rightType.kind === 'double') {
    return order(toDouble(left, leftType), toDouble(right, rightType));
  }
  const [a, b] = [scaleOf(leftType), scaleOf(rightType)];
  const scale = Math.max(a, b);
  const raised = (value: Value, own: number): bigint =>
    BigInt(value as bigint | number) * 10n ** BigInt(scale - own);
  return order(raised(left, a), raised(right, b));
}

function toDouble(value: Value, type: DataType): number {
  return Number(type.kind === 'decimal' ? decimalString(value as bigint, type.scale) : value);
}

export function comparisons(of: Of): fc.Arbitrary<Model>[] {
  const number = fc.oneof(of('int'), of('bigint'), of('double'), of('decimal'));
  const operator = fc.constantFrom(...Object.keys(TESTS));
  const pairs = [
    fc.tuple(number, number),
    ...(['string', 'boolean', 'timestamp'] as const).map((kind) => fc.tuple(of(kind), of(kind))),
  ];
  return [
    fc
      .tuple(operator, fc.oneof(...pairs))
      .map(([test, [left, right]]) => compared(`$0 ${test} $1`, left, right, TESTS[test]!)),
    fc.tuple(number, number, number).map(([x, low, high]) => {
      const above = compared('$0 >= $1', x, low, TESTS['>=']!);
      const below = compared('$0 <= $1', x, high, TESTS['<=']!);
      const plain =
        [x, low, high].every((model) => model.type.kind === 'double') ||
        [x, low, high].every((model) => model.type.kind !== 'double');
      return {
        type: BOOLEAN,
        text: `(${x.text} BETWEEN ${low.text} AND ${high.text})`,
        duck: plain ? fill('$0 BETWEEN $1 AND $2', [x.duck, low.duck, high.duck]) : null,
        evaluate: (row) => {
          const values = plain
            ? [above.evaluate(row), below.evaluate(row)]
            : betweenDoubles([x, low, high], row);
          return values.includes(false) ? false : values.includes(null) ? null : true;
        },
      };
    }),
    lazy(BOOLEAN, '$0 IS DISTINCT FROM $1', [of('int'), of('int')], (a, b) => a() !== b()),
    lazy(
      BOOLEAN,
      '$0 IS NOT DISTINCT FROM $1',
      [of('string'), of('string')],
      (a, b) => a() === b(),
    ),
    lazy(BOOLEAN, '$0 IN ($1, $2)', [of('string'), of('string'), of('string')], isIn),
    lazy(BOOLEAN, '$0 NOT IN ($1, 7, $2)', [of('int'), of('int'), of('int')], (x, a, b) => {
      const found = isIn(x, a, () => 7, b);
      return found === null ? null : !found;
    }),
    lazy(BOOLEAN, '$0 IN (0, 1, 2, 3, 4, 5, 6, -1, 2147483647)', [of('int')], (x) => {
      const value = x();
      return value === null
        ? null
        : [0, 1, 2, 3, 4, 5, 6, -1, 2147483647].includes(value as number);
    }),
    ...likes(of),
  ];
}

function betweenDoubles([x, low, high]: Model[], row: Row): Value[] {
  const read = (model: Model): number | null => {
    const each = model.evaluate(row);
    return each === null ? null : toDouble(each, model.type);
  };
  const [value, from, to] = [read(x!), read(low!), read(high!)];
  return [
    value === null || from === null ? null : value >= from,
    value === null || to === null ? null : value <= to,
  ];
}

function isIn(x: () => Value, ...items: (() => Value)[]): Value {
  const value = x();
  if (value === null) return null;
  let found: Value = false;
  for (const item of items) {
    const each = item();
    if (each === value) return true;
    if (each === null) found = null;
  }
  return found;
}

function compared(form: string, left: Model, right: Model, test: (sign: number) => boolean): Model {
  const isNumber = ['int', 'bigint', 'double', 'decimal'].includes(left.type.kind);
  const evaluate = (a: Value, b: Value): Value =>
    test(isNumber ? numberOrder(a, left.type, b, right.type) : order(a, b));
  return callModel(BOOLEAN, form, [left, right], evaluate, form);
}

function likes(of: Of): fc.Arbitrary<Model>[] {
  const pattern = fc.string({unit: fc.constantFrom('a', 'b', 'é', '%', '_', ' '), maxLength: 5});
  return [
    fc.tuple(of('string'), pattern).map(([text, like]) => {
      const regex = new RegExp(`^${like.replaceAll('%', '.*').replaceAll('_', '.')}$`, 'su');
      return callModel(
        BOOLEAN,
        `$0 LIKE ${quoted(like)}`,
        [text],
        (value: string) => regex.test(value),
        `$0 LIKE ${quoted(like)}`,
      );
    }),
  ];
}
