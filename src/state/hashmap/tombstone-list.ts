import {ByteArena, ADDRESS_BYTES} from './byte-arena.ts';
import {isInline} from './key-bytes.ts';
import {keyLayout, LIVE_BIT, rowLayout, type RowLayout} from './row-layout.ts';
import {SharedRegion} from './shared-region.ts';
import type {FrozenTombstones} from '../snapshot-request.ts';
import type {TableSpec} from '../state-backend.ts';

/** Keys of deleted rows, in shared memory: rows of a table with the same key and no slots (`keyLayout`). */
export class TombstoneList {
  count = 0;
  readonly #layout: RowLayout;
  readonly #table: RowLayout;
  readonly #rows: SharedRegion;
  #ints: Int32Array = new Int32Array(0);
  readonly #arena: ByteArena;

  constructor(spec: TableSpec, what: string) {
    this.#layout = keyLayout(spec);
    this.#table = rowLayout(spec);
    this.#rows = new SharedRegion(`the deleted keys of ${what}`);
    this.#arena = new ByteArena(`the deleted keys of ${what}`);
  }

  /** Copies the key of the table's row at `base` of `ints`. */
  add(ints: Int32Array, base: number, arena: Uint8Array): void {
    const table = this.#table;
    const to = this.#append(
      ints[base]!,
      (ints[base + 1]! & (0xffff | table.keyNullsMask)) | LIVE_BIT,
    );
    this.#copyKey(ints, base + table.keyStart, to, arena);
  }

  addAll(other: TombstoneList): void {
    const {rowInts, keyStart} = this.#layout;
    for (let row = 0; row < other.count; row += 1) {
      const base = row * rowInts;
      const to = this.#append(other.#ints[base]!, other.#ints[base + 1]!);
      this.#copyKey(other.#ints, base + keyStart, to, other.#arena.bytes);
    }
  }

  clear(): void {
    this.count = 0;
    this.#arena.clear();
  }

  freeze(): FrozenTombstones {
    return {count: this.count, rows: this.#rows.buffer, arena: this.#arena.region.buffer};
  }

  /** A row of nothing but hash and flags; returns its first int. */
  #append(hash: number, meta: number): number {
    const {rowInts} = this.#layout;
    const base = this.count * rowInts;
    if (this.#rows.ensure((this.count + 1) * rowInts * 4)) {
      const {buffer} = this.#rows;
      this.#ints = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    }
    this.#ints.fill(0, base, base + rowInts);
    this.#ints[base] = hash;
    this.#ints[base + 1] = meta;
    this.count += 1;
    return base;
  }

  /** Key cells lie in the same order in both layouts. */
  #copyKey(source: Int32Array, from: number, base: number, arena: Uint8Array): void {
    const {key, keyStart, keyInts} = this.#layout;
    const ints = this.#ints;
    for (let int = 0; int < keyInts; int += 1) ints[base + keyStart + int] = source[from + int]!;
    for (const cell of key) {
      const length = ints[base + cell.offset]!;
      if (cell.layout !== 'bytes' || isInline(length)) continue;
      const start = ints[base + cell.offset + 3]! * ADDRESS_BYTES;
      ints[base + cell.offset + 3] = this.#arena.append(arena, start, start + length);
    }
  }
}
