// Program text that reads one value in place, in the form in which nearly all values stand. Used for
// each predicted field of a record, and as a function for records that come in another order.
//
// Names in scope: `b` the bytes, `v` a DataView of them, `p` the position, `row`; per column i the
// arrays `values_i`, `nulls_i`, `starts_i`, `ends_i` and the functions `number_i`, `string_i`, `time_i`
// (see `readerConstants`). The text moves `p` behind the value, or leaves the block `record`. It writes
// only the row's own slots. What it cannot read it hands to the slow functions, which decide.
//
// Four bytes are looked at together: in w ^ 0x22222222 a zero byte is a quote, and (x - 0x01010101) & ~x
// has the top bit of a byte set where it was zero (and perhaps above it, never below). Four digits
// become a number by two multiplications: 10 a + b in pairs, then 100 A + B.

import {code, name, type Code} from '../codegen/code.ts';
import {EXACT_DIGITS, POWERS_OF_TEN, type ColumnWriter} from './column-writer.ts';
import {ALSE_WORD, NULL_WORD, TRUE_WORD} from './json-scanner.ts';
import {MAX_TEXT_MILLIS, MIN_TEXT_MILLIS} from './time-text.ts';

/** 0x80808080 and the like as 32-bit integers, which V8 keeps unboxed. */
const HIGH_BITS = 0x80808080 | 0;
const HIGH_NIBBLES = 0xf0f0f0f0 | 0;

/** Values of a column that are not in the common form. Each returns the end of the value, or -1. */
export interface SlowReaders {
  /** A number at `at`. */
  readonly number: (at: number, row: number) => number;
  /** A string whose first byte behind the quote is at `at`. */
  readonly string: (at: number, row: number) => number;
}

/** Values of `readCode`'s names for column `index`, apart from the arrays. */
export function readerConstants(
  index: number,
  writer: ColumnWriter,
  slow: SlowReaders,
): Record<string, unknown> {
  return {
    [`store_${index}`]: writer.store,
    [`time_${index}`]: writer.parseTime,
    [`number_${index}`]: slow.number,
    [`string_${index}`]: slow.string,
    powersOfTen: POWERS_OF_TEN,
  };
}

/** Takes the arrays out of the store. */
export function arraysCode(index: number, writer: ColumnWriter): Code {
  const store = name('store', index);
  const nulls = code`const ${name('nulls', index)} = ${store}.nulls;`;
  return writer.store.layout === 'bytes'
    ? code`${nulls}
const ${name('starts', index)} = ${store}.starts, ${name('ends', index)} = ${store}.ends;`
    : code`${nulls}
const ${name('values', index)} = ${store}.values;`;
}

/** Reads a JSON value at `p` into column `index`. */
export function readCode(index: number, writer: ColumnWriter): Code {
  const isNull = code`if (v.getInt32(p, true) === ${NULL_WORD}) {
  ${name('nulls', index)}[row] = 1;
  p += 4;
} else`;
  switch (writer.form) {
    case 'boolean':
      return code`${isNull} ${booleanCode(index)}`;
    case 'number':
      return numberCode(index, writer, isNull);
    case 'text':
      return code`if (b[p] === 34) {
  ${textCode(index, writer)}
} else ${isNull} break record;`;
  }
}

function booleanCode(index: number): Code {
  const values = name('values', index);
  return code`if (v.getInt32(p, true) === ${TRUE_WORD}) {
  ${values}[row] = 1;
  p += 4;
} else if (b[p] === 102 && v.getInt32(p + 1, true) === ${ALSE_WORD}) {
  ${values}[row] = 0;
  p += 5;
} else break record;`;
}

/** From the opening quote on. */
function textCode(index: number, writer: ColumnWriter): Code {
  const starts = name('starts', index);
  const time = name('time', index);
  let store: Code;
  if (writer.column.type.kind === 'string') {
    store = code`{
  ${starts}[row] = s;
  ${name('ends', index)}[row] = p;
  p += 1;
}`;
  } else if (writer.parseTime !== null) {
    store = code`{
  const t = ${time}(b, s, p);
  if (t !== t) break record;
  ${name('values', index)}[row] = t;
  p += 1;
}`;
  } else {
    store = code`{
  p = ${name('string', index)}(s, row);
  if (p < 0) break record;
}`;
  }
  return code`p += 1;
const s = p;
${scanStringCode(true)}
if (b[p] === 34) ${store} else {
  p = ${name('string', index)}(s, row);
  if (p < 0) break record;
}`;
}

/**
 * Moves `p` to the next quote, backslash or control character, or (`ascii`) byte above 127.
 * A line break is among them, and so is the NUL behind the content: this never runs away.
 */
function scanStringCode(ascii: boolean): Code {
  const more = ascii ? code`| w` : code``;
  return code`for (;;) {
  const w = v.getInt32(p, true);
  const x = w ^ 0x22222222, y = w ^ 0x5c5c5c5c;
  const m = (((x - 0x01010101) & ~x) | ((y - 0x01010101) & ~y) | ((w - 0x20202020) & ~w) ${more}) & ${HIGH_BITS};
  if (m !== 0) {
    p += (31 - Math.clz32(m & -m)) >> 3;
    break;
  }
  p += 4;
}`;
}

