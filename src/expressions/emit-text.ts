// String functions, patterns and digests.

import {createHash} from 'node:crypto';
import type {RE2JS} from 're2js';
import type {ByteArena} from './byte-arena.ts';
import {indexOfBytes, startsWithBytes} from './byte-text.ts';
import {bytesCode, emitComparison} from './emit-compare.ts';
import {assignResult} from './emit-cast.ts';
import {emitHelper, helperCall} from './emit-helper.ts';
import type {EmitCall, Emitter, Operand} from './emitter.ts';
import {
  compileLike,
  compileRegex,
  compileSimilar,
  escapeCharacter,
  matchesLike,
  PatternCache,
  PatternError,
  plainPieces,
} from './patterns.ts';
import {RecordFailure} from './record-failure.ts';
import * as text from './text-functions.ts';
import {constantOf, type CallNode} from './typed-node.ts';
import {code, join, literal} from '../codegen/code.ts';
import {BOOLEAN} from '../records/data-type.ts';

export const textCalls: Readonly<Record<string, EmitCall>> = {
  UPPER: helperCall(text.upper),
  LOWER: helperCall(text.lower),
  CHAR_LENGTH: helperCall(text.charLength),
  POSITION: helperCall(text.position),
  SUBSTRING: (emitter, node) =>
    emitHelper(emitter, node, node.operands.length === 2 ? text.substringFrom : text.substring, {
      mayBecomeNull: true,
    }),
  'TRIM BOTH': helperCall(text.trimBoth),
  'TRIM LEADING': helperCall(text.trimLeading),
  'TRIM TRAILING': helperCall(text.trimTrailing),
  REPLACE: helperCall(text.replace),
  SPLIT_INDEX: helperCall(text.splitIndex, true),
  LPAD: helperCall(text.padLeft, true),
  RPAD: helperCall(text.padRight, true),
  CONCAT: emitConcat,
  CONCAT_WS: emitConcatWithSeparator,
  LIKE: emitLike,
  'SIMILAR TO': emitSimilar,
  REGEXP: emitRegexp,
  REGEXP_EXTRACT: emitRegexpExtract,
  MD5: helperCall(digest('md5')),
  SHA256: helperCall(digest('sha256')),
};

/** Also `||`: the sum of the lengths is reserved once. */
function emitConcat(emitter: Emitter, node: CallNode): Operand {
  const operands = node.operands.map((operand) => emitter.emit(operand));
  return emitter.strict(node.type, operands, (target) => {
    const from = emitter.local('m');
    const lengths = operands.map((operand) => code`(${operand.end} - ${operand.start})`);
    emitter.line(code`const ${from} = x.used;`);
    emitter.mark(node.offset);
    emitter.line(code`x.reserve(${join(lengths, ' + ')});`);
    for (const operand of operands) emitter.line(code`x.put(${bytesCode(operand)});`);
    emitter.line(code`x.finish(${from});`);
    assignResult(emitter, target);
  });
}

/** NULL pieces are left out, with their separator. */
function emitConcatWithSeparator(emitter: Emitter, node: CallNode): Operand {
  const [separator, ...pieces] = node.operands.map((operand) => emitter.emit(operand));
  return emitter.strict(node.type, [separator!], (target) => {
    const [from, first] = [emitter.local('m'), emitter.local('f')];
    emitter.line(code`const ${from} = x.used;\nlet ${first} = true;`);
    emitter.mark(node.offset);
    for (const piece of pieces) {
      emitter.block(piece.isNull === null ? code`` : code`if (!${piece.isNull})`, () => {
        emitter.line(code`if (!${first}) x.append(${bytesCode(separator!)}, ${from});`);
        emitter.line(code`x.append(${bytesCode(piece)}, ${from});\n${first} = false;`);
      });
    }
    emitter.line(code`x.finish(${from});`);
    assignResult(emitter, target);
  });
}

/** A constant pattern and escape character, or null when one of them is not constant. */
function constantPattern(node: CallNode): {pattern: string; escape: string | null} | null {
  const [, patternNode, escapeNode] = node.operands;
  const pattern = constantOf(patternNode!);
  const escape = escapeNode === undefined ? null : constantOf(escapeNode);
  if (typeof pattern !== 'string') return null;
  if (escape !== null && typeof escape !== 'string') return null;
  return {pattern, escape: escapeCharacter(escape)};
}

function emitLike(emitter: Emitter, node: CallNode): Operand {
  const constant = constantPattern(node);
  if (constant === null) return emitDynamicPattern(emitter, node, compileLike, matchLikeText);
  const pattern = compileLike(constant.pattern, constant.escape);
  const operand = emitter.emit(node.operands[0]!);
  return (
    emitPlainLike(emitter, operand, plainPieces(pattern)) ??
    emitHelper(emitter, node, matchLikeText, {extra: [emitter.use(pattern)], operands: [operand]})
  );
}

function matchLikeText(
  _x: ByteArena,
  pattern: ReturnType<typeof compileLike>,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  return matchesLike(pattern, bytes, start, end);
}

