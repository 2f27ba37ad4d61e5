import {INLINE_BYTES} from './row-layout.ts';

export function sameBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let index = 0; index < length; index += 1) {
    if (left[leftStart + index] !== right[rightStart + index]) return false;
  }
  return true;
}

/** Whether a string of `length` bytes lies in the row itself. */
export function isInline(length: number): boolean {
  return length <= INLINE_BYTES;
}
