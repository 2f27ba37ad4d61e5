// What the checker makes: every name resolved, every type known, every conversion written out. Plain
// data. `offset` is where an error in this node is shown: a UTF-16 offset into the expression's text.

import type {DataType} from '../records/data-type.ts';
import type {Value} from '../records/value.ts';

export type TypedNode =
  ColumnNode | LiteralNode | CallNode | CaseNode | CastNode | LetNode | SlotNode;

interface ColumnNode {
  readonly kind: 'column';
  /** Position in the schema. */
  readonly index: number;
  readonly type: DataType;
  readonly offset: number;
}

interface LiteralNode {
  readonly kind: 'literal';
  readonly value: Value;
  readonly type: DataType;
  /** NULL as written: it takes the type that its place asks for. */
  readonly untyped: boolean;
  readonly offset: number;
}

export interface CallNode {
  readonly kind: 'call';
  /** A key of the emitter's table; every operand has a type that the operation takes as it is. */
  readonly operation: string;
  readonly operands: readonly TypedNode[];
  readonly type: DataType;
  readonly offset: number;
}

interface CaseNode {
  readonly kind: 'case';
  readonly branches: readonly {readonly condition: TypedNode; readonly result: TypedNode}[];
  readonly otherwise: TypedNode;
  readonly type: DataType;
  readonly offset: number;
}

export interface CastNode {
  readonly kind: 'cast';
  readonly operand: TypedNode;
  readonly type: DataType;
  /** NULL instead of a failure. */
  readonly lenient: boolean;
  readonly offset: number;
}

/** Computes `value` once for all `SlotNode`s of the same number in `body`. */
export interface LetNode {
  readonly kind: 'let';
  readonly slot: number;
  readonly value: TypedNode;
  readonly body: TypedNode;
  readonly type: DataType;
  readonly offset: number;
}

interface SlotNode {
  readonly kind: 'slot';
  readonly slot: number;
  readonly type: DataType;
  readonly offset: number;
}

export function literalNode(type: DataType, value: Value, offset: number): LiteralNode {
  return {kind: 'literal', value, type, untyped: false, offset};
}

/** The value of a literal that is not NULL, else undefined. */
export function constantOf(node: TypedNode): Exclude<Value, null> | undefined {
  return node.kind === 'literal' && node.value !== null ? node.value : undefined;
}

/** Every node of the tree, parents first. */
export function* nodesOf(root: TypedNode): Generator<TypedNode> {
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    open.push(...childrenOf(node));
  }
}

function childrenOf(node: TypedNode): readonly TypedNode[] {
  switch (node.kind) {
    case 'column':
    case 'literal':
    case 'slot':
      return [];
    case 'call':
      return node.operands;
    case 'cast':
      return [node.operand];
    case 'let':
      return [node.value, node.body];
    case 'case':
      return [
        ...node.branches.flatMap((branch) => [branch.condition, branch.result]),
        node.otherwise,
      ];
  }
}
