// Three-valued logic, COALESCE, and tests for NULL and truth.

import type {EmitCall, Emitter, Operand} from './emitter.ts';
import {BOOLEAN} from '../records/data-type.ts';
import {code, literal} from '../codegen/code.ts';
import type {CallNode} from './typed-node.ts';

export const logicCalls: Readonly<Record<string, EmitCall>> = {
  AND: (emitter, node) => emitChain(emitter, node, false),
  OR: (emitter, node) => emitChain(emitter, node, true),
  NOT: emitNot,
  'IS NULL': (emitter, node) => emitNullTest(emitter, node, true),
  'IS NOT NULL': (emitter, node) => emitNullTest(emitter, node, false),
  'IS TRUE': (emitter, node) => emitTruthTest(emitter, node, true, false),
  'IS FALSE': (emitter, node) => emitTruthTest(emitter, node, false, false),
  'IS NOT TRUE': (emitter, node) => emitTruthTest(emitter, node, true, true),
  'IS NOT FALSE': (emitter, node) => emitTruthTest(emitter, node, false, true),
  COALESCE: emitCoalesce,
};

/**
 * AND (`decisive` FALSE) and OR (`decisive` TRUE): the decisive value ends the chain; NULL is
 * remembered, and is the result unless a later operand decides.
 */
function emitChain(emitter: Emitter, node: CallNode, decisive: boolean): Operand {
  const target = emitter.declare(BOOLEAN, true);
  const open = emitter.local('o');
  emitter.line(code`let ${open} = true;`);
  emitter.line(code`${target.value} = ${!decisive};`);
  node.operands.forEach((operandNode, index) => {
    const step = (): void => {
      const operand = emitter.emit(operandNode);
      const decides = decisive ? operand.value : code`!${operand.value}`;
      const decided = code`{ ${open} = false; ${target.value} = ${decisive}; ${target.isNull} = false; }`;
      if (operand.isNull === null) {
        emitter.line(code`if (${decides}) ${decided}`);
      } else {
        emitter.line(
          code`if (${operand.isNull}) ${target.isNull} = true; else if (${decides}) ${decided}`,
        );
      }
    };
    if (index === 0) step();
    else emitter.block(code`if (${open})`, step);
  });
  return target;
}

function emitNot(emitter: Emitter, node: CallNode): Operand {
  const operand = emitter.emit(node.operands[0]!);
  return emitter.pure(BOOLEAN, [operand], code`!${operand.value}`);
}

function emitNullTest(emitter: Emitter, node: CallNode, wanted: boolean): Operand {
  const operand = emitter.emit(node.operands[0]!);
  const isNull = operand.isNull ?? literal(false);
  return emitter.pure(BOOLEAN, [], code`${isNull} === ${wanted}`);
}

/** IS [NOT] TRUE, IS [NOT] FALSE. */
function emitTruthTest(
  emitter: Emitter,
  node: CallNode,
  wanted: boolean,
  negated: boolean,
): Operand {
  const operand = emitter.emit(node.operands[0]!);
  const isNull = operand.isNull ?? literal(false);
  const holds = code`(!${isNull} && ${operand.value} === ${wanted})`;
  return emitter.pure(BOOLEAN, [], code`${holds} !== ${negated}`);
}

function emitCoalesce(emitter: Emitter, node: CallNode): Operand {
  const target = emitter.declare(node.type, true, true);
  for (const operandNode of node.operands) {
    emitter.block(code`if (${target.isNull})`, () =>
      emitter.assign(target, emitter.emit(operandNode)),
    );
  }
  return target;
}
