import {AnnouncementWriter} from './announcement.ts';
import {BatchEncoder} from './batch-encoder.ts';
import {viewBytes, padded} from './byte-views.ts';
import type {BarrierElement, ChannelElement, ControlElement} from './element.ts';
import {newMessage, splitPayload} from './fragments.ts';
import {controlBytes, HEADER_BYTES, MESSAGE_KINDS, messageBytes, writeControl} from './message.ts';
import {Overflow, type WaitingMessage} from './overflow.ts';
import {Ring, RingProducer} from './ring.ts';
import {assert} from '../base/assert.ts';
import type {AlignedBarrier} from '../checkpoint/aligner-protocol.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Schema} from '../records/schema.ts';

/**
 * The sending end of a channel. Used by one thread.
 *
 * Sending never blocks and never fails for lack of room: what does not fit into the ring waits behind it,
 * in order. A task that finds `full` must send no further batch until `flush` says that all has gone, or
 * memory grows. Ringing the reader's bell is the caller's, once per step and not per element.
 */
export class ChannelWriter {
  readonly #producer: RingProducer;
  readonly #announcements: AnnouncementWriter;
  readonly #encoder: BatchEncoder;
  readonly #overflow = new Overflow();
  /** Of the barriers that entered the ring or overtook. */
  #newestEntered = 0;
  #newestSent = 0;
  #bytesSent = 0;
  #batchesSent = 0;

  /** `buffer` as from `newRingBuffer`. */
  constructor(buffer: SharedArrayBuffer, schema: Schema) {
    const ring = new Ring(buffer);
    this.#producer = new RingProducer(ring);
    this.#announcements = new AnnouncementWriter(ring);
    this.#encoder = new BatchEncoder(schema);
  }

  /** Whether something waits for room. */
  get full(): boolean {
    return !this.#overflow.isEmpty;
  }

  /** Bytes that wait for room. */
  get waitingBytes(): number {
    return this.#overflow.byteCount;
  }

  /** Bytes that the reader has not taken, wherever they wait. */
  get queuedBytes(): number {
    return this.#producer.usedBytes + this.#overflow.byteCount;
  }

  /** Of whole messages, in all, also of those that still wait. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  get batchesSent(): number {
    return this.#batchesSent;
  }

  /** A batch is sent with its own selection; its memory is the caller's again on return. */
  send(element: ChannelElement): void {
    switch (element.kind) {
      case 'batch':
        this.sendBatch(element.batch, element.batch.selection, element.batch.selectedCount);
        return;
      case 'barrier':
        this.sendBarrier(element);
        return;
      default:
        this.#sendControl(element, null);
    }
  }

  /** Sends the first `count` rows of `selection` (null: of the batch); nothing when there are none. */
  sendBatch(batch: RecordBatch, selection: Int32Array | null, count: number): void {
    if (count === 0) return;
    this.#batchesSent += 1;
    const size = this.#encoder.sizeOf(batch, selection, count);
    if (size > this.#producer.ring.payloadMax) {
      this.#sendFragments(batch, selection, count, size);
      return;
    }
    this.#bytesSent += messageBytes(size);
    const at = this.#reserve(size);
    if (at >= 0) {
      this.#encoder.encode(batch, selection, count, this.#producer.ring.views, at);
      this.#producer.commit(MESSAGE_KINDS.batch, size);
      return;
    }
    const views = newMessage(MESSAGE_KINDS.batch, size);
    this.#encoder.encode(batch, selection, count, views, HEADER_BYTES);
    this.#wait(MESSAGE_KINDS.batch, size, views.bytes);
  }

  /**
   * Sends a barrier behind everything sent before. One that may overtake is announced to the reader as
   * soon as it is in the ring. Ids ascend.
   */
  sendBarrier({checkpointId, alignment, triggeredAt}: AlignedBarrier): void {
    assert(
      checkpointId > this.#newestSent,
      `barrier ${checkpointId} is sent after ${this.#newestSent}`,
    );
    this.#newestSent = checkpointId;
    const barrier: BarrierElement = {kind: 'barrier', checkpointId, alignment, triggeredAt};
    this.#sendControl(barrier, barrier);
  }

