// CAST and TRY_CAST, written or implied. Each conversion computes into a local, rejects what has no
// value in the new type, and only then assigns.

import type {ByteArena} from './byte-arena.ts';
import {MILLIS_PER_DAY} from './civil-time.ts';
import {
  decimalToDouble,
  divideRounded,
  divideRoundedWide,
  parseDecimal,
  toSafe,
} from './decimal-math.ts';
import {tooPrecise} from './emit-arithmetic.ts';
import {bailIfUnsafe, bytesCode, scaleUp} from './emit-compare.ts';
import type {Emitter, Operand} from './emitter.ts';
import {doubleText, parseBigint, parseBoolean, parseDouble, parseInteger} from './number-text.ts';
import {RecordFailure} from './record-failure.ts';
import {dateText, parseDateText, parseTimestampText, timestampText} from './time-text.ts';
import {decimalText, scaleOf} from './type-rules.ts';
import type {CastNode} from './typed-node.ts';
import {must} from '../base/assert.ts';
import {code, literal, type Code} from '../codegen/code.ts';
import {dataTypeText, type DataType} from '../records/data-type.ts';

interface Conversion {
  readonly emitter: Emitter;
  readonly from: Operand;
  readonly to: DataType;
  readonly target: Operand;
  readonly node: CastNode;
}

type Decimal = DataType & {readonly kind: 'decimal'};

export function emitCast(emitter: Emitter, node: CastNode): Operand {
  const from = emitter.emit(node.operand);
  const to = node.type;
  const convert = must(CONVERT.get(`${from.type.kind} ${to.kind}`), 'conversion');
  return emitter.strict(
    to,
    [from],
    (target) => convert({emitter, from, to, target, node}),
    node.lenient,
  );
}

const CONVERT: ReadonlyMap<string, (conversion: Conversion) => void> = new Map([
  ...['int', 'bigint', 'decimal'].flatMap((kind): [string, (conversion: Conversion) => void][] => [
    [`boolean ${kind}`, booleanToNumber],
    [`${kind} boolean`, numberToBoolean],
    [`${kind} double`, exactToDouble],
    [`${kind} decimal`, exactToDecimal],
    [`${kind} string`, format],
  ]),
  ['boolean double', booleanToNumber],
  ['double boolean', numberToBoolean],
  ['int bigint', exactToBigint],
  ['bigint int', exactToInt],
  ['decimal int', exactToInt],
  ['decimal bigint', exactToBigint],
  ['double int', doubleToInt],
  ['double bigint', doubleToBigint],
  ['double decimal', textToDecimal],
  ['boolean string', format],
  ['double string', format],
  ['timestamp string', format],
  ['date string', format],
  ['string boolean', parseNumber],
  ['string int', parseNumber],
  ['string double', parseNumber],
  ['string bigint', parseNumber],
  ['string timestamp', parseNumber],
  ['string date', parseNumber],
  ['string decimal', textToDecimal],
  ['string bytes', sameBytes],
  ['bytes string', bytesToString],
  ['timestamp date', timestampToDate],
  ['date timestamp', dateToTimestamp],
]);

function set({emitter, target}: Conversion, value: Code): void {
  emitter.line(code`${target.value} = ${value};`);
}

/** Fails, or makes the result NULL, when `condition` holds; else assigns `value`. */
function setUnless(conversion: Conversion, condition: Code | null, value: Code): void {
  const {emitter, target, node, to} = conversion;
  if (condition !== null) {
    if (node.lenient) {
      emitter.line(code`if (${condition}) ${target.isNull} = true;`);
      emitter.line(code`else ${target.value} = ${value};`);
      return;
    }
    const helper = emitter.use(failCast);
    const type = dataTypeText(to);
    const input =
      conversion.from.type.kind === 'string' ? bytesCode(conversion.from) : code`null, 0, 0`;
    emitter.line(code`if (${condition}) ${helper}(x, ${type}, r, ${node.offset}, ${input});`);
  }
  set(conversion, value);
}

const SHOWN_CHARACTERS = 40;

function failCast(
  x: ByteArena,
  type: string,
  row: number,
  offset: number,
  bytes: Uint8Array | null,
  start: number,
  end: number,
): never {
  if (bytes === null) throw new RecordFailure(`the value does not fit ${type}`, row, offset);
  const text = x.text(bytes, start, Math.min(end, start + SHOWN_CHARACTERS));
  throw new RecordFailure(`${JSON.stringify(text)} is not a value of ${type}`, row, offset);
}

