// The watermark of one source subtask, made of those of its splits. As in Flink, a split's watermark is
//   greatest timestamp seen − maximum out-of-orderness − 1 ms   (−Infinity before the first)
// and the subtask's is the least of them all:
//   - a split that was not read yet, whoever will read it, counts as −Infinity, unless the splits are in
//     time order;
//   - a finished split drops out;
//   - a NULL timestamp changes nothing;
//   - the result never goes back, whatever happens to the splits.
// Each row is given the watermark made by the rows before it, so that whether it is late does not depend
// on how rows are cut into batches.

import {assert, must} from '../base/assert.ts';

export interface SplitWatermarksOptions {
  readonly maxOutOfOrdernessMillis: number;
  /** Unread splits hold nothing back: they begin where the ones before them end. */
  readonly ordered: boolean;
}

export class SplitWatermarks {
  readonly #delayMillis: number;
  readonly #ordered: boolean;
  /** Greatest timestamp per slot; NaN: the slot is free. */
  readonly #greatest: number[] = [];
  #unread = 0;
  #unclaimed = false;
  #current = -Infinity;

  constructor(options: SplitWatermarksOptions) {
    this.#delayMillis = options.maxOutOfOrdernessMillis + 1;
    this.#ordered = options.ordered;
  }

  /** Milliseconds since the epoch, -Infinity before the first, +Infinity after `end`. */
  get current(): number {
    return this.#current;
  }

  /** What a snapshot said; before any split is opened. */
  restore(current: number): void {
    this.#current = Math.max(this.#current, current);
  }

  /** `count` further splits will be read. */
  expect(count: number): void {
    this.#unread += count;
  }

  /** Splits are left that any subtask may still claim; whoever claims one expects it. */
  setUnclaimed(unclaimed: boolean): void {
    if (unclaimed === this.#unclaimed) return;
    this.#unclaimed = unclaimed;
    this.#raise();
  }

  /** Begins an expected split, which has seen timestamps up to `greatest`. Returns its slot. */
  open(greatest = -Infinity): number {
    assert(this.#unread > 0, 'a split is opened that was not expected');
    this.#unread -= 1;
    const free = this.#greatest.findIndex(Number.isNaN);
    const slot = free === -1 ? this.#greatest.length : free;
    this.#greatest[slot] = greatest;
    this.#raise();
    return slot;
  }

  /** The greatest timestamp of an open split, for its snapshot. */
  greatest(slot: number): number {
    return must(this.#greatest[slot], 'slot of an open split');
  }

  /** The split is at its end; its slot may be given to another. */
  finish(slot: number): void {
    this.#greatest[slot] = NaN;
    this.#raise();
  }

  /** No row will follow. */
  end(): void {
    this.#current = Infinity;
  }

  /** Rows of one split: `target` receives the watermark before each, then the rows advance it. */
  advance(
    slot: number,
    timestamps: Float64Array,
    nulls: Uint8Array | null,
    rowCount: number,
    target: Float64Array,
  ): void {
    const delay = this.#delayMillis;
    const ceiling = this.#leastOfOthers(slot);
    let greatest = this.greatest(slot);
    let current = this.#current;
    for (let row = 0; row < rowCount; row += 1) {
      target[row] = current;
      const time = timestamps[row]!;
      if (time > greatest && (nulls === null || nulls[row] === 0)) {
        greatest = time;
        const reached = Math.min(greatest - delay, ceiling);
        if (reached > current) current = reached;
      }
    }
    this.#greatest[slot] = greatest;
    this.#current = current;
  }

  /** The same for rows of several splits, each with the slot of its own. */
  advanceInterleaved(
    slots: Int32Array,
    timestamps: Float64Array,
    rowCount: number,
    target: Float64Array,
  ): void {
    const greatest = this.#greatest;
    const delay = this.#delayMillis;
    const held = this.#isHeld();
    let current = this.#current;
    for (let row = 0; row < rowCount; row += 1) {
      target[row] = current;
      const slot = slots[row]!;
      const time = timestamps[row]!;
      const before = greatest[slot]!;
      if (time > before) {
        greatest[slot] = time;
        // Only the split that held the others back can move the least of them.
        if (!held && before - delay <= current) {
          const reached = leastOf(greatest) - delay;
          if (reached > current) current = reached;
        }
      }
    }
    this.#current = current;
  }

  #isHeld(): boolean {
    return (this.#unread > 0 || this.#unclaimed) && !this.#ordered;
  }

  /** The least watermark of everything but `slot`; +Infinity when there is nothing else. */
  #leastOfOthers(slot: number): number {
    if (this.#isHeld()) return -Infinity;
    let least = Infinity;
    this.#greatest.forEach((greatest, other) => {
      if (other !== slot && greatest < least) least = greatest;
    });
    return least - this.#delayMillis;
  }

  /** After a split came or went: another one may hold the watermark back. */
  #raise(): void {
    const least = this.#leastOfOthers(-1);
    if (least !== Infinity && least > this.#current) this.#current = least;
  }
}

/** The least number, passing over NaN; +Infinity when there is none. */
function leastOf(numbers: readonly number[]): number {
  let least = Infinity;
  for (const number of numbers) if (number < least) least = number;
  return least;
}