  /**
   * Lets the barrier go ahead of what still waits for room: the reader finds it announced at the present
   * end of the ring, as an unaligned one. Gives the raw messages that it overtook, to be stored as
   * channel state of this output; they are sent all the same. Null when it has entered the ring already,
   * where only the reader can take it ahead.
   */
  overtake(checkpointId: number): readonly Uint8Array[] | null {
    const taken = this.#overflow.takeBarrier(checkpointId);
    if (taken === null) {
      assert(this.entered(checkpointId), `barrier ${checkpointId} was never sent`);
      return null;
    }
    const barrier: BarrierElement = {...taken.barrier, alignment: {kind: 'unaligned'}};
    this.#newestEntered = checkpointId;
    this.#announcements.write({barrier, position: this.#producer.tail, overtook: true});
    return taken.before;
  }

  /** Whether the barrier is where the reader can come upon it: in the ring, or ahead of it. */
  entered(checkpointId: number): boolean {
    return checkpointId <= this.#newestEntered;
  }

  /**
   * Moves what waits into the ring, as far as there is room. True: nothing waits any more. To be called again
   * before the thread sleeps, and after the reader's ring (`writerWaits`).
   */
  flush(): boolean {
    for (let next = this.#overflow.first; next !== null; next = this.#overflow.first) {
      const at = this.#producer.reserve(next.size);
      if (at < 0) return false;
      const payload = next.bytes.subarray(HEADER_BYTES, HEADER_BYTES + next.size);
      this.#producer.ring.views.bytes.set(payload, at);
      this.#commit(next.kind, next.size, next.barrier);
      this.#overflow.shift();
    }
    this.#producer.ring.storeWriterWaits(false);
    return true;
  }

  #sendControl(element: ControlElement, barrier: BarrierElement | null): void {
    const kind = MESSAGE_KINDS[element.kind];
    const size = controlBytes(element);
    this.#bytesSent += messageBytes(size);
    const at = this.#reserve(size);
    if (at >= 0) {
      writeControl(element, this.#producer.ring.views, at);
      this.#commit(kind, size, barrier);
      return;
    }
    const views = newMessage(kind, size);
    writeControl(element, views, HEADER_BYTES);
    this.#wait(kind, size, views.bytes, barrier);
  }

  #sendFragments(
    batch: RecordBatch,
    selection: Int32Array | null,
    count: number,
    size: number,
  ): void {
    const whole = viewBytes(new ArrayBuffer(padded(size)));
    this.#encoder.encode(batch, selection, count, whole, 0);
    const {payloadMax} = this.#producer.ring;
    const messages = splitPayload(whole.bytes.subarray(0, size), payloadMax);
    messages.forEach((bytes, index) => {
      const isLast = index === messages.length - 1;
      const part = isLast ? size - index * payloadMax : payloadMax;
      const kind = isLast ? MESSAGE_KINDS.last : MESSAGE_KINDS.fragment;
      this.#bytesSent += bytes.length;
      this.#wait(kind, part, bytes, null, messages.slice(0, index));
    });
    this.flush();
  }

  /** -1 when something waits, or there is no room. */
  #reserve(size: number): number {
    return this.#overflow.isEmpty ? this.#producer.reserve(size) : -1;
  }

  #commit(kind: number, size: number, barrier: BarrierElement | null): void {
    const position = this.#producer.commit(kind, size);
    if (barrier === null) return;
    this.#newestEntered = Math.max(this.#newestEntered, barrier.checkpointId);
    // One that a newer barrier overtook was given up. The newer one is nowhere but in its announcement.
    if (!mayOvertake(barrier) || barrier.checkpointId < this.#newestEntered) return;
    this.#announcements.write({barrier, position, overtook: false});
  }

  #wait(
    kind: number,
    size: number,
    bytes: Uint8Array,
    barrier: BarrierElement | null = null,
    earlierFragments: WaitingMessage['earlierFragments'] = [],
  ): void {
    if (this.#overflow.isEmpty) this.#producer.ring.storeWriterWaits(true);
    this.#overflow.push({kind, size, bytes, barrier, earlierFragments});
  }
}

function mayOvertake({alignment}: BarrierElement): boolean {
  return alignment.kind === 'unaligned' || alignment.kind === 'aligned-with-timeout';
}
