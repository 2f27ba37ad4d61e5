import {ByteArena, ADDRESS_BYTES, paddedLength} from './byte-arena.ts';
import {KeyIndex, SEGMENT_MASK} from './key-index.ts';
import {BLOCK_ROWS, compileKeyKernel, newKeyBlock} from './key-kernel.ts';
import type {KeyBlock, KeyKernel} from './key-kernel.ts';
import {ChangeTracker} from './change-tracker.ts';
import {findStored, hasKeyOf, type KeyedRows} from './compare-keys.ts';
import {isInline} from './key-bytes.ts';
import {PageGuard} from './page-guard.ts';
import {readKeyColumn} from './read-key-column.ts';
import {LIVE_BIT, rowLayout, type RowLayout} from './row-layout.ts';
import {NamespaceRows} from './namespace-rows.ts';
import {NotedRows} from './noted-rows.ts';
import {RowList} from '../row-list.ts';
import {addressCells, arenaBytesOf} from './row-strings.ts';
import {SharedRegion} from './shared-region.ts';
import type {FrozenTable} from '../snapshot-request.ts';
import type {
  AddedRows,
  KeyedTable,
  RowMemory,
  SlotLayout,
  TableSpec,
  VisitRows,
} from '../state-backend.ts';
import {assert} from '../../base/assert.ts';
import {keyGroupOf} from '../../base/key-groups.ts';
import type {BytesColumn, Column} from '../../records/column.ts';

/** Looked at in one step when all rows are visited. */
const VISITED_ROWS = 4096;

/**
 * All rows resident: dense rows of fixed width in shared memory, an index from the key's hash to the row,
 * strings in an arena. See row-layout.ts for a row, page-guard.ts for how a snapshot reads it meanwhile.
 */
export class HashTable implements KeyedTable {
  readonly spec: TableSpec;
  readonly shape: RowLayout;
  readonly #maxParallelism: number;
  readonly #kernel: KeyKernel;
  readonly #block: KeyBlock;
  readonly #index: KeyIndex;
  readonly #guard: PageGuard;
  readonly #rows: SharedRegion;
  readonly #free = new RowList();
  readonly #addedRows = new RowList();
  readonly #addedPositions = new RowList();
  readonly #what: string;
  readonly #noted = new NotedRows();
  /** Of `visitSome`, and the row at which it goes on. */
  readonly #some = new RowList();
  #cursor = 0;
  /** Of a table `byNamespace`; null: it has none, or keeps no lists any more. */
  #namespaces: NamespaceRows | null;
  #arena: ByteArena;
  #memory: RowMemory;
  #rowCount = 0;
  /** Rows that memory is there for. */
  #capacity = 0;
  #changes: ChangeTracker | null = null;

  constructor(spec: TableSpec, maxParallelism: number, owner: string) {
    this.spec = spec;
    this.shape = rowLayout(spec);
    this.#what = `${owner}.${spec.name}`;
    this.#maxParallelism = maxParallelism;
    this.#kernel = compileKeyKernel(this.shape, spec.keyGroupColumns);
    this.#block = newKeyBlock(this.shape, spec.keyGroupColumns < spec.key.length);
    this.#index = new KeyIndex(this.#what);
    this.#guard = new PageGuard(this.#what, this.shape.rowInts, this.shape.pageShift);
    this.#rows = new SharedRegion(`state of ${this.#what}`);
    this.#arena = new ByteArena(this.#what);
    this.#memory = viewRows(this.#rows);
    this.#namespaces = spec.byNamespace === true ? new NamespaceRows() : null;
  }

  /** Null: every snapshot has all rows. */
  get changes(): ChangeTracker | null {
    return this.#changes;
  }

  /** Once: snapshots may from here on hold only what has changed. */
  trackChanges(): void {
    this.#changes = new ChangeTracker(this.spec, this.#what);
    this.#changes.setCapacity(this.#capacity);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get liveCount(): number {
    return this.#rowCount - this.#free.count;
  }

  get added(): AddedRows {
    return {
      count: this.#addedRows.count,
      rows: this.#addedRows.values,
      positions: this.#addedPositions.values,
    };
  }

  get sizeBytes(): number {
    const rows = this.#rowCount * this.shape.rowInts * 4;
    return rows + this.#index.sizeBytes + this.#arena.sizeBytes + this.#guard.sizeBytes;
  }

  /** Of the strings in its arena that rows refer to. */
  get stringBytes(): number {
    return this.#arena.sizeBytes - this.#arena.garbageBytes;
  }

  isEmpty(): boolean {
    return this.liveCount === 0;
  }

