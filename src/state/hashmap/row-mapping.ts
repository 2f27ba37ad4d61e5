import type {RowLayout} from './row-layout.ts';
import {must} from '../../base/assert.ts';

/**
 * Copies rows of a state file into a table that has the same key and at least the same slots. Slots that
 * the file does not have begin at zero and not set.
 */
export class RowMapping {
  readonly #from: RowLayout;
  readonly #to: RowLayout;
  readonly #same: boolean;

  constructor(from: RowLayout, to: RowLayout) {
    this.#from = from;
    this.#to = to;
    this.#same =
      from.slots.length === to.slots.length &&
      from.slots.every((slot, index) => slot.name === to.slots[index]?.name);
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
    for (const slot of from.slots) {
      const now = must(
        to.slots.find((candidate) => candidate.name === slot.name),
        slot.name,
      );
      const flags = source[at + slot.flagInt]!;
      if ((flags & slot.setMask) !== 0) target[base + now.flagInt]! |= now.setMask;
      if ((flags & slot.wideMask) !== 0) target[base + now.flagInt]! |= now.wideMask;
      if (slot.word < 0) continue;
      target[base + now.word * 2] = source[at + slot.word * 2]!;
      target[base + now.word * 2 + 1] = source[at + slot.word * 2 + 1]!;
    }
  }
}
