// Generated for each step: one loop over a run of records that updates all its accumulators in place.
// What is rare (a value beyond ±(2^53 - 1)) or not a number (strings) is left to `AccumulatorHelpers`.

import {columnLayout, type Column} from '../../records/column.ts';
import {code, join, name, type Code} from '../../codegen/code.ts';
import {compile} from '../../codegen/compile.ts';
import type {RowMemory, RowShape, SlotLayout} from '../../state/state-backend.ts';
import type {Accumulator} from './accumulators.ts';
import {must} from '../../base/assert.ts';

/** Updates rows[from, to) with the records selection[from, to), or from … to without a selection. */
export type Accumulate = (
  rows: Int32Array,
  selection: Int32Array | null,
  from: number,
  to: number,
  /** Per accumulator; null: COUNT(*). */
  columns: readonly (Column | null)[],
  /** Per accumulator: boolean; null: no filter. */
  filters: readonly (Column | null)[],
  memory: RowMemory,
) => void;

/** `index` is the accumulator's, `r` the record's row in its batch. */
export interface AccumulatorHelpers {
  addInt64(index: number, row: number, column: Column, r: number): void;
  compareInt64(index: number, row: number, column: Column, r: number): void;
  storeInt64(index: number, row: number, column: Column, r: number): void;
  compareBytes(index: number, row: number, column: Column, r: number): void;
  storeBytes(index: number, row: number, column: Column, r: number): void;
}

export function compileAccumulate(
  accumulators: readonly Accumulator[],
  shape: RowShape,
  helpers: AccumulatorHelpers,
): Accumulate {
  const body = code`
    const {ints, floats} = memory;
    ${accumulators.map((accumulator, index) => locals(accumulator, index))}
    for (let p = from; p < to; p++) {
      const r = selection === null ? p : selection[p];
      const row = rows[p], ib = row * ${shape.rowInts}, fb = row * ${shape.rowWords};
      ${accumulators.map((accumulator, index) => guarded(accumulator, index, shape))}
    }`;
  const parameters = ['rows', 'selection', 'from', 'to', 'columns', 'filters', 'memory'];
  return compile<Accumulate>(
    'accumulate',
    parameters.map((text) => name(text)),
    body,
    {helpers},
  );
}

function locals({call}: Accumulator, index: number): Code {
  const pieces: Code[] = [];
  if (call.filter !== null) {
    const f = name('f', index);
    pieces.push(
      code`const ${f} = filters[${index}].values, ${name('g', index)} = filters[${index}].nulls;`,
    );
  }
  if (call.argument !== null) {
    const c = name('c', index);
    pieces.push(code`const ${c} = columns[${index}], ${name('n', index)} = ${c}.nulls;`);
    const layout = columnLayout(call.argument.type);
    if (layout !== 'bytes') pieces.push(code`const ${name('v', index)} = ${c}.values;`);
    // An int argument has no wide form, but its sum may become wide.
    const isWide = layout === 'int64' ? code`${c}.wide !== null` : code`false`;
    if (layout !== 'bytes') pieces.push(code`const ${name('w', index)} = ${isWide};`);
  }
  return join(pieces, '\n');
}

/** The update, if the filter is true and the argument is not NULL. */
function guarded(accumulator: Accumulator, index: number, shape: RowShape): Code {
  const {call} = accumulator;
  const conditions: Code[] = [];
  if (call.filter !== null) {
    const g = name('g', index);
    conditions.push(code`${name('f', index)}[r] === 1`, code`(${g} === null || ${g}[r] === 0)`);
  }
  if (call.argument !== null) {
    const n = name('n', index);
    conditions.push(code`(${n} === null || ${n}[r] === 0)`);
  }
  const step = update(accumulator, index, shape);
  return conditions.length === 0
    ? code`{ ${step} }`
    : code`if (${join(conditions, ' && ')}) { ${step} }`;
}

function update({call, slot, countSlot}: Accumulator, index: number, shape: RowShape): Code {
  const laid = must(shape.slots[slot], `slot of ${call.name}`);
  switch (call.function) {
    case 'COUNT':
      return code`floats[fb + ${laid.word}] += 1;`;
    case 'SUM':
      return add(laid, index);
    case 'AVG': {
      const count = must(shape.slots[countSlot], `count of ${call.name}`);
      return code`${add(laid, index)} floats[fb + ${count.word}] += 1;`;
    }
    case 'MIN':
      return compare(laid, index, true);
    case 'MAX':
      return compare(laid, index, false);
    case 'FIRST_VALUE':
      return code`if ((ints[ib + ${laid.flagInt}] & ${laid.setMask}) === 0) { ${store(laid, index)} }`;
    case 'LAST_VALUE':
      return store(laid, index);
  }
}

function add(slot: SlotLayout, index: number): Code {
  const v = name('v', index);
  if (slot.kind === 'float64') {
    return code`floats[fb + ${slot.word}] += ${v}[r]; ints[ib + ${slot.flagInt}] |= ${slot.setMask};`;
  }
  return code`
    const flags = ints[ib + ${slot.flagInt}], sum = floats[fb + ${slot.word}] + ${v}[r];
    if (${isPlain(slot, index)} && sum <= ${Number.MAX_SAFE_INTEGER} && sum >= ${-Number.MAX_SAFE_INTEGER}) {
      floats[fb + ${slot.word}] = sum;
      ints[ib + ${slot.flagInt}] = flags | ${slot.setMask};
    } else helpers.addInt64(${index}, row, ${name('c', index)}, r);`;
}

/** NaN counts as the greatest double, so that the result does not depend on the order of records. */
function compare(slot: SlotLayout, index: number, wantsLess: boolean): Code {
  const v = name('v', index);
  const arguments_ = code`${index}, row, ${name('c', index)}, r`;
  if (slot.kind === 'bytes') return code`helpers.compareBytes(${arguments_});`;
  const better = wantsLess
    ? code`(value < known || known !== known)`
    : code`(value > known || value !== value)`;
  const step = code`
    const value = ${v}[r], known = floats[fb + ${slot.word}];
    if ((flags & ${slot.setMask}) === 0 || ${better}) {
      floats[fb + ${slot.word}] = value;
      ints[ib + ${slot.flagInt}] = flags | ${slot.setMask};
    }`;
  const flags = code`const flags = ints[ib + ${slot.flagInt}];`;
  if (slot.kind === 'float64') return code`${flags} ${step}`;
  return code`${flags}
    if (${isPlain(slot, index)}) { ${step} } else helpers.compareInt64(${arguments_});`;
}

function store(slot: SlotLayout, index: number): Code {
  const arguments_ = code`${index}, row, ${name('c', index)}, r`;
  if (slot.kind === 'bytes') return code`helpers.storeBytes(${arguments_});`;
  const step = code`
    floats[fb + ${slot.word}] = ${name('v', index)}[r];
    ints[ib + ${slot.flagInt}] |= ${slot.setMask};`;
  if (slot.kind === 'float64') return step;
  return code`const flags = ints[ib + ${slot.flagInt}];
    if (${isPlain(slot, index)}) { ${step} } else helpers.storeInt64(${arguments_});`;
}

/** Neither the slot nor the argument's column holds wide integers. */
function isPlain(slot: SlotLayout, index: number): Code {
  return code`(flags & ${slot.wideMask}) === 0 && !${name('w', index)}`;
}
