// Random calls with numbers, strings and times as results.

import fc from 'fast-check';
import {call, callModel, Failed, lazy, scaleOf, type Model, type Of} from './random-model.js';
import {
  BIGINT,
  decimal,
  DOUBLE,
  INT,
  STRING,
  TIMESTAMP,
  type DataType,
} from '#src/records/data-type.js';
import type {Value} from '#src/records/value.js';

function int32(value: number): number {
  if (value !== (value | 0)) throw new Failed('int');
  return value | 0;
}

function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new Failed('bigint');
  return value;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Failed('double');
  return value;
}

function nonZero<T extends number | bigint>(value: T): T {
  if (value === 0 || value === 0n) throw new Failed('division by zero');
  return value;
}

function characters(text: string): string[] {
  return Array.from(text);
}

export function intCalls(of: Of): fc.Arbitrary<Model>[] {
  const two = [of('int'), of('int')];
  return [
    call(INT, '$0 + $1', two, (a: number, b: number) => int32(a + b)),
    call(INT, '$0 - $1', two, (a: number, b: number) => int32(a - b)),
    call(INT, '$0 * $1', two, (a: number, b: number) => int32(a * b)),
    call(INT, '$0 / $1', two, (a: number, b: number) => int32(Math.trunc(a / nonZero(b))), null),
    call(INT, '$0 % $1', two, (a: number, b: number) => (a % nonZero(b)) | 0),
    call(INT, '-$0', [of('int')], (a: number) => int32(-a)),
    call(INT, 'ABS($0)', [of('int')], (a: number) => int32(Math.abs(a))),
    call(INT, 'SIGN($0)', [of('int')], (a: number) => Math.sign(a) | 0),
    call(INT, 'CAST($0 AS INT)', [of('bigint')], (a: bigint) => int32(Number(a))),
    call(INT, 'CAST($0 AS INT)', [of('boolean')], Number as (value: never) => number),
    call(INT, 'CAST($0 AS INT)', [of('double')], (a: number) => int32(Math.trunc(a)), null),
    call(INT, 'CHAR_LENGTH($0)', [of('string')], (a: string) => characters(a).length),
    call(
      INT,
      'POSITION($0 IN $1)',
      [of('string'), of('string')],
      (a: string, b: string) =>
        characters(b.slice(0, Math.max(0, b.indexOf(a)))).length + (b.includes(a) ? 1 : 0),
    ),
    call(
      INT,
      'TIMESTAMPDIFF(HOUR, $0, $1)',
      [of('timestamp'), of('timestamp')],
      (a: number, b: number) => int32(Math.trunc((b - a) / 3600000)),
      "date_sub('hour', $0, $1)",
    ),
  ];
}

export function bigintCalls(of: Of): fc.Arbitrary<Model>[] {
  const two = [of('bigint'), fc.oneof(of('bigint'), of('int'))];
  const big = (value: bigint | number): bigint => BigInt(value);
  const date = (millis: number): Date => new Date(millis);
  return [
    call(BIGINT, '$0 + $1', two, (a: bigint, b: bigint) => int64(a + big(b))),
    call(BIGINT, '$1 - $0', two, (a: bigint, b: bigint) => int64(big(b) - a)),
    call(BIGINT, '$0 * $1', two, (a: bigint, b: bigint) => int64(a * big(b))),
    call(BIGINT, '$0 / $1', two, (a: bigint, b: bigint) => int64(a / nonZero(big(b))), null),
    call(BIGINT, '$0 % $1', [of('bigint'), of('bigint')], (a: bigint, b: bigint) => a % nonZero(b)),
    call(BIGINT, '-$0', [of('bigint')], (a: bigint) => int64(-a)),
    call(BIGINT, 'ABS($0)', [of('bigint')], (a: bigint) => int64(a < 0n ? -a : a)),
    call(BIGINT, 'CAST($0 AS BIGINT)', [of('int')], (a: number) => BigInt(a)),
    call(BIGINT, 'CAST(CAST($0 AS STRING) AS BIGINT)', [of('bigint')], (a: bigint) => a),
    call(
      BIGINT,
      'CAST($0 AS BIGINT)',
      [of('double')],
      (a: number) => int64(BigInt(Math.trunc(a))),
      null,
    ),
    call(BIGINT, 'EXTRACT(YEAR FROM $0)', [of('timestamp')], (a: number) =>
      BigInt(date(a).getUTCFullYear()),
    ),
    call(BIGINT, 'EXTRACT(MONTH FROM $0)', [of('timestamp')], (a: number) =>
      BigInt(date(a).getUTCMonth() + 1),
    ),
    call(BIGINT, 'EXTRACT(DAY FROM $0)', [of('timestamp')], (a: number) =>
      BigInt(date(a).getUTCDate()),
    ),
    call(BIGINT, 'EXTRACT(HOUR FROM $0)', [of('timestamp')], (a: number) =>
      BigInt(date(a).getUTCHours()),
    ),
  ];
}