function booleanToNumber(conversion: Conversion): void {
  const {emitter, from, to} = conversion;
  const one = 10n ** BigInt(scaleOf(to));
  if (to.kind === 'decimal' && to.precision === to.scale) {
    setUnless(conversion, from.value, emitter.isWide(to) ? literal(0n) : literal(0));
    return;
  }
  const values = emitter.isWide(to) ? [one, 0n] : [Number(one), 0];
  set(conversion, code`${from.value} ? ${values[0]!} : ${values[1]!}`);
}

function numberToBoolean(conversion: Conversion): void {
  const {emitter, from} = conversion;
  set(conversion, code`${from.value} !== ${emitter.isWide(from.type) ? 0n : 0}`);
}

function exactToDouble(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const scale = scaleOf(from.type);
  if (!emitter.isWide(from.type)) {
    // Both are exact doubles, so the quotient is the nearest one.
    set(conversion, scale === 0 ? from.value : code`${from.value} / ${10 ** scale}`);
    return;
  }
  set(conversion, code`${emitter.use(decimalToDouble)}(${from.value}, ${scale})`);
}

function exactToBigint(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const scale = scaleOf(from.type);
  const value = scaleUp(emitter, from, scale, true).value;
  if (scale === 0) set(conversion, value);
  else if (emitter.variant.wide) set(conversion, code`${value} / ${10n ** BigInt(scale)}`);
  else set(conversion, code`Math.trunc(${value} / ${10 ** scale}) + 0`);
}

function exactToInt(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const scale = scaleOf(from.type);
  const value = emitter.local('v');
  const wide = emitter.isWide(from.type);
  const whole = wide
    ? code`Number(${from.value} / ${10n ** BigInt(scale)})`
    : code`Math.trunc(${from.value} / ${10 ** scale})`;
  emitter.line(code`const ${value} = ${whole};`);
  setUnless(conversion, code`${value} !== (${value} | 0)`, code`${value} | 0`);
}

function exactToDecimal(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const to = conversion.to as Decimal;
  const places = to.scale - scaleOf(from.type);
  const value = emitter.local('v');
  if (places >= 0) {
    const raised = scaleUp(emitter, from, to.scale, true);
    emitter.line(code`const ${value} = ${raised.value};`);
  } else {
    const {wide} = emitter.variant;
    const divide = emitter.use(wide ? divideRoundedWide : divideRounded);
    const divisor = wide ? literal(10n ** BigInt(-places)) : literal(10 ** -places);
    emitter.line(code`const ${value} = ${divide}(${from.value}, ${divisor});`);
  }
  setUnless(conversion, tooPrecise(emitter, value, to), value);
}

function doubleToInt(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const value = emitter.local('v');
  emitter.line(code`const ${value} = Math.trunc(${from.value});`);
  setUnless(conversion, code`${value} !== (${value} | 0)`, code`${value} | 0`);
}

function doubleToBigint(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const value = emitter.local('v');
  emitter.line(code`const ${value} = Math.trunc(${from.value}) + 0;`);
  // -2^63 is a double, 2^63 - 1 is not.
  const outside = code`!(${value} >= ${-(2 ** 63)} && ${value} < ${2 ** 63})`;
  if (emitter.variant.wide) {
    setUnless(conversion, outside, code`BigInt(${value})`);
    return;
  }
  setUnless(conversion, outside, value);
  bailIfUnsafe(emitter, conversion.target.value);
}

/** string or double → decimal, through the text. */
function textToDecimal(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const to = conversion.to as Decimal;
  const exact = emitter.local('v');
  const {precision, scale} = to;
  const helper = emitter.use(from.type.kind === 'double' ? doubleToDecimal : stringToDecimal);
  const input = from.type.kind === 'double' ? from.value : code`x, ${bytesCode(from)}`;
  emitter.line(code`const ${exact} = ${helper}(${input}, ${precision}, ${scale});`);
  if (emitter.variant.wide) {
    setUnless(conversion, code`${exact} === null`, exact);
    return;
  }
  setUnless(conversion, code`${exact} === null`, code`${emitter.use(toSafe)}(${exact})`);
  emitter.bailIf(code`${conversion.target.value} !== ${conversion.target.value}`);
}

