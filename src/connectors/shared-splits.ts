// How the subtasks of one source share out its splits: they are numbered by the plan, and who asks gets
// the next number from a counter in shared memory. Nobody talks to anybody; a split is claimed at most
// once per deployment, because the counter only rises and every deployment has its own.
//
// What a claim means for snapshots is the connector's: see file/split-plan.ts.

import type {JsonValue} from '../base/json.ts';

/** Made once per deployment by `shareSplits`; the same for all subtasks, whatever thread they run in. */
export interface SharedSplits {
  /** What `SourceConnector.enumerate` returned; not to be changed. */
  readonly plan: JsonValue;
  /** One 32-bit counter: how many splits of the plan are claimed. */
  readonly cursor: SharedArrayBuffer;
}

export function newCursor(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export class SplitCursor {
  readonly #claimed: Int32Array;
  readonly #count: number;

  /** `count`: splits in the plan. */
  constructor(cursor: SharedArrayBuffer, count: number) {
    this.#claimed = new Int32Array(cursor);
    this.#count = count;
  }

  /** Splits are left that nobody has claimed. Once false, it stays false. */
  get hasUnclaimed(): boolean {
    return Atomics.load(this.#claimed, 0) < this.#count;
  }

  /** The number of a split that is now the caller's; null: none is left. */
  claim(): number | null {
    // Asking again and again at the end must not run the counter over.
    if (!this.hasUnclaimed) return null;
    const index = Atomics.add(this.#claimed, 0, 1);
    return index < this.#count ? index : null;
  }
}
