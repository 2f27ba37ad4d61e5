import {EngineError} from '../../base/errors.ts';

/** What one region may grow to: the largest buffer that Node 20 makes. */
export const REGION_BYTES_MAX = 4 * 2 ** 30;

const GROWTH_BYTES_MIN = 64 * 1024;

/**
 * Shared memory that grows in place: address space is reserved at the start, so growing copies nothing
 * and stalls nobody. Typed arrays over it keep their length; make new ones after `ensure` said so.
 */
export class SharedRegion {
  readonly buffer: SharedArrayBuffer;
  readonly #what: string;

  /** `what` goes into the error when it is full: `state of by-hour`. */
  constructor(what: string, maxBytes: number = REGION_BYTES_MAX) {
    this.#what = what;
    this.buffer = reserve(what, maxBytes);
  }

  /** Makes room for `bytes`; true when the buffer grew, so that views must be made again. */
  ensure(bytes: number): boolean {
    const have = this.buffer.byteLength;
    if (bytes <= have) return false;
    const limit = this.buffer.maxByteLength;
    // An eighth more than asked: memory that is not touched costs nothing but address space.
    const want = Math.max(bytes, have + (have >>> 3) + GROWTH_BYTES_MIN);
    const size = Math.min(limit, Math.ceil(want / GROWTH_BYTES_MIN) * GROWTH_BYTES_MIN);
    if (bytes > limit) throw full(this.#what, limit);
    try {
      this.buffer.grow(size);
    } catch (error) {
      throw full(this.#what, have, error);
    }
    return true;
  }
}

/** Reserving fails where address space is limited (`ulimit -v`): less is asked for then. */
function reserve(what: string, maxBytes: number): SharedArrayBuffer {
  for (let limit = maxBytes; ; limit /= 2) {
    try {
      return new SharedArrayBuffer(0, {maxByteLength: limit});
    } catch (error) {
      if (limit <= GROWTH_BYTES_MIN) throw full(what, 0, error);
    }
  }
}

function full(what: string, bytes: number, cause?: unknown): EngineError {
  return new EngineError(
    'JOB_FAILED',
    `${what} does not fit in memory: it stopped at ${bytes} bytes`,
    {
      hint: 'Raise the parallelism so that each subtask holds fewer keys, or group by fewer columns.',
      cause,
    },
  );
}