function stringToDecimal(
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  precision: number,
  scale: number,
): bigint | null {
  return parseDecimal(x.text(bytes, start, end).trim(), precision, scale);
}

function doubleToDecimal(value: number, precision: number, scale: number): bigint | null {
  return parseDecimal(String(value), precision, scale);
}

/** string → boolean, int, bigint, double, timestamp, date. */
function parseNumber(conversion: Conversion): void {
  const {emitter, from, to} = conversion;
  const value = emitter.local('v');
  const wide = emitter.isWide(to);
  const parse = wide ? parseBigint : must(PARSERS.get(to.kind), 'parser');
  emitter.line(code`const ${value} = ${emitter.use(parse)}(x, ${bytesCode(from)});`);
  if (wide) setUnless(conversion, code`${value} === null`, value);
  else if (to.kind === 'boolean') {
    setUnless(conversion, code`${value} !== ${value}`, code`${value} === 1`);
  } else if (to.kind === 'int') {
    setUnless(conversion, code`${value} !== (${value} | 0)`, code`${value} | 0`);
  } else {
    setUnless(conversion, code`${value} !== ${value}`, value);
  }
  if (to.kind === 'bigint' && !wide) emitter.bailIf(code`${conversion.target.value} === Infinity`);
}

type ParseText = (x: ByteArena, bytes: Uint8Array, start: number, end: number) => number;

const PARSERS: ReadonlyMap<string, ParseText> = new Map<string, ParseText>([
  ['boolean', parseBoolean],
  ['int', parseInteger],
  ['bigint', parseInteger],
  ['double', parseDouble],
  ['timestamp', (x, bytes, start, end) => parseTimestampText(x.text(bytes, start, end))],
  ['date', (x, bytes, start, end) => parseDateText(x.text(bytes, start, end))],
]);

/** Anything but bytes → string. */
function format({emitter, from, target, node}: Conversion): void {
  const write = emitter.use(WRITERS[from.type.kind as keyof typeof WRITERS]);
  emitter.mark(node.offset);
  emitter.line(code`${write}(x, ${from.value}, ${scaleOf(from.type)});`);
  assignResult(emitter, target);
}

/** The string that a helper left in the arena. */
export function assignResult(emitter: Emitter, target: Operand): void {
  emitter.line(code`${target.value} = x.result;`);
  emitter.line(code`${target.start} = x.start; ${target.end} = x.end;`);
}

const WRITERS = {
  boolean: (x: ByteArena, value: boolean) => x.write(value ? 'TRUE' : 'FALSE'),
  int: (x: ByteArena, value: number) => x.write(String(value)),
  bigint: (x: ByteArena, value: number | bigint) => x.write(String(value)),
  decimal: (x: ByteArena, value: number | bigint, scale: number) =>
    x.write(decimalText(BigInt(value), scale)),
  double: (x: ByteArena, value: number) => x.write(doubleText(value)),
  timestamp: (x: ByteArena, value: number) => x.write(timestampText(value)),
  date: (x: ByteArena, value: number) => x.write(dateText(value)),
};

function sameBytes({emitter, from, target}: Conversion): void {
  emitter.assign({...target, isNull: null}, from);
}

const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    utf8.decode(bytes.slice(start, end));
    return true;
  } catch {
    return false;
  }
}

function bytesToString(conversion: Conversion): void {
  const {emitter, from, target} = conversion;
  const isText = emitter.local('v');
  emitter.line(code`const ${isText} = ${emitter.use(isUtf8)}(${bytesCode(from)});`);
  setUnless(conversion, code`!${isText}`, from.value);
  emitter.line(code`${target.start} = ${from.start}; ${target.end} = ${from.end};`);
}

function timestampToDate(conversion: Conversion): void {
  const {emitter, from} = conversion;
  const days = emitter.local('v');
  emitter.line(code`const ${days} = Math.floor(${from.value} / ${MILLIS_PER_DAY});`);
  setUnless(conversion, code`${days} !== (${days} | 0)`, code`${days} | 0`);
}

function dateToTimestamp(conversion: Conversion): void {
  set(conversion, code`${conversion.from.value} * ${MILLIS_PER_DAY}`);
}
