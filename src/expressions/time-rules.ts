import {ExpressionError} from './expression-error.ts';
import {PatternError} from './patterns.ts';
import {arity, expectType, mismatch, operationNode, type Call, type Rule} from './rule.ts';
import {suggest} from './suggest.ts';
import {compileReadingPattern, compileTimePattern} from './time-format.ts';
import {TIME_PARTS, UNIT_MILLIS, UNIT_MONTHS} from './time-functions.ts';
import type {Tree} from './tree.ts';
import {cast, isUntypedNull} from './type-rules.ts';
import {constantOf, literalNode, type CallNode, type TypedNode} from './typed-node.ts';
import {BIGINT, dataTypeText, INT, STRING, TIMESTAMP, type DataType} from '../records/data-type.ts';

export const timeRules: Readonly<Record<string, Rule>> = {
  EXTRACT: (call) => extract(call, call.operands[0]!, call.operands[1]!),
  ...partFunctions({
    YEAR: 'YEAR',
    QUARTER: 'QUARTER',
    MONTH: 'MONTH',
    WEEK: 'WEEK',
    DAYOFYEAR: 'DOY',
    DAYOFMONTH: 'DAY',
    DAYOFWEEK: 'DOW',
    HOUR: 'HOUR',
    MINUTE: 'MINUTE',
    SECOND: 'SECOND',
  }),
  'FLOOR TO': roundTime,
  'CEIL TO': roundTime,
  TIMESTAMPADD: (call) => {
    arity(call, 3);
    const [unit, count, time] = call.operands;
    return addUnits(call, unit!, expectType(call, count!, INT), time!);
  },
  TIMESTAMPDIFF: difference,
  DATE_FORMAT: dateFormat,
  TO_TIMESTAMP: (call) => readTime(call, TIMESTAMP),
  UNIX_TIMESTAMP: (call) => readTime(call, BIGINT),
};

/** YEAR(t) for EXTRACT(YEAR FROM t), and so on. */
function partFunctions(parts: Readonly<Record<string, string>>): Record<string, Rule> {
  const rules = Object.entries(parts).map(([name, part]): [string, Rule] => [
    name,
    (call) => {
      arity(call, 1);
      return extract(call, literalNode(STRING, part, call.offset), call.operands[0]!);
    },
  ]);
  return Object.fromEntries(rules);
}

function extract(call: Call, unit: TypedNode, time: TypedNode): TypedNode {
  knownUnit(unit, TIME_PARTS.keys());
  return operationNode(call, 'EXTRACT', [unit, expectType(call, time, TIMESTAMP)], BIGINT);
}

/** The unit's name, or an error that says what is near. */
function knownUnit(unit: TypedNode, known: Iterable<string>): string {
  const name = String(constantOf(unit));
  const names = [...known];
  if (names.includes(name)) return name;
  throw new ExpressionError(
    `unknown unit ${name}; units: ${names.join(', ')}`,
    unit.offset,
    suggest(name, names),
  );
}

const UNITS = [...UNIT_MILLIS.keys(), ...UNIT_MONTHS.keys()];

/** A date can be moved and rounded by whole days only. */
function fitsDate(unit: string): boolean {
  return UNIT_MONTHS.has(unit) || unit === 'DAY' || unit === 'WEEK';
}

function roundTime(call: Call): TypedNode {
  const [time, unitNode] = call.operands;
  const unit = knownUnit(unitNode!, UNITS);
  const typed = expectType(call, time!, TIMESTAMP);
  const node = operationNode(call, call.name, [unitNode!, typed], TIMESTAMP);
  if (time!.type.kind !== 'date') return node;
  if (!fitsDate(unit)) throw new ExpressionError(`a date has no ${unit}`, unitNode!.offset, 'DAY');
  return cast(node, time!.type);
}

