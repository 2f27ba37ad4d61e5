import type {RowLayout} from './row-layout.ts';
import {wholeNumber} from '../slot-conversion.ts';
import type {SlotLayout} from '../state-backend.ts';

/**
 * Copies rows of a state file into a table that has the same key. Slots that the file does not have begin at zero and
 * not set; those that the table does not have are left behind; numbers are converted to the kind of the table's slot.
 */
export class RowMapping {
  readonly #from: RowLayout;
  readonly #to: RowLayout;
  readonly #same: boolean;
  /** Of each slot of the file that the table has. */
  readonly #slots: readonly (readonly [stored: SlotLayout, wanted: SlotLayout])[];
  /** One slot, seen as whatever it is. */
  readonly #ints = new Int32Array(2);
  readonly #floats = new Float64Array(this.#ints.buffer);
  readonly #wides = new BigInt64Array(this.#ints.buffer);

  constructor(from: RowLayout, to: RowLayout) {
    this.#from = from;
    this.#to = to;
    this.#same =
      from.slots.length === to.slots.length &&
      from.slots.every(
        ({name, kind}, index) => name === to.slots[index]?.name && kind === to.slots[index].kind,
      );
    this.#slots = from.slots.flatMap((stored) => {
      const wanted = to.slots.find(({name}) => name === stored.name);
      return wanted === undefined ? [] : [[stored, wanted] as const];
    });
  }

  copy(source: Int32Array, target: Int32Array, firstRow: number, rowCount: number): void {
    const [from, to] = [this.#from, this.#to];
    if (this.#same) {
      target.set(source.subarray(0, rowCount * from.rowInts), firstRow * to.rowInts);
      return;
    }
    for (let row = 0; row < rowCount; row += 1) {
      const base = (firstRow + row) * to.rowInts;
      target.fill(0, base, base + to.rowInts);
      this.#copyRow(source, row * from.rowInts, target, base);
    }
  }

  #copyRow(source: Int32Array, at: number, target: Int32Array, base: number): void {
    const [from, to] = [this.#from, this.#to];
    target[base] = source[at]!;
    target[base + 1] = source[at + 1]! & (0xffff | from.keyNullsMask);
    for (let int = 0; int < from.keyInts; int += 1) {
      target[base + to.keyStart + int] = source[at + from.keyStart + int]!;
    }
    for (const [stored, wanted] of this.#slots) {
      const flags = source[at + stored.flagInt]!;
      if ((flags & stored.setMask) !== 0) target[base + wanted.flagInt]! |= wanted.setMask;
      const isWide = (flags & stored.wideMask) !== 0;
      if (isWide) target[base + wanted.flagInt]! |= wanted.wideMask;
      if (stored.word < 0) continue;
      this.#ints[0] = source[at + stored.word * 2]!;
      this.#ints[1] = source[at + stored.word * 2 + 1]!;
      if (stored.kind !== wanted.kind) this.#convert(stored, isWide);
      target[base + wanted.word * 2] = this.#ints[0];
      target[base + wanted.word * 2 + 1] = this.#ints[1];
    }
  }

  #convert({kind, name}: SlotLayout, isWide: boolean): void {
    if (kind === 'float64') this.#floats[0] = wholeNumber(this.#floats[0]!, name);
    else if (isWide) this.#floats[0] = Number(this.#wides[0]!);
  }
}
