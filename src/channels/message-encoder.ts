import {BatchEncoder} from './batch-encoder.ts';
import type {ChannelElement} from './element.ts';
import {newMessage} from './fragments.ts';
import {controlBytes, HEADER_BYTES, MESSAGE_KINDS, writeControl} from './message.ts';
import type {Schema} from '../records/schema.ts';

/** Raw messages of elements that go through no ring, so that they can be stored as in-flight data all the same. */
export class MessageEncoder {
  readonly #encoder: BatchEncoder;

  constructor(schema: Schema) {
    this.#encoder = new BatchEncoder(schema);
  }

  /** One message, the caller's; a batch with its own selection, which must not be empty. */
  encode(element: ChannelElement): Uint8Array {
    if (element.kind === 'batch') {
      const {batch} = element;
      const size = this.#encoder.sizeOf(batch, batch.selection, batch.selectedCount);
      const views = newMessage(MESSAGE_KINDS.batch, size);
      this.#encoder.encode(batch, batch.selection, batch.selectedCount, views, HEADER_BYTES);
      return views.bytes;
    }
    const views = newMessage(MESSAGE_KINDS[element.kind], controlBytes(element));
    writeControl(element, views, HEADER_BYTES);
    return views.bytes;
  }
}
