// The door of the room. Expression text goes through
//   tokens → parser (tree) → checker (typed tree) → emitter (generated loop) → kernel
// and the operators and functions are listed in FUNCTIONS.md.
//
//   parseExpression(text, schema)   → {kind: 'ok', expression} | {kind: 'invalid', message, offset, …}
//   compileExpression(expression)   → Kernel: evaluate(batch) → Column
//   compilePredicate(expression)    → Predicate: select(batch, selected) → count
//   parseAggregate(text, schema)    → {kind: 'ok', call} | {kind: 'invalid', …}     (aggregate-call.ts)
//   expressionChecker               → the job room's ExpressionChecker
//
// Both compile functions throw nothing that depends on data; `evaluate` and `select` throw a
// RecordFailure {row, reason, offset} when a row has no value. Neither is shared between threads.

import {Checker} from './checker.ts';
import {ExpressionError} from './expression-error.ts';
import {RULES} from './function-rules.ts';
import {TreeKernel, TreePredicate} from './kernel.ts';
import {Parser} from './parser.ts';
import {nodesOf, type TypedNode} from './typed-node.ts';
import type {Column} from '../records/column.ts';
import type {DataType} from '../records/data-type.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';

export interface TypedExpression {
  readonly text: string;
  readonly type: DataType;
  /** Names of the columns that it reads, each once. */
  readonly columns: readonly string[];
  readonly root: TypedNode;
}

export interface InvalidExpression {
  readonly kind: 'invalid';
  readonly message: string;
  /** UTF-16 offset into the text. */
  readonly offset: number;
  /** What to write instead. */
  readonly suggestion?: string | undefined;
}

export type ParsedExpression =
  {readonly kind: 'ok'; readonly expression: TypedExpression} | InvalidExpression;

export interface Kernel {
  readonly type: DataType;
  /**
   * The value of every live row, at its row index; what stands at other rows is unspecified. A plain
   * column reference gives the batch's own column; any other result belongs to the kernel and is
   * valid until its next call.
   */
  evaluate(batch: RecordBatch): Column;
}

export interface Predicate {
  /**
   * Writes the ascending indexes of the live rows for which the expression is TRUE (not FALSE, not
   * NULL) and returns how many. `selected` has room for `selectedCount` rows, and may be the batch's
   * own selection.
   */
  select(batch: RecordBatch, selected: Int32Array): number;
}

/** Parses and checks a scalar expression over the columns of `schema`. */
export function parseExpression(text: string, schema: Schema): ParsedExpression {
  return findInvalid(() => {
    const parser = new Parser(text);
    const tree = parser.expression();
    parser.end();
    const root = new Checker(schema, RULES).checkRoot(tree);
    return {kind: 'ok', expression: typedExpression(text, root, schema)};
  });
}

export function compileExpression(expression: TypedExpression): Kernel {
  const kernel = new TreeKernel(expression.root);
  return {type: expression.type, evaluate: (batch) => kernel.evaluate(batch)};
}

/** Of a boolean expression; whoever parsed it has checked that. */
export function compilePredicate(expression: TypedExpression): Predicate {
  return new TreePredicate(expression.root);
}

/** The result of `parse`, or the finding that it threw. */
export function findInvalid<T>(parse: () => T): T | InvalidExpression {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const {message, offset, suggestion} = error;
    return {kind: 'invalid', message, offset, suggestion};
  }
}

export function typedExpression(text: string, root: TypedNode, schema: Schema): TypedExpression {
  const names = [...nodesOf(root)].flatMap((node) =>
    node.kind === 'column' ? [schema.fields[node.index]!.name] : [],
  );
  return {text, type: root.type, columns: [...new Set(names)], root};
}
