// Open addressing from a key's hash to its row, in segments of fixed size.
//
// An entry is two ints: the hash, and the row number + 1 (0: free). The directory maps the upper bits of
// a hash to a segment; within a segment the lower bits choose the first slot and probing is linear and
// wraps around. A segment that is three quarters full is split in two by one more bit (extendible
// hashing), so growing never moves more than one segment at a time. Deleting shifts entries back, so
// there are no tombstones.
//
// The hot loops (key-kernel.ts) read `entries`, `directory` and `shift` themselves.

import {SharedRegion} from './shared-region.ts';
import {EngineError} from '../../base/errors.ts';

export const SEGMENT_SLOTS = 8192;
export const SEGMENT_MASK = SEGMENT_SLOTS - 1;
const SEGMENT_FILL_MAX = (SEGMENT_SLOTS * 3) / 4;
/** Of segments that are made for a known number of entries: some room for those that get more than others. */
const SEGMENT_FILL_PLANNED = Math.floor(SEGMENT_SLOTS * 0.7);
const SEGMENT_BYTES = SEGMENT_SLOTS * 8;
/** Upper and lower bits must not meet. */
const DEPTH_MAX = 19;
/** Of which the slots are touched before the first is used, so that their cache misses overlap. */
const BLOCK_ROWS = 256;

export class KeyIndex {
  /** Of the first slot of each segment. */
  directory = new Int32Array([0, SEGMENT_SLOTS]);
  /** hash >>> shift is the place in the directory. */
  shift = 31;
  entries: Int32Array;
  readonly #region: SharedRegion;
  readonly #what: string;
  #segmentCount = 2;
  /** Per segment: entries in it, and the number of upper bits that its hashes share. */
  #fill = new Int32Array(2);
  #depth = new Uint8Array([1, 1]);
  readonly #moving = new Int32Array(SEGMENT_SLOTS * 2);
  /** What the touching gave: kept, so that the compiler keeps the touching. */
  touched = 0;

