// Typed tree → compiled loops over a batch. A loop is compiled when a batch first needs its variant.

import {ByteArena} from './byte-arena.ts';
import {Emitter, type Operand} from './emitter.ts';
import {BAIL, NO_NULLS, SOME_NULLS} from './kernel-status.ts';
import {OPERATIONS} from './operations.ts';
import {OutputColumn} from './output-column.ts';
import {locate} from './record-failure.ts';
import {constantOf, nodesOf, type TypedNode} from './typed-node.ts';
import {assert} from '../base/assert.ts';
import {code, name, type Code} from '../codegen/code.ts';
import {compile} from '../codegen/compile.ts';
import {columnLayout, type Column} from '../records/column.ts';
import type {RecordBatch} from '../records/record-batch.ts';

/** A loop over the live rows; the meaning of its result is the maker's. */
type Loop<Target> = (
  columns: readonly Column[],
  selection: Int32Array | null,
  count: number,
  zeros: Uint8Array,
  target: Target,
  x: ByteArena,
) => number;

interface LoopKey {
  readonly nullable: boolean;
  readonly wide: boolean;
  readonly selected: boolean;
}

/** The loops of one tree, and what tells which of them a batch needs. */
class Loops<Target> {
  readonly arena = new ByteArena();
  readonly #root: TypedNode;
  readonly #finish: (emitter: Emitter, result: Operand) => Finish;
  readonly #columns: readonly number[];
  readonly #int64Columns: readonly number[];
  /** A literal is outside ±(2^53 - 1): the fast loop could not even write it down. */
  readonly #hasWideLiteral: boolean;
  readonly #loops = new Map<string, Loop<Target>>();

  constructor(root: TypedNode, finish: (emitter: Emitter, result: Operand) => Finish) {
    this.#root = root;
    this.#finish = finish;
    const read = [...nodesOf(root)].filter((node) => node.kind === 'column');
    this.#columns = [...new Set(read.map((node) => node.index))];
    const int64 = read.filter((node) => columnLayout(node.type) === 'int64');
    this.#int64Columns = [...new Set(int64.map((node) => node.index))];
    this.#hasWideLiteral = [...nodesOf(root)].some((node) => {
      const value = constantOf(node);
      return typeof value === 'bigint' && !Number.isSafeInteger(Number(value));
    });
  }

  /** What the fast loop returned, or when it gave up, the wide one. */
  run(batch: RecordBatch, targetOf: (wide: boolean) => Target): {status: number; wide: boolean} {
    const {columns} = batch;
    const nullable = this.#columns.some((index) => columns[index]!.nulls !== null);
    const selected = batch.selection !== null;
    const hasWideColumn = this.#int64Columns.some((index) => {
      const column = columns[index]!;
      return column.layout === 'int64' && column.wide !== null;
    });
    if (!hasWideColumn && !this.#hasWideLiteral) {
      const status = this.#call(batch, {nullable, wide: false, selected}, targetOf(false));
      if (status !== BAIL) return {status, wide: false};
    }
    const status = this.#call(batch, {nullable, wide: true, selected}, targetOf(true));
    assert(status !== BAIL, 'the wide loop gives up never');
    return {status, wide: true};
  }

  #call(batch: RecordBatch, key: LoopKey, target: Target): number {
    this.arena.reset();
    const zeros = this.arena.zeros(key.nullable ? batch.rowCount : 0);
    const loop = this.#loop(key);
    return loop(batch.columns, batch.selection, batch.selectedCount, zeros, target, this.arena);
  }

  #loop(key: LoopKey): Loop<Target> {
    const text = `${key.nullable} ${key.wide} ${key.selected}`;
    let loop = this.#loops.get(text);
    if (loop === undefined) {
      loop = compileLoop<Target>(this.#root, key, this.#finish);
      this.#loops.set(text, loop);
    }
    return loop;
  }
}

/** What a loop does besides computing: before it, with each row's result, after it. */
interface Finish {
  readonly before: Code;
  readonly each: Code;
  readonly after: Code;
}

