// Calls of helper functions from generated text: `helper(x, arguments…)`, a string as three arguments.

import {bytesCode} from './emit-compare.ts';
import {assignResult} from './emit-cast.ts';
import type {EmitCall, Emitter, Operand} from './emitter.ts';
import type {CallNode} from './typed-node.ts';
import {code, join, type Code} from '../codegen/code.ts';
import {columnLayout} from '../records/column.ts';

interface HelperOptions {
  /** What comes after `x`: patterns and formats made from constants. */
  readonly extra?: readonly Code[];
  /** Which operands are passed; absent: all. */
  readonly operands?: readonly Operand[];
  /** The helper may give no result: false for a string, NaN for a number. */
  readonly mayBecomeNull?: boolean;
}

type Helper = (...values: never[]) => unknown;

/** A function that is one helper; NULL when an operand is. */
export function helperCall(helper: Helper, mayBecomeNull = false): EmitCall {
  return (emitter, node) => emitHelper(emitter, node, helper, {mayBecomeNull});
}

export function emitHelper(
  emitter: Emitter,
  node: CallNode,
  helper: Helper,
  options: HelperOptions,
): Operand {
  const operands = options.operands ?? node.operands.map((operand) => emitter.emit(operand));
  const mayBecomeNull = options.mayBecomeNull ?? false;
  const given = [code`x`, ...(options.extra ?? []), ...operands.map(argumentCode)];
  const call = code`${emitter.use(helper)}(${join(given, ', ')})`;
  return emitter.strict(
    node.type,
    operands,
    (target) => {
      emitter.mark(node.offset);
      if (columnLayout(node.type) === 'bytes')
        emitBytesResult(emitter, target, call, mayBecomeNull);
      else emitNumberResult(emitter, target, call, mayBecomeNull);
    },
    mayBecomeNull,
  );
}

function argumentCode(operand: Operand): Code {
  return columnLayout(operand.type) === 'bytes' ? bytesCode(operand) : operand.value;
}

function emitBytesResult(
  emitter: Emitter,
  target: Operand,
  call: Code,
  mayBecomeNull: boolean,
): void {
  if (!mayBecomeNull) {
    emitter.line(code`${call};`);
    assignResult(emitter, target);
    return;
  }
  emitter.block(code`if (${call})`, () => assignResult(emitter, target));
  emitter.line(code`else ${target.isNull} = true;`);
}

function emitNumberResult(
  emitter: Emitter,
  target: Operand,
  call: Code,
  mayBecomeNull: boolean,
): void {
  const result = emitter.local('v');
  emitter.line(code`const ${result} = ${call};`);
  const value = emitter.isWide(target.type) ? code`BigInt(${result})` : result;
  if (!mayBecomeNull) emitter.line(code`${target.value} = ${value};`);
  else {
    emitter.line(code`if (${result} !== ${result}) ${target.isNull} = true;`);
    emitter.line(code`else ${target.value} = ${value};`);
  }
}
