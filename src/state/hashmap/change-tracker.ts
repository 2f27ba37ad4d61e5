// Which rows of a table have changed, for snapshots that hold only those: a bit for each row, and the keys of rows that
// were deleted (tombstones).
//
// An interval lies between two freezes. What a snapshot gets is everything since the newest snapshot whose checkpoint
// was complete at its freeze: its own interval, and all of a snapshot before it of which nobody knows yet what becomes
// of its checkpoint. So the changes that a pending snapshot has are always a part of those of the next one, and
//
//   complete   drops what that checkpoint and the ones before it have
//   abort      of the newest pending one: its changes are put back to those of the present interval; of another one:
//              nothing, the next one has them
//
// `null` changes stand for "all rows". Tracking begins with the first freeze: before it there is nothing to be
// different from. It ends, until the next freeze, when a snapshot of all rows is given up, or when there are so many
// tombstones that all rows are less to write.

import {SharedRegion} from './shared-region.ts';
import {TombstoneList} from './tombstone-list.ts';
import type {FrozenChanges} from '../snapshot-request.ts';
import type {TableSpec} from '../state-backend.ts';

/** Enough for the rows of the largest region: 4 GiB of rows of 16 bytes. */
const BITS_BYTES_MAX = 2 ** 25;
/** So many deleted keys are always kept. */
const TOMBSTONES_MIN = 1024;

interface PendingChanges {
  readonly checkpointId: number;
  /** Null: all rows. */
  readonly interval: Interval | null;
}

export class ChangeTracker {
  readonly #what: string;
  readonly #spec: TableSpec;
  /** Oldest first. */
  #pending: PendingChanges[] = [];
  #current: Interval | null = null;
  /** Of the present interval; null: nothing is tracked. Never longer than the rows there is memory for. */
  #bits: Int32Array | null = null;
  /** Rows that were made in the present interval: no snapshot has their keys at that place. */
  readonly #born: RowBits;
  readonly #spare: Interval[] = [];
  #rowCapacity = 0;

  constructor(spec: TableSpec, what: string) {
    this.#spec = spec;
    this.#what = what;
    this.#born = new RowBits(what);
  }

  /** There is memory for so many rows. */
  setCapacity(rows: number): void {
    this.#rowCapacity = rows;
    if (this.#current === null) return;
    this.#born.ensure(rows);
    this.#current.bits.ensure(rows);
    this.#bits = this.#current.bits.words;
  }

  /** rows[from, to) may be written. */
  markAll(rows: Int32Array, from: number, to: number): void {
    const bits = this.#bits;
    if (bits === null) return;
    for (let at = from; at < to; at += 1) {
      const row = rows[at]!;
      bits[row >>> 5]! |= 1 << row;
    }
  }

  added(row: number): void {
    if (this.#bits !== null) this.#born.set(row);
  }

  /** The row at `base` of `ints` goes, of a table that has `liveCount` of them. */
  deleted(row: number, ints: Int32Array, base: number, arena: Uint8Array, liveCount: number): void {
    if (this.#current === null || this.#born.has(row)) return;
    const {tombstones} = this.#current;
    if (tombstones.count >= Math.max(TOMBSTONES_MIN, liveCount)) this.#stop();
    else tombstones.add(ints, base, arena);
  }

  /**
   * The changes that the snapshot for `checkpointId` is to hold, and the beginning of the next interval. Null: all rows,
   * always so when `all`. They stay as they are until another freeze.
   */
  freeze(checkpointId: number, all: boolean): FrozenChanges | null {
    const before = this.#pending.at(-1);
    let interval = all ? null : this.#current;
    if (interval !== null && before !== undefined) {
      if (before.interval === null) interval = null;
      else interval.addAll(before.interval);
    }
    if (interval === null && this.#current !== null) this.#spare.push(this.#current);
    this.#pending.push({checkpointId, interval});
    this.#begin();
    if (interval === null) return null;
    return {bits: interval.bits.buffer, tombstones: interval.tombstones.freeze()};
  }

  /** Checkpoint `checkpointId` is complete. */
  completed(checkpointId: number): void {
    const isOver = (pending: PendingChanges): boolean => pending.checkpointId <= checkpointId;
    for (const {interval} of this.#pending.filter(isOver)) this.#recycle(interval);
    this.#pending = this.#pending.filter((pending) => !isOver(pending));
  }

  /** Checkpoint `checkpointId` will never be. Repeating it is fine. */
  aborted(checkpointId: number): void {
    const at = this.#pending.findIndex((pending) => pending.checkpointId === checkpointId);
    if (at < 0) return;
    const [aborted] = this.#pending.splice(at, 1);
    const {interval} = aborted!;
    if (at === this.#pending.length) {
      if (interval === null) this.#stop();
      else this.#current?.addAll(interval);
    }
    this.#recycle(interval);
  }

  #begin(): void {
    const next = this.#spare.pop() ?? new Interval(this.#spec, this.#what);
    next.clear();
    this.#born.clear();
    this.#current = next;
    this.setCapacity(this.#rowCapacity);
  }

  #stop(): void {
    this.#recycle(this.#current);
    this.#current = null;
    this.#bits = null;
  }

  #recycle(interval: Interval | null): void {
    if (interval !== null) this.#spare.push(interval);
  }
}

class Interval {
  readonly bits: RowBits;
  readonly tombstones: TombstoneList;

  constructor(spec: TableSpec, what: string) {
    this.bits = new RowBits(what);
    this.tombstones = new TombstoneList(spec, what);
  }

  addAll(other: Interval): void {
    this.bits.addAll(other.bits);
    this.tombstones.addAll(other.tombstones);
  }

  clear(): void {
    this.bits.clear();
    this.tombstones.clear();
  }
}

/** A bit for each row, in shared memory. */
class RowBits {
  words: Int32Array = new Int32Array(0);
  readonly #region: SharedRegion;

  constructor(what: string) {
    this.#region = new SharedRegion(`the changed rows of ${what}`, BITS_BYTES_MAX);
  }

  get buffer(): SharedArrayBuffer {
    return this.#region.buffer;
  }

  ensure(rows: number): void {
    if (!this.#region.ensure(Math.ceil(rows / 32) * 4)) return;
    const {buffer} = this.#region;
    this.words = new Int32Array(buffer, 0, buffer.byteLength / 4);
  }

  set(row: number): void {
    this.words[row >>> 5]! |= 1 << row;
  }

  has(row: number): boolean {
    return (this.words[row >>> 5]! & (1 << row)) !== 0;
  }

  addAll(other: RowBits): void {
    this.ensure(other.words.length * 32);
    const {words} = this;
    for (let at = 0; at < other.words.length; at += 1) words[at]! |= other.words[at]!;
  }

  clear(): void {
    this.words.fill(0);
  }
}