function compileLoop<Target>(
  root: TypedNode,
  key: LoopKey,
  finishOf: (emitter: Emitter, result: Operand) => Finish,
): Loop<Target> {
  const emitter = new Emitter(OPERATIONS, key);
  const result = emitter.emit(root);
  const finish = finishOf(emitter, result);
  const head = key.selected
    ? code`for (let p = 0; p < count; p += 1) {\nr = selection[p];`
    : code`for (r = 0; r < count; r += 1) {`;
  const loop = code`${head}\n${emitter.lines}\n${finish.each}\n}`;
  const located = emitter.mayThrow
    ? code`try {\n${loop}\n} catch (error) { throw ${emitter.use(locate)}(error, r, at); }`
    : loop;
  const body = code`let r = 0, at = 0;
${emitter.prologue}
${finish.before}
${located}
${finish.after}`;
  const parameters = ['columns', 'selection', 'count', 'zeros', 'target', 'x'].map((each) =>
    name(each),
  );
  return compile<Loop<Target>>('evaluateExpression', parameters, body, emitter.constants);
}

/** Writes each row's value into an `OutputColumn`. */
function storeValue(emitter: Emitter, result: Operand): Finish {
  const layout = columnLayout(result.type);
  const {isNull} = result;
  let before = code`const out = target.values;`;
  let store: Code;
  if (layout === 'bytes') {
    before = code`const starts = target.starts, ends = target.ends;`;
    emitter.mayThrow = true;
    // What stands in the arena stays where it is; what is elsewhere is copied there.
    store = code`if (${result.value} === x.bytes) { starts[r] = ${result.start}; ends[r] = ${result.end}; }
else { starts[r] = x.append(${result.value}, ${result.start}, ${result.end}); ends[r] = x.used; }`;
  } else if (layout === 'uint8') {
    store = code`out[r] = ${result.value} ? 1 : 0;`;
  } else {
    store = code`out[r] = ${result.value};`;
  }
  if (isNull === null) return {before, each: store, after: code`return ${NO_NULLS};`};
  const blank = layout === 'bytes' ? code`starts[r] = 0; ends[r] = 0;` : code``;
  return {
    before: code`${before} const nulls = target.nulls; let status = ${NO_NULLS};`,
    each: code`if (${isNull}) { nulls[r] = 1; status = ${SOME_NULLS}; ${blank} } else {\nnulls[r] = 0;\n${store}\n}`,
    after: code`return status;`,
  };
}

/** Writes the indexes of the rows for which the value is TRUE; returns how many. */
function storeRow(_emitter: Emitter, result: Operand): Finish {
  const isTrue =
    result.isNull === null ? result.value : code`(${result.value} && !${result.isNull})`;
  return {
    before: code`let selected = 0;`,
    each: code`target[selected] = r;\nif (${isTrue}) selected += 1;`,
    after: code`return selected;`,
  };
}

/** Evaluates one tree; see `Kernel` in expression.ts. */
export class TreeKernel {
  readonly #root: TypedNode;
  readonly #loops: Loops<unknown>;
  readonly #output: OutputColumn;

  constructor(root: TypedNode) {
    this.#root = root;
    this.#loops = new Loops<unknown>(root, storeValue);
    this.#output = new OutputColumn(root.type);
  }

  evaluate(batch: RecordBatch): Column {
    const root = this.#root;
    if (root.kind === 'column') return batch.columns[root.index]!;
    const output = this.#output;
    output.reserve(batch.rowCount);
    const {status, wide} = this.#loops.run(batch, (isWide) => output.target(isWide));
    return output.column(batch, this.#loops.arena.bytes, {wide, nulls: status === SOME_NULLS});
  }
}

/** Selects rows; see `Predicate` in expression.ts. */
export class TreePredicate {
  readonly #loops: Loops<Int32Array>;
  #scratch = new Int32Array(0);

  constructor(root: TypedNode) {
    assert(root.type.kind === 'boolean', 'a predicate is boolean');
    this.#loops = new Loops<Int32Array>(root, storeRow);
  }

  select(batch: RecordBatch, selected: Int32Array): number {
    assert(selected.length >= batch.selectedCount, 'room for every live row');
    if (batch.selection?.buffer !== selected.buffer) {
      return this.#loops.run(batch, () => selected).status;
    }
    // The fast loop may give up after it has written, and the wide one needs the selection as it was.
    if (this.#scratch.length < batch.selectedCount) {
      this.#scratch = new Int32Array(batch.selectedCount * 2);
    }
    const {status} = this.#loops.run(batch, () => this.#scratch);
    selected.set(this.#scratch.subarray(0, status));
    return status;
  }
}
