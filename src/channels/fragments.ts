// A batch that is too large for one message goes as several: fragments, and the last one.

import {padded, viewBytes, type ByteViews} from './byte-views.ts';
import {HEADER_BYTES, messageBytes, MESSAGE_KINDS, writeHeader} from './message.ts';

/** A message outside a ring: header and payload, at the start of a buffer of its own. */
export function newMessage(kind: number, size: number): ByteViews {
  const views = viewBytes(new ArrayBuffer(messageBytes(size)));
  writeHeader(views, 0, kind, size);
  return views;
}

/** The payload of a batch as messages of at most `payloadMax` bytes each. */
export function splitPayload(payload: Uint8Array, payloadMax: number): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let start = 0; start < payload.length; start += payloadMax) {
    const part = payload.subarray(start, start + payloadMax);
    const isLast = start + payloadMax >= payload.length;
    const kind = isLast ? MESSAGE_KINDS.last : MESSAGE_KINDS.fragment;
    const {bytes} = newMessage(kind, part.length);
    bytes.set(part, HEADER_BYTES);
    messages.push(bytes);
  }
  return messages;
}

/** The payload that `splitPayload` took apart. */
export function joinPayload(messages: readonly Uint8Array[]): {views: ByteViews; size: number} {
  const size = messages.reduce((sum, message) => sum + payloadSize(message), 0);
  const views = viewBytes(new ArrayBuffer(padded(size)));
  let at = 0;
  for (const message of messages) {
    const part = message.subarray(HEADER_BYTES, HEADER_BYTES + payloadSize(message));
    views.bytes.set(part, at);
    at += part.length;
  }
  return {views, size};
}

function payloadSize(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getInt32(0, true);
}
