// What the rows of a chunk must be before any of them is used: each of the key group of its run, and its strings exactly those
// that the chunk holds.

import type {stringCells} from './hashmap/chunk-encoder.ts';
import {GROUP_MASK, LIVE_BIT} from './hashmap/row-layout.ts';
import type {ChunkRows} from './snapshot-chunk.ts';
import {damaged} from './snapshot-format.ts';

export function checkKeyGroups(
  {rows, groups, offset}: ChunkRows,
  rowInts: number,
  path: string,
): void {
  let at = 1;
  for (const {group, endRow} of groups) {
    const expected = group | LIVE_BIT;
    for (const end = endRow * rowInts; at < end; at += rowInts) {
      if ((rows[at]! & (GROUP_MASK | LIVE_BIT)) === expected) continue;
      throw damaged(path, offset + at * 4, `a row of another key group than ${group}`);
    }
  }
}

/** Writes into the rows what `place` gives for each long string, which is `strings[start, end)`. */
export function placeStrings(
  {rows, rowCount, strings, offset}: ChunkRows,
  cells: ReturnType<typeof stringCells>,
  rowInts: number,
  path: string,
  place: (start: number, end: number) => number,
): void {
  let used = 0;
  for (let base = 0; base < rowCount * rowInts; base += rowInts) {
    for (const cell of cells) {
      const length = rows[base + cell.length]!;
      if ((rows[base + cell.flagInt]! & cell.setMask) === 0) continue;
      if (length < 0 || (length > cell.inlineMax && used + length > strings.length)) {
        throw damaged(path, offset + (base + cell.length) * 4, `a string of ${length} bytes`);
      }
      if (length <= cell.inlineMax) continue;
      rows[base + cell.address] = place(used, used + length);
      used += length;
    }
  }
  if (used !== strings.length) throw damaged(path, offset, 'strings that belong to no row');
}
