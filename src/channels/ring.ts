// A ring of bytes in shared memory, for one thread that writes and one that reads.
//
//   byte 0     int32   head: the position up to which the reader has given the space back
//   byte 64    int32   tail: the position up to which messages are whole
//   byte 128           an announcement, see announcement.ts
//   byte 192   int32   1 while the writer has messages for which there is no room
//   byte 256   bytes   the messages (message.ts); the capacity is a power of two
//
// Positions count bytes and wrap around at 32 bits; their lowest bits are the place in the ring. A message
// lies in one piece: where it would not, a filler takes the space up to the end of the ring.
//
// Order: the writer writes the bytes of a message and then stores the tail; the reader loads the tail and
// then reads them. The reader reads and then stores the head; the writer loads the head and then writes.
// Both stores and loads are atomic, so what stands before the store is seen behind the load.

import {padded, viewBytes, type ByteViews} from './byte-views.ts';
import {HEADER_BYTES, messageBytes, MESSAGE_KINDS, writeHeader} from './message.ts';
import {assert} from '../base/assert.ts';

export const RING_BYTES_DEFAULT = 256 * 1024;
export const RING_BYTES_MIN = 1024;
export const RING_BYTES_MAX = 1 << 30;

const HEAD = 0;
/** In ints; on cache lines of their own, so that the two threads do not fight for one. */
const TAIL = 16;
export const ANNOUNCEMENT_INT = 32;
const WRITER_WAITS = 48;
const DATA_START = 256;

/** The memory of a ring; each of the two threads makes its own `Ring` of it. */
export function newRingBuffer(capacity = RING_BYTES_DEFAULT): SharedArrayBuffer {
  const isPowerOfTwo = (capacity & (capacity - 1)) === 0;
  const isWithin = capacity >= RING_BYTES_MIN && capacity <= RING_BYTES_MAX;
  assert(isPowerOfTwo && isWithin, `a ring of ${capacity} bytes`);
  return new SharedArrayBuffer(DATA_START + capacity);
}

export class Ring {
  readonly views: ByteViews;
  readonly capacity: number;
  /** A larger payload does not go in as one message. */
  readonly payloadMax: number;
  readonly #ints: Int32Array;
  readonly #mask: number;

  constructor(buffer: SharedArrayBuffer) {
    this.views = viewBytes(buffer);
    this.capacity = buffer.byteLength - DATA_START;
    this.payloadMax = this.capacity / 4 - HEADER_BYTES;
    this.#ints = this.views.ints;
    this.#mask = this.capacity - 1;
  }

