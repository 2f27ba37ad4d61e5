import {LeavingRows} from './leaving-rows.ts';
import {CHANGED, DIRTY, USED, type RowFlags} from './row-flags.ts';
import type {RowStore} from './row-store.ts';
import type {RowWriter} from './row-writer.ts';
import type {HashTable} from '../hashmap/hash-table.ts';

/** Rows leave when more of the cache is in use; the rest is for those whose writes are not done. */
const KEPT_SHARE = 15 / 16;
/** Rows that leave at once, so that not every batch evicts; at most as large a share of the cache. */
const LEAVING_ROWS = 4096;
const LEAVING_SHARE = 1 / 16;
/** A row's place in the index and its flags. */
const ROW_EXTRA_BYTES = 21;

export interface EvictionOptions {
  readonly table: HashTable;
  readonly flags: RowFlags;
  readonly writer: RowWriter;
  readonly store: RowStore;
  /** The rows of one batch may exceed it. */
  readonly cacheBytes: number;
  /** Called before rows are chosen. */
  readonly begins: () => void;
}

/** Chooses the rows that leave the cache, and takes them out when the store has them. */
export class Eviction {
  /** Keys of rows that were noted as changed went to the store. */
  hasEvictedChanges = false;
  readonly #options: EvictionOptions;
  readonly #leaving: LeavingRows;
  #hand = 0;

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#leaving = new LeavingRows(options.flags);
  }

  /** No row is in use. */
  makeRoom(): void {
    const {cacheBytes, store} = this.#options;
    this.#letLeave();
    if (this.#stayingBytes > cacheBytes * KEPT_SHARE) this.#choose();
    // The store does not keep up.
    while (this.#usedBytes > cacheBytes) {
      const ticket = this.#leaving.nextTicket;
      if (ticket === null) return;
      store.settle(ticket);
      this.#letLeave();
      if (this.#stayingBytes > cacheBytes) this.#choose();
    }
  }

  /** What was chosen and written leaves. */
  #letLeave(): void {
    if (this.#leaving.count === 0) return;
    const {table, flags, store} = this.#options;
    const gone = this.#leaving.take(store.written);
    table.deleteRows(gone.values, 0, gone.count);
    for (let at = 0; at < gone.count; at += 1) flags.reset(gone.values[at]!);
  }

  /** Chooses rows to leave, and hands over those that the store does not have as they are. */
  #choose(): void {
    if (this.#leaving.isFull) return;
    const {table, flags, writer, cacheBytes, begins} = this.#options;
    begins();
    const rowBytes = this.#usedBytes / Math.max(1, table.liveCount);
    const step = Math.min(LEAVING_ROWS * rowBytes, cacheBytes * LEAVING_SHARE);
    const wanted = (this.#stayingBytes - cacheBytes * KEPT_SHARE + step) / rowBytes;
    const {number, rows} = this.#leaving.begin();
    const {rowCount} = table;
    // Twice around: what was used loses its mark the first time.
    for (let steps = rowCount * 2; steps > 0 && rows.count < wanted; steps -= 1) {
      this.#hand = this.#hand + 1 < rowCount ? this.#hand + 1 : 0;
      const row = this.#hand;
      if (!table.isLive(row) || flags.groupOf(row) !== 0) continue;
      if (flags.has(row, USED)) {
        flags.clear(row, USED);
        continue;
      }
      if (flags.has(row, CHANGED)) {
        writer.putChanged(row);
        flags.clear(row, CHANGED);
        this.hasEvictedChanges = true;
      }
      if (flags.has(row, DIRTY)) writer.put(row);
      flags.setGroup(row, number);
      rows.push(row);
    }
    writer.flush();
    if (rows.count > 0) this.#leaving.add(number, rows, writer.ticket);
  }

  get #stayingBytes(): number {
    const {liveCount} = this.#options.table;
    return this.#usedBytes * (1 - this.#leaving.count / Math.max(1, liveCount));
  }

  /** Strings count twice: the arena is packed when half of it is garbage. */
  get #usedBytes(): number {
    const {liveCount, shape, stringBytes} = this.#options.table;
    return liveCount * (shape.rowInts * 4 + ROW_EXTRA_BYTES) + stringBytes * 2;
  }
}