/** `abc`, `abc%`, `%abc` and `%abc%` compare bytes. */
function emitPlainLike(
  emitter: Emitter,
  operand: Operand,
  pieces: readonly Uint8Array[] | null,
): Operand | null {
  if (pieces === null || pieces.length > 3) return null;
  const [first, second, third] = pieces.map((bytes) => ({
    length: bytes.length,
    code: code`${emitter.use(bytes)}, 0, ${bytes.length}`,
  }));
  const length = code`${operand.end} - ${operand.start}`;
  const [starts, search] = [emitter.use(startsWithBytes), emitter.use(indexOfBytes)];
  if (second === undefined) {
    const bytes = pieces[0]!;
    const [start, end] = [literal(0), literal(bytes.length)];
    const wanted = {type: operand.type, isNull: null, value: emitter.use(bytes), start, end};
    return emitComparison(emitter, '=', operand, {...wanted, constant: bytes});
  }
  if (third !== undefined) {
    if (first!.length > 0 || third.length > 0) return null;
    return emitter.strict(BOOLEAN, [operand], (target) => {
      const found = code`${search}(${bytesCode(operand)}, ${second.code})`;
      emitter.line(code`${target.value} = ${found} !== -1;`);
    });
  }
  if (first!.length > 0 && second.length > 0) return null;
  const begin = first!.length > 0 ? operand.start : code`${operand.end} - ${second.length}`;
  const wanted = first!.length > 0 ? first! : second;
  return emitter.strict(BOOLEAN, [operand], (target) => {
    const holds = code`${starts}(${operand.value}, ${begin}, ${operand.end}, ${wanted.code})`;
    emitter.line(code`${target.value} = ${length} >= ${wanted.length} && ${holds};`);
  });
}

function emitSimilar(emitter: Emitter, node: CallNode): Operand {
  const constant = constantPattern(node);
  if (constant === null) return emitDynamicPattern(emitter, node, compileSimilar, matchWhole);
  const regex = compileSimilar(constant.pattern, constant.escape);
  const operands = [emitter.emit(node.operands[0]!)];
  return emitHelper(emitter, node, matchWhole, {extra: [emitter.use(regex)], operands});
}

function matchWhole(
  _x: ByteArena,
  regex: RE2JS,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  return regex.testExact(bytes.subarray(start, end));
}

/** The pattern comes with the row. */
function emitDynamicPattern<P>(
  emitter: Emitter,
  node: CallNode,
  compile: (text: string, escape: string | null) => P,
  match: (x: ByteArena, pattern: P, bytes: Uint8Array, start: number, end: number) => boolean,
): Operand {
  const cache = new PatternCache(compile);
  const matchText = (x: ByteArena, ...[bytes, start, end, ...rest]: PatternArguments): boolean => {
    const [pattern, patternStart, patternEnd, escape, escapeStart, escapeEnd] = rest;
    const patternText = x.text(pattern, patternStart, patternEnd);
    const escapeText = escape === undefined ? null : x.text(escape, escapeStart!, escapeEnd!);
    return match(x, cache.get(patternText, escapeOf(escapeText)), bytes, start, end);
  };
  return emitHelper(emitter, node, matchText, {});
}

type PatternArguments = [
  bytes: Uint8Array,
  start: number,
  end: number,
  pattern: Uint8Array,
  patternStart: number,
  patternEnd: number,
  escape?: Uint8Array,
  escapeStart?: number,
  escapeEnd?: number,
];

function escapeOf(text: string | null): string | null {
  try {
    return escapeCharacter(text);
  } catch (error) {
    if (error instanceof PatternError) throw new RecordFailure(error.message);
    throw error;
  }
}

function emitRegexp(emitter: Emitter, node: CallNode): Operand {
  const pattern = constantOf(node.operands[1]!);
  if (typeof pattern !== 'string')
    return emitDynamicPattern(emitter, node, compileRegex, matchPart);
  const operands = [emitter.emit(node.operands[0]!)];
  const extra = [emitter.use(compileRegex(pattern))];
  return emitHelper(emitter, node, matchPart, {extra, operands});
}

function matchPart(
  _x: ByteArena,
  regex: RE2JS,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  return regex.test(bytes.subarray(start, end));
}

/** REGEXP_EXTRACT(s, pattern[, group]): the first match; NULL without one. */
function emitRegexpExtract(emitter: Emitter, node: CallNode): Operand {
  const pattern = constantOf(node.operands[1]!);
  const constant = typeof pattern === 'string' ? compileRegex(pattern) : null;
  const cache = new PatternCache(compileRegex);
  const extract = (
    x: ByteArena,
    bytes: Uint8Array,
    start: number,
    end: number,
    patternBytes: Uint8Array,
    patternStart: number,
    patternEnd: number,
    group = 0,
  ): boolean => {
    const regex = constant ?? cache.get(x.text(patternBytes, patternStart, patternEnd));
    return extractGroup(x, regex, bytes, start, end, group);
  };
  return emitHelper(emitter, node, extract, {mayBecomeNull: true});
}

function extractGroup(
  x: ByteArena,
  regex: RE2JS,
  bytes: Uint8Array,
  start: number,
  end: number,
  group: number,
): boolean {
  if (group < 0 || group > regex.groupCount()) return false;
  const matcher = regex.matcher(bytes.subarray(start, end));
  if (!matcher.find()) return false;
  const from = matcher.start(group);
  if (from === -1) return false;
  x.share(bytes, start + from, start + matcher.end(group));
  return true;
}

type Digest = (x: ByteArena, bytes: Uint8Array, start: number, end: number) => void;

/** In lower-case hexadecimal. */
function digest(algorithm: 'md5' | 'sha256'): Digest {
  return (x, bytes, start, end) =>
    x.write(createHash(algorithm).update(bytes.subarray(start, end)).digest('hex'));
}
