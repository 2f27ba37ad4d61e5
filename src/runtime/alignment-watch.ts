import type {BarrierElement} from '../channels/element.ts';

/** Times and counts of the newest checkpoint at one gate. */
export class AlignmentWatch {
  #checkpointId = 0;
  #startedAt = 0;
  #startDelay = 0;
  #bytes = 0;

  /** `now`: monotonic milliseconds. */
  barrierCame({checkpointId, triggeredAt}: BarrierElement, now: number): void {
    if (checkpointId <= this.#checkpointId) return;
    this.#checkpointId = checkpointId;
    this.#startedAt = now;
    this.#startDelay = Math.max(0, now - triggeredAt);
    this.#bytes = 0;
  }

  /** Bytes were taken from a channel. */
  passed(bytes: number): void {
    this.#bytes += bytes;
  }

  /** From the trigger to the first barrier. */
  get startDelayMillis(): number {
    return this.#startDelay;
  }

  /** Taken since the first barrier. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Since the first barrier. */
  millisAt(now: number): number {
    return now - this.#startedAt;
  }
}
