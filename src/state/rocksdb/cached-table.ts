// A keyed table of which only some rows are in memory: a write-back cache over a store. The rows in memory are a HashTable,
// so that a batch whose keys are all there costs what it costs there; the rest of a batch is fetched with one call.
//
//   resolve   finds or makes all rows in the HashTable; those it had to make are looked up in the store at once, and what is
//             found there is filled in. What is not found is new.
//   eviction  at the beginning of `resolve`, when the rows of the batch before are no longer in use: a clock goes round the
//             rows; one that was used since it last came by is passed over once. Dirty ones are handed to the store in one
//             batch; all that were chosen stay until the store has them (leaving-rows.ts), so nobody waits for a write.
//   barrier   the dirty rows are frozen, in no time (`freezeDirty`); the store reads and writes them while records go on
//
// A key that is not in memory is therefore in the store with its newest values, or nowhere; only for deletions that are not done
// yet a lookup has to wait.
//
// Until the first eviction every row is in memory and the store is never asked (`#complete`).
//
// Families of the store: the rows; for a table `byNamespace` an index of the same keys by namespace; and the keys of changed
// rows that were evicted before anybody asked for them. An index entry is written with the row's first put.

import {PackedList} from './packed-list.ts';
import {Eviction} from './eviction.ts';
import {RowEncoder} from './row-encoder.ts';
import {CHANGED, DIRTY, RowFlags, USED} from './row-flags.ts';
import type {RowStore, TableFamilies} from './row-store.ts';
import {RowWriter} from './row-writer.ts';
import {assert} from '../../base/assert.ts';
import {EngineError} from '../../base/errors.ts';
import type {KeyGroupRange} from '../../base/key-groups.ts';
import type {Column} from '../../records/column.ts';
import {HashTable} from '../hashmap/hash-table.ts';
import type {RowLayout} from '../hashmap/row-layout.ts';
import {RowList} from '../row-list.ts';
import type {FrozenTable} from '../snapshot-request.ts';
import type {
  AddedRows,
  KeyedTable,
  RowMemory,
  SlotLayout,
  TableSpec,
  VisitRows,
} from '../state-backend.ts';

/** Entries of a scan at once. */
const SCAN_ENTRIES = 1024;
export interface CachedTableOptions {
  readonly spec: TableSpec;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly uid: string;
  readonly store: RowStore;
  /** Indexes of its families in the store. */
  readonly families: TableFamilies;
  /** Rows and their strings in memory; the rows of one batch may exceed it. */
  readonly cacheBytes: number;
  /** The store holds nothing of it. */
  readonly isEmpty: boolean;
}

/** Rows as they were at a barrier, and the store's ticket for writing them. */
interface FrozenRows {
  readonly ticket: number;
  readonly table: FrozenTable;
}

export class CachedTable implements KeyedTable {
  readonly spec: TableSpec;
  readonly shape: RowLayout;
  readonly #options: CachedTableOptions;
  readonly #table: HashTable;
  readonly #store: RowStore;
  readonly #encoder: RowEncoder;
  readonly #flags = new RowFlags();
  readonly #eviction: Eviction;
  readonly #writer: RowWriter;
  readonly #lookup = new PackedList(64 * 1024, 1024);
  readonly #addedRows = new RowList();
  readonly #addedPositions = new RowList();
  readonly #what: string;
  #rows = new Int32Array(SCAN_ENTRIES);
  #complete: boolean;
  /** What the store may still be reading. */
  #frozen: FrozenRows | null = null;
  /** The key behind which `visitSome` goes on; null: at the first. */
  #cursor: Uint8Array | null = null;

