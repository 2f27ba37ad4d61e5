// State that expires, as Flink's StateTtlConfig defines it, over the rows of a keyed table.
//
// Each row says in its slot `ttl.updated` when it was last written: milliseconds of the TtlClock, 0 in a row that was
// just made. It has expired once `updated + duration <= now`. Time is read once for each batch, barrier and end.
//
//   update type   on-create-and-write: a record makes its row young again; on-read-and-write: its result going out, too
//   visibility    never-return-expired: a row that expired is as if it were not there: its key begins anew, its result
//                 does not go out. return-expired-if-not-cleaned-up: it counts for as long as it is there: a record goes on
//                 from its values, and its result goes out, once
//   clean-up      when its key comes or its result goes out; some rows for each record, in turn (`visitSome`); all rows before a
//                 snapshot. Rows go through `deleteRows`, whoever finds them
//
// How long rows live is the job's and may change from run to run; that they expire is the state's (`stateFacets`).

import type {TtlClock} from './ttl-clock.ts';
import {must} from '../../base/assert.ts';
import type {InlineState} from '../../checkpoint/checkpoint-metadata.ts';
import type {StateTtl} from '../../job/job-spec.ts';
import {RowList} from '../../state/row-list.ts';
import type {KeyedTable, SlotLayout, ValueSlot} from '../../state/state-backend.ts';

/** The slot of a row; part of its schema in snapshots and savepoints. */
export const TTL_SLOT: ValueSlot = {name: 'ttl.updated', kind: 'float64'};

/** Looked at for one batch at most, however many records it has. */
export const CLEANUP_ROWS_MAX = 16_384;

export class TableTtl {
  readonly #table: KeyedTable;
  readonly #ttl: StateTtl;
  readonly #clock: TtlClock;
  readonly #slot: SlotLayout;
  readonly #returnsExpired: boolean;
  readonly #expired = new RowList();
  readonly #read = new RowList();

  constructor(table: KeyedTable, ttl: StateTtl, clock: TtlClock) {
    this.#table = table;
    this.#ttl = ttl;
    this.#clock = clock;
    this.#slot = must(
      table.shape.slots.find(({name}) => name === TTL_SLOT.name),
      TTL_SLOT.name,
    );
    this.#returnsExpired = ttl.visibility === 'return-expired-if-not-cleaned-up';
  }

  /**
   * For each batch, before its rows are resolved: looks at some rows in turn and deletes those that expired. Returns the
   * time of the batch.
   */
  beginBatch(recordCount: number): number {
    const now = this.#clock.now();
    const places = Math.min(recordCount * this.#ttl.cleanupSize, CLEANUP_ROWS_MAX);
    if (places > 0)
      this.#table.visitSome(places, (rows, count) => this.#deleteOver(rows, count, now));
    return now;
  }

  /**
   * The first `count` of `rows` were resolved and are written now. False: some had expired and are deleted, so that the
   * rows must be resolved again and handed in again, before anything is written to them.
   */
  write(rows: Int32Array, count: number, now: number): boolean {
    const {floats} = this.#table.memory();
    const {rowWords} = this.#table.shape;
    const {word} = this.#slot;
    const oldest = this.#returnsExpired ? -Infinity : now - this.#ttl.durationMillis;
    for (let at = 0; at < count; at += 1) {
      const cell = rows[at]! * rowWords + word;
      const updated = floats[cell]!;
      // Written even when it has expired: a row that comes twice is listed once.
      floats[cell] = now;
      if (updated <= oldest && updated !== 0) this.#expired.push(rows[at]!);
    }
    if (this.#expired.count === 0) return true;
    this.#deleteExpired();
    return false;
  }

  /**
   * Those of the first `count` of `rows`, which the table visits, whose results may go out; until the next call. What has
   * expired is deleted by `endRead`, which must follow.
   */
  beginRead(rows: Int32Array, count: number): RowList {
    const now = this.#clock.now();
    const read = this.#read;
    read.clear();
    for (let at = 0; at < count; at += 1) {
      const row = rows[at]!;
      const over = this.#isOver(row, now);
      if (over) this.#expired.push(row);
      if (!over || this.#returnsExpired) read.push(row);
    }
    if (this.#ttl.updateType === 'on-read-and-write') this.#refresh(read, now);
    return read;
  }

  endRead(): void {
    this.#deleteExpired();
  }

  /** Before a snapshot: what it holds beside the rows. Deletes all that expired when the job asks for it. */
  beforeSnapshot(): InlineState {
    if (this.#ttl.cleanupInFullSnapshot) this.#deleteAllExpired();
    return this.#clock.state();
  }

  /** Before all results go out. */
  beforeEnd(): void {
    if (!this.#returnsExpired) this.#deleteAllExpired();
  }

  #deleteAllExpired(): void {
    const now = this.#clock.now();
    this.#table.visitRows((rows, count) => this.#deleteOver(rows, count, now));
  }

  #deleteOver(rows: Int32Array, count: number, now: number): void {
    for (let at = 0; at < count; at += 1) {
      if (this.#isOver(rows[at]!, now)) this.#expired.push(rows[at]!);
    }
    this.#deleteExpired();
  }

  #isOver(row: number, now: number): boolean {
    const updated =
      this.#table.memory().floats[row * this.#table.shape.rowWords + this.#slot.word]!;
    return updated + this.#ttl.durationMillis <= now;
  }

  #refresh({values, count}: RowList, now: number): void {
    this.#table.prepareWrite(values, 0, count);
    const {floats} = this.#table.memory();
    const {rowWords} = this.#table.shape;
    for (let at = 0; at < count; at += 1) floats[values[at]! * rowWords + this.#slot.word] = now;
  }

  #deleteExpired(): void {
    if (this.#expired.count === 0) return;
    this.#table.deleteRows(this.#expired.values, 0, this.#expired.count);
    this.#expired.clear();
  }
}
