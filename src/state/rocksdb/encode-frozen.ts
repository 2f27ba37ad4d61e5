// The store's side of a freeze: its rows, page by page, as operations, while the table goes on (the protocol of the pages:
// ../hashmap/page-guard.ts).

import {RowEncoder} from './row-encoder.ts';
import {DIRTY, STORED} from './row-flags.ts';
import type {FrozenRows} from './row-store.ts';
import type {WriteBatch} from './write-batch.ts';
import {FrozenReader} from '../hashmap/frozen-reader.ts';
import {rowLayout} from '../hashmap/row-layout.ts';
import type {RowMemory} from '../state-backend.ts';

/** Adds to `batch`, and yields whenever it has `operationsMax` or more, and at the end the rest: the caller takes them. */
export function* encodeFrozen(
  {spec, families, table, flags}: FrozenRows,
  batch: WriteBatch,
  operationsMax: number,
): Generator<void> {
  const layout = rowLayout(spec);
  const encoder = new RowEncoder(spec, layout, families);
  const reader = new FrozenReader(table);
  const {count, pageInts} = table.pages;
  const pageRows = 2 ** layout.pageShift;
  const memory = newPage(pageInts);
  const arena = new Uint8Array(table.arena, 0, table.arena.byteLength);
  // First of all the pages that need no copy when the table changes them.
  const dirtyPages: number[] = [];
  for (let page = 0; page < count; page += 1) {
    if (hasDirty(flags, page * pageRows, (page + 1) * pageRows)) dirtyPages.push(page);
    else reader.skip(page);
  }
  for (const page of dirtyPages) {
    reader.take(page, memory.ints, 0);
    const first = page * pageRows;
    const end = Math.min(first + pageRows, flags.length);
    for (let row = first; row < end; row += 1) {
      const flag = flags[row]!;
      if ((flag & DIRTY) === 0) continue;
      encoder.put(memory, arena, row - first, (flag & STORED) !== 0, batch);
    }
    if (batch.operationCount >= operationsMax) yield;
  }
  if (batch.operationCount > 0) yield;
}

function newPage(pageInts: number): RowMemory {
  const buffer = new ArrayBuffer(Math.ceil(pageInts / 2) * 8);
  return {
    ints: new Int32Array(buffer),
    floats: new Float64Array(buffer),
    wides: new BigInt64Array(buffer),
  };
}

function hasDirty(flags: Uint8Array, from: number, to: number): boolean {
  const end = Math.min(to, flags.length);
  for (let row = from; row < end; row += 1) if ((flags[row]! & DIRTY) !== 0) return true;
  return false;
}
