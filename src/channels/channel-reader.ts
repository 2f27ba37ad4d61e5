import {AnnouncementReader, type Announcement} from './announcement.ts';
import {BatchDecoder} from './batch-decoder.ts';
import type {BarrierElement, ChannelElement} from './element.ts';
import {joinPayload} from './fragments.ts';
import {HEADER_BYTES, isData, MESSAGE_KINDS, messageBytes, readControl} from './message.ts';
import {copyMessage, Ring, RingConsumer, type RingMessage} from './ring.ts';
import {assert} from '../base/assert.ts';
import type {Schema} from '../records/schema.ts';

/**
 * The receiving end of a channel. Used by one thread.
 *
 * Elements come in order, one at a time. A barrier that overtook stands where the writer announced it;
 * one that was `handedIn` is passed over where its message stands, and so is every barrier older than
 * one that came. Ringing the writer's bell after space was freed is the caller's: when `writerWaits`.
 */
export class ChannelReader {
  readonly #ring: Ring;
  readonly #consumer: RingConsumer;
  readonly #announcements: AnnouncementReader;
  readonly #decoder: BatchDecoder;
  /** The messages of a batch of which not all have come. */
  #fragments: Uint8Array[] = [];
  /** The element that `next` gave and `release` did not take back. */
  #lent: {readonly inRing: RingMessage | null; readonly fragments: readonly Uint8Array[]} | null =
    null;
  /** The newest one, until its barrier is taken; `announced` gave it out. */
  #announced: Announcement | null = null;
  #announcementGiven = false;
  #newestTaken = 0;
  #bytesReceived = 0;
  #batchesReceived = 0;

  /** `buffer` as the writer's. */
  constructor(buffer: SharedArrayBuffer, schema: Schema) {
    this.#ring = new Ring(buffer);
    this.#consumer = new RingConsumer(this.#ring);
    this.#announcements = new AnnouncementReader(this.#ring);
    this.#decoder = new BatchDecoder(schema);
  }

  /** Whether the ring holds nothing for `next`. Parts of a batch that has not come whole do not count. */
  get isEmpty(): boolean {
    this.#look();
    return this.#consumer.isAtEnd && !this.#isBarrierDue();
  }

  /** After `release`: the writer has messages for which there was no room. */
  get writerWaits(): boolean {
    return this.#ring.loadWriterWaits();
  }

  /** Of whole messages, in all. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get batchesReceived(): number {
    return this.#batchesReceived;
  }

  /** The next element, lent until `release`, which must come before the next call; null: none is there. */
  next(): ChannelElement | null {
    assert(this.#lent === null, 'the element before was not released');
    for (;;) {
      if (this.#consumer.isAtEnd) this.#look();
      if (this.#isBarrierDue()) return this.#takeOvertaking();
      if (!this.#consumer.next()) return null;
      const {message} = this.#consumer;
      this.#bytesReceived += messageBytes(message.size);
      const element = this.#read(message);
      if (element !== null) return element;
      this.#consumer.release();
    }
  }

  /** Takes the element back: its memory is the writer's again. */
  release(): void {
    assert(this.#lent !== null, 'no element is lent');
    if (this.#lent.inRing !== null) this.#consumer.release();
    this.#lent = null;
  }

  /** Copies of the data messages that made up the element that is lent; none for barriers and their like. */
  rawMessages(): readonly Uint8Array[] {
    assert(this.#lent !== null, 'no element is lent');
    const {inRing, fragments} = this.#lent;
    if (inRing === null) return fragments;
    return isData(inRing.kind) ? [copyMessage(this.#ring.views, inRing.at)] : [];
  }

  /** The newest barrier that was announced, if its turn has not come; each is given once. */
  announcement(): BarrierElement | null {
    this.#look();
    if (this.#announced === null || this.#announcementGiven) return null;
    this.#announcementGiven = true;
    return this.#announced.barrier;
  }

  /** Whether this is the newest one that was announced, and its turn has not come. */
  isAnnounced(checkpointId: number): boolean {
    return this.#announced?.barrier.checkpointId === checkpointId;
  }

  /**
   * Copies of the data messages that stand before the barrier of the newest announcement, behind the
   * element that `next` gave last. They are given by `next` all the same. A batch of which the last part
   * stands behind the barrier is left out: the writer gave it whole to whoever let the barrier overtake.
   * To be called before `handedIn`.
   */
  copyBefore(checkpointId: number): Uint8Array[] {
    const announced = this.#announced;
    assert(
      announced?.barrier.checkpointId === checkpointId,
      `barrier ${checkpointId} is not the one announced`,
    );
    const copies = [...this.#fragments];
    let whole = 0;
    for (const {at, kind} of this.#consumer.peekUntil(announced.position)) {
      if (!isData(kind)) continue;
      copies.push(copyMessage(this.#ring.views, at));
      if (kind !== MESSAGE_KINDS.fragment) whole = copies.length;
    }
    return copies.slice(0, whole);
  }

  /** The barrier was taken ahead of its turn: it, and any that is older, is not given by `next`. */
  handedIn(checkpointId: number): void {
    this.#taken(checkpointId);
  }

  /** First the tail, then the announcement: see announcement.ts. */
  #look(): void {
    this.#consumer.refresh();
    const announced = this.#announcements.read();
    if (announced === null || announced.barrier.checkpointId <= this.#newestTaken) return;
    this.#announced = announced;
    this.#announcementGiven = false;
  }

  /** Whether the position is where a barrier stands that overtook. */
  #isBarrierDue(): boolean {
    const announced = this.#announced;
    return announced?.overtook === true && announced.position === this.#consumer.position;
  }

  #takeOvertaking(): BarrierElement {
    const {barrier} = this.#announced!;
    this.#taken(barrier.checkpointId);
    this.#lent = {inRing: null, fragments: []};
    return barrier;
  }

  #taken(checkpointId: number): void {
    this.#newestTaken = Math.max(this.#newestTaken, checkpointId);
    if ((this.#announced?.barrier.checkpointId ?? Infinity) > checkpointId) return;
    this.#announced = null;
  }

  /** The element that a message makes, lent; null when it makes none. */
  #read(message: RingMessage): ChannelElement | null {
    const {at, kind, size} = message;
    const {views} = this.#ring;
    switch (kind) {
      case MESSAGE_KINDS.batch:
        this.#batchesReceived += 1;
        this.#lent = {inRing: message, fragments: []};
        return {kind: 'batch', batch: this.#decoder.decode(views, at + HEADER_BYTES, size)};
      case MESSAGE_KINDS.fragment:
        this.#fragments.push(copyMessage(views, at));
        return null;
      case MESSAGE_KINDS.last:
        this.#fragments.push(copyMessage(views, at));
        return this.#joinBatch();
      default: {
        const element = readControl(kind, views, at + HEADER_BYTES);
        if (element.kind === 'barrier') {
          if (element.checkpointId <= this.#newestTaken) return null;
          this.#taken(element.checkpointId);
        }
        this.#lent = {inRing: message, fragments: []};
        return element;
      }
    }
  }

  /** A batch from its fragments is in memory of its own: the ring's is given back at once. */
  #joinBatch(): ChannelElement {
    const fragments = this.#fragments;
    this.#fragments = [];
    this.#consumer.release();
    this.#batchesReceived += 1;
    this.#lent = {inRing: null, fragments};
    const {views, size} = joinPayload(fragments);
    return {kind: 'batch', batch: this.#decoder.decode(views, 0, size)};
  }
}