/** TIMESTAMPADD: a date stays a date when whole days are added. */
function addUnits(call: Call, unitNode: TypedNode, count: TypedNode, time: TypedNode): CallNode {
  const unit = knownUnit(unitNode, [...UNITS, 'MILLISECOND']);
  if (time.type.kind === 'date' && fitsDate(unit)) {
    return operationNode(call, 'DATEADD', [unitNode, time, count], time.type);
  }
  const typed = expectType(call, time, TIMESTAMP);
  return operationNode(call, 'TIMESTAMPADD', [unitNode, typed, count], TIMESTAMP);
}

function difference(call: Call): TypedNode {
  arity(call, 3);
  const [unit, from, to] = call.operands;
  knownUnit(unit!, UNITS);
  const times = [from!, to!].map((time) => expectType(call, time, TIMESTAMP));
  return operationNode(call, call.name, [unit!, ...times], INT);
}

function dateFormat(call: Call): TypedNode {
  arity(call, 2);
  const [time, pattern] = call.operands;
  const isText = time!.type.kind === 'string' && !isUntypedNull(time!);
  const typed = isText ? cast(time!, TIMESTAMP) : expectType(call, time!, TIMESTAMP);
  return operationNode(
    call,
    call.name,
    [typed, timePattern(call, pattern!, compileTimePattern)],
    STRING,
  );
}

/** TO_TIMESTAMP(s[, pattern]), UNIX_TIMESTAMP(s[, pattern]). */
function readTime(call: Call, type: DataType): TypedNode {
  arity(call, 1, 2);
  const [text, pattern] = call.operands;
  const isNumber = text!.type.kind === 'int' || text!.type.kind === 'bigint';
  if (isNumber && type.kind === 'timestamp') {
    const epoch = "TIMESTAMPADD(SECOND, …, TIMESTAMP '1970-01-01')";
    throw new ExpressionError(mismatch(call, text!, 'string').message, text!.offset, epoch);
  }
  const operands = [expectType(call, text!, STRING)];
  if (pattern !== undefined) operands.push(timePattern(call, pattern, compileReadingPattern));
  return operationNode(call, call.name, operands, type);
}

function timePattern(call: Call, node: TypedNode, compile: (text: string) => unknown): TypedNode {
  const typed = expectType(call, node, STRING);
  const text = constantOf(typed);
  try {
    if (typeof text === 'string') compile(text);
  } catch (error) {
    if (error instanceof PatternError) throw new ExpressionError(error.message, node.offset);
    throw error;
  }
  return typed;
}

type Interval = Tree & {readonly kind: 'interval'};

/** `t + INTERVAL '1' HOUR`, `t - INTERVAL '1' HOUR`. */
export function addInterval(
  time: TypedNode,
  interval: Interval,
  sign: 1 | -1,
  offset: number,
): TypedNode {
  const name = sign === 1 ? '+' : '-';
  const call: Call = {name, operands: [], offset, nextSlot: () => 0};
  const unitNode = literalNode(STRING, interval.unit, interval.offset);
  const unit = knownUnit(unitNode, UNITS);
  if (time.type.kind === 'date' && !fitsDate(unit)) {
    const message = `a ${dataTypeText(time.type)} moves by whole days`;
    throw new ExpressionError(message, interval.offset, 'CAST(… AS TIMESTAMP)');
  }
  const seconds = unit === 'SECOND' && interval.text.includes('.');
  const pattern = seconds ? /^\s*([+-]?)(\d{1,6})\.(\d{1,3})\s*$/ : /^\s*([+-]?)(\d{1,9})()\s*$/;
  const match = pattern.exec(interval.text);
  if (match === null) {
    throw new ExpressionError(`'${interval.text}' is not a number of ${unit}`, interval.offset);
  }
  const digits = `${match[2]!}${seconds ? match[3]!.padEnd(3, '0') : ''}`;
  const count = Number(digits) * (match[1] === '-' ? -sign : sign);
  const counted = literalNode(INT, count + 0, interval.offset);
  const counting = seconds ? literalNode(STRING, 'MILLISECOND', interval.offset) : unitNode;
  return addUnits(call, counting, counted, time);
}