/** Reads digits from `p` into `m`, four at a time. */
const DIGITS = code`for (;;) {
  x = v.getInt32(p, true) ^ 0x30303030;
  if ((((x + 0x06060606) | x) & ${HIGH_NIBBLES}) !== 0) break;
  x = (Math.imul(x, 2561) >>> 8) & 0x00ff00ff;
  m = m * 10000 + (Math.imul(x, 6553601) >>> 16);
  p += 4;
}
for (x = b[p] - 48; x >= 0 && x <= 9; x = b[p] - 48) {
  m = m * 10 + x;
  p += 1;
}`;

/** `isNull` is asked when there is no digit: an `if … else` that stores NULL and passes it. */
export function numberCode(index: number, writer: ColumnWriter, isNull: Code): Code {
  const number = name('number', index);
  const slow = code`{
  p = ${number}(s, row);
  if (p < 0) break record;
}`;
  const unusual = code`(count > 1 && b[first] === 48) || (b[p] | 32) === 101`;
  const type = writer.column.type;
  const whole =
    type.kind === 'double' || type.kind === 'decimal'
      ? fractionCode(index, writer, slow, unusual)
      : code`if (count > ${EXACT_DIGITS} || ${unusual} || b[p] === 46) ${slow} else {
  ${integerCode(index, writer, slow)}
}`;
  return code`const s = p;
let m = 0, x = 0;
const negative = b[p] === 45;
if (negative) p += 1;
const first = p;
${DIGITS}
const count = p - first;
if (count === 0) {
  if (negative) break record;
  ${isNull} break record;
} else ${whole}`;
}

/** Stores the whole number `m` with its sign, when it fits. */
function integerCode(index: number, writer: ColumnWriter, slow: Code): Code {
  const values = name('values', index);
  const {type, timeFormat} = writer.column;
  // 0 - m, not -m: an integer column has no negative zero.
  if (type.kind === 'bigint') return code`${values}[row] = negative ? 0 - m : m;`;
  if (type.kind === 'int') {
    return code`if (m > 2147483647) ${slow} else ${values}[row] = negative ? 0 - m : m;`;
  }
  const unit = timeFormat?.kind === 'epoch-seconds' ? 1000 : 1;
  return code`const t = (negative ? 0 - m : m) * ${unit};
if (t < ${MIN_TEXT_MILLIS} || t > ${MAX_TEXT_MILLIS}) ${slow} else ${values}[row] = t;`;
}

/** Behind the whole digits: an optional fraction, then stores. `m` has all digits, `k` of them behind the point. */
function fractionCode(index: number, writer: ColumnWriter, slow: Code, unusual: Code): Code {
  const values = name('values', index);
  const {type} = writer.column;
  let store: Code;
  if (type.kind === 'decimal') {
    // Exact: at most 15 digits before scaling, at most 15 behind it.
    const limit = Math.min(10 ** type.precision, 10 ** EXACT_DIGITS);
    store = code`if (k > ${type.scale}) ${slow} else {
  m *= powersOfTen[${type.scale} - k];
  if (m >= ${limit}) ${slow} else ${values}[row] = negative ? 0 - m : m;
}`;
  } else {
    // Both m and the power are exact, so the quotient is the nearest double: what JSON.parse gives.
    store = code`{
  if (k !== 0) m /= powersOfTen[k];
  ${values}[row] = negative ? -m : m;
}`;
  }
  return code`{
  let k = 0;
  if (b[p] === 46) {
    p += 1;
    const f = p;
    ${DIGITS}
    k = p - f;
    if (k === 0) break record;
  }
  if (count + k > ${EXACT_DIGITS} || ${unusual}) ${slow} else ${store}
}`;
}

/** Passes over a value that nobody reads. `skip(p)` does all that is not a plain string or number. */
export function skipCode(kind: 'string' | 'number' | 'other'): Code {
  const slow = code`{
  p = skip(s);
  if (p < 0) break record;
}`;
  if (kind === 'other') {
    return code`p = skip(p);
if (p < 0) break record;`;
  }
  if (kind === 'string') {
    return code`const s = p;
if (b[p] === 34) {
  p += 1;
  ${scanStringCode(false)}
  if (b[p] === 34) p += 1; else ${slow}
} else ${slow}`;
  }
  return code`const s = p;
let x = 0;
if (b[p] === 45) p += 1;
const first = p;
${SKIP_DIGITS}
const count = p - first;
if (count === 0 || (count > 1 && b[first] === 48) || (b[p] | 32) === 101) ${slow} else if (b[p] === 46) {
  p += 1;
  const f = p;
  ${SKIP_DIGITS}
  if (p === f || (b[p] | 32) === 101) ${slow}
}`;
}

const SKIP_DIGITS = code`for (;;) {
  x = v.getInt32(p, true) ^ 0x30303030;
  if ((((x + 0x06060606) | x) & ${HIGH_NIBBLES}) !== 0) break;
  p += 4;
}
for (x = b[p] - 48; x >= 0 && x <= 9; x = b[p] - 48) p += 1;`;