export function doubleCalls(of: Of): fc.Arbitrary<Model>[] {
  const two = [of('double'), fc.oneof(of('double'), of('int'))];
  return [
    call(DOUBLE, '$0 + $1', two, (a: number, b: number) => finite(a + b)),
    call(DOUBLE, '$1 - $0', two, (a: number, b: number) => finite(b - a)),
    call(DOUBLE, '$0 * $1', two, (a: number, b: number) => finite(a * b)),
    call(DOUBLE, '$0 / $1', two, (a: number, b: number) => finite(a / nonZero(b))),
    call(DOUBLE, 'ABS($0)', [of('double')], (a: number) => Math.abs(a)),
    call(DOUBLE, 'FLOOR($0)', [of('double')], (a: number) => Math.floor(a) + 0),
    call(DOUBLE, 'CEIL($0)', [of('double')], (a: number) => Math.ceil(a) + 0),
    call(DOUBLE, 'SQRT($0)', [of('double')], (a: number) => finite(Math.sqrt(a))),
    call(DOUBLE, 'CAST($0 AS DOUBLE)', [fc.oneof(of('int'), of('bigint'))], (a: number | bigint) =>
      Number(a),
    ),
    call(DOUBLE, 'CAST(CAST($0 AS STRING) AS DOUBLE)', [of('double')], (a: number) => a, null),
  ];
}

export function decimalCalls(of: Of): fc.Arbitrary<Model>[] {
  const exact = fc.oneof(of('decimal'), of('int'));
  const sum = (left: Model, right: Model): Model => {
    const scale = Math.max(scaleOf(left.type), scaleOf(right.type));
    const whole = (type: DataType): number =>
      type.kind === 'decimal' ? type.precision - type.scale : 10;
    const precision = Math.max(whole(left.type), whole(right.type)) + scale + 1;
    if (precision > 18) return left;
    const raised = (value: bigint | number, type: DataType): bigint =>
      BigInt(value) * 10n ** BigInt(scale - scaleOf(type));
    const add = (a: bigint, b: bigint | number): Value =>
      raised(a, left.type) + raised(b, right.type);
    return callModel(decimal(precision, scale), '$0 + $1', [left, right], add, '$0 + $1');
  };
  const product = (left: Model, right: Model): Model => {
    const digits = (type: DataType): number => (type.kind === 'decimal' ? type.precision : 10);
    const precision = digits(left.type) + digits(right.type) + 1;
    if (precision > 18) return left;
    const type = decimal(precision, scaleOf(left.type) + scaleOf(right.type));
    return callModel(
      type,
      '$0 * $1',
      [left, right],
      (a: bigint, b: bigint | number) => a * BigInt(b),
      '$0 * $1',
    );
  };
  return [
    fc.tuple(of('decimal'), exact).map(([left, right]) => sum(left, right)),
    fc.tuple(of('decimal'), exact).map(([left, right]) => product(left, right)),
    call(
      decimal(12, 2),
      'CAST($0 AS DECIMAL(12, 2))',
      [of('int')],
      (a: number) => BigInt(a) * 100n,
    ),
    of('decimal').map((model) => {
      const divisor = 10n ** BigInt(Math.max(0, scaleOf(model.type) - 1));
      const round = (a: bigint): Value => {
        const size = a < 0n ? -a : a;
        const rounded = (size + divisor / 2n) / divisor;
        const value = a < 0n ? -rounded : rounded;
        if (rounded >= 10n ** 12n) throw new Failed('decimal');
        return scaleOf(model.type) === 0 ? value * 10n : value;
      };
      const text = 'CAST($0 AS DECIMAL(12, 1))';
      return callModel(decimal(12, 1), text, [model], round, text);
    }),
  ];
}

