// Typed tree → statements of a loop body. Each node becomes an operand: locals that hold its value and
// whether it is NULL. Statements, not one large expression, so that AND, CASE and COALESCE can leave
// branches out with a plain `if`.
//
// One tree is emitted in up to four variants, each compiled when a batch first needs it:
//   nullable  some column that the expression reads has NULLs in this batch
//   wide      bigint and decimal values as BigInt; else as doubles, and the kernel starts the batch again
//             in the wide variant when a value is outside ±(2^53 - 1)
// In the generated text `r` is the row, `x` the kernel's ByteArena, `at` the place of the last helper
// call that may fail.

import {BAIL} from './kernel-status.ts';
import {fail} from './record-failure.ts';
import type {CallNode, CastNode, TypedNode} from './typed-node.ts';
import {must} from '../base/assert.ts';
import {code, join, literal, name, type Code} from '../codegen/code.ts';
import {columnLayout, type ColumnLayout} from '../records/column.ts';
import type {DataType} from '../records/data-type.ts';
import type {Value} from '../records/value.ts';

interface Variant {
  readonly nullable: boolean;
  readonly wide: boolean;
}

export interface Operand {
  readonly type: DataType;
  /** A local (or `true`) that says whether the row's value is NULL; null when it never is. */
  readonly isNull: Code | null;
  /**
   * boolean: a boolean; int64 in the wide variant: a BigInt; other numbers: a number; bytes: the array.
   * A local or literal: reading it twice costs nothing. Unspecified when NULL, except that it has the
   * right JavaScript type.
   */
  readonly value: Code;
  /** Of bytes. */
  readonly start: Code;
  readonly end: Code;
  /** The value, when it is the same for all rows and not NULL. */
  readonly constant: Exclude<Value, null> | undefined;
}

export type EmitCall = (emitter: Emitter, node: CallNode) => Operand;

export interface EmitTable {
  readonly calls: ReadonlyMap<string, EmitCall>;
  readonly cast: (emitter: Emitter, node: CastNode) => Operand;
}

const NONE = code`0`;
const EMPTY = new Uint8Array(0);
const utf8 = new TextEncoder();

export class Emitter {
  readonly variant: Variant;
  readonly constants: Record<string, unknown> = {fail};
  /** Declarations before the loop: one set per column. */
  readonly prologue: Code[] = [];
  /** A helper that may throw was called: the loop needs to locate what it throws. */
  mayThrow = false;
  readonly #table: EmitTable;
  readonly #columns = new Set<number>();
  readonly #slots = new Map<number, Operand>();
  readonly #names = new Map<unknown, Code>();
  #lines: Code[] = [];
  #next = 0;

  constructor(table: EmitTable, variant: Variant) {
    this.#table = table;
    this.variant = variant;
  }

  /** The statements emitted so far. */
  get lines(): readonly Code[] {
    return this.#lines;
  }