  loadHead(): number {
    return Atomics.load(this.#ints, HEAD);
  }

  storeHead(position: number): void {
    Atomics.store(this.#ints, HEAD, position);
  }

  loadTail(): number {
    return Atomics.load(this.#ints, TAIL);
  }

  storeTail(position: number): void {
    Atomics.store(this.#ints, TAIL, position);
  }

  /**
   * Whether messages wait for room. The writer stores it and then tries once more; the reader stores the
   * head and then loads it: one of them sees what the other did.
   */
  storeWriterWaits(waits: boolean): void {
    Atomics.store(this.#ints, WRITER_WAITS, waits ? 1 : 0);
  }

  loadWriterWaits(): boolean {
    return Atomics.load(this.#ints, WRITER_WAITS) === 1;
  }

  /** The byte of `views` at which `position` lies. */
  byteAt(position: number): number {
    return DATA_START + (position & this.#mask);
  }

  /** Bytes from `position` to the end of the memory. */
  roomAt(position: number): number {
    return this.capacity - (position & this.#mask);
  }
}

/** The writing side. */
export class RingProducer {
  readonly ring: Ring;
  #tail: number;
  /** As loaded last: there is at least as much room as it says. */
  #head: number;

  constructor(ring: Ring) {
    this.ring = ring;
    this.#tail = ring.loadTail();
    this.#head = ring.loadHead();
  }

  /** Where the next message begins, before a filler. */
  get tail(): number {
    return this.#tail;
  }

  /** Bytes that the reader has not given back. */
  get usedBytes(): number {
    return (this.#tail - this.ring.loadHead()) | 0;
  }

  /**
   * The byte of the ring's views where a payload of `size` bytes is to be written; `commit` must
   * follow. -1 when there is no room.
   */
  reserve(size: number): number {
    assert(size <= this.ring.payloadMax, `a message of ${size} bytes in a ring`);
    const needed = messageBytes(size);
    const toEnd = this.ring.roomAt(this.#tail);
    const filler = toEnd < needed ? toEnd : 0;
    if (!this.#hasRoom(filler + needed)) return -1;
    if (filler > 0) {
      const at = this.ring.byteAt(this.#tail);
      writeHeader(this.ring.views, at, MESSAGE_KINDS.filler, filler - HEADER_BYTES);
      this.#tail = (this.#tail + filler) | 0;
    }
    return this.ring.byteAt(this.#tail) + HEADER_BYTES;
  }

  /** Makes the message visible. Returns the position where it begins. */
  commit(kind: number, size: number): number {
    const position = this.#tail;
    writeHeader(this.ring.views, this.ring.byteAt(position), kind, size);
    this.#tail = (position + messageBytes(size)) | 0;
    this.ring.storeTail(this.#tail);
    return position;
  }

  #hasRoom(bytes: number): boolean {
    if (this.ring.capacity - ((this.#tail - this.#head) | 0) >= bytes) return true;
    this.#head = this.ring.loadHead();
    return this.ring.capacity - ((this.#tail - this.#head) | 0) >= bytes;
  }
}

/** A message in the ring: `at` is where its header is among the bytes of the views. */
export interface RingMessage {
  at: number;
  kind: number;
  size: number;
}

/** The reading side: a position that goes on message by message, and the space given back behind it. */
export class RingConsumer {
  readonly ring: Ring;
  /** The message that `next` gave last; overwritten by the next one. */
  readonly message: RingMessage = {at: 0, kind: 0, size: 0};
  #position: number;
  #tail: number;

  constructor(ring: Ring) {
    this.ring = ring;
    this.#position = ring.loadHead();
    this.#tail = this.#position;
  }

  /** Behind the last message that `next` gave. */
  get position(): number {
    return this.#position;
  }

  /** Whether everything that was visible at the last `refresh` is read. */
  get isAtEnd(): boolean {
    return this.#position === this.#tail;
  }

  /** Looks how far the writer is. */
  refresh(): void {
    this.#tail = this.ring.loadTail();
  }

  /** Puts the next message into `message`; false at the end. */
  next(): boolean {
    while (!this.isAtEnd) {
      const {at, kind, size} = readMessage(this.ring, this.#position, this.message);
      assert(at + size <= this.ring.views.bytes.length, `a message of ${size} bytes at ${at}`);
      this.#position = (this.#position + messageBytes(size)) | 0;
      if (kind !== MESSAGE_KINDS.filler) return true;
    }
    return false;
  }

  /** Gives back the space of all that was read. */
  release(): void {
    this.ring.storeHead(this.#position);
  }

  /** The messages from the position up to `end`, which must not lie behind the tail. */
  *peekUntil(end: number): Generator<RingMessage> {
    const message: RingMessage = {at: 0, kind: 0, size: 0};
    for (
      let at = this.#position;
      ((end - at) | 0) > 0;
      at = (at + messageBytes(message.size)) | 0
    ) {
      readMessage(this.ring, at, message);
      if (message.kind !== MESSAGE_KINDS.filler) yield message;
    }
  }
}

function readMessage(ring: Ring, position: number, message: RingMessage): RingMessage {
  const at = ring.byteAt(position);
  message.at = at;
  message.size = ring.views.ints[at >> 2]!;
  message.kind = ring.views.ints[(at >> 2) + 1]!;
  return message;
}

/** A copy of a whole message, header and padding included, that begins at `at`. */
export function copyMessage(views: ByteViews, at: number): Uint8Array {
  const size = views.ints[at >> 2]!;
  return views.bytes.slice(at, at + HEADER_BYTES + padded(size));
}