export function stringCalls(of: Of): fc.Arbitrary<Model>[] {
  const one = [of('string')];
  const count = fc.integer({min: 1, max: 6});
  return [
    call(STRING, '$0 || $1', [of('string'), of('string')], (a: string, b: string) => a + b),
    call(STRING, 'UPPER($0)', one, (a: string) => a.toUpperCase()),
    call(STRING, 'LOWER($0)', one, (a: string) => a.toLowerCase()),
    call(STRING, 'TRIM($0)', one, (a: string) => a.replace(/^ +| +$/g, '')),
    call(
      STRING,
      "TRIM(LEADING 'aé' FROM $0)",
      one,
      (a: string) => a.replace(/^[aé]+/, ''),
      "ltrim($0, 'aé')",
    ),
    call(STRING, "REPLACE($0, 'a', 'é''')", one, (a: string) => a.replaceAll('a', "é'")),
    call(
      STRING,
      "LPAD($0, 4, 'é_')",
      one,
      (a: string) =>
        characters('é_é_é_')
          .slice(0, Math.max(0, 4 - characters(a).length))
          .join('') + characters(a).slice(0, 4).join(''),
    ),
    call(STRING, "SPLIT_INDEX($0, 'b', 1)", one, (a: string) => a.split('b')[1] ?? null, null),
    call(
      STRING,
      "REGEXP_EXTRACT($0, '[ab]+')",
      one,
      (a: string) => /[ab]+/.exec(a)?.[0] ?? null,
      null,
    ),
    call(STRING, 'CAST($0 AS STRING)', [fc.oneof(of('int'), of('bigint'))], (a: number | bigint) =>
      String(a),
    ),
    lazy(STRING, "CONCAT_WS('-', $0, $1)", [of('string'), of('string')], (a, b) =>
      [a(), b()].filter((each) => each !== null).join('-'),
    ),
    fc.tuple(of('string'), count, count).map(([text, from, length]) => {
      const form = `SUBSTRING($0 FROM ${from} FOR ${length})`;
      return callModel(
        STRING,
        form,
        [text],
        (a: string) =>
          characters(a)
            .slice(from - 1, from - 1 + length)
            .join(''),
        form,
      );
    }),
  ];
}

export function timestampCalls(of: Of): fc.Arbitrary<Model>[] {
  const one = [of('timestamp')];
  const range = (millis: number): number => {
    if (millis < -62135596800000 || millis > 253402300799999) throw new Failed('timestamp');
    return millis;
  };
  return [
    call(TIMESTAMP, "$0 + INTERVAL '90' MINUTE", one, (a: number) => range(a + 5400000)),
    call(
      TIMESTAMP,
      'FLOOR($0 TO HOUR)',
      one,
      (a: number) => Math.floor(a / 3600000) * 3600000,
      "date_trunc('hour', $0)",
    ),
    call(
      TIMESTAMP,
      'FLOOR($0 TO MONTH)',
      one,
      (a: number) => Date.UTC(new Date(a).getUTCFullYear(), new Date(a).getUTCMonth()),
      "CAST(date_trunc('month', $0) AS TIMESTAMP)",
    ),
    call(
      TIMESTAMP,
      'TIMESTAMPADD(DAY, $1, $0)',
      [of('timestamp'), of('int')],
      (a: number, n: number) => range(a + n * 86400000),
      null,
    ),
    call(TIMESTAMP, 'CAST(CAST($0 AS STRING) AS TIMESTAMP)', one, (a: number) => a),
  ];
}
