import type {BarrierElement} from './element.ts';
import {isData} from './message.ts';

/** A message that waits for room in the ring. Its bytes are never changed again. */
export interface WaitingMessage {
  readonly kind: number;
  /** Of the payload. */
  readonly size: number;
  /** The whole message: header, payload, padding. */
  readonly bytes: Uint8Array;
  /** Null unless it is one. */
  readonly barrier: BarrierElement | null;
  /** The messages of its batch that come before it; empty unless the batch goes in fragments. */
  readonly earlierFragments: readonly Uint8Array[];
}

/** What did not fit into the ring, in order. */
export class Overflow {
  #messages: WaitingMessage[] = [];
  /** Those before it have gone. */
  #first = 0;
  #byteCount = 0;

  get isEmpty(): boolean {
    return this.#first === this.#messages.length;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  get first(): WaitingMessage | null {
    return this.#messages[this.#first] ?? null;
  }

  push(message: WaitingMessage): void {
    this.#messages.push(message);
    this.#byteCount += message.bytes.length;
  }

  shift(): void {
    this.#byteCount -= this.first?.bytes.length ?? 0;
    this.#first += 1;
    if (this.#first * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#first);
    this.#first = 0;
  }

  /**
   * Takes the barrier of `checkpointId` out and gives it, with the data messages that stand before it.
   * Null when it does not wait here. A batch that has begun to go into the ring, but has not gone in
   * whole, is given whole.
   */
  takeBarrier(
    checkpointId: number,
  ): {readonly barrier: BarrierElement; readonly before: Uint8Array[]} | null {
    const waiting = this.#messages.slice(this.#first);
    const index = waiting.findIndex(({barrier}) => barrier?.checkpointId === checkpointId);
    const barrier = waiting[index]?.barrier;
    if (barrier === null || barrier === undefined) return null;
    const data = waiting.slice(0, index).filter(({kind}) => isData(kind));
    const before = [...(data[0]?.earlierFragments ?? []), ...data.map(({bytes}) => bytes)];
    this.#byteCount -= waiting[index]?.bytes.length ?? 0;
    waiting.splice(index, 1);
    this.#messages = waiting;
    this.#first = 0;
    return {barrier, before};
  }
}
