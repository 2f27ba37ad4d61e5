// Rows per second as a token bucket that several threads share.
//
// The bucket is one number in shared memory: the time up to which rows are spent. At `now` the bucket
// holds the rows of the time between the two, at most those of `BURST_MILLIS`; taking rows moves the time
// on, giving them back moves it back. So one compare-and-exchange does each, and whoever comes first takes.

import type {JobSpec} from '../job/job-spec.ts';

/** How long a burst may be: a limited source catches up at most this much after a pause. */
const BURST_MILLIS = 100;
/** Rows are let through in portions of at least this much time, so that a slow rate does not mean tiny batches. */
const PORTION_MILLIS = 10;

/** An empty bucket: a double, milliseconds of the monotonic clock, in 64 bits. */
export function newBucket(now: number): SharedArrayBuffer {
  const bucket = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  new Float64Array(bucket)[0] = now;
  return bucket;
}

/** One for each source that has a limit, by its uid. Once per deployment. */
export function newBuckets(
  job: Pick<JobSpec, 'sources'>,
  now: number,
): ReadonlyMap<string, SharedArrayBuffer> {
  const limited = job.sources.filter(({rateLimit}) => rateLimit !== null);
  return new Map(limited.map(({uid}) => [uid, newBucket(now)]));
}

/** One subtask's view of the bucket. */
export class RateLimit {
  readonly #rowsPerMilli: number;
  readonly #bucket: BigInt64Array;
  /** Turns the bits of the bucket into a double and back. */
  readonly #bits = new BigInt64Array(1);
  readonly #millis = new Float64Array(this.#bits.buffer);

  constructor(rowsPerSecond: number, bucket: SharedArrayBuffer) {
    this.#rowsPerMilli = rowsPerSecond / 1000;
    this.#bucket = new BigInt64Array(bucket);
  }

  /** Rows that may be read at `now`, at most `maxRows`; 0: not yet. What is not read is given back. */
  take(now: number, maxRows: number): number {
    const burst = Math.max(1, this.#rowsPerMilli * BURST_MILLIS);
    while (true) {
      const seen = Atomics.load(this.#bucket, 0);
      const tokens = Math.min(burst, this.#tokens(now, seen));
      if (tokens < this.#portion()) return 0;
      const rows = Math.min(Math.floor(tokens), maxRows);
      if (this.#move(seen, now - (tokens - rows) / this.#rowsPerMilli)) return rows;
    }
  }

  giveBack(rows: number): void {
    if (rows === 0) return;
    while (true) {
      const seen = Atomics.load(this.#bucket, 0);
      if (this.#move(seen, this.#spentUntil(seen) - rows / this.#rowsPerMilli)) return;
    }
  }

  /** Milliseconds from `now` until `take` gives something, if nobody else takes it. */
  waitMillis(now: number): number {
    const tokens = this.#tokens(now, Atomics.load(this.#bucket, 0));
    return Math.max(1, (this.#portion() - tokens) / this.#rowsPerMilli);
  }

  #tokens(now: number, bits: bigint): number {
    return (now - this.#spentUntil(bits)) * this.#rowsPerMilli;
  }

  #spentUntil(bits: bigint): number {
    this.#bits[0] = bits;
    return this.#millis[0]!;
  }

  /** False: another subtask was faster. */
  #move(seen: bigint, spentUntil: number): boolean {
    this.#millis[0] = spentUntil;
    return Atomics.compareExchange(this.#bucket, 0, seen, this.#bits[0]!) === seen;
  }

  #portion(): number {
    return Math.max(1, Math.floor(this.#rowsPerMilli * PORTION_MILLIS));
  }
}
