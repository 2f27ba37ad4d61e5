// What holds of every row of a state, whatever form it is stored in: its key is of the types that the schema says, which every
// reader relies on, and its key group is the one that its key has.

import type {RowColumns} from './row-block.ts';
import type {StateShape} from './state-shape.ts';
import {isText} from './text-column.ts';
import {compileKeyGroups, type KeyGroups} from '../../keys/key-groups-kernel.ts';
import type {Column} from '../../records/column.ts';
import type {DataType} from '../../records/data-type.ts';

export interface WrongRow {
  /** In the batch. */
  readonly row: number;
  /** A sentence without a stop. */
  readonly message: string;
  readonly expected: string;
  readonly found: string;
}

/** The first row of a batch with a key that is not of its types; null: there is none. */
export function firstOfOtherTypes(
  {spec}: StateShape,
  {rowCount, key}: RowColumns,
): WrongRow | null {
  for (const [index, {name, type}] of spec.key.entries()) {
    const row = firstOfOtherType(type, key[index]!, rowCount);
    if (row < 0) continue;
    const message = `the key column ${name} is no ${type.kind}`;
    return {row, message, expected: type.kind, found: 'something else'};
  }
  return null;
}

/** Of rows whose keys are of their types. */
export class RowChecker {
  readonly #shape: StateShape;
  readonly #keyGroups: KeyGroups;
  #groups = new Uint16Array(0);

  constructor(shape: StateShape) {
    this.#shape = shape;
    this.#keyGroups = compileKeyGroups(shape.key, shape.maxParallelism);
  }

  /** The first row of a batch that is in another key group than its key; null: none is. */
  firstWrong({rowCount, key, keyGroups}: RowColumns): WrongRow | null {
    if (this.#groups.length < rowCount) this.#groups = new Uint16Array(rowCount);
    this.#keyGroups(key.slice(0, this.#shape.key.length), null, rowCount, this.#groups);
    for (let row = 0; row < rowCount; row += 1) {
      const [expected, found] = [this.#groups[row]!, keyGroups[row]!];
      if (expected === found) continue;
      const message = `a row in key group ${found} whose key belongs to ${expected}`;
      return {row, message, expected: `key group ${expected}`, found: `key group ${found}`};
    }
    return null;
  }
}

/** -1: none. */
function firstOfOtherType(type: DataType, column: Column, rowCount: number): number {
  for (let row = 0; row < rowCount; row += 1) {
    if (column.nulls?.[row] === 1 || isOfType(type, column, row)) continue;
    return row;
  }
  return -1;
}

function isOfType({kind}: DataType, column: Column, row: number): boolean {
  switch (column.layout) {
    case 'uint8':
      return column.values[row]! <= 1;
    case 'float64':
      return kind !== 'timestamp' || Number.isSafeInteger(column.values[row]);
    case 'bytes':
      return kind !== 'string' || isText(column.bytes, column.starts[row]!, column.ends[row]!);
    case 'int32':
    case 'int64':
      return true;
  }
}
