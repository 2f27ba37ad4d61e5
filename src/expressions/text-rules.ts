import {ExpressionError} from './expression-error.ts';
import {
  compileLike,
  compileRegex,
  compileSimilar,
  escapeCharacter,
  PatternError,
} from './patterns.ts';
import {arity, expectType, fixed, operationNode, type Call, type Rule} from './rule.ts';
import {constantOf, literalNode, type TypedNode} from './typed-node.ts';
import {BOOLEAN, INT, STRING} from '../records/data-type.ts';

const trim = fixed([STRING, STRING], STRING);

export const textRules: Readonly<Record<string, Rule>> = {
  '||': concat,
  CONCAT: concat,
  CONCAT_WS: concatWithSeparator,
  UPPER: fixed([STRING], STRING),
  LOWER: fixed([STRING], STRING),
  'TRIM BOTH': trim,
  'TRIM LEADING': trim,
  'TRIM TRAILING': trim,
  LTRIM: (call) => trimSpaces(call, 'TRIM LEADING'),
  RTRIM: (call) => trimSpaces(call, 'TRIM TRAILING'),
  SUBSTRING: fixed([STRING, INT, INT], STRING, {optional: 1}),
  CHAR_LENGTH: fixed([STRING], INT),
  CHARACTER_LENGTH: fixed([STRING], INT, {operation: 'CHAR_LENGTH'}),
  POSITION: fixed([STRING, STRING], INT),
  REPLACE: fixed([STRING, STRING, STRING], STRING),
  SPLIT_INDEX: fixed([STRING, STRING, INT], STRING),
  LPAD: fixed([STRING, INT, STRING], STRING),
  RPAD: fixed([STRING, INT, STRING], STRING),
  LIKE: (call) => pattern(call, compileLike),
  'SIMILAR TO': (call) => pattern(call, compileSimilar),
  REGEXP: (call) => pattern(call, compileRegex),
  REGEXP_EXTRACT: regexpExtract,
  MD5: fixed([STRING], STRING),
  SHA256: fixed([STRING], STRING),
};

/** A chain of `||` is one call. */
function concat(call: Call): TypedNode {
  arity(call, 1, Infinity);
  const typed = call.operands.map((operand) => expectType(call, operand, STRING));
  const first = typed[0]!;
  const chained = call.name === '||' && first.kind === 'call' && first.operation === 'CONCAT';
  const operands = chained ? [...first.operands, ...typed.slice(1)] : typed;
  return operationNode(call, 'CONCAT', operands, STRING);
}

function concatWithSeparator(call: Call): TypedNode {
  arity(call, 2, Infinity);
  const operands = call.operands.map((operand) => expectType(call, operand, STRING));
  return operationNode(call, call.name, operands, STRING);
}

function trimSpaces(call: Call, operation: string): TypedNode {
  arity(call, 1);
  const text = expectType(call, call.operands[0]!, STRING);
  return operationNode(call, operation, [text, literalNode(STRING, ' ', call.offset)], STRING);
}

/** LIKE, SIMILAR TO, REGEXP: a constant pattern is checked here, others with their row. */
function pattern(call: Call, compile: (text: string, escape: string | null) => unknown): TypedNode {
  arity(call, 2, call.name === 'REGEXP' ? 2 : 3);
  const operands = call.operands.map((operand) => expectType(call, operand, STRING));
  const [, patternNode, escapeNode] = operands;
  const escape = escapeNode === undefined ? null : constantOf(escapeNode);
  if (typeof escape === 'string') located(escapeNode!, () => escapeCharacter(escape));
  const text = constantOf(patternNode!);
  if (typeof text === 'string' && (escape === null || typeof escape === 'string')) {
    located(patternNode!, () => compile(text, escape));
  }
  return operationNode(call, call.name, operands, BOOLEAN);
}

function regexpExtract(call: Call): TypedNode {
  const node = fixed([STRING, STRING, INT], STRING, {optional: 1})(call);
  const [, patternNode, groupNode] = call.operands;
  const text = constantOf(patternNode!);
  if (typeof text !== 'string') return node;
  const groups = located(patternNode!, () => compileRegex(text)).groupCount();
  const group = groupNode === undefined ? 0 : constantOf(groupNode);
  if (typeof group === 'number' && (group < 0 || group > groups)) {
    const message = `the pattern has ${groups} groups, not a group ${group}`;
    throw new ExpressionError(message, groupNode!.offset);
  }
  return node;
}

function located<T>(node: TypedNode, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ExpressionError(error.message, node.offset);
  }
}
