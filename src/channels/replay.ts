import {BatchDecoder} from './batch-decoder.ts';
import {viewBytes} from './byte-views.ts';
import type {ChannelElement} from './element.ts';
import {joinPayload} from './fragments.ts';
import {HEADER_BYTES, isData, MESSAGE_KINDS, readControl} from './message.ts';
import {assert} from '../base/assert.ts';
import type {Schema} from '../records/schema.ts';

/**
 * Gives the elements of one channel's recorded raw messages: what the reader had recorded, then what the
 * writer had. The bytes are verified before; they belong to the reader until its end.
 */
export class ReplayReader {
  readonly #decoder: BatchDecoder;
  readonly #messages: readonly Uint8Array[];
  #index = 0;

  constructor(schema: Schema, messages: readonly Uint8Array[]) {
    this.#decoder = new BatchDecoder(schema);
    this.#messages = messages;
  }

  /** The next element, or null at the end. A batch stays valid. */
  next(): ChannelElement | null {
    const fragments: Uint8Array[] = [];
    for (;;) {
      const message = this.#messages[this.#index];
      if (message === undefined) {
        assert(fragments.length === 0, 'recorded in-flight data ends within a batch');
        return null;
      }
      this.#index += 1;
      const views = viewBytes(ownBuffer(message));
      const [size = 0, kind = -1] = views.ints;
      assert(isData(kind), `recorded in-flight data has a message of kind ${kind}`);
      if (kind === MESSAGE_KINDS.fragment || kind === MESSAGE_KINDS.last) fragments.push(message);
      else assert(fragments.length === 0, 'recorded in-flight data lacks the end of a batch');
      if (kind === MESSAGE_KINDS.fragment) continue;
      if (kind === MESSAGE_KINDS.last) {
        const joined = joinPayload(fragments);
        return {kind: 'batch', batch: this.#decoder.decode(joined.views, 0, joined.size)};
      }
      if (kind !== MESSAGE_KINDS.batch) return readControl(kind, views, HEADER_BYTES);
      return {kind: 'batch', batch: this.#decoder.decode(views, HEADER_BYTES, size)};
    }
  }
}

/** Columns want to lie at multiples of 8: bytes that are a part of something are copied. */
function ownBuffer(message: Uint8Array): ArrayBufferLike {
  if (message.length === message.buffer.byteLength) return message.buffer;
  // Not `slice`, which copies nothing when it is a Buffer's.
  return new Uint8Array(message).buffer;
}