  emit(node: TypedNode): Operand {
    switch (node.kind) {
      case 'literal':
        return node.value === null ? this.nullOf(node.type) : this.#constant(node.type, node.value);
      case 'column':
        return this.#column(node.index, node.type);
      case 'slot':
        return must(this.#slots.get(node.slot), 'slot');
      case 'let':
        this.#slots.set(node.slot, this.emit(node.value));
        return this.emit(node.body);
      case 'case':
        return this.#case(node);
      case 'cast':
        return this.#table.cast(this, node);
      case 'call':
        return must(this.#table.calls.get(node.operation), node.operation)(this, node);
    }
  }

  local(prefix: string): Code {
    this.#next += 1;
    return name(prefix, this.#next);
  }

  line(statement: Code): void {
    this.#lines.push(statement);
  }

  /** `head { … }`, where `fill` emits what is inside. */
  block(head: Code, fill: () => void): void {
    const outer = this.#lines;
    this.#lines = [];
    fill();
    const inner = this.#lines;
    this.#lines = outer;
    this.line(code`${head} {\n${inner}\n}`);
  }

  /** The name of a function or table that the generated text uses. */
  use(value: unknown, prefix = 'k'): Code {
    let known = this.#names.get(value);
    if (known === undefined) {
      known = name(prefix, this.#names.size);
      this.#names.set(value, known);
      this.constants[known.toString()] = value;
    }
    return known;
  }

  failIf(condition: Code, reason: string, offset: number): void {
    this.line(code`if (${condition}) fail(${reason}, r, ${offset});`);
  }

  /** Leaves the fast variant: this batch needs BigInts. */
  bailIf(condition: Code): void {
    this.line(code`if (${condition}) return ${BAIL};`);
  }

  /** Before a call of a helper that may throw. */
  mark(offset: number): void {
    this.mayThrow = true;
    this.line(code`at = ${offset};`);
  }

  isWide(type: DataType): boolean {
    return this.variant.wide && columnLayout(type) === 'int64';
  }

  nullOf(type: DataType): Operand {
    return {...this.#blank(type), isNull: literal(true)};
  }

  scalar(type: DataType, value: Code, isNull: Code | null): Operand {
    return {type, isNull, value, start: NONE, end: NONE, constant: undefined};
  }

  /** Locals that later statements assign; zero, and NULL when `nullable` says that they may stay so. */
  declare(type: DataType, nullable: boolean, startsNull = false): Operand {
    const isBytes = columnLayout(type) === 'bytes';
    const blank = this.#blank(type);
    const target: Operand = {
      type,
      value: this.local('v'),
      start: isBytes ? this.local('s') : NONE,
      end: isBytes ? this.local('e') : NONE,
      isNull: nullable ? this.local('n') : null,
      constant: undefined,
    };
    this.line(code`let ${target.value} = ${blank.value};`);
    if (isBytes) this.line(code`let ${target.start} = 0, ${target.end} = 0;`);
    if (target.isNull !== null) this.line(code`let ${target.isNull} = ${startsNull};`);
    return target;
  }

  assign(target: Operand, from: Operand): void {
    this.line(code`${target.value} = ${from.value};`);
    if (columnLayout(target.type) === 'bytes') {
      this.line(code`${target.start} = ${from.start}; ${target.end} = ${from.end};`);
    }
    if (target.isNull !== null) {
      this.line(code`${target.isNull} = ${from.isNull ?? literal(false)};`);
    }
  }

  /** NULL when an operand is, else the value of `value`, which never fails: also not of unspecified values. */
  pure(type: DataType, operands: readonly Operand[], value: Code): Operand {
    const result = this.local('v');
    this.line(code`const ${result} = ${value};`);
    return this.scalar(type, result, this.anyNull(operands));
  }

  /** NULL when an operand is; else `fill` assigns the target. */
  strict(
    type: DataType,
    operands: readonly Operand[],
    fill: (target: Operand) => void,
    mayBecomeNull = false,
  ): Operand {
    const isNull = this.anyNull(operands);
    const target = this.declare(type, isNull !== null || mayBecomeNull);
    if (isNull === null) {
      fill(target);
      return target;
    }
    this.line(code`${target.isNull} = ${isNull};`);
    this.block(code`if (!${target.isNull})`, () => fill(target));
    return target;
  }

  /** A local that says whether any operand is NULL; null when none can be. */
  anyNull(operands: readonly Operand[]): Code | null {
    const flags = operands.flatMap((operand) => (operand.isNull === null ? [] : [operand.isNull]));
    if (flags.length < 2) return flags[0] ?? null;
    const result = this.local('n');
    this.line(code`const ${result} = ${join(flags, ' || ')};`);
    return result;
  }

  #constant(type: DataType, value: Exclude<Value, null>): Operand {
    if (typeof value === 'string' || value instanceof Uint8Array) {
      const bytes = typeof value === 'string' ? utf8.encode(value) : value;
      const [start, end] = [literal(0), literal(bytes.length)];
      return {type, isNull: null, value: this.use(bytes), start, end, constant: value};
    }
    const isInt64 = columnLayout(type) === 'int64';
    const form = !isInt64 ? value : this.variant.wide ? BigInt(value) : Number(value);
    return {...this.scalar(type, literal(form), null), constant: value};
  }

  #blank(type: DataType): Operand {
    const layout = columnLayout(type);
    if (layout === 'bytes') return this.scalar(type, this.use(EMPTY), null);
    if (layout === 'uint8') return this.scalar(type, literal(false), null);
    return this.scalar(type, this.isWide(type) ? literal(0n) : literal(0), null);
  }

  #column(index: number, type: DataType): Operand {
    const layout = columnLayout(type);
    if (!this.#columns.has(index)) {
      this.#columns.add(index);
      this.prologue.push(...this.#columnPrologue(index, layout));
    }
    let isNull: Code | null = null;
    if (this.variant.nullable) {
      isNull = this.local('n');
      this.line(code`const ${isNull} = ${name('nulls', index)}[r] === 1;`);
    }
    if (layout === 'bytes') {
      const [start, end] = [this.local('s'), this.local('e')];
      const [starts, ends] = [name('starts', index), name('ends', index)];
      this.line(code`const ${start} = ${starts}[r], ${end} = ${ends}[r];`);
      return {type, isNull, value: name('bytes', index), start, end, constant: undefined};
    }
    const value = this.local('v');
    const read = code`${name('values', index)}[r]`;
    if (layout === 'uint8') {
      this.line(code`const ${value} = ${read} === 1;`);
    } else if (layout === 'int64' && this.variant.wide) {
      const wide = name('wide', index);
      const exact = code`${wide} === null ? BigInt(${read}) : ${wide}[r]`;
      // The value of a NULL row is unspecified, and BigInt refuses what is not whole.
      this.line(
        isNull === null
          ? code`const ${value} = ${exact};`
          : code`const ${value} = ${isNull} ? 0n : ${exact};`,
      );
    } else {
      this.line(code`const ${value} = ${read};`);
    }
    return this.scalar(type, value, isNull);
  }

  #columnPrologue(index: number, layout: ColumnLayout): Code[] {
    const column = name('column', index);
    const lines = [code`const ${column} = columns[${index}];`];
    if (this.variant.nullable) {
      lines.push(code`const ${name('nulls', index)} = ${column}.nulls ?? zeros;`);
    }
    if (layout === 'bytes') {
      lines.push(code`const ${name('bytes', index)} = ${column}.bytes;`);
      lines.push(code`const ${name('starts', index)} = ${column}.starts;`);
      lines.push(code`const ${name('ends', index)} = ${column}.ends;`);
    } else {
      lines.push(code`const ${name('values', index)} = ${column}.values;`);
      if (layout === 'int64' && this.variant.wide) {
        lines.push(code`const ${name('wide', index)} = ${column}.wide;`);
      }
    }
    return lines;
  }

  /** Conditions one after the other, until one is TRUE. */
  #case(node: TypedNode & {kind: 'case'}): Operand {
    const target = this.declare(node.type, true);
    const done = node.branches.length > 1 ? this.local('d') : null;
    if (done !== null) this.line(code`let ${done} = false;`);
    node.branches.forEach(({condition, result}, index) => {
      const branch = (): void => {
        const tested = this.emit(condition);
        const isTrue =
          tested.isNull === null ? tested.value : code`!${tested.isNull} && ${tested.value}`;
        this.block(code`if (${isTrue})`, () => {
          if (done !== null) this.line(code`${done} = true;`);
          this.assign(target, this.emit(result));
        });
        if (done === null) {
          this.block(code`else`, () => this.assign(target, this.emit(node.otherwise)));
        }
      };
      if (done === null || index === 0) branch();
      else this.block(code`if (!${done})`, branch);
    });
    if (done !== null) {
      this.block(code`if (!${done})`, () => this.assign(target, this.emit(node.otherwise)));
    }
    return target;
  }
}