  constructor(options: CachedTableOptions) {
    const {spec, maxParallelism, uid} = options;
    this.spec = spec;
    this.#options = options;
    this.#what = `${uid}.${spec.name}`;
    this.#table = new HashTable(spec, maxParallelism, uid);
    this.shape = this.#table.shape;
    this.#store = options.store;
    this.#encoder = new RowEncoder(spec, this.shape, options.families);
    this.#writer = new RowWriter({
      ...{table: this.#table, flags: this.#flags, encoder: this.#encoder, store: options.store},
    });
    this.#eviction = new Eviction({
      ...{table: this.#table, flags: this.#flags, writer: this.#writer, store: options.store},
      cacheBytes: options.cacheBytes,
      begins: () => this.#becomeIncomplete(),
    });
    this.#complete = true;
    if (!options.isEmpty) this.#becomeIncomplete();
  }

  get rowCount(): number {
    return this.#table.rowCount;
  }

  get added(): AddedRows {
    if (this.#complete) return this.#table.added;
    return {
      count: this.#addedRows.count,
      rows: this.#addedRows.values,
      positions: this.#addedPositions.values,
    };
  }

  get sizeBytes(): number {
    return this.#table.sizeBytes;
  }

  isEmpty(): boolean {
    if (this.#table.liveCount > 0) return false;
    return this.#complete || this.#scanRows(null, 1).keys.count === 0;
  }

  isLive(row: number): boolean {
    return this.#table.isLive(row);
  }

  memory(): RowMemory {
    return this.#table.memory();
  }

  arena(): Uint8Array {
    return this.#table.arena();
  }

  resolve(
    key: readonly Column[],
    selection: Int32Array | null,
    from: number,
    to: number,
    rows: Int32Array,
  ): void {
    this.#evict();
    this.#find(key, selection, from, to, rows);
    this.#flags.setAll(rows, from, to, DIRTY | USED);
  }

  prepareWrite(rows: Int32Array, from: number, to: number): void {
    this.#table.prepareWrite(rows, from, to);
    this.#flags.setAll(rows, from, to, DIRTY | USED);
  }

  deleteRows(rows: Int32Array, from: number, to: number): void {
    assert(this.spec.byNamespace !== true, `${this.#what} is deleted by namespace`);
    this.#deleteRows(rows, from, to);
    this.#writer.flush();
  }

  /** Some entries of the store, of one scan; at the end of a round it gets the rows that it does not have yet. */
  visitSome(places: number, visit: VisitRows): void {
    if (this.#complete) {
      this.#table.visitSome(places, visit);
      return;
    }
    // Before the scan: what leaves memory later is not newer than what the scan finds.
    this.#evict();
    const limit = Math.min(places, SCAN_ENTRIES);
    const {keys, values} = this.#scanRows(this.#cursor, limit);
    const {count} = keys;
    this.#cursor = count < limit ? null : keys.item(count - 1).slice();
    if (count > 0) {
      this.#resolveKeys(keys, 0, values);
      visit(this.#rows, count);
    }
    if (this.#cursor === null) this.#writer.putUnstored();
  }

  visitRows(visit: VisitRows): void {
    if (this.#complete) {
      this.#table.visitRows(visit);
      return;
    }
    this.#writer.putDirty();
    let after: Uint8Array | null = null;
    for (;;) {
      // Before the values are read: what leaves later is not newer than they are.
      this.#evict();
      const {keys, values} = this.#scanRows(after, SCAN_ENTRIES);
      const {count} = keys;
      if (count === 0) return;
      after = keys.item(count - 1).slice();
      this.#resolveKeys(keys, 0, values);
      visit(this.#rows, count);
      if (count < SCAN_ENTRIES) return;
    }
  }

  markChanged(rows: Int32Array, from: number, to: number): void {
    if (this.#complete) this.#table.markChanged(rows, from, to);
    else this.#flags.setAll(rows, from, to, CHANGED);
  }

  visitChanged(visit: VisitRows): void {
    if (this.#complete) {
      this.#table.visitChanged(visit);
      return;
    }
    const changed = this.#flags.takeAll(CHANGED, this.rowCount);
    if (!this.#eviction.hasEvictedChanges) {
      if (changed.count > 0) visit(changed.values, changed.count);
      return;
    }
    for (let at = 0; at < changed.count; at += 1) this.#writer.putChanged(changed.values[at]!);
    this.#writer.flush();
    this.#drainChanged((count) => visit(this.#rows, count));
    this.#eviction.hasEvictedChanges = false;
  }

  namespaces(): readonly number[] {
    if (this.#complete) return this.#table.namespaces();
    this.#writer.putUnstored();
    const found: number[] = [];
    const family = this.#options.families.index;
    let from: Uint8Array = new Uint8Array(0);
    for (;;) {
      const {keys} = this.#store.scan({family, from, isAfter: false, to: null, limit: 1});
      if (keys.count === 0) return found;
      const namespace = this.#encoder.keys.namespaceOf(keys.item(0));
      found.push(namespace);
      from = this.#encoder.keys.indexPrefix(namespace + 1);
    }
  }

  visitNamespace(namespace: number, visit: VisitRows): void {
    if (this.#complete) {
      this.#table.visitNamespace(namespace, visit);
      return;
    }
    this.#writer.putUnstored();
    const family = this.#options.families.index;
    const to = this.#encoder.keys.indexPrefix(namespace + 1);
    let from: Uint8Array = this.#encoder.keys.indexPrefix(namespace);
    for (let isAfter = false; ; isAfter = true) {
      const {keys} = this.#store.scan({family, from, isAfter, to, limit: SCAN_ENTRIES});
      const {count} = keys;
      if (count === 0) return;
      from = keys.item(count - 1).slice();
      this.#evict();
      this.#resolveKeys(keys, this.#encoder.keys.indexBytes, null);
      visit(this.#rows, count);
      if (count < SCAN_ENTRIES) return;
    }
  }

  deleteNamespace(namespace: number): void {
    if (this.#complete) {
      this.#table.visitNamespace(namespace, (rows, count) => this.#writer.forget(rows, 0, count));
      this.#writer.flush();
      this.#table.deleteNamespace(namespace);
      return;
    }
    this.#writer.putUnstored();
    const family = this.#options.families.index;
    const to = this.#encoder.keys.indexPrefix(namespace + 1);
    let from: Uint8Array = this.#encoder.keys.indexPrefix(namespace);
    // Behind what is deleted already: the store would step over each of those once more.
    for (let isAfter = false; ; isAfter = true) {
      const {keys} = this.#store.scan({family, from, isAfter, to, limit: SCAN_ENTRIES});
      if (keys.count === 0) return;
      from = keys.item(keys.count - 1).slice();
      this.#evict();
      this.#resolveKeys(keys, this.#encoder.keys.indexBytes, 'unread');
      this.#deleteRows(this.#rows, 0, keys.count);
      this.#writer.flush();
    }
  }

  readKey(index: number, rows: Int32Array, from: number, to: number): Column {
    return this.#table.readKey(index, rows, from, to);
  }

  bytesStart(row: number, slot: SlotLayout): number {
    return this.#table.bytesStart(row, slot);
  }

  bytesLength(row: number, slot: SlotLayout): number {
    return this.#table.bytesLength(row, slot);
  }

  writeBytes(row: number, slot: SlotLayout, bytes: Uint8Array, start: number, end: number): void {
    this.#table.writeBytes(row, slot, bytes, start, end);
  }

  /** All dirty rows as they are now are handed to the store; they may change at once. */
  freezeDirty(): void {
    if (this.#frozen !== null) {
      this.#store.settle(this.#frozen.ticket);
      this.#releaseFrozen(this.#frozen);
    }
    const {spec} = this;
    const {families} = this.#options;
    const table = this.#table.freeze();
    const flags = this.#flags.freeze(this.rowCount);
    // Whatever the store does not have is dirty.
    this.#writer.unstoredCount = 0;
    const ticket = this.#store.writeFrozen({spec, families, table, flags});
    this.#frozen = {ticket, table};
    this.#writer.ticket = ticket;
  }

  #releaseFrozen({table}: FrozenRows): void {
    this.#table.release(table);
    this.#frozen = null;
  }

  #find(
    key: readonly Column[],
    selection: Int32Array | null,
    from: number,
    to: number,
    rows: Int32Array,
  ): void {
    this.#table.resolve(key, selection, from, to, rows);
    const {count, rows: made, positions} = this.#table.added;
    this.#flags.reserve(this.#table.rowCount);
    this.#addedRows.clear();
    this.#addedPositions.clear();
    this.#writer.unstoredCount += count;
    if (this.#complete || count === 0) return;
    this.#store.settle(this.#writer.deleteTicket);
    const {found, values} = this.#store.getMany(
      this.#options.families.rows,
      this.#keysOf(made, count),
    );
    for (let at = 0; at < count; at += 1) {
      const row = made[at]!;
      if (found[at] === 1) {
        this.#fill(row, values, at);
        continue;
      }
      this.#addedRows.push(row);
      this.#addedPositions.push(positions[at]!);
    }
  }

  /**
   * The rows of keys that are in the store go to `#rows`. `skip`: bytes before each key. `values`: of a scan of rows; null:
   * those that are not in memory are fetched; 'unread': nobody looks at them.
   */
  #resolveKeys(keys: PackedList, skip: number, values: PackedList | null | 'unread'): void {
    const {count} = keys;
    if (this.#rows.length < count) this.#rows = new Int32Array(count * 2);
    const columns = this.#encoder.keys.decode(keys, skip);
    if (columns === null) throw this.#damaged('a key');
    if (values === null) {
      this.#find(columns, null, 0, count, this.#rows);
      if (this.#addedRows.count > 0) throw this.#damaged('a key without a row');
      this.#flags.setAll(this.#rows, 0, count, USED);
      return;
    }
    this.#table.resolve(columns, null, 0, count, this.#rows);
    this.#flags.reserve(this.#table.rowCount);
    const {count: made, rows, positions} = this.#table.added;
    this.#writer.unstoredCount += made;
    for (let at = 0; at < made; at += 1) {
      if (values === 'unread') this.#writer.noteStored(rows[at]!);
      else this.#fill(rows[at]!, values, positions[at]!);
    }
  }

  /** Rows whose keys were noted in the store, in `#rows`; they are noted no longer. */
  #drainChanged(take: (count: number) => void): void {
    const family = this.#options.families.changed;
    let from = new Uint8Array(0);
    // As in `deleteNamespace`.
    for (let isAfter = false; ; isAfter = true) {
      const {keys} = this.#store.scan({family, from, isAfter, to: null, limit: SCAN_ENTRIES});
      const {count} = keys;
      if (count === 0) return;
      from = keys.item(count - 1).slice();
      for (let at = 0; at < count; at += 1) this.#writer.deleteKey(family, keys.item(at));
      this.#writer.flush();
      this.#evict();
      this.#resolveKeys(keys, 0, null);
      take(count);
    }
  }

  #fill(row: number, values: PackedList, at: number): void {
    const isWhole = this.#encoder.codec.decodeValues(
      this.#table,
      row,
      values.bytes,
      values.startOf(at),
      values.ends[at]!,
    );
    if (!isWhole) throw this.#damaged('the values of a row');
    this.#writer.noteStored(row);
  }

  #keysOf(rows: Int32Array, count: number): PackedList {
    const keys = this.#lookup;
    keys.clear();
    const [memory, arena] = [this.#table.memory(), this.#table.arena()];
    for (let at = 0; at < count; at += 1) {
      this.#encoder.codec.encodeKey(memory, arena, rows[at]!, keys);
      keys.endItem();
    }
    return keys;
  }

  /** Makes room in the cache. The rows of the last batch are no longer in use. */
  #evict(): void {
    if (this.#frozen !== null && this.#frozen.ticket <= this.#store.written) {
      this.#releaseFrozen(this.#frozen);
    }
    this.#eviction.makeRoom();
  }

  /** From here on a row may be in the store only. */
  #becomeIncomplete(): void {
    if (!this.#complete) return;
    this.#complete = false;
    this.#table.dropNamespaces();
    this.#table.visitChanged((rows, count) => this.#flags.setAll(rows, 0, count, CHANGED));
  }

  #deleteRows(rows: Int32Array, from: number, to: number): void {
    if (this.#eviction.hasEvictedChanges) this.#writer.forgetChanged(rows, from, to);
    this.#writer.forget(rows, from, to);
    this.#table.deleteRows(rows, from, to);
  }

  #scanRows(after: Uint8Array | null, limit: number): ReturnType<RowStore['scan']> {
    return this.#store.scan({
      family: this.#options.families.rows,
      from: after ?? new Uint8Array(0),
      isAfter: after !== null,
      to: null,
      limit,
    });
  }

  #damaged(what: string): EngineError {
    return new EngineError(
      'STORAGE_FAILED',
      `the live RocksDB database of ${this.#what} is damaged: ${what} is not what was written`,
      {hint: 'The job resumes from its newest checkpoint. Check the disk and the memory.'},
    );
  }
}
