// Random typed expressions of every kind, up to a depth.

import fc from 'fast-check';
import {
  bigintCalls,
  decimalCalls,
  doubleCalls,
  intCalls,
  stringCalls,
  timestampCalls,
} from './random-calls.js';
import {comparisons, logic} from './random-conditions.js';
import {
  call,
  column,
  lazy,
  LITERALS,
  order,
  type Kind,
  type Model,
  type Of,
} from './random-model.js';
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
  type DataType,
} from '#src/records/data-type.js';

const memo = new Map<string, fc.Arbitrary<Model>>();

/** Expressions of one kind, at most `depth` operators deep. */
export function expression(kind: Kind, depth: number): fc.Arbitrary<Model> {
  const key = `${kind} ${depth}`;
  let known = memo.get(key);
  if (known === undefined) {
    const leaf = fc.oneof(
      {weight: 3, arbitrary: column(kind)},
      {weight: 1, arbitrary: LITERALS[kind]},
    );
    known =
      depth === 0
        ? leaf
        : fc.oneof({weight: 1, arbitrary: leaf}, {weight: 4, arbitrary: compound(kind, depth - 1)});
    memo.set(key, known);
  }
  return known;
}

function compound(kind: Kind, depth: number): fc.Arbitrary<Model> {
  const of = (operand: Kind): fc.Arbitrary<Model> => expression(operand, depth);
  switch (kind) {
    case 'boolean':
      return fc.oneof(...logic(of), ...comparisons(of), ...shared('boolean', BOOLEAN, of));
    case 'int':
      return fc.oneof(...intCalls(of), ...shared('int', INT, of));
    case 'bigint':
      return fc.oneof(...bigintCalls(of), ...shared('bigint', BIGINT, of));
    case 'double':
      return fc.oneof(...doubleCalls(of), ...shared('double', DOUBLE, of));
    case 'string':
      return fc.oneof(...stringCalls(of), ...shared('string', STRING, of));
    case 'decimal':
      return fc.oneof(...decimalCalls(of));
    case 'timestamp':
      return fc.oneof(...timestampCalls(of), ...shared('timestamp', TIMESTAMP, of));
  }
}

function shared(kind: Kind, type: DataType, of: Of): fc.Arbitrary<Model>[] {
  return [
    lazy(type, 'COALESCE($0, $1)', [of(kind), of(kind)], (a, b) => a() ?? b()),
    lazy(
      type,
      'CASE WHEN $0 THEN $1 ELSE $2 END',
      [of('boolean'), of(kind), of(kind)],
      (c, a, b) => (c() === true ? a() : b()),
    ),
    lazy(
      type,
      'CASE WHEN $0 THEN $1 WHEN $2 THEN $3 END',
      [of('boolean'), of(kind), of('boolean'), of(kind)],
      (c, a, d, b) => (c() === true ? a() : d() === true ? b() : null),
    ),
    lazy(
      type,
      'IF($0, $1, NULL)',
      [of('boolean'), of(kind)],
      (c, a) => (c() === true ? a() : null),
      'CASE WHEN $0 THEN $1 END',
    ),
    lazy(type, 'NULLIF($0, $1)', [of(kind), of(kind)], (a, b) => {
      const [left, right] = [a(), b()];
      return left !== null && left === right ? null : left;
    }),
    call(
      type,
      'GREATEST($0, $1)',
      [of(kind), of(kind)],
      (a: never, b: never) => (order(a, b) >= 0 ? a : b),
      null,
    ),
    call(
      type,
      'LEAST($0, $1)',
      [of(kind), of(kind)],
      (a: never, b: never) => (order(a, b) <= 0 ? a : b),
      null,
    ),
  ];
}
