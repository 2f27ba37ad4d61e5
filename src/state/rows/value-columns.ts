// The values of canonical rows (canonical/value-codec.ts) as columns.

import {countsFromZero} from './state-shape.ts';
import {textColumn} from './text-column.ts';
import {assert} from '../../base/assert.ts';
import {newColumnBuilder, type ColumnBuilder} from '../../records/batch-builder.ts';
import type {Column} from '../../records/column.ts';
import {BIGINT, BOOLEAN, BYTES, DOUBLE, type DataType} from '../../records/data-type.ts';
import type {ValueSlot} from '../state-backend.ts';

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

export class ValueColumns {
  readonly #slots: readonly {
    readonly kind: ValueSlot['kind'];
    readonly countsFromZero: boolean;
    readonly column: ColumnBuilder;
  }[];
  #rowCount = 0;

  constructor(slots: readonly ValueSlot[]) {
    this.#slots = slots.map((slot) => ({
      kind: slot.kind,
      countsFromZero: countsFromZero(slot),
      column: newColumnBuilder(keptType(slot)),
    }));
  }

  /** False: the bytes are no values of these kinds; nothing of them may be used then. */
  add(values: Uint8Array): boolean {
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    let at = Math.ceil(this.#slots.length / 8);
    if (at > values.length) return false;
    for (const [index, slot] of this.#slots.entries()) {
      const isSet = (values[index >>> 3]! & (1 << (index & 7))) !== 0;
      if (slot.kind === 'flag') {
        slot.column.appendNumber(isSet ? 1 : 0);
        continue;
      }
      if (slot.kind === 'bytes' && !isSet) {
        slot.column.appendNull();
        continue;
      }
      const size = slot.kind === 'bytes' ? 4 : 8;
      if (at + size > values.length) return false;
      if (slot.kind === 'bytes') {
        const end = at + 4 + view.getUint32(at, true);
        if (end > values.length) return false;
        slot.column.appendBytes(values, at + 4, end);
        at = end;
        continue;
      }
      const isNull = !isSet && !slot.countsFromZero && view.getBigUint64(at, true) === 0n;
      if (isNull) slot.column.appendNull();
      else if (slot.kind === 'float64') slot.column.appendNumber(view.getFloat64(at, true));
      else appendInteger(slot.column, view.getBigInt64(at, true));
      at += 8;
    }
    this.#rowCount += 1;
    return at === values.length;
  }

  /** Good until the next `reset`. */
  build(): readonly Column[] {
    return this.#slots.map(({kind, column}) => {
      const built = column.build();
      if (kind !== 'bytes') return built;
      assert(built.layout === 'bytes', 'a slot of bytes');
      return textColumn(built, this.#rowCount);
    });
  }

  reset(): void {
    this.#rowCount = 0;
    for (const {column} of this.#slots) column.reset();
  }
}

function appendInteger(column: ColumnBuilder, value: bigint): void {
  if (value <= SAFE_MAX && value >= -SAFE_MAX) column.appendNumber(Number(value));
  else column.appendBigint(value);
}

function keptType({kind}: ValueSlot): DataType {
  switch (kind) {
    case 'float64':
      return DOUBLE;
    case 'int64':
      return BIGINT;
    case 'bytes':
      return BYTES;
    case 'flag':
      return BOOLEAN;
  }
}
