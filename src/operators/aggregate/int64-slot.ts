// The slow side of exact 64-bit slots: values beyond ±(2^53 - 1), which kernels leave to these helpers.

import type {RowMemory, SlotLayout} from '../../state/state-backend.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The value of a slot: a double when it is exact, else a bigint. */
export function readInt64(
  memory: RowMemory,
  shape: {readonly rowInts: number; readonly rowWords: number},
  row: number,
  slot: SlotLayout,
): number | bigint {
  const isWide = (memory.ints[row * shape.rowInts + slot.flagInt]! & slot.wideMask) !== 0;
  const word = row * shape.rowWords + slot.word;
  return isWide ? memory.wides[word]! : memory.floats[word]!;
}

/** Sets the slot. False: the value does not fit 64 bits, and nothing is changed. */
export function writeInt64(
  memory: RowMemory,
  shape: {readonly rowInts: number; readonly rowWords: number},
  row: number,
  slot: SlotLayout,
  value: bigint,
): boolean {
  if (value < INT64_MIN || value > INT64_MAX) return false;
  const word = row * shape.rowWords + slot.word;
  const flags = row * shape.rowInts + slot.flagInt;
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    memory.floats[word] = number;
    memory.ints[flags] = (memory.ints[flags]! & ~slot.wideMask) | slot.setMask;
  } else {
    memory.wides[word] = value;
    memory.ints[flags]! |= slot.wideMask | slot.setMask;
  }
  return true;
}