  isLive(row: number): boolean {
    return (this.#memory.ints[row * this.shape.rowInts + 1]! & LIVE_BIT) !== 0;
  }

  memory(): RowMemory {
    return this.#memory;
  }

  arena(): Uint8Array {
    return this.#arena.bytes;
  }

  resolve(
    key: readonly Column[],
    selection: Int32Array | null,
    from: number,
    to: number,
    rows: Int32Array,
  ): void {
    assert(key.length === this.spec.key.length, `${this.#what}: ${key.length} key columns`);
    this.#addedRows.clear();
    this.#addedPositions.clear();
    if (this.#guard.active ? this.#arena.mostlyGarbage : this.#arena.wasteful) this.#compactArena();
    const block = this.#block;
    for (let start = from; start < to; start += BLOCK_ROWS) {
      const end = Math.min(to, start + BLOCK_ROWS);
      this.#kernel.hashKeys(key, selection, start, end, block);
      const missing = this.#kernel.findRows(
        ...([key, selection, start, end, block, rows, this.#index] as const),
        ...([this.#memory.ints, this.#arena.bytes] as const),
      );
      for (let miss = 0; miss < missing; miss += 1) {
        const place = block.misses[miss]!;
        const position = start + place;
        const row = selection === null ? position : selection[position]!;
        rows[position] = this.#findOrAdd(key, row, place, position);
      }
      this.#guard.protectAll(rows, start, end);
      this.#changes?.markAll(rows, start, end);
    }
    const {count} = this.#addedRows;
    if (this.#namespaces !== null && count > 0) this.#list(this.#addedRows.values, count);
  }

  prepareWrite(rows: Int32Array, from: number, to: number): void {
    this.#guard.protectAll(rows, from, to);
    this.#changes?.markAll(rows, from, to);
  }

  deleteRows(rows: Int32Array, from: number, to: number): void {
    assert(this.#namespaces === null, `${this.#what} is deleted by namespace`);
    this.#deleteRows(rows, from, to);
  }

  visitSome(places: number, visit: VisitRows): void {
    const some = this.#some;
    some.clear();
    for (let looks = Math.min(places, this.#rowCount); looks > 0; looks -= 1) {
      if (this.#cursor >= this.#rowCount) this.#cursor = 0;
      if (this.isLive(this.#cursor)) some.push(this.#cursor);
      this.#cursor += 1;
    }
    if (some.count > 0) visit(some.values, some.count);
  }

  visitRows(visit: VisitRows): void {
    const live = new Int32Array(VISITED_ROWS);
    for (let from = 0; from < this.#rowCount; from += VISITED_ROWS) {
      const to = Math.min(this.#rowCount, from + VISITED_ROWS);
      let count = 0;
      for (let row = from; row < to; row += 1) if (this.isLive(row)) live[count++] = row;
      if (count > 0) visit(live, count);
    }
  }

  markChanged(rows: Int32Array, from: number, to: number): void {
    this.#noted.mark(rows, from, to, this.#rowCount);
  }

  visitChanged(visit: VisitRows): void {
    this.#noted.take(visit);
  }

  namespaces(): readonly number[] {
    return this.#lists.namespaces();
  }

  visitNamespace(namespace: number, visit: VisitRows): void {
    const {values, count} = this.#lists.rowsOf(namespace);
    if (count > 0) visit(values, count);
  }

  deleteNamespace(namespace: number): void {
    const {values, count} = this.#lists.take(namespace);
    this.#deleteRows(values, 0, count);
  }

  /** After a restore, which puts rows in place and takes them away without listing them. */
  listNamespaces(): void {
    if (this.#namespaces === null) return;
    this.#namespaces = new NamespaceRows();
    this.visitRows((rows, count) => this.#list(rows, count));
  }

  /** From here on rows are deleted one by one, and nobody asks by namespace. */
  dropNamespaces(): void {
    this.#namespaces = null;
  }

  get #lists(): NamespaceRows {
    assert(this.#namespaces !== null, `${this.#what} has no rows by namespace`);
    return this.#namespaces;
  }

  /** Lists rows under their namespace. */
  #list(rows: Int32Array, count: number): void {
    const column = this.readKey(this.shape.key.length - 1, rows, 0, count);
    assert(column.layout === 'float64', 'a namespace is a timestamp');
    for (let at = 0; at < count; at += 1) this.#lists.add(column.values[at]!, rows[at]!);
  }

  #deleteRows(rows: Int32Array, from: number, to: number): void {
    this.#noted.forget(rows, from, to);
    this.#guard.protectAll(rows, from, to);
    const ints = this.#memory.ints;
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      const base = row * this.shape.rowInts;
      assert((ints[base + 1]! & LIVE_BIT) !== 0, `${this.#what}: row ${row} is deleted twice`);
      this.#changes?.deleted(row, ints, base, this.#arena.bytes, this.liveCount);
      this.#index.remove(ints[base]!, row);
      this.#arena.garbageBytes += this.#arenaBytesOf(base);
      ints[base + 1] = 0;
      this.#free.push(row);
    }
  }

  readKey(index: number, rows: Int32Array, from: number, to: number): Column {
    const cell = this.shape.key[index];
    assert(cell !== undefined, `${this.#what} has no key column ${index}`);
    return readKeyColumn(
      cell,
      {ints: this.#memory.ints, rowInts: this.shape.rowInts, arena: this.#arena.bytes},
      rows,
      from,
      to,
    );
  }

  bytesStart(row: number, slot: SlotLayout): number {
    return this.#memory.ints[row * this.shape.rowInts + slot.word * 2 + 1]! * ADDRESS_BYTES;
  }

  bytesLength(row: number, slot: SlotLayout): number {
    return this.#memory.ints[row * this.shape.rowInts + slot.word * 2]!;
  }

  writeBytes(row: number, slot: SlotLayout, bytes: Uint8Array, start: number, end: number): void {
    const ints = this.#memory.ints;
    const base = row * this.shape.rowInts;
    const at = base + slot.word * 2;
    const isSet = (ints[base + slot.flagInt]! & slot.setMask) !== 0;
    const room = isSet ? paddedLength(ints[at]!) : 0;
    const needed = paddedLength(end - start);
    if (isSet && needed <= room && !this.#guard.active) {
      this.#arena.write(ints[at + 1]! * ADDRESS_BYTES, bytes, start, end);
      this.#arena.garbageBytes += room - needed;
    } else {
      ints[at + 1] = this.#arena.append(bytes, start, end);
      this.#arena.garbageBytes += room;
    }
    ints[at] = end - start;
    ints[base + slot.flagInt]! |= slot.setMask;
  }

  /** Why it cannot be frozen yet; null: it can. */
  refusesFreeze(): string | null {
    return this.#guard.refuses(this.#rowCount);
  }

  /** All rows as they are now, until `release`. They are to be read in the order of the freezes, one after another. */
  freeze(): FrozenTable {
    return {
      pages: this.#guard.freeze(this.#rowCount),
      rows: this.#rows.buffer,
      rowCount: this.#rowCount,
      arena: this.#arena.region.buffer,
    };
  }

  /** Nobody reads `frozen` any more. */
  release(frozen: FrozenTable): void {
    this.#guard.release(frozen.pages);
  }

  /** Makes `count` rows at the end for a restore, to be filled in and then handed to `index`. */
  appendRows(count: number): number {
    const first = this.#rowCount;
    this.#reserve(first + count);
    this.#rowCount += count;
    return first;
  }

  /** Puts filled-in rows [first, end) into the index: best all at once. Their keys must not be there yet. */
  indexRows(first: number, end: number): void {
    this.#index.insertRows(this.#memory.ints, this.shape.rowInts, first, end);
  }

  /** Filled-in rows [first, end), the last there are: each takes the place of the row of its key, if there is one. */
  replaceRows(first: number, end: number): void {
    const {ints} = this.#memory;
    const size = this.shape.rowInts;
    const rows = this.#keyedRows;
    let next = first;
    for (let row = first; row < end; row += 1) {
      const base = row * size;
      const old = findStored(rows, this.#index, base);
      if (old >= 0) this.#arena.garbageBytes += this.#arenaBytesOf(old * size);
      else this.#index.insert(ints[base]!, next);
      const target = old >= 0 ? old : next;
      if (target !== row) ints.copyWithin(target * size, base, base + size);
      if (old < 0) next += 1;
    }
    this.#rowCount = next;
  }

  /** Filled-in rows [first, end), the last there are: they go again, and the rows that have their keys. */
  removeRows(first: number, end: number): void {
    const {ints} = this.#memory;
    const size = this.shape.rowInts;
    const rows = this.#keyedRows;
    for (let row = first; row < end; row += 1) {
      const old = findStored(rows, this.#index, row * size);
      this.#arena.garbageBytes += this.#arenaBytesOf(row * size);
      if (old < 0) continue;
      this.#index.remove(ints[old * size]!, old);
      this.#arena.garbageBytes += this.#arenaBytesOf(old * size);
      ints[old * size + 1] = 0;
      this.#free.push(old);
    }
    this.#rowCount = first;
  }

  appendBytes(bytes: Uint8Array, start: number, end: number): number {
    return this.#arena.append(bytes, start, end);
  }

  /** The row of a key that the kernel did not find: it is not there, or was added within the block. */
  #findOrAdd(key: readonly Column[], columnRow: number, place: number, position: number): number {
    const {entries, directory, shift} = this.#index;
    const rows = this.#keyedRows;
    const hash = this.#block.hashes[place]!;
    const first = directory[hash >>> shift]!;
    for (let slot = hash; ; slot += 1) {
      const at = (first + (slot & SEGMENT_MASK)) * 2;
      const entry = entries[at + 1]!;
      if (entry === 0) break;
      if (entries[at] !== hash) continue;
      const base = (entry - 1) * this.shape.rowInts;
      if (hasKeyOf(rows, base, this.#block, place, key, columnRow)) return entry - 1;
    }
    const row = this.#addRow(key, columnRow, place);
    this.#addedRows.push(row);
    this.#addedPositions.push(position);
    return row;
  }

  get #keyedRows(): KeyedRows {
    return {layout: this.shape, ints: this.#memory.ints, arena: this.#arena.bytes};
  }

  #addRow(key: readonly Column[], columnRow: number, place: number): number {
    const row = this.#newRow();
    this.#changes?.added(row);
    const {image, nulls, hashes, groupHashes} = this.#block;
    const ints = this.#memory.ints;
    const size = this.shape.rowInts;
    const base = row * size;
    for (let int = base; int < base + size; int += 1) ints[int] = 0;
    ints[base] = hashes[place]!;
    const group = keyGroupOf(groupHashes[place]!, this.#maxParallelism);
    ints[base + 1] = group | LIVE_BIT | nulls[place]!;
    const from = place * this.shape.keyInts;
    for (let int = 0; int < this.shape.keyInts; int += 1) {
      ints[base + this.shape.keyStart + int] = image[from + int]!;
    }
    for (let index = 0; index < this.shape.key.length; index += 1) {
      const cell = this.shape.key[index]!;
      if (cell.layout !== 'bytes' || isInline(ints[base + cell.offset]!)) continue;
      const column = key[index] as BytesColumn;
      const start = column.starts[columnRow]!;
      const end = column.ends[columnRow]!;
      ints[base + cell.offset + 3] = this.#arena.append(column.bytes, start, end);
    }
    this.#index.insert(hashes[place]!, row);
    return row;
  }

  #newRow(): number {
    if (this.#free.count > 0) {
      const row = this.#free.pop();
      this.#guard.protect(row);
      return row;
    }
    const row = this.#rowCount;
    if (row >= this.#capacity) this.#reserve(row + 1);
    this.#rowCount += 1;
    return row;
  }

  /** Memory for `count` rows, in whole pages. */
  #reserve(count: number): void {
    const page = 2 ** this.shape.pageShift;
    const rows = Math.ceil(count / page) * page;
    if (this.#rows.ensure(rows * this.shape.rowInts * 4)) {
      this.#memory = viewRows(this.#rows);
      this.#guard.setRows(this.#memory.ints);
    }
    if (rows <= this.#capacity) return;
    this.#capacity = rows;
    this.#changes?.setCapacity(rows);
  }

  #arenaBytesOf(base: number): number {
    return arenaBytesOf(this.shape, this.#memory.ints, base);
  }

  /** Moves what is in use to a fresh arena; snapshots have the one of their freeze. */
  #compactArena(): void {
    const arena = new ByteArena(this.#what);
    const ints = this.#memory.ints;
    const slotsFrom = this.shape.keyStart + this.shape.keyInts;
    for (let row = 0; row < this.#rowCount; row += 1) {
      if (!this.isLive(row)) continue;
      const base = row * this.shape.rowInts;
      for (const at of addressCells(this.shape, ints, base)) {
        this.#guard.protect(row);
        const address = at < base + slotsFrom ? at + 3 : at + 1;
        const start = ints[address]! * ADDRESS_BYTES;
        ints[address] = arena.append(this.#arena.bytes, start, start + ints[at]!);
      }
    }
    this.#arena = arena;
  }
}

function viewRows(region: SharedRegion): RowMemory {
  const {buffer} = region;
  const words = Math.floor(buffer.byteLength / 8);
  return {
    ints: new Int32Array(buffer, 0, words * 2),
    floats: new Float64Array(buffer, 0, words),
    wides: new BigInt64Array(buffer, 0, words),
  };
}
