import type {AccumulatorHelpers} from './accumulate-kernel.ts';
import type {Accumulator} from './accumulators.ts';
import {readInt64, writeInt64} from './int64-slot.ts';
import {assert, must} from '../../base/assert.ts';
import type {BytesColumn, Column} from '../../records/column.ts';
import type {KeyedTable, SlotLayout} from '../../state/state-backend.ts';

/** A sum that left 64 bits; `row` is the record's row in its batch. */
export class SumOverflow extends Error {
  override readonly name = 'SumOverflow';
  readonly column: string;
  readonly row: number;

  constructor(column: string, row: number) {
    super(`the sum '${column}' does not fit 64 bits`);
    this.column = column;
    this.row = row;
  }
}

export function newHelpers(
  accumulators: readonly Accumulator[],
  table: KeyedTable,
): AccumulatorHelpers {
  const {shape} = table;
  const slots = accumulators.map(({slot}) => must(shape.slots[slot], 'slot'));
  const wantsLess = accumulators.map(({call}) => call.function === 'MIN');

  function isSet(row: number, slot: SlotLayout): boolean {
    return (table.memory().ints[row * shape.rowInts + slot.flagInt]! & slot.setMask) !== 0;
  }

  function store(index: number, row: number, value: bigint, r: number): void {
    if (writeInt64(table.memory(), shape, row, slots[index]!, value)) return;
    throw new SumOverflow(must(accumulators[index], 'accumulator').call.name, r);
  }

  function storeBytes(index: number, row: number, column: Column, r: number): void {
    const {bytes, starts, ends} = asBytes(column);
    table.writeBytes(row, slots[index]!, bytes, starts[r]!, ends[r]!);
  }

  return {
    addInt64(index, row, column, r) {
      const known = BigInt(readInt64(table.memory(), shape, row, slots[index]!));
      store(index, row, known + integerAt(column, r), r);
    },
    compareInt64(index, row, column, r) {
      const value = integerAt(column, r);
      const slot = slots[index]!;
      if (isSet(row, slot)) {
        const known = BigInt(readInt64(table.memory(), shape, row, slot));
        if (wantsLess[index] ? known <= value : known >= value) return;
      }
      store(index, row, value, r);
    },
    storeInt64(index, row, column, r) {
      store(index, row, integerAt(column, r), r);
    },
    compareBytes(index, row, column, r) {
      const slot = slots[index]!;
      if (isSet(row, slot)) {
        const order = compareWithSlot(table, row, slot, asBytes(column), r);
        if (wantsLess[index] ? order >= 0 : order <= 0) return;
      }
      storeBytes(index, row, column, r);
    },
    storeBytes,
  };
}

/** Record's string against the slot's, by bytes: negative, 0 or positive. */
function compareWithSlot(
  table: KeyedTable,
  row: number,
  slot: SlotLayout,
  {bytes, starts, ends}: BytesColumn,
  r: number,
): number {
  const arena = table.arena();
  const start = starts[r]!;
  const length = ends[r]! - start;
  const knownStart = table.bytesStart(row, slot);
  const knownLength = table.bytesLength(row, slot);
  const common = Math.min(length, knownLength);
  for (let at = 0; at < common; at += 1) {
    const difference = bytes[start + at]! - arena[knownStart + at]!;
    if (difference !== 0) return difference;
  }
  return length - knownLength;
}

function integerAt(column: Column, r: number): bigint {
  assert(column.layout === 'int64' || column.layout === 'int32', `an integer in ${column.layout}`);
  if (column.layout === 'int64' && column.wide !== null) return column.wide[r]!;
  return BigInt(column.values[r]!);
}

function asBytes(column: Column): BytesColumn {
  assert(column.layout === 'bytes', `bytes in ${column.layout}`);
  return column;
}
