// Functions on timestamps and dates.

import type {ByteArena} from './byte-arena.ts';
import {emitHelper} from './emit-helper.ts';
import type {EmitCall, Emitter, Operand} from './emitter.ts';
import {PatternCache} from './patterns.ts';
import {RecordFailure} from './record-failure.ts';
import {
  compileReadingPattern,
  compileTimePattern,
  formatTime,
  parseTime,
  type TimePattern,
} from './time-format.ts';
import * as time from './time-functions.ts';
import {parseTimestampText} from './time-text.ts';
import {constantOf, type CallNode} from './typed-node.ts';
import {must} from '../base/assert.ts';
import {literal} from '../codegen/code.ts';

export const timeCalls: Readonly<Record<string, EmitCall>> = {
  EXTRACT: emitExtract,
  'FLOOR TO': (emitter, node) => emitRounding(emitter, node, time.floorTimeIn),
  'CEIL TO': (emitter, node) => emitRounding(emitter, node, time.ceilTime),
  TIMESTAMPADD: (emitter, node) =>
    withUnit(emitter, node, {millis: time.addMillis, months: time.addMonthsTo, perUnit: 1}),
  DATEADD: (emitter, node) =>
    withUnit(emitter, node, {
      millis: time.addDays,
      months: time.addMonthsToDate,
      perUnit: time.UNIT_MILLIS.get('DAY')!,
    }),
  TIMESTAMPDIFF: (emitter, node) =>
    withUnit(emitter, node, {millis: time.millisBetween, months: time.monthsBetween, perUnit: 1}),
  DATE_FORMAT: emitDateFormat,
  TO_TIMESTAMP: emitToTimestamp,
  UNIX_TIMESTAMP: emitUnixTimestamp,
};

/** The unit is a call's first operand. */
function unitOf(node: CallNode): string {
  return String(must(constantOf(node.operands[0]!), 'unit'));
}

function rest(emitter: Emitter, node: CallNode): Operand[] {
  return node.operands.slice(1).map((operand) => emitter.emit(operand));
}

function emitExtract(emitter: Emitter, node: CallNode): Operand {
  const part = must(time.TIME_PARTS.get(unitOf(node)), 'part');
  const extract = (_x: ByteArena, millis: number): number => part(millis);
  return emitHelper(emitter, node, extract, {operands: rest(emitter, node)});
}

function emitRounding(
  emitter: Emitter,
  node: CallNode,
  helper: (x: ByteArena, unit: string, millis: number) => number,
): Operand {
  const extra = [literal(unitOf(node))];
  return emitHelper(emitter, node, helper, {extra, operands: rest(emitter, node)});
}

type UnitHelper = (x: ByteArena, unit: number, left: number, right: number) => number;

/** Units of a fixed length count in milliseconds / `perUnit`, the others in months. */
function withUnit(
  emitter: Emitter,
  node: CallNode,
  helpers: {readonly millis: UnitHelper; readonly months: UnitHelper; readonly perUnit: number},
): Operand {
  const unit = unitOf(node);
  const length = time.UNIT_MILLIS.get(unit) ?? (unit === 'MILLISECOND' ? 1 : undefined);
  const helper = length === undefined ? helpers.months : helpers.millis;
  const size =
    length === undefined ? must(time.UNIT_MONTHS.get(unit), unit) : length / helpers.perUnit;
  return emitHelper(emitter, node, helper, {extra: [literal(size)], operands: rest(emitter, node)});
}

/** The pattern of a call: compiled here when it is constant, else with its row. */
function patternReader(
  node: CallNode,
  compile: (text: string) => TimePattern,
): (x: ByteArena, bytes: Uint8Array, start: number, end: number) => TimePattern {
  const constant = node.operands[1] === undefined ? undefined : constantOf(node.operands[1]);
  if (typeof constant === 'string') {
    const pattern = compile(constant);
    return () => pattern;
  }
  const cache = new PatternCache(compile);
  return (x, bytes, start, end) => cache.get(x.text(bytes, start, end));
}

function emitDateFormat(emitter: Emitter, node: CallNode): Operand {
  const patternOf = patternReader(node, compileTimePattern);
  const format = (x: ByteArena, millis: number, ...pattern: [Uint8Array, number, number]): void =>
    x.write(formatTime(patternOf(x, ...pattern), millis));
  return emitHelper(emitter, node, format, {});
}

type ParseTimestamp = (
  x: ByteArena,
  bytes: Uint8Array,
  start: number,
  end: number,
  ...pattern: [] | [Uint8Array, number, number]
) => number;

/** NaN when the text is no timestamp. */
function timestampParser(node: CallNode): ParseTimestamp {
  const patternOf = patternReader(node, compileReadingPattern);
  return (x, bytes, start, end, ...pattern) => {
    const text = x.text(bytes, start, end);
    return pattern.length === 0
      ? parseTimestampText(text)
      : parseTime(patternOf(x, ...pattern), text);
  };
}

function emitToTimestamp(emitter: Emitter, node: CallNode): Operand {
  return emitHelper(emitter, node, timestampParser(node), {mayBecomeNull: true});
}

function emitUnixTimestamp(emitter: Emitter, node: CallNode): Operand {
  const parse = timestampParser(node);
  const seconds: ParseTimestamp = (x, bytes, start, end, ...pattern) => {
    const millis = parse(x, bytes, start, end, ...pattern);
    if (!Number.isNaN(millis)) return Math.floor(millis / 1_000);
    throw new RecordFailure(
      `${JSON.stringify(x.text(bytes, start, end).slice(0, 40))} is not a timestamp`,
    );
  };
  return emitHelper(emitter, node, seconds, {});
}