  constructor(what: string) {
    this.#what = what;
    this.#region = new SharedRegion(`the key index of ${what}`);
    this.#region.ensure(2 * SEGMENT_BYTES);
    this.entries = new Int32Array(this.#region.buffer, 0, this.#region.buffer.byteLength / 4);
  }

  get sizeBytes(): number {
    return this.#segmentCount * SEGMENT_BYTES + this.directory.byteLength;
  }

  /** Adds a row that is not in it. */
  insert(hash: number, row: number): void {
    let first = this.directory[hash >>> this.shift]!;
    while (this.#fill[first / SEGMENT_SLOTS]! >= SEGMENT_FILL_MAX) {
      this.#split(hash);
      first = this.directory[hash >>> this.shift]!;
    }
    this.#fill[first / SEGMENT_SLOTS]! += 1;
    place(this.entries, first, hash, row + 1);
  }

  /** Adds rows [first, end), none of which is in it; a row's hash is the first of its `rowInts` in `ints`. */
  insertRows(ints: Int32Array, rowInts: number, first: number, end: number): void {
    if (this.#isEmpty()) this.#reserve(end - first);
    for (let row = first; row < end;) {
      const to = Math.min(end, row + BLOCK_ROWS);
      this.touched ^= touchSlots(this, ints, rowInts, row, to);
      row = insertBlock(this, this.#fill, ints, rowInts, row, to);
      // Its segment is full.
      if (row < to) this.insert(ints[row * rowInts]!, row++);
    }
  }

  remove(hash: number, row: number): void {
    const entries = this.entries;
    const first = this.directory[hash >>> this.shift]!;
    let slot = hash & SEGMENT_MASK;
    while (entries[(first + slot) * 2 + 1] !== row + 1) slot = (slot + 1) & SEGMENT_MASK;
    this.#fill[first / SEGMENT_SLOTS]! -= 1;
    // Every later entry of the run that may stand in the hole is moved there.
    let hole = slot;
    for (;;) {
      slot = (slot + 1) & SEGMENT_MASK;
      const at = (first + slot) * 2;
      const moved = entries[at + 1]!;
      if (moved === 0) break;
      const home = entries[at]! & SEGMENT_MASK;
      if (((slot - home) & SEGMENT_MASK) < ((slot - hole) & SEGMENT_MASK)) continue;
      const to = (first + hole) * 2;
      entries[to] = entries[at]!;
      entries[to + 1] = moved;
      hole = slot;
    }
    entries[(first + hole) * 2 + 1] = 0;
  }

  #isEmpty(): boolean {
    return this.#fill.every((count) => count === 0);
  }

  /** Segments for `count` entries at once, of an index that has none: growing would move most of them twice. */
  #reserve(count: number): void {
    let depth = 32 - this.shift;
    while (depth < DEPTH_MAX && count > 2 ** depth * SEGMENT_FILL_PLANNED) depth += 1;
    const segments = 2 ** depth;
    if (segments <= this.#segmentCount) return;
    this.shift = 32 - depth;
    this.directory = Int32Array.from({length: segments}, (_, segment) => segment * SEGMENT_SLOTS);
    this.#fill = new Int32Array(segments);
    this.#depth = new Uint8Array(segments).fill(depth);
    this.#segmentCount = segments;
    this.#region.ensure(segments * SEGMENT_BYTES);
    this.entries = new Int32Array(this.#region.buffer, 0, this.#region.buffer.byteLength / 4);
  }

  /** Halves the segment of `hash`. */
  #split(hash: number): void {
    const first = this.directory[hash >>> this.shift]!;
    const segment = first / SEGMENT_SLOTS;
    const depth = this.#depth[segment]! + 1;
    if (depth > 32 - this.shift) this.#doubleDirectory();
    const second = this.#newSegment(depth);
    this.#depth[segment] = depth;
    // The directory places of this segment are a run; its upper half goes to the new segment.
    const run = this.directory.length >>> (depth - 1);
    const start = Math.floor((hash >>> this.shift) / run) * run;
    this.directory.fill(second, start + run / 2, start + run);

    const moving = this.#moving;
    moving.set(this.entries.subarray(first * 2, (first + SEGMENT_SLOTS) * 2));
    this.entries.fill(0, first * 2, (first + SEGMENT_SLOTS) * 2);
    let stayed = 0;
    let left = 0;
    for (let at = 0; at < moving.length; at += 2) {
      const entry = moving[at + 1]!;
      if (entry === 0) continue;
      const upper = (moving[at]! >>> (32 - depth)) & 1;
      place(this.entries, upper === 0 ? first : second, moving[at]!, entry);
      stayed += 1 - upper;
      left += upper;
    }
    this.#fill[segment] = stayed;
    this.#fill[second / SEGMENT_SLOTS] = left;
  }

  #doubleDirectory(): void {
    if (32 - this.shift >= DEPTH_MAX) {
      throw new EngineError('JOB_FAILED', `too many keys of ${this.#what} have the same hash`, {
        hint: 'Group by a further column, or raise the parallelism.',
      });
    }
    const doubled = new Int32Array(this.directory.length * 2);
    this.directory.forEach((first, place) => {
      doubled[place * 2] = first;
      doubled[place * 2 + 1] = first;
    });
    this.directory = doubled;
    this.shift -= 1;
  }

  #newSegment(depth: number): number {
    const segment = this.#segmentCount;
    if (this.#region.ensure((segment + 1) * SEGMENT_BYTES)) {
      this.entries = new Int32Array(this.#region.buffer, 0, this.#region.buffer.byteLength / 4);
    }
    if (segment >= this.#fill.length) {
      const fill = new Int32Array(segment * 2);
      const depths = new Uint8Array(segment * 2);
      fill.set(this.#fill);
      depths.set(this.#depth);
      this.#fill = fill;
      this.#depth = depths;
    }
    this.#depth[segment] = depth;
    this.#segmentCount += 1;
    return segment * SEGMENT_SLOTS;
  }
}

type Segments = Pick<KeyIndex, 'entries' | 'directory' | 'shift'>;

function touchSlots(
  {entries, directory, shift}: Segments,
  ints: Int32Array,
  rowInts: number,
  from: number,
  to: number,
): number {
  let touched = 0;
  for (let row = from; row < to; row += 1) {
    const hash = ints[row * rowInts]!;
    touched ^= entries[(directory[hash >>> shift]! + (hash & SEGMENT_MASK)) * 2]!;
  }
  return touched;
}

/** Returns the first row whose segment is full, or `to`. */
function insertBlock(
  {entries, directory, shift}: Segments,
  fill: Int32Array,
  ints: Int32Array,
  rowInts: number,
  from: number,
  to: number,
): number {
  for (let row = from; row < to; row += 1) {
    const hash = ints[row * rowInts]!;
    const first = directory[hash >>> shift]!;
    const segment = first / SEGMENT_SLOTS;
    if (fill[segment]! >= SEGMENT_FILL_MAX) return row;
    fill[segment]! += 1;
    place(entries, first, hash, row + 1);
  }
  return to;
}

function place(entries: Int32Array, first: number, hash: number, entry: number): void {
  let at = (first + (hash & SEGMENT_MASK)) * 2;
  const base = first * 2;
  const mask = SEGMENT_SLOTS * 2 - 1;
  while (entries[at + 1] !== 0) at = base + ((at + 2 - base) & mask);
  entries[at] = hash;
  entries[at + 1] = entry;
}
